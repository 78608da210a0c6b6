/**
 * Preference pairs that follow from a task: its oracle's trace is chosen over a corruption of that trace. What is wrong is
 * known by construction, so such pairs train a reward model, and tell how good it is, without any labelling.
 */
import { chainSteps, type Chain } from '../task/chain.ts'
import { dice, foldIn, type HostKey } from '../run/keys.ts'
import { problem, type Split, type Task } from '../task/task.ts'
import { TAGS } from '../task/vocabulary.ts'
import { type ChainOfThought, formatCompletion } from '../policy/template.ts'
import type { PreferencePair } from './pair.ts'

/**
 * A way to spoil a right trace: the text of a completion that is worse, or null where this trace cannot be spoiled so (a
 * wrong step needs a step). Random choices come from the key alone.
 */
export type Corruption<Problem> = (
  problem: Problem,
  trace: ChainOfThought,
  key: HostKey,
  task: Task<Problem>,
) => string | null

const digitsIn = (text: string): readonly number[] => Array.from(text.matchAll(/\d/g), ({ index }) => index)

/** The text with the digit at one of the places replaced by another digit. */
const withOtherDigit = (text: string, roll: (n: number) => number): string => {
  const places = digitsIn(text)
  const at = places[roll(places.length)]!
  const other = (Number(text[at]) + 1 + roll(9)) % 10
  return text.slice(0, at) + String(other) + text.slice(at + 1)
}

const ATTEMPTS = 32

/**
 * Another digit somewhere in the answer, so that the task's verifier refuses it; the chain of thought stays right.
 *
 * @example
 * ```ts
 * import { hostKey, mod10Chain, wrongAnswer } from '@adjoint/rl'
 * const p = { digits: [3, 8], operators: ['+'] } as const
 * wrongAnswer(p, mod10Chain.trace(p), hostKey(0), mod10Chain) // '<think>1</think><answer>', not 1, '</answer>'
 * ```
 */
export const wrongAnswer = <Problem>(
  p: Problem,
  { think, answer }: ChainOfThought,
  key: HostKey,
  task: Task<Problem>,
): string | null => {
  if (digitsIn(answer).length === 0) return null
  const roll = dice(key)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const spoiled = withOtherDigit(answer, roll)
    if (!task.verify(p)(spoiled)) return formatCompletion({ think, answer: spoiled })
  }
  return null
}

/**
 * Another digit somewhere in the chain of thought; the answer stays right. Null where nothing is thought.
 *
 * @example
 * ```ts
 * import { hostKey, mod10Chain, wrongStep } from '@adjoint/rl'
 * const p = { digits: [3, 8, 2], operators: ['+', '*'] } as const
 * wrongStep(p, mod10Chain.trace(p), hostKey(0)) // one of the two digits between the think tags is another
 * ```
 */
export const wrongStep = <Problem>(_: Problem, { think, answer }: ChainOfThought, key: HostKey): string | null =>
  digitsIn(think).length === 0 ? null : formatCompletion({ think: withOtherDigit(think, dice(key)), answer })

/**
 * One of the four tags is left out, or said twice: no longer the template.
 *
 * @example
 * ```ts
 * import { hostKey, mod10Chain, wrongFormat } from '@adjoint/rl'
 * const p = { digits: [3, 8], operators: ['+'] } as const
 * wrongFormat(p, mod10Chain.trace(p), hostKey(0))
 * ```
 */
export const wrongFormat = <Problem>(_: Problem, trace: ChainOfThought, key: HostKey): string => {
  const roll = dice(key)
  const tag = TAGS[roll(TAGS.length) as 0 | 1 | 2 | 3]
  return formatCompletion(trace).replace(tag, roll(2) === 0 ? '' : tag + tag)
}

/**
 * A slip in a mod-10 chain, as a policy makes it: one step goes wrong, the steps after it are right from there on, and the
 * answer is the last of them. Slips that the rest of the chain heals (by `* 0`) are drawn again. Null where nothing is thought.
 *
 * @example
 * ```ts
 * import { hostKey, mod10Chain, slip } from '@adjoint/rl'
 * const p = { digits: [3, 8, 2], operators: ['+', '*'] } as const
 * slip(p, mod10Chain.trace(p), hostKey(0)) // such as '<think>48</think><answer>8</answer>'
 * ```
 */
export const slip = (p: Chain, { think, answer }: ChainOfThought, key: HostKey): string | null => {
  if (think === '') return null
  const steps = chainSteps(p)
  const roll = dice(key)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const at = roll(steps.length)
    const wrong = (steps[at]! + 1 + roll(9)) % 10
    const after = chainSteps({ digits: [wrong, ...p.digits.slice(at + 2)], operators: p.operators.slice(at + 1) })
    const slipped = [...steps.slice(0, at), wrong, ...after]
    const end = String(slipped.at(-1))
    if (end !== answer) return formatCompletion({ think: slipped.join(''), answer: end })
  }
  return null
}

/** Which pairs to derive. */
export interface DerivedPairs<Problem> {
  readonly rows: number
  /** Problems of which split. No problem is in both, whatever the keys. */
  readonly split: Split
  /** Share of pairs whose traces think; in the others both completions answer directly. Default 1. */
  readonly thinkShare?: number
  /** Each pair draws one of these; where it does not apply, the next one that does. */
  readonly corruptions: readonly Corruption<Problem>[]
}

/**
 * Preference pairs of a task: chosen is the oracle's trace, rejected a corruption of it. The i-th pair follows from
 * `foldIn(key, i)`. Throws RangeError where no corruption applies to a trace.
 *
 * @example
 * ```ts
 * import { hostKey, mod10Chain, preferencePairs, slip, wrongAnswer, wrongFormat, wrongStep } from '@adjoint/rl'
 * const corruptions = [wrongAnswer, wrongStep, wrongFormat, slip]
 * const batch = preferencePairs(mod10Chain, { rows: 32, split: 'train', corruptions })(hostKey(0)) // 32 pairs
 * ```
 */
export const preferencePairs =
  <Problem>(task: Task<Problem>, { rows, split, thinkShare = 1, corruptions }: DerivedPairs<Problem>) =>
  (key: HostKey): readonly PreferencePair[] =>
    Array.from({ length: rows }, (_, row) => {
      const own = foldIn(key, row)
      const p = problem(task, split)(foldIn(own, 0))
      const thinks = dice(foldIn(own, 1))(2 ** 20) < thinkShare * 2 ** 20
      const whole = task.trace(p)
      const trace = thinks ? whole : { ...whole, think: '' }
      const first = dice(foldIn(own, 2))(corruptions.length)
      for (let i = 0; i < corruptions.length; i++) {
        const corrupt = corruptions[(first + i) % corruptions.length]!
        const rejected = corrupt(p, trace, foldIn(own, 3), task)
        if (rejected !== null) return { prompt: task.prompt(p), chosen: formatCompletion(trace), rejected }
      }
      throw new RangeError(
        `preferencePairs: none of ${corruptions.length} corruptions applies to ${formatCompletion(trace)} of task ${task.name}. ` +
          'Add one that does, such as wrongFormat.',
      )
    })

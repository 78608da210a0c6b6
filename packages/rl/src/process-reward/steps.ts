/**
 * The steps of a completion, and which of them are right. A step is a piece of the chain of thought; the answer block is
 * the last one. Labels come from the task's oracle, where Lightman et al. 2023 ("Let's verify step by step", section 2.4) ask people.
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { RunError } from '../run/errors.ts'
import type { Corruption } from '../preference/derive.ts'
import { dice, foldIn, type HostKey } from '../run/keys.ts'
import type { Text } from '../policy/text.ts'
import { problem, type Split, type Task } from '../task/task.ts'
import { TAGS } from '../task/vocabulary.ts'
import { formatCompletion, parseCompletion } from '../policy/template.ts'

/** A step of a text: the text up to and with this step, and the step itself. */
export interface ReasoningStep {
  /** Characters of the completion up to the end of the step. */
  readonly through: number
  readonly text: string
}

/**
 * The steps of a completion in the template: the pieces of its think block between separators (each character, where the
 * separator is empty), a separator belonging to the piece before it, and then the answer, which ends with its closing tag.
 * A text that is not in the template has none.
 *
 * @example
 * ```ts
 * import { stepsOf } from '@adjoint/rl'
 * stepsOf('')('<think>12</think><answer>2</answer>').map(({ text }) => text) // ['1', '2', '2']
 * stepsOf(',')('<think>1+1=2,2+2=4</think><answer>4</answer>').length // 3
 * ```
 */
export const stepsOf =
  (separator: string) =>
  (completion: string): readonly ReasoningStep[] => {
    const parsed = parseCompletion(completion)
    if (E.isLeft(parsed)) return []
    const { think, answer } = parsed.right
    const open = completion.indexOf(TAGS[0]) + TAGS[0].length
    const pieces = think === '' ? [] : think.split(separator)
    let from = open
    const steps = pieces.map((text, i): ReasoningStep => {
      from += text.length + (i < pieces.length - 1 ? separator.length : 0)
      return { through: from, text }
    })
    return [...steps, { through: completion.indexOf(TAGS[3]) + TAGS[3].length, text: answer }]
  }

/** A step at a token, and whether it is right. */
export interface LabelledStep {
  /** Position of the step's last token in the completion, from 0. */
  readonly end: number
  readonly correct: boolean
}

/**
 * @internal The position of the last token of each step: the first one up to which the text holds the step, since a tokenizer's token
 * may run on into the next one. None where the tokens do not say the completion. Left: UnknownToken.
 */
export const stepEnds =
  ({ completion: encode, decode }: Text) =>
  (completion: string, steps: readonly ReasoningStep[]): E.Either<RunError, readonly number[]> =>
    pipe(
      encode(completion),
      E.map((ids) => {
        const whole = decode(ids)
        if (steps.length === 0 || !whole.endsWith(completion)) return []
        // what the prompt has opened is said again by `decode`
        const before = whole.length - completion.length
        const held = ids.map((_, i) => {
          const said = decode(ids.slice(0, i + 1))
          // half of a character is none yet
          return whole.startsWith(said) ? said.length - before : 0
        })
        return steps.map(({ through }) => held.findIndex((length) => length >= through))
      }),
    )

/** A task, and how what it says becomes tokens: a character task, or `{ ...task, vocabulary: text }` with the text of a policy. */
export type TaskInText<Problem> = Task<Problem> & { readonly vocabulary: Text }

/** A completion with labelled steps. */
export interface LabelledSteps {
  readonly prompt: string
  readonly completion: string
  readonly steps: readonly LabelledStep[]
}

/**
 * Labels the steps of a completion by the oracle's: a step is right iff the oracle has the same one at its place, the answer
 * iff the verifier takes it. So what follows rightly from a wrong step is wrong. Steps of what is not in the template, or
 * not in the vocabulary, are none.
 *
 * @example
 * ```ts
 * import { labelSteps, mod10Chain } from '@adjoint/rl'
 * const p = { digits: [3, 8, 2], operators: ['+', '*'] } as const
 * labelSteps(mod10Chain, '')(p, '<think>17</think><answer>2</answer>') // right at token 1, wrong at 2, right at 6
 * ```
 */
export const labelSteps =
  <Problem>(task: TaskInText<Problem>, separator: string) =>
  (p: Problem, completion: string): readonly LabelledStep[] => {
    const steps = stepsOf(separator)(completion)
    const ends = stepEnds(task.vocabulary)(completion, steps)
    if (E.isLeft(ends) || ends.right.length < steps.length) return []
    const oracle = stepsOf(separator)(formatCompletion(task.trace(p)))
    return steps.map(({ text }, i) => ({
      end: ends.right[i]!,
      correct: i === steps.length - 1 ? task.verify(p)(text.trim()) : i < oracle.length - 1 && oracle[i]!.text === text,
    }))
  }

/** Steps up to and with the first wrong one: what follows from a mistake is neither right nor wrong. */
const untilMistake = (steps: readonly LabelledStep[]): readonly LabelledStep[] => {
  const mistake = steps.findIndex(({ correct }) => !correct)
  return mistake < 0 ? steps : steps.slice(0, mistake + 1)
}

/** Which labelled completions to derive. */
export interface DerivedSteps<Problem> {
  readonly rows: number
  readonly split: Split
  /** Between two steps of thought; empty where each character is one. */
  readonly separator: string
  /** Half of the completions are the oracle's; each of the others draws one of these. */
  readonly corruptions: readonly Corruption<Problem>[]
}

/**
 * Completions of a task with labelled steps: the oracle's traces and corruptions of them, the i-th from `foldIn(key, i)`.
 * A corruption that does not apply leaves the trace right. Labels end with the first mistake (Lightman et al. 2023,
 * section 2.6), so that a step is judged by what stands before it.
 *
 * @example
 * ```ts
 * import { hostKey, labelledSteps, mod10Chain, slip, wrongAnswer, wrongStep } from '@adjoint/rl'
 * const corruptions = [slip, wrongStep, wrongAnswer]
 * const batch = labelledSteps(mod10Chain, { rows: 32, split: 'train', separator: '', corruptions })(hostKey(0))
 * ```
 */
export const labelledSteps =
  <Problem>(task: TaskInText<Problem>, { rows, split, separator, corruptions }: DerivedSteps<Problem>) =>
  (key: HostKey): readonly LabelledSteps[] => {
    const label = labelSteps(task, separator)
    return Array.from({ length: rows }, (_, row) => {
      const own = foldIn(key, row)
      const p = problem(task, split)(foldIn(own, 0))
      const trace = task.trace(p)
      const roll = dice(foldIn(own, 1))
      const corrupt = roll(2) === 0 ? undefined : corruptions[roll(Math.max(1, corruptions.length))]
      const completion = corrupt?.(p, trace, foldIn(own, 2), task) ?? formatCompletion(trace)
      return { prompt: task.prompt(p), completion, steps: untilMistake(label(p, completion)) }
    })
  }

/**
 * Countdown: reach a target from three or four numbers, each used at most once, with + - * / (the task of TinyZero).
 * `3,7,25=54?` is answered by `<think>25-7=18,3*18=54</think><answer>3*(25-7)</answer>`; the answer is an expression, and
 * the verifier computes it, so any solution counts.
 */
import * as E from 'fp-ts/lib/Either.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { evaluateExpression, type ExpressionError } from './expression.ts'
import { boxedAnswer } from '../reward/math-answer.ts'
import { lastBlock, unwrapped } from '../reward/unwrapped.ts'
import { dice, foldIn, type HostKey } from '../run/keys.ts'
import { searchPairs } from './pairs.ts'
import type { CharacterTask } from './task.ts'
import { vocabulary } from './vocabulary.ts'

/** The numbers, in ascending order, and the target. */
export interface Countdown {
  readonly numbers: readonly number[]
  readonly target: number
}

/** A value on the table: how it was written, and the steps that made it. */
interface Tile {
  readonly value: number
  readonly text: string
  readonly steps: readonly string[]
}

/** The whole results of joining two tiles, in a fixed order. Quotients only where they are whole. */
const joins = (a: Tile, b: Tile): readonly Tile[] => {
  const [x, y] = a.value >= b.value ? [a, b] : [b, a]
  const tile = (op: string, value: number): Tile => ({
    value,
    text: `(${x.text}${op}${y.text})`,
    steps: [...x.steps, ...y.steps, `${x.value}${op}${y.value}=${value}`],
  })
  return [
    tile('+', x.value + y.value),
    tile('*', x.value * y.value),
    ...(x.value > y.value ? [tile('-', x.value - y.value)] : []),
    ...(y.value > 1 && x.value % y.value === 0 ? [tile('/', x.value / y.value)] : []),
  ]
}

/**
 * The first solution of a depth-first search over pairs of tiles, or null: the steps of the computation and the expression.
 *
 * @example
 * ```ts
 * import { solveCountdown } from '@adjoint/rl'
 * solveCountdown({ numbers: [3, 7, 25], target: 54 }) // { steps: ['25-7=18', '18*3=54'], expression: '(25-7)*3' }
 * ```
 */
export const solveCountdown = ({
  numbers,
  target,
}: Countdown): { readonly steps: readonly string[]; readonly expression: string } | null => {
  const search = searchPairs(joins, (tiles) => tiles.find((tile) => tile.value === target) ?? null)
  const found = search(numbers.map((value) => ({ value, text: String(value), steps: [] })))
  if (found === null) return null
  // The outermost pair of parentheses says nothing.
  const expression = found.steps.length === 0 ? found.text : found.text.slice(1, -1)
  return { steps: found.steps, expression }
}

/** Whether every number of `used` can be crossed off `given`, each at most once. */
const within = (given: readonly number[], used: readonly number[]): boolean => {
  const left = [...given]
  return used.every((n) => {
    const at = left.indexOf(n)
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  })
}

const notExpected = (expected: string, error: ExpressionError): string => {
  const text = JSON.stringify(expected.length > 80 ? `${expected.slice(0, 80)}…` : expected)
  const why =
    error._tag === 'TooLong'
      ? `it has ${error.length} characters`
      : error._tag === 'DivisionByZero'
        ? `what the / at position ${error.position} divides by is 0`
        : /^[+-]/.test(expected)
          ? 'a sign before a number is none of the grammar: write 9 - 2 for -2 + 9'
          : `the grammar has something else at position ${error.position}`
  return `sameCountdown: the expected ${text} is no expression: ${why}. Give whole numbers from 0 joined by + - * / and parentheses.`
}

/** Other signs of the same operations. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/\\(?:left|right)(?![a-z])/g, ''],
  [/[×·∙∗⋅]|\\(?:times|cdot)(?![a-zA-Z])|(?<=[\d)]\s?)x(?=\s?[\d(])/g, '*'],
  [/÷|\\div(?![a-zA-Z])/g, '/'],
  [/−/g, '-'],
  [/\s+/g, ' '],
]
/** What stands around a formula, and what says that the answer follows. */
const FORMULA = [/^\s*\$([^$]*)\$\s*$/, /^\s*\\\(((?:(?!\\[()])[^])*)\\\)\s*$/, /^\s*\\\[((?:(?!\\[[\]])[^])*)\\\]\s*$/]
const STATEMENT = /^[^]*\b(?:answer is|answer:)\s*/i

/** An answer without a box, a block of code, a formula or a statement around it. */
const plain = (answer: string): string => {
  const said = boxedAnswer(answer) ?? lastBlock(answer) ?? answer
  const bare = unwrapped(
    unwrapped(said)
      .replace(STATEMENT, '')
      .replace(/(?<=[^.])\.\s*$/, ''),
  )
  const inside = FORMULA.reduce((text, around) => text.replace(around, '$1'), bare)
  return SIGNS.reduce((text, [sign, by]) => text.replaceAll(sign, by), inside).trim()
}

/**
 * Whether an answer is a solution as the expected one is: an expression of the same value, over the same numbers, each as often as there.
 * For data sets of countdown, reasoning-gym's and the like, whose rows have one solution of many; {@link sameMath} would take the target
 * itself for an answer. Spaces around either do not count, nor do a box, a formula's signs or a block of code around the answer, or `The answer is` before it. Throws TypeError where the expected text is no expression of
 * {@link evaluateExpression}, which has no unary signs: `-2 + 9` is none.
 *
 * @example
 * ```ts
 * import { questions, sameCountdown } from '@adjoint/rl'
 * const rows = [{ question: 'Using all of 98, 28, 20, make 658.', answer: '20*28 + 98', thought: '' }]
 * const task = questions({ name: 'countdown', rows, same: sameCountdown })
 * const right = task.verify(rows[0]!)
 * console.log(right('98 + 28*20'), right('658'), right('28*20 + 98 - 0')) // true false false
 * ```
 */
export const sameCountdown = (expected: string): ((answer: string) => boolean) => {
  const written = expected.trim()
  const solution = evaluateExpression(written)
  if (E.isLeft(solution)) throw new TypeError(notExpected(written, solution.left))
  const { value, numbers } = solution.right
  return (answer) => {
    const result = evaluateExpression(plain(answer))
    if (E.isLeft(result)) return false
    const { value: reached, numbers: used } = result.right
    const same = reached.numerator === value.numerator && reached.denominator === value.denominator
    return same && used.length === numbers.length && within(numbers, used)
  }
}

/** What a countdown may ask for; all bounds inclusive. */
export interface CountdownConfig {
  readonly numbers: { readonly min: number; readonly max: number }
  /** Largest of the given numbers. */
  readonly largest: number
  /** Largest target. */
  readonly target: number
}

const DEFAULT: CountdownConfig = { numbers: { min: 3, max: 4 }, largest: 25, target: 99 }

/**
 * Countdown problems, every one solvable: the target is the value of a random expression over the numbers.
 *
 * @example
 * ```ts
 * import { countdown } from '@adjoint/rl'
 * const task = countdown()
 * task.verify({ numbers: [3, 7, 25], target: 54 })('3*(25-7)') // true
 * task.verify({ numbers: [3, 7, 25], target: 54 })('27+27') // false: not the given numbers
 * ```
 */
export const countdown = (options: CountdownConfig = DEFAULT): CharacterTask<Countdown> => {
  const { numbers, largest, target } = optionsOf('countdown', options, { numbers: true, largest: true, target: true })

  const attempt = (key: HostKey): Countdown => {
    const roll = dice(key)
    const count = numbers.min + roll(numbers.max - numbers.min + 1)
    const given = Array.from({ length: count }, () => 1 + roll(largest)).sort((a, b) => a - b)
    let tiles: readonly Tile[] = given.map((value) => ({ value, text: '', steps: [] }))
    while (tiles.length > 1) {
      const i = roll(tiles.length)
      const j = (i + 1 + roll(tiles.length - 1)) % tiles.length
      const results = joins(tiles[i]!, tiles[j]!)
      tiles = [...tiles.filter((_, k) => k !== i && k !== j), results[roll(results.length)]!]
    }
    return { numbers: given, target: tiles[0]!.value }
  }
  const prompt = (p: Countdown): string => `${p.numbers.join(',')}=${p.target}?`
  return {
    name: 'countdown',
    vocabulary: vocabulary('0123456789+-*/()=,?'),
    generate: (key) => {
      for (let i = 0; ; i++) {
        const candidate = attempt(foldIn(key, i))
        if (candidate.target <= target && !candidate.numbers.includes(candidate.target)) return candidate
      }
    },
    identity: prompt,
    prompt,
    verify: (p) => (answer) => {
      const result = evaluateExpression(answer)
      if (E.isLeft(result)) return false
      const { value, numbers: used } = result.right
      return value.denominator === 1n && value.numerator === BigInt(p.target) && within(p.numbers, used)
    },
    trace: (p) => {
      const solution = solveCountdown(p)
      if (solution === null) throw new Error(`countdown ${prompt(p)} has no solution over whole numbers`)
      return { think: solution.steps.join(','), answer: solution.expression }
    },
  }
}

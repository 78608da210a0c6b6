/** Countdown as TinyZero's data set has it: numbers and a target, and no solution, which is found here. */
import * as E from 'fp-ts/lib/Either.js'
import { count, type Decode, decodeIf, listOf, structOf } from '../run/decode.ts'
import { evaluateExpression } from './expression.ts'
import type { Schema } from './json-lines.ts'
import { searchPairs } from './pairs.ts'
import type { Question } from './questions.ts'

/** A value on the table, and how it was written. */
interface Tile {
  readonly value: number
  readonly text: string
}

/** Numbers of a row, at most: with one more a search takes half a minute. */
const MOST = 5
/** What sums of quotients may be off by, in doubles; what is found is computed exactly then. */
const NEAR = 1e-6

const joins = (a: Tile, b: Tile): readonly Tile[] => [
  { value: a.value + b.value, text: `(${a.text} + ${b.text})` },
  { value: a.value - b.value, text: `(${a.text} - ${b.text})` },
  { value: b.value - a.value, text: `(${b.text} - ${a.text})` },
  { value: a.value * b.value, text: `(${a.text} * ${b.text})` },
  ...(Math.abs(b.value) > NEAR ? [{ value: a.value / b.value, text: `(${a.text} / ${b.text})` }] : []),
  ...(Math.abs(a.value) > NEAR ? [{ value: b.value / a.value, text: `(${b.text} / ${a.text})` }] : []),
]

const reaches = (text: string, target: number): boolean => {
  const result = evaluateExpression(text)
  return E.isRight(result) && result.right.value.denominator === 1n && result.right.value.numerator === BigInt(target)
}

/** An expression of all of the numbers, fractions and negative numbers on the way included; null where there is none. */
const solutionOf = (numbers: readonly number[], target: number): string | null => {
  const search = searchPairs(joins, ([tile, ...others]: readonly Tile[]) => {
    if (tile === undefined || others.length > 0) return null
    // the outermost parentheses say nothing
    const bare = tile.text.replace(/^\((.*)\)$/, '$1')
    return Math.abs(tile.value - target) < NEAR && reaches(bare, target) ? bare : null
  })
  return search(numbers.map((value) => ({ value, text: String(value) })))
}

const few: Decode<readonly number[]> = (value, at) =>
  E.flatMap((numbers: readonly number[]) =>
    numbers.length >= 1 && numbers.length <= MOST
      ? E.right(numbers)
      : E.left(`${at} has ${numbers.length} numbers, and 1 to ${MOST} are solved here`),
  )(listOf(natural)(value, at))
const natural = decodeIf((x): x is number => Number.isSafeInteger(x) && (x as number) >= 0, 'a whole number from 0')
const row = structOf({ nums: few, target: count })

/**
 * A line of TinyZero's countdown: `{nums, target}`, as a question in its words. The answer is a solution with all of the numbers, each once,
 * and so must be what is answered, as TinyZero's own reward has it: rows are judged by {@link sameCountdown}. Left: numbers that are none, or
 * that reach the target by no expression, so that nothing could be right. Source: github.com/Jiayi-Pan/TinyZero,
 * examples/data_preprocess/countdown.py and verl/utils/reward_score/countdown.py.
 *
 * @example
 * ```ts
 * import { graders, tinyZero } from '@adjoint/rl'
 * const row = tinyZero({ nums: [44, 19, 35], target: 98 }) // Right { question: 'Using the numbers [44, 19, 35], ..', grader: 'countdown' }
 * if (row._tag === 'Right') console.log(graders.countdown(row.right.answer)('35 + (19 + 44)')) // true
 * tinyZero({ nums: [1, 1], target: 98 }) // Left: no expression of 1, 1 is 98
 * ```
 */
export const tinyZero: Schema<Question> = (value) =>
  E.flatMap(({ nums, target }: { readonly nums: readonly number[]; readonly target: number }) => {
    const answer = solutionOf(nums, target)
    return answer === null
      ? E.left(`no expression of ${nums.join(', ')}, each once, is ${target}`)
      : E.right<string, Question>({
          question:
            `Using the numbers [${nums.join(', ')}], create an equation that equals ${target}. ` +
            'You can use basic arithmetic operations (+, -, *, /) and each number can only be used once.',
          answer,
          thought: '',
          grader: 'countdown',
        })
  })(row(value, 'row'))

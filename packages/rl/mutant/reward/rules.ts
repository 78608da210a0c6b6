/** Rewards by rule (DeepSeek-R1 section 2.2.2: accuracy and format), and the usual ones on length and repetition. */
import * as E from 'fp-ts/lib/Either.js'
import { lastAnswer, parseCompletion } from '../template.ts'
import type { Sample } from './reward.ts'

/** A rule gives its number at once. */
export type Rule<Problem> = (sample: Sample<Problem>) => number

/**
 * 1 where the last answer block solves the problem, else 0. The format around it does not matter.
 *
 * @example
 * ```ts
 * import { accuracy, mod10Chain } from '@adjoint/rl'
 * const correct = accuracy(mod10Chain.verify)
 * ```
 */
export const accuracy =
  <Problem>(verify: (problem: Problem) => (answer: string) => boolean): Rule<Problem> =>
  ({ problem, completion }) => {
    const answer = lastAnswer(completion)
    return answer !== null && verify(problem)(answer.trim()) ? 1 : 0
  }

/**
 * Whether two texts name the same number, within a relative tolerance: signs, thousands separators, a leading currency
 * sign, a percent sign and simple fractions (`3/4`) are read. The text as a whole must be a number.
 *
 * @example
 * ```ts
 * import { sameNumber } from '@adjoint/rl'
 * sameNumber()('1,200.0')('$1200') // true
 * ```
 */
export const sameNumber =
  (tolerance = 1e-9) =>
  (expected: string) =>
  (answer: string): boolean => {
    const [x, y] = [readNumber(expected), readNumber(answer)]
    return x !== null && y !== null && Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x))
  }

const DECIMAL = String.raw`[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?`
const NUMBER = new RegExp(String.raw`^\$?\s*(?=[-+]?[.\d])(${DECIMAL})\s*(?:/\s*(\d+))?\s*(%?)$`)

const readNumber = (text: string): number | null => {
  const match = NUMBER.exec(text.trim())
  if (match === null) return null
  const [, numerator = '', denominator = '1', percent = ''] = match
  const value = Number(numerator.replaceAll(',', '')) / Number(denominator) / (percent === '%' ? 100 : 1)
  return Number.isFinite(value) ? value : null
}

/**
 * 1 where the completion is in the chain-of-thought template, exactly once and in order, else 0.
 *
 * @example
 * ```ts
 * import { format } from '@adjoint/rl'
 * format({ problem: null, prompt: '', completion: '<think></think><answer>5</answer>', length: 6, terminated: true }) // 1
 * ```
 */
export const format: Rule<unknown> = ({ completion }) => (E.isRight(parseCompletion(completion)) ? 1 : 0)

/**
 * Soft overlong punishment (DAPO, Yu et al. 2025, eq. 13) at `n` tokens with limit L and cache C: 0 up to L - C, then
 * `((L - C) - n) / C`, and -1 beyond L.
 *
 * @example
 * ```ts
 * import { softOverlong } from '@adjoint/rl'
 * const punish = softOverlong({ max: 100, cache: 20 }) // -0.5 at 90 tokens
 * ```
 */
export const softOverlong =
  ({ max, cache }: { readonly max: number; readonly cache: number }): Rule<unknown> =>
  ({ length }) =>
    length <= max - cache ? 0 : length <= max ? (max - cache - length) / cache : -1

/**
 * Minus the share of n-grams of characters that have occurred before: 0 without repetition, towards -1 for a text that
 * says one thing over and over. (Yeo et al. 2025, "Demystifying long chain-of-thought reasoning", section 4.3, on characters.)
 *
 * @example
 * ```ts
 * import { repetition } from '@adjoint/rl'
 * const punish = repetition(3)
 * ```
 */
export const repetition =
  (n: number): Rule<unknown> =>
  ({ completion }) => {
    const grams = completion.length - n + 1
    if (grams <= 0) return 0
    const distinct = new Set(Array.from({ length: grams }, (_, i) => completion.slice(i, i + n)))
    return distinct.size / grams - 1
  }

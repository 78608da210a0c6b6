/**
 * Whether an answer is the expected one, as texts, as numbers, as LaTeX or by mathematical value. Each is
 * `expected => answer => boolean`, so that a task's verifier is one of them applied to what the task expects.
 */
import { readMath } from './latex.ts'
import { mathAnswer } from './math-answer.ts'
import { sameValue } from './math-value.ts'

const collapse = (text: string): string => text.trim().replaceAll(/\s+/g, ' ')

/**
 * The same text, but for white space.
 *
 * @example
 * ```ts
 * import { accuracy, sameText } from '@adjoint/rl'
 * const correct = accuracy((p: { readonly answer: string }) => sameText(p.answer))
 * ```
 */
export const sameText =
  (expected: string) =>
  (answer: string): boolean =>
    collapse(expected) === collapse(answer)

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

// The two sides of a replacement each, in the order of the original.
const LATEX_RULES: readonly (readonly [RegExp, string])[] = [
  [/\n|\\!/g, ''],
  [/\\\\/g, '\\'],
  [/[td]frac/g, 'frac'],
  [/\\left|\\right/g, ''],
  [/\^\{\\circ\}|\^\\circ/g, ''],
  [/\\\$/g, ''],
  [/\\text\{ .*$/, ''],
  [/\\%/g, ''],
  [/(?<=^|[ {])\./g, '0.'],
  [/^[^=]{0,2}=([^=]*)$/, '$1'],
  [/\\sqrt([^{])/g, '\\sqrt{$1}'],
  [/ /g, ''],
  [/\\frac([^{])([^{])/g, '\\frac{$1}{$2}'],
  [/\\frac([^{])\{/g, '\\frac{$1}{'],
  [/^0\.5$/, '\\frac{1}{2}'],
  [/^(0|-?[1-9]\d*)\/(0|-?[1-9]\d*)$/, '\\frac{$1}{$2}'],
]

const normalizeLatex = (text: string): string =>
  LATEX_RULES.reduce((t, [pattern, replacement]) => t.replaceAll(new RegExp(pattern, 'g'), replacement), text)

/**
 * The same LaTeX in other clothes: `is_equiv` of Hendrycks et al. 2021 ("Measuring mathematical problem solving with the
 * MATH dataset"), which takes off spacing, units, degrees, dollars, percent signs and a leading `x =`, and writes fractions and
 * roots in one way. Nothing is computed: `2/4` is not `1/2`.
 *
 * @example
 * ```ts
 * import { sameLatex } from '@adjoint/rl'
 * sameLatex('\\frac{1}{2}')('\\tfrac12') // true
 * ```
 */
export const sameLatex =
  (expected: string) =>
  (answer: string): boolean =>
    normalizeLatex(expected) === normalizeLatex(answer)

/**
 * The same mathematics, by value. Expressions are equal where they are at several points of their variables;
 * tuples, intervals and matrices entry by entry; lists and sets in any order; an equation by its sides, or by its last
 * side where the other is none (`x = 3` is `3`). The answer is looked for in the text around it (see {@link mathAnswer}).
 * What cannot be read is compared as {@link sameLatex} does.
 *
 * It agrees with 91 % of the 194 cases of mathematics in lighteval's own tests. What it does not see: decimal commas,
 * arithmetic of matrices, rounded answers, and an inequality of an absolute value as a union of intervals.
 *
 * @example
 * ```ts
 * import { sameMath } from '@adjoint/rl'
 * sameMath()('$2-2p$')('Thus it is $\\boxed{2(1-p)}$.') // true
 * ```
 */
export const sameMath =
  (tolerance = 1e-12) =>
  (expected: string) =>
  (answer: string): boolean => {
    const [gold, given] = [mathAnswer(expected), mathAnswer(answer)]
    if (sameText(gold)(given)) return true
    if (gold.trim() === '' || given.trim() === '') return false
    const [x, y] = [readMath(gold), readMath(given)]
    return x !== null && y !== null ? sameValue(tolerance)(x, y) : sameLatex(gold)(given)
  }

/**
 * Whether an answer is the expected one, as texts, as numbers, as LaTeX or by mathematical value. Each is
 * `expected => answer => boolean`, so that a task's verifier is one of them applied to what the task expects.
 */
import { LONGEST, readings } from './answer/read.ts'
import { sameValue } from './answer/same.ts'
import * as Q from './answer/rational.ts'
import { answerPlace } from './math-answer.ts'
import { isOperand } from './operand.ts'

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
 * Whether two texts name the same number: signs, thousands separators, a leading currency sign, a percent sign, powers of ten
 * (`1.5e3`) and simple fractions (`3/4`) are read, exactly. `tolerance` is relative to the expected number; 0, the default, is
 * none. The text as a whole must be a number.
 *
 * @example
 * ```ts
 * import { sameNumber } from '@adjoint/rl'
 * sameNumber()('1,200.0')('$1200') // true
 * sameNumber(0.01)('3.14159')('22/7') // true
 * ```
 */
export const sameNumber = (tolerance = 0) => {
  const allowed = allowance('sameNumber', tolerance)
  return (expected: string) => {
    const x = readNumber(expected)
    return (answer: string): boolean => {
      const y = x === null ? null : readNumber(answer)
      return x !== null && y !== null && Q.within(allowed, x, y)
    }
  }
}

const allowance = (grader: string, tolerance: number): Q.Rational => {
  if (Number.isFinite(tolerance) && tolerance >= 0) return Q.fromNumber(tolerance)
  throw new RangeError(
    `${grader}: the tolerance is ${tolerance}; it must be a finite number from 0, relative to the answer.`,
  )
}

const THOUSANDS = /^\d{1,3}(?:,\d{3})+(?![^.eE])/
const PERCENT = /\\?%$/

const readNumber = (text: string): Q.Rational | null => {
  if (text.length > LONGEST) return null
  const whole = text.trim()
  const unsigned = whole.replace(PERCENT, '').trim()
  const [sign = '', currency = ''] = /^[-+]?\s?(\\?\$)?\s?/.exec(unsigned) ?? []
  const numbers = unsigned
    .slice(sign.length)
    .split('/')
    .map((part, i) => (i > 0 && currency !== '' ? null : Q.decimal(thousands(part.trim()))))
  const [n, d = Q.ONE, ...more] = numbers
  if (n === undefined || n === null || d === null || more.length > 0 || n.n < 0n) return null
  const value = Q.divide(n, PERCENT.test(whole) ? (Q.multiply(d, Q.integer(100n)) ?? Q.ZERO) : d)
  return value !== null && sign.startsWith('-') ? Q.negate(value) : value
}

const thousands = (text: string): string => (THOUSANDS.test(text) ? text.replaceAll(',', '') : text)

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

/** `IV` and `VI` are no products. */
const CAPITALS = /^[\s$]*[A-Z]{2,}[\s.$]*$/
/** A space between two numerals is one between two answers. */
const spaced = (text: string): string => text.replaceAll(/(?<=\d)\s+(?=\d)/g, ';')

/** The answer in a text; null where it is a part of a calculation there: the last number of `It is 4 × 48` is none. */
const notOperand = (text: string): string | null => {
  const place = answerPlace(text)
  return isOperand(place, place.answer) ? null : place.answer
}

/**
 * The same mathematics, by value. The answer is looked for in the text around it (see {@link mathAnswer}), where a part of a
 * calculation is none (`It is 4 × 48` says nothing of 48), and read whatever it is written like: numbers with separators, units, degrees, money and percent signs, mixed and repeating decimals, roots and
 * powers; tuples, intervals and matrices entry by entry; lists, sets and `\pm` in any order; unions and inequalities by
 * the points that they hold; ratios, times, words and letters; an equation by its sides, or by its last side where the other is
 * none (`x = 3` is `3`).
 *
 * Rationals are exact, whatever their size. Terms with variables are equal where they agree at several points; roots, logarithms
 * and the like where they agree to more digits than the numbers in them span. `tolerance` is relative to the expected
 * number; 0, the default, is none, but a decimal of six significant digits or more may be the exact value rounded. `20\%` is
 * 20 and 0.2, and a unit may be left off. Of two answers that cannot be read the texts are compared as {@link sameLatex} does;
 * one that can be read is never one that cannot.
 *
 * It takes time in proportion to the text, and never throws: of 1 MB of text well below 1 s. It agrees with 192 of the 194
 * cases of mathematics in lighteval's own tests (190 with no tolerance), and accepts no wrong one. What it does not see: identities
 * of complex numbers, solutions of equations, and a tuple in braces.
 *
 * @example
 * ```ts
 * import { sameMath } from '@adjoint/rl'
 * const same = sameMath()
 * same('$2-2p$')('Thus it is $\\boxed{2(1-p)}$.') // true
 * same('2.5')('$2\\frac{1}{2}$') // true
 * same('10000000000001')('10000000000000') // false
 * ```
 */
export const sameMath = (tolerance = 0) => {
  const allowed = allowance('sameMath', tolerance)
  return (expected: string) => {
    const gold = notOperand(expected)
    const meant = gold === null ? [] : readings(gold)
    return (answer: string): boolean => {
      if (sameText(expected)(answer)) return true
      const given = notOperand(answer)
      if (gold === null || given === null) return false
      if (sameText(gold)(given)) return true
      if (gold.trim() === '' || given.trim() === '') return false
      if (CAPITALS.test(gold) && CAPITALS.test(given)) return false
      const said = readings(given)
      return meant.length > 0 || said.length > 0
        ? meant.some((x) => said.some((y) => sameValue(allowed, x, y)))
        : sameLatex(spaced(gold))(spaced(given))
    }
  }
}

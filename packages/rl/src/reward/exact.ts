/**
 * Answers that are right in one form alone: a number that was computed, a fraction in lowest terms, a list in its order, a grid. By value
 * alone ({@link sameMath}) whoever copies the question is right as well: `4 + 3` is 7, and `92/524` is `23/131`.
 */
import { sameMath } from './answer.ts'
import * as Q from './answer/rational.ts'
import { mathAnswer } from './math-answer.ts'
import { lastBlock, unwrapped } from './unwrapped.ts'

/** No answer of these forms is longer; whatever is, is none. */
const LONGEST = 10_000

/** What an equation comes to: `x = 3` and `1 + 2 = 3` say 3. */
const lastSide = (text: string): string => text.slice(Math.max(text.lastIndexOf('='), text.lastIndexOf('≈')) + 1).trim()

/** The answer of a text, as one side of an equation. */
const sideIn = (text: string): string =>
  text.length > LONGEST ? '' : lastSide(mathAnswer(unwrapped(text))).replaceAll('−', '-')

const THOUSANDS = /(?<=\d)(?:,(?:\\!\s?)?|\{,\}|\\,|\s)(?=\d{3}(?!\d))/g
/** One numeral, with a sign, brackets and a currency before it, and a unit or a percent sign behind it, but nothing to compute. */
const NUMERAL =
  /^[\s({[]*[-+]?\s?\\?[$€£]?\s?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?[\s)}\].]*(?:\\?%|°|\\?\$|\^\{?\\circ\}?|(?:\\[,; ])*\\(?:text|mathrm|mbox)\{[a-zA-Z\s.]*\}|(?!(?:squared|cubed|factorial)\b)[a-zA-Z]+(?:\s[a-zA-Z]+)*)?[\s.]*$/
/** A number in words. */
const WORDS =
  /^(?!.*\b(?:plus|minus|times|over|of|divided|multiplied|squared|cubed)\b)[a-zA-Z]+(?:[\s-][a-zA-Z]+)*[\s.]*$/
const isResult = (side: string): boolean => NUMERAL.test(side.replaceAll(THOUSANDS, '')) || WORDS.test(side)

/** What stands before an operand of a calculation: the one before it, and what is done with both. */
const OPERATOR = /[\d)\]}]\s*[-+*/×÷^]$/
/** Whether a numeral that was found in a text is the last operand of a calculation there: `2 - 1 =` says nothing of 1. */
const isOperand = (text: string, side: string): boolean =>
  OPERATOR.test(text.slice(0, Math.max(0, text.lastIndexOf(side))).replace(/(?:[\s([{$]|\*\*)+$/, ''))

/**
 * The number expected, computed: of an equation the last side, and that is one numeral with its sign and perhaps a unit. An expression of
 * the same value is not the answer to a question that asks for its value: for data of arithmetic. The answer is looked for in the text
 * as {@link mathAnswer} does, and its value is compared as {@link sameMath} does.
 *
 * @example
 * ```ts
 * import { sameMath, sameResult } from '@adjoint/rl'
 * const right = sameResult('193')
 * console.log(right('193.0'), right('965 / 5 = 193'), right('965 / 5'), sameMath()('193')('965 / 5')) // true true false true
 * ```
 */
export const sameResult = (expected: string): ((answer: string) => boolean) => {
  const same = sameMath()(expected)
  return (answer) => {
    const side = sideIn(answer)
    return isResult(side) && !isOperand(answer, side) && same(side)
  }
}

const FRACTION =
  /^[\s({]*([-+]?)\s?(?:\\[dt]?frac\s?(?:\{\s?([-+]?\d{1,400})\s?\}\s?\{\s?(\d{1,400})\s?\}|(\d)(\d))|(\d{1,400})(?:\s?\/\s?(\d{1,400}))?)[\s)}.]*$/

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b))

/** A fraction as it is written; null where the text is none. */
const fractionIn = (text: string): Q.Rational | null => {
  const found = FRACTION.exec(sideIn(text))
  if (found === null) return null
  const [, sign, over, under, digit, other, plain, below = '1'] = found
  const [n, d] = [BigInt(over ?? digit ?? plain!), BigInt(under ?? other ?? below)]
  return d === 0n ? null : { n: sign === '-' ? -n : n, d }
}

const isReduced = ({ n, d }: Q.Rational): boolean => gcd(n < 0n ? -n : n, d) === 1n

/**
 * The fraction expected, in lowest terms: `a/b`, `\frac{a}{b}`, or a whole number, for questions that ask to simplify one, to which the
 * fraction that is asked about is no answer. Throws TypeError where the expected text is no fraction in lowest terms.
 *
 * @example
 * ```ts
 * import { sameReduced } from '@adjoint/rl'
 * const right = sameReduced('$\\frac{23}{131}$')
 * console.log(right('23/131'), right('\\boxed{\\dfrac{23}{131}}'), right('92/524')) // true true false
 * ```
 */
export const sameReduced = (expected: string): ((answer: string) => boolean) => {
  const meant = fractionIn(expected)
  if (meant === null || !isReduced(meant))
    throw new TypeError(
      `sameReduced: the expected ${shown(expected)} is no fraction in lowest terms. Give one such as 3/4, or judge by sameMath.`,
    )
  return (answer) => {
    const said = fractionIn(answer)
    return said !== null && Q.equal(said, meant)
  }
}

const shown = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

/** The text with a list or a grid: the last block of code, if there is one. */
const bodyOf = (text: string): string =>
  unwrapped(lastBlock(text) ?? text)
    .replaceAll(/\\(?:left|right|quad|displaystyle)\b|(?<!\\)\\[,;! ]/g, ' ')
    .replaceAll('−', '-')

const QUOTED = /^(["'‘’“”`])(.*)["'‘’“”`]$/s
const itemOf = (text: string): string => QUOTED.exec(text.trim())?.[2]?.trim() ?? text.trim()

/** The items of the last list in brackets, or of a text that is one without them; null where there is none. */
const listIn = (text: string): readonly string[] | null => {
  if (text.length > LONGEST) return null
  const body = bodyOf(text).replaceAll(/\\(?:boxed|fbox|text)\s?\{|\\\[|\\\]|[${}]/g, ' ')
  const end = body.lastIndexOf(']')
  const begin = body.lastIndexOf('[', end)
  if (end >= 0 && begin < 0) return null
  const inside = (end < 0 ? body : body.slice(begin + 1, end)).trim().replace(/,$/, '')
  if (inside === '') return end < 0 ? null : []
  return inside.split(',').map(itemOf)
}

const sameItem = (x: string, y: string): boolean => {
  const [u, v] = [Q.decimal(x), Q.decimal(y)]
  return u === null || v === null ? x === y : Q.equal(u, v)
}

/**
 * The list expected, in its order: `['1', '2.5']`, with or without the brackets and the quotes, on one line or on several, the last one of a
 * text that has more. Items that are decimals are compared by value, exactly, others as texts. Throws TypeError where the expected
 * text has no list.
 *
 * @example
 * ```ts
 * import { sameSequence } from '@adjoint/rl'
 * const right = sameSequence("['-95.0', '47.29']")
 * console.log(right('["-95", "47.29"]'), right('-95.0, 47.29'), right("['47.29', '-95.0']")) // true true false
 * ```
 */
export const sameSequence = (expected: string): ((answer: string) => boolean) => {
  const meant = listIn(expected)
  if (meant === null)
    throw new TypeError(`sameSequence: the expected ${shown(expected)} has no list. Give one such as ['1', '2'].`)
  return (answer) => {
    const said = listIn(answer)
    return said !== null && said.length === meant.length && said.every((item, i) => sameItem(meant[i]!, item))
  }
}

/** What parts rows: a line's end, LaTeX's, or that of a list within a list. */
const ROW_ENDS = /\r?\n|\\\\|\]\s*,/
const ROW = /^[\s[\]|&]*\d+(?:[\s,|&]+\d+)*[\s[\],|&]*$/
const ENVIRONMENT = /\\(?:begin|end)\{[a-z]*\}(?:\{[lcr|]*\})?/g

/** The rows of the last grid of a text: lines of numerals that nothing but empty lines parts. */
const gridIn = (text: string): readonly string[] => {
  if (text.length > LONGEST) return []
  let [rows, open]: [string[], boolean] = [[], false]
  for (const line of mathBody(text).split(ROW_ENDS)) {
    if (ROW.test(line)) {
      rows = open ? [...rows, rowOf(line)] : [rowOf(line)]
      open = true
    } else if (line.trim() !== '' && !/^[[\]$\s]*$/.test(line)) open = false
  }
  return rows
}
const rowOf = (line: string): string => (line.match(/\d+/g) ?? []).map(BigInt).join(' ')
/** Without boxes, formulas and environments around it. */
const mathBody = (text: string): string =>
  bodyOf(text)
    .replaceAll(ENVIRONMENT, '\n')
    .replaceAll(/\\(?:boxed|fbox|text)\s?\{|\\[[\]()]|[${}]/g, '\n')

/**
 * The grid of whole numbers expected, row by row: numerals with spaces between them, a line for each row, or a list of lists, or a matrix of
 * LaTeX; the last grid of a text that has more. What stands on one line is one row. Throws TypeError where the expected text has no grid.
 *
 * @example
 * ```ts
 * import { sameGrid } from '@adjoint/rl'
 * const right = sameGrid('1 2\n2 1')
 * console.log(right('It is:\n1 2\n2 1'), right('[[1, 2], [2, 1]]'), right('1 2 2 1'), right('2 1\n1 2')) // true true false false
 * ```
 */
export const sameGrid = (expected: string): ((answer: string) => boolean) => {
  const meant = gridIn(expected)
  if (meant.length === 0)
    throw new TypeError(
      `sameGrid: the expected ${shown(expected)} has no rows of numerals. Give lines such as 1 2 3 4.`,
    )
  return (answer) => {
    const said = gridIn(answer)
    return said.length === meant.length && said.every((row, i) => row === meant[i])
  }
}

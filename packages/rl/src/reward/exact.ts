/**
 * Answers that are right in one form alone: a number that was computed, a fraction in lowest terms, a list in its order, a grid. By value
 * alone ({@link sameMath}) whoever copies the question is right as well: `4 + 3` is 7, and `92/524` is `23/131`.
 */
import { sameMath } from './answer.ts'
import * as Q from './answer/rational.ts'
import { PART } from './answer/magnitude.ts'
import { answerPlace } from './math-answer.ts'
import { isOperand } from './operand.ts'
import { lastBlock, unwrapped } from './unwrapped.ts'

/** No answer of these forms is longer; whatever is, is none. */
const LONGEST = 10_000

/** What an equation comes to: `x = 3`, `1 + 2 = 3` and `1 + 2 → 3` say 3. */
const lastSide = (text: string): string =>
  text.slice(Math.max(...['=', '≈', '→', '⇒'].map((sign) => text.lastIndexOf(sign))) + 1).trim()

/** A minus, however it is set: a short dash right before a numeral, and not behind another, is one as well. */
const signed = (text: string): string =>
  text.replaceAll('−', '-').replaceAll(/(?<![\w)\]}$])[–‒](?=\\?[$€£]?[\d.])/g, '-')

interface Said {
  readonly side: string
  /** It is a part of a calculation that the text has around it. */
  readonly operand: boolean
}

/** Commands of LaTeX that say nothing but how large a thing is. */
const SIZES = /\\(?:left|right|displaystyle)(?![a-z])/g

/** The answer of a text, as one side of an equation. */
const saidIn = (text: string): Said => {
  if (text.length > LONGEST) return { side: '', operand: false }
  const place = answerPlace(signed(unwrapped(text)))
  const side = unwrapped(lastSide(place.answer.replaceAll(SIZES, '')))
  return { side, operand: isOperand(place, side) }
}

const THOUSANDS = /(?<=\d)(?:,(?:\\!\s?)?|\{,\}|\\,|\s)(?=\d{3}(?!\d))/g
/** One numeral, with a sign, brackets and a currency before it, and a unit or a percent sign behind it, but nothing to compute. */
const NUMERAL =
  /^[\s({[]*[-+]?\s?\\?[$€£]?\s?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?[\s)}\].]{0,40}(?:\\?%|°|\\?\$|\^\{?\\circ\}?|(?:\\[,; ])*\\(?:text|mathrm|mbox)\{[a-zA-Z\s.]*\}|(?!(?:squared|cubed|factorial)\b)[a-zA-Z]+(?:\s[a-zA-Z]+)*)?[\s.]{0,40}$/
/** A number in words. */
const WORDS =
  /^(?!.*\b(?:plus|minus|times|over|of|divided|multiplied|squared|cubed)\b)[a-zA-Z]+(?:[\s-][a-zA-Z]+)*[\s.]*$/
const isResult = (side: string): boolean =>
  (NUMERAL.test(side.replaceAll(THOUSANDS, '')) || WORDS.test(side)) && !PART.test(side)

/** A sign in words before a number in words. */
const SIGN_IN_WORDS = /^(?:negative|minus)\s+(?=[a-zA-Z])/i

/**
 * The number expected, computed: of an equation the last side, and that is one numeral with its sign and perhaps a unit. An expression of
 * the same value is not the answer to a question that asks for its value: for data of arithmetic. The answer is looked for in the text
 * as {@link mathAnswer} does, and its value is compared as {@link sameMath} does. One that has an operator beside it in the text is a
 * part of a calculation, and no answer: `The answer is 48 - 4`. Throws TypeError where the expected text is itself no such number.
 *
 * @example
 * ```ts
 * import { sameMath, sameResult } from '@adjoint/rl'
 * const right = sameResult('193')
 * console.log(right('193.0'), right('965 / 5 = 193'), right('965 / 5'), sameMath()('193')('965 / 5')) // true true false true
 * ```
 */
export const sameResult = (expected: string): ((answer: string) => boolean) => {
  const meant = signed(expected.trim())
  const same = sameMath()(meant)
  const opposite = sameMath()(meant.startsWith('-') ? meant.slice(1) : `-${meant}`)
  const right = (answer: string): boolean => {
    const { side, operand } = saidIn(answer)
    if (operand) return false
    const word = side.replace(SIGN_IN_WORDS, '')
    return word !== side ? WORDS.test(word) && !PART.test(word) && opposite(word) : isResult(side) && same(side)
  }
  if (!right(expected))
    throw new TypeError(
      `sameResult: the expected ${shown(expected)} is no number that was computed. Give one such as 7 or -2.5, or judge by sameMath.`,
    )
  return right
}

const FRACTION =
  /^[\s({]*([-+]?)\s?(?:\\[cdt]?frac\s?(?:\{\s?([-+]?\d{1,400})\s?\}\s?\{\s?(\d{1,400})\s?\}|(\d)(\d))|(\d{1,400})(?:\s?\/\s?(\d{1,400}))?)[\s)}.]*$/
/** A numerator with its sign in brackets: `(-3)/4`. */
const BRACKETED = /^\s*\(\s?([-+]?\d{1,400})\s?\)(?=\s?\/)/

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b))

/** A fraction as it is written; null where the text is none. */
const fractionIn = (text: string): Q.Rational | null => {
  const { side, operand } = saidIn(text)
  const found = FRACTION.exec(side.replace(BRACKETED, '$1'))
  if (found === null || operand) return null
  const [, sign, over, under, digit, other, plain, below = '1'] = found
  const [n, d] = [BigInt(over ?? digit ?? plain!), BigInt(under ?? other ?? below)]
  return d === 0n ? null : { n: sign === '-' ? -n : n, d }
}

const isReduced = ({ n, d }: Q.Rational): boolean => gcd(n < 0n ? -n : n, d) === 1n

/**
 * The fraction expected, in lowest terms: `a/b`, `\frac{a}{b}`, or a whole number, for questions that ask to simplify one, to which the
 * fraction that is asked about is no answer. A sign stands before the fraction or in its numerator: one in the denominator, as in `3/-4` or
 * `\frac{-3}{-4}`, is to be reduced still. Throws TypeError where the expected text is no fraction in lowest terms.
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
/** The rule of a table: `|---|:-:|`, `+---+---+`. */
const RULE = /^\s*[|+][-:|+\s]*$/
const ENVIRONMENT = /\\(?:begin|end)\{[a-z]*\}(?:\{[lcr|]*\})?/g

/** The rows of the last grid of a text: lines of numerals that nothing but empty lines parts. */
const gridIn = (text: string): readonly string[] => {
  if (text.length > LONGEST) return []
  let [rows, open]: [string[], boolean] = [[], false]
  for (const line of mathBody(text).split(ROW_ENDS)) {
    if (ROW.test(line)) {
      rows = open ? [...rows, rowOf(line)] : [rowOf(line)]
      open = true
    } else if (line.trim() !== '' && !/^[[\]$\s]*$/.test(line) && !RULE.test(line)) open = false
  }
  return rows
}
const rowOf = (line: string): string => (line.match(/\d+/g) ?? []).map(BigInt).join(' ')
/** Without boxes, formulas and environments around it. */
const mathBody = (text: string): string =>
  bodyOf(text)
    .replaceAll(ENVIRONMENT, '\n')
    .replaceAll(/\\hline(?![a-z])/g, ' ')
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

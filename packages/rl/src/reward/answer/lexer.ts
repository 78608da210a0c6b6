/** The tokens of the LaTeX, and of the plain text, in which answers are written. */
import { spelled } from './number-words.ts'
import * as Q from './rational.ts'
import { isUnit } from './units.ts'
import { refuse } from './value.ts'

export type Token =
  | {
      readonly _tag: 'Number'
      readonly text: string
      readonly value: Q.Rational
      readonly places: number
      /** Written with digits alone, so that of `12` in `\frac12` each digit is an argument. */
      readonly digits: boolean
    }
  /** Words, of `\text{..}` or plain: a unit, or what a text says. */
  | { readonly _tag: 'Word'; readonly text: string }
  /** A letter, a command with its backslash, or a symbol. */
  | { readonly _tag: 'Symbol'; readonly text: string }

/** How to take what is ambiguous: `1,22` is two numbers or one, `2e10` is a power of ten or a product with e. */
export interface Reading {
  readonly decimalComma: boolean
  readonly exponent: boolean
}

/** The most tokens of an answer. */
const MOST_TOKENS = 2_000

const SPACE =
  /(?:[\s~\u00a0\u2009\u202f]|\\[\s,;:!>]|\\q?quad|\\(?:displaystyle|textstyle|limits|nolimits|left|right|[bB]igg?[lrm]?)(?![a-zA-Z]))+/y
const GROUPED = /\d{1,3}(?:(?:,\\!\s?|\s?\{\s?,\s?\}|\\[,;: !]\s?|[ ~\u00a0\u2009\u202f])\d{3}(?![\d]))+(?:\.\d+)?/y
const GROUPED_BY_COMMAS = /\d{1,3}(?:,\d{3})+(?!\d|,\d)(?:\.\d+)?/y
const REPEATING = /(\d*\.\d*)(?:\\(?:overline|bar|dot)\s?(?:\{(\d+)\}|(\d))|\((\d+)\))/y
const DECIMAL_COMMA = /\d+,\d{2}(?!\d|,)/y
const SCIENTIFIC = /(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+(?![\d.a-zA-Z])/y
const NUMERAL = /\d+(?:\.\d+)?|\.\d+/y
/** `\pmod{7}`, `(mod 7)` */
const MODULUS =
  /\(\s?mod(?:ulo)?\s\s?(\d+)\s?\)|(?:\\[pb]?mod|\\text\s?\{\s?mod(?:ulo)?\s?\}|mod(?:ulo)?(?![a-zA-Z]))\s*(?:\{\s?(\d+)\s?\}|(\d+))/y
const COMMAND = /\\(?:[a-zA-Z]+|.)/y
const NOT_EQUAL = /\\not\s*=/y
const LETTERS = /[a-zA-Z]+/y
const TEXT =
  /\\(?:text|textbf|textit|textrm|textsf|texttt|textnormal|mathrm|mathsf|mathbf|mathit|mbox|hbox|operatorname|boldsymbol|bf|rm)\s*\{/y
const CHARACTER = /[^]/uy

const ALIASES: Readonly<Record<string, string>> = {
  '\\dfrac': '\\frac', '\\tfrac': '\\frac', '\\cfrac': '\\frac', '\\dbinom': '\\binom', '\\tbinom': '\\binom',
  '\\cdot': '*', '\\times': '*', '\\ast': '*', '·': '*', '⋅': '*', '∙': '*', '×': '*', '\\div': '/', '÷': '/', '−': '-', '–': '-',
  '\\le': '≤', '\\leq': '≤', '\\leqslant': '≤', '<=': '≤', '\\ge': '≥', '\\geq': '≥', '\\geqslant': '≥', '>=': '≥',
  '\\equiv': '=', '≡': '=', '\\ne': '≠', '\\neq': '≠', '!=': '≠', '\\lt': '<', '\\gt': '>', '\\approx': '≈', '\\simeq': '≈', '\\in': '∈',
  '\\vert': '|', '\\lvert': '|', '\\rvert': '|', '\\mid': '|', '\\pm': '±', '\\mp': '∓', '\\cup': '∪', '\\colon': ':',
  '\\lbrace': '\\{', '\\rbrace': '\\}', '\\lbrack': '[', '\\rbrack': ']', '⟨': '\\langle', '⟩': '\\rangle',
  '\\degree': '°', '\\%': '%', '\\tg': '\\tan', '\\ctg': '\\cot', '\\varphi': '\\phi', '\\varepsilon': '\\epsilon',
  'π': '\\pi', '∞': '\\infty', '√': '\\sqrt', '**': '^', '\\lg': '\\log', '⌊': '\\lfloor', '⌋': '\\rfloor',
} // prettier-ignore

/** What plain text writes in letters. */
const SPELLED = new Set(['sqrt', 'pi', 'sin', 'cos', 'tan', 'cot', 'sec', 'csc', 'ln', 'log', 'exp', 'arcsin', 'arccos', 'arctan']) // prettier-ignore
const MINUS = /^(?:negative|minus)$/i
const INFINITIES = new Set(['infinity', 'inf', 'oo'])
const POWERS: Readonly<Record<string, string>> = { '²': '2', '³': '3' }

/** Commands that are known well enough to be seen behind one backslash too many. */
const KNOWN = /^\\\\(?=(?:[dtc]?frac|sqrt|left|right|text[a-z]*|mathrm|boxed|pi|cup|infty|cdot|times|pm|le|ge|leq|geq|in|begin|end|circ|sin|cos|tan|log|ln)(?![a-zA-Z])|[{}[(%$])/ // prettier-ignore

/**
 * The tokens of a text, each read at one place and never again, so in linear time; more than `MOST_TOKENS` are refused, and so
 * are numerals that are too long.
 */
export const tokens = ({ decimalComma, exponent }: Reading, text: string): readonly Token[] => {
  const out: Token[] = []
  let at = 0
  let brackets = 0 // of ( [ \{, where a comma is between items
  let environments = 0 // where a double backslash ends a row

  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  const symbol = (s: string): void => {
    const known = ALIASES[s] ?? s
    if (['(', '[', '\\{', '\\langle'].includes(known)) brackets++
    if ([')', ']', '\\}', '\\rangle'].includes(known)) brackets--
    if (known === '\\begin') environments++
    if (known === '\\end') environments--
    out.push({ _tag: 'Symbol', text: known })
  }
  const numeral = (written: string, digits: string, repeating = ''): void => {
    const value = Q.decimal(digits, repeating) ?? refuse()
    const places = repeating === '' && /^[\d.]+$/.test(digits) ? (digits.split('.')[1]?.length ?? 0) : 0
    out.push({ _tag: 'Number', text: written, value, places, digits: /^\d+$/.test(written) })
  }
  /** Whether the last token may end a number, so that a word after it is a unit. */
  const afterValue = (): boolean => {
    const last = out.at(-1)
    return last?._tag === 'Number' || (last?._tag === 'Symbol' && /^[)}%]$/.test(last.text))
  }

  /** Whether a unit is divided, as in `\text{km}/\text{h}`. */
  const perUnit = (): boolean => {
    const last = out.at(-1)
    return last?._tag === 'Symbol' && last.text === '/' && out.at(-2)?._tag === 'Word'
  }

  const numbers = (): boolean => {
    const repeating = match(REPEATING)
    if (repeating !== null && repeating[1] !== '.') {
      numeral(repeating[0], repeating[1]!, repeating[2] ?? repeating[3] ?? repeating[4])
      return true
    }
    if (repeating !== null) at -= repeating[0].length
    const scientific = exponent ? match(SCIENTIFIC) : null
    if (scientific !== null) {
      numeral(scientific[0], scientific[0])
      return true
    }
    const grouped = match(GROUPED) ?? (brackets > 0 ? null : match(GROUPED_BY_COMMAS))
    if (grouped !== null) {
      numeral(grouped[0], grouped[0].replaceAll(/[^\d.]/g, ''))
      return true
    }
    const comma = decimalComma ? match(DECIMAL_COMMA) : null
    if (comma !== null) {
      numeral(comma[0], comma[0].replace(',', '.'))
      return true
    }
    const plain = match(NUMERAL)
    if (plain === null) return false
    numeral(plain[0], plain[0])
    return true
  }

  const letters = (afterSpace: boolean): boolean => {
    let run = match(LETTERS)?.[0]
    if (run === undefined) return false
    const glued = afterValue() ? /^(?:and|or)(?=[A-Z])/.exec(run) : null
    if (glued !== null) {
      symbol(';')
      run = run.slice(glued[0].length)
    }
    if (run === 'and' || run === 'or') symbol(';')
    else if (SPELLED.has(run)) symbol(`\\${run}`)
    else if (INFINITIES.has(run)) symbol('\\infty')
    else if (run === 'percent') symbol('%')
    else if (run === 'mod') refuse()
    else if (MINUS.test(run)) symbol('-')
    else if (run.length > 3 || spelled(run) !== null || (afterValue() && isUnit(run, afterSpace)))
      out.push({ _tag: 'Word', text: run })
    else for (const letter of run) symbol(letter)
    return true
  }

  /** `\text{ cm}`: words, but for those that stand for a comma, and for a letter or a number that was set upright. */
  const upright = (): boolean => {
    if (match(TEXT) === null) return false
    const end = text.indexOf('}', at)
    if (end < 0) return refuse()
    const content = text.slice(at, end).trim()
    at = end + 1
    if (/^(?:and|or|,|;|\s)*$/.test(content)) {
      if (content !== '') symbol(';')
    } else if (/^(?:percent|\\?%)$/.test(content)) symbol('%')
    else if (MINUS.test(content)) symbol('-')
    else if (
      /^\(?(?:[a-zA-Z]|[-+]?\d+(?:\.\d+)?)\)?$/.test(content) &&
      !((afterValue() || perUnit()) && /^[a-z]$/.test(content))
    )
      for (const token of tokens({ decimalComma, exponent }, content)) out.push(token)
    else out.push({ _tag: 'Word', text: content })
    return true
  }

  const command = (): void => {
    const known = environments === 0 ? KNOWN.exec(text.slice(at, at + 16)) : null
    if (known !== null) at++
    if (known !== null && match(SPACE) !== null) return
    if (match(NOT_EQUAL) !== null) {
      symbol('≠')
      return
    }
    const found = match(COMMAND)?.[0] ?? refuse()
    if (found === '\\$') out.push({ _tag: 'Word', text: 'dollar' })
    else if (found === '\\circ') symbol('°')
    else symbol(found)
  }

  const modulus = (): boolean => {
    const found = match(MODULUS)
    const digits = found?.[1] ?? found?.[2] ?? found?.[3]
    if (digits === undefined) return false
    symbol('mod')
    numeral(digits, digits)
    return true
  }

  while (at < text.length) {
    if (out.length > MOST_TOKENS) return refuse()
    const afterSpace = match(SPACE) !== null
    if (at >= text.length) break
    const c = text[at]!
    const two = text.slice(at, at + 2)
    if (/[\d.]/.test(c) && numbers()) continue
    if (/[(\\m]/.test(c) && modulus()) continue
    if (/[a-zA-Z]/.test(c) && letters(afterSpace)) continue
    if (c === '\\') {
      if (!upright()) command()
      continue
    }
    if (['<=', '>=', '!=', '**'].includes(two)) {
      at += 2
      symbol(two)
      continue
    }
    const whole = match(CHARACTER)![0]
    if (whole === '$') continue
    if (whole === '€') out.push({ _tag: 'Word', text: 'euro' })
    else if (POWERS[whole] !== undefined) {
      symbol('^')
      numeral(POWERS[whole], POWERS[whole])
    } else symbol(whole)
  }
  return out
}

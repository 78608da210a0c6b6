/** What a text of mathematics says, in each way that it may be read. */
import type { Reading } from './lexer.ts'
import { tokens } from './lexer.ts'
import { spelled } from './number-words.ts'
import { parse } from './parser.ts'
import { plainWords } from './units.ts'
import { type MathValue, Unreadable } from './value.ts'

/** The longest answer that is read, in characters. */
export const LONGEST = 10_000

const PLAIN: Reading = { decimalComma: false, exponent: true }

/** `1,22`, of an amount; three digits after a comma are thousands, and one is a list. */
const DECIMAL_COMMA = /^[^,()[\]{}]*\d,\d{2}(?!\d)[^,()[\]{}]*$/
/** `2e1`, where e may be Euler's number. */
const EXPONENT = /\d[eE][-+]?\d/
const WORDS = /^(?=[^a-zA-Z]*[a-zA-Z]{3})[a-zA-Z][a-zA-Z\s.,;:!?'"’-]*$/
const FUNCTIONS = /\b(?:sqrt|pi|sin|cos|tan|cot|sec|csc|ln|log|exp|infinity|inf|oo|and|or)\b/

/** The readings of an answer, none where it is not understood. Linear in time, and it never throws. */
export const readings = (text: string): readonly MathValue[] => {
  if (text.length > LONGEST) return []
  const trimmed = text.trim()
  const end = endOf(trimmed)
  const given = trimmed.slice(0, end)
  const whole = spelled(given)
  if (whole !== null) return [whole]
  if (WORDS.test(given) && !FUNCTIONS.test(given)) return [{ _tag: 'Word', text: plainWords(given) }]
  if (/^no$/i.test(given)) return [{ _tag: 'Word', text: 'no' }]
  const ways = [PLAIN]
  if (EXPONENT.test(given)) ways.push({ ...PLAIN, exponent: false })
  if (DECIMAL_COMMA.test(given)) ways.push({ ...PLAIN, decimalComma: true })
  return ways.flatMap((way) => {
    const value = read(way, given)
    return value === null ? [] : [value]
  })
}

const read = (way: Reading, text: string): MathValue | null => {
  try {
    return parse(tokens(way, text))
  } catch (thrown) {
    if (thrown instanceof Unreadable) return null
    throw thrown
  }
}

/** Where a text ends without the punctuation of the sentence around it. */
const endOf = (text: string): number => {
  let end = text.length
  while (end > 0 && /[.,;:\s$]/.test(text[end - 1]!)) end--
  // `\,` and `\$` are commands.
  return end > 0 && end < text.length && text[end - 1] === '\\' ? end + 1 : end
}

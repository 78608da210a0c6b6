/** Whether a number that was found in a text is a part of a calculation there: `2 - 1 =` says nothing of 1, and `48 - 4` nothing of 48. */
import type { Place } from './math-answer.ts'

/** Operators of any kind but a minus, which is a dash as well. */
const SIGN =
  String.raw`[+*/×÷^·∙∗⋅%±]|\/\/|\*\*|\\(?:times|cdot|div|pm|mp|ast|bmod)(?![a-zA-Z])|(?<![a-zA-Z])(?:x|times|plus|minus|over|mod(?:ulo)?|divided by|multiplied by|to the power of)` // prettier-ignore
const DASH = '[-–−]'
/** What an operand before an operator ends with: a digit, a bracket, what closes a formula or bold letters, a letter alone. */
const OPERAND = String.raw`(?:[\d)\]}$"'|°!]|\x60|\*\*|(?<![a-zA-Z])[a-zA-Z])`

const BEFORE = new RegExp(
  `(?:${OPERAND}\\s?(?:${SIGN}|${DASH})|[√^_]|\\\\[a-z]*(?:sqrt|log|ln|sin|cos|tan|exp)|\\b(?:sqrt|log|ln))[-+]?$`,
)
/** The digit right before a sign makes an operator of it: `2 -1`. */
const DIGIT_BEFORE = /(?:[\d)\]}]|\d\$) ?$/
/** A power, and not the end of bold letters. */
const POWER = /[\d)\]}$"'`](?:\*\*)?(?:\*\*\s?|\s?\*\*\s)[({[$"'`\\]*(?:\*\*)?$/
/** The remainder of a division, and no percent sign. */
const REMAINDER = /%\s*$/
const OTHER = /^\s?[([{$"'`\\]*(?:\*\*)?\d/
/** A call that is open: `sqrt(`, `max(3, `, and not what only sets the numeral, `\left(` or `\textbf{`. */
const CALL =
  /(?:√\s?|(?<![\\a-zA-Z])[a-zA-Z]+|\\(?!(?:left|[bB]igg?|text[a-z]*|math[a-z]*|mbox|boxed|fbox)(?![a-z]))[a-zA-Z]+\s?)[({][^()={}\n]*$/
/** A letter that the numeral belongs to: `x1`. */
const NAME = /(?<![a-zA-Z])[a-zA-Z]_?$/

/** Words of one letter: `5 times a week`, `10 - a lot`, `10 - I am sure`, and not `48 - a is`. */
const WORD = String.raw`(?:[aA] (?!(?:is|are|and|or|where|when|if|for|equals|plus|minus|times)\b)[a-z]{2}|I(?:['’]| [a-z]{2}))`
const NEXT = String.raw`\s?[-+−]?[\s([{$"'√|\x60\\]*(?:\*\*)?(?:\d|(?!${WORD})[a-zA-Z](?![a-zA-Z]))`
const BEHIND = new RegExp(`^(?: ?${DASH}|\\s?(?:${SIGN}))${NEXT}|^[,;]\\d|^\\s?[!]?\\^`)

/** How far is looked for the other operand. */
const REACH = 100
const OPENS = /[\s([{$"'`\\|]/
const CLOSES = /[)\]}$"'`\\|]/

/** The place before what opens around a number; a single `*` multiplies, two are bold letters. */
const opened = (text: string, at: number): number => {
  let end = at
  for (;;) {
    if (end > 0 && OPENS.test(text[end - 1]!)) end--
    else if (end > 1 && text.slice(end - 2, end) === '**') end -= 2
    else return end
  }
}

const closed = (text: string, at: number): number => {
  let begin = at
  for (;;) {
    if (begin < text.length && CLOSES.test(text[begin]!)) begin++
    else if (text.startsWith('**', begin) && !/[\d\s]/.test(text[begin + 2] ?? '')) begin += 2
    else if (text.startsWith('** ', begin) && !/\d/.test(text[begin + 3] ?? '')) begin += 2
    else return begin
  }
}

/** White space is one blank, or one end of a line. */
const spaced = (text: string): string =>
  text
    .replaceAll(/\\(?:left|right|displaystyle)(?![a-z])/g, '')
    .replaceAll(/\s+/g, (s) => (s.includes('\n') ? '\n' : ' '))

/** Where a text stands in another, with no digit at its ends: the first place, where nothing but words is before it, or the last. */
const placeOf = (text: string, found: string, first: boolean): number => {
  const begin = text.indexOf(found)
  const lone = !/^[\d.]/.test(text.slice(begin + found.length)) || /^\.(?!\d)/.test(text.slice(begin + found.length))
  return first && begin >= 0 && lone && !/\d/.test(text.slice(0, begin)) ? begin : text.lastIndexOf(found)
}

/**
 * Whether the answer that was found at a place has an operator before or behind it. `side` is what of it counts, the last side of an equation.
 *
 * @internal
 */
export const isOperand = ({ answer, around, stated }: Place, side: string): boolean => {
  const text = spaced(around)
  const whole = spaced(answer).trim()
  const found = text.includes(whole) ? whole : side
  const at = placeOf(text, found, stated)
  if (at < 0) return false
  const end = at + found.length
  const behind = text.slice(end, end + REACH)
  if (BEHIND.test(behind) || BEHIND.test(behind.slice(closed(behind, 0)))) return true
  if (REMAINDER.test(found) && OTHER.test(behind)) return true
  if (found.includes('=') || found.includes('≈')) return false
  const from = opened(text, at)
  const before = text.slice(Math.max(0, from - REACH), from)
  const near = text.slice(Math.max(0, at - REACH), at)
  return (
    BEFORE.test(before) ||
    POWER.test(near) ||
    CALL.test(near) ||
    NAME.test(near) ||
    (/^[-+]/.test(found) && DIGIT_BEFORE.test(near)) ||
    (near.endsWith('|') && behind.startsWith('|'))
  )
}

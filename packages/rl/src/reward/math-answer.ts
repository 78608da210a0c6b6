/** Where in a text of mathematics its final answer stands. Each rule passes over the text once. */
import { MAGNITUDE, SCALE } from './answer/magnitude.ts'
import { unwrapped } from './unwrapped.ts'

interface Span {
  readonly content: string
  readonly from: number
  readonly end: number
}

/** For each brace that opens a group the place of the one that closes it. A brace behind a backslash is none. */
const closings = (text: string): ReadonlyMap<number, number> => {
  const open: number[] = []
  const closing = new Map<number, number>()
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '{') open.push(i)
    else if (text[i] === '}') {
      const opened = open.pop()
      if (opened !== undefined) closing.set(opened, i)
    }
  }
  return closing
}

const BOX = /\\(?:boxed|fbox)(?:\s*(\{)|\s+(?=[^\s{]))/g
/** A box without braces goes to the end of its formula. */
const UNBRACED = /[^$\n]*?(?=\$|\n|\\\)|\\\]|$)/y
const BOXED_WHOLE = /^\\(?:boxed|fbox)\s*\{/

/** The boxes that hold something, of nested ones the innermost that is a whole (`\boxed{\boxed{5}}` is 5). */
const boxes = (text: string): readonly Span[] => {
  const closing = closings(text)
  const spans: Span[] = []
  for (const match of text.matchAll(BOX)) {
    const from = match.index
    if (from < (spans.at(-1)?.end ?? 0)) continue
    let start = from + match[0].length
    if (match[1] === undefined) {
      UNBRACED.lastIndex = start
      const end = start + (UNBRACED.exec(text)?.[0].length ?? 0)
      spans.push({ content: text.slice(start, end), from, end })
      continue
    }
    const close = closing.get(start - 1)
    if (close === undefined) continue
    let end = close
    for (;;) {
      while (start < end && /\s/.test(text[start]!)) start++
      const inner = BOXED_WHOLE.exec(text.slice(start, start + 64))
      const innerClose = inner === null ? undefined : closing.get(start + inner[0].length - 1)
      if (inner === null || innerClose === undefined || !blank(text, innerClose + 1, end)) break
      ;[start, end] = [start + inner[0].length, innerClose]
    }
    spans.push({ content: text.slice(start, end), from, end: close + 1 })
  }
  return spans.filter(({ content }) => content.trim() !== '')
}

/**
 * What the last box of a text that is not empty holds, or null without one.
 *
 * @internal
 */
export const boxedAnswer = (text: string): string | null => boxes(text).at(-1)?.content ?? null

const blank = (text: string, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (!/\s/.test(text[i]!)) return false
  return true
}

/** What opens and closes a formula. One in `$` or `\(` is on one line, as in Markdown. */
const OPENING = /\$\$|\\\$|\$|\\\(|\\\[|\\./g
const CLOSE: Readonly<Record<string, string>> = { $$: '$$', $: '$', '\\(': '\\)', '\\[': '\\]' }

const formulas = (text: string): readonly Span[] => {
  const ends = new Map<string, number>() // where each delimiter was last found, so that none is sought twice
  const find = (delimiter: string, from: number): number => {
    const known = ends.get(delimiter) ?? -1
    if (known >= from || known === Infinity) return known
    let found = text.indexOf(delimiter, from)
    while (delimiter === '$' && found > 0 && text[found - 1] === '\\') found = text.indexOf(delimiter, found + 1)
    const at = found < 0 ? Infinity : found
    ends.set(delimiter, at)
    return at
  }
  const spans: Span[] = []
  OPENING.lastIndex = 0
  for (let match = OPENING.exec(text); match !== null; match = OPENING.exec(text)) {
    const close = CLOSE[match[0]]
    if (close === undefined) continue
    const start = match.index + match[0].length
    const end = find(close, start)
    if (end === Infinity || end === start) continue
    if ((match[0] === '$' || match[0] === '\\(') && find('\n', start) < end) continue
    spans.push({ content: text.slice(start, end), from: match.index, end: end + close.length })
    OPENING.lastIndex = end + close.length
  }
  return spans
}

/** What may stand between two parts of one answer. */
const JOINT =
  /^(?:[\s,;$]|\\[()[\],;! ]|\\q?quad|\\text\s*\{\s*(?:and|or)\s*\})*(?:and|or|\(?mod(?:ulo)?)?(?:[\s,;$]|\\[()[\],;! ]|[a-zA-Z]_\d\s*=)*$/
const LONGEST_JOINT = 100

const joined = (text: string, left: Span, right: Span): boolean =>
  right.from - left.end <= LONGEST_JOINT && JOINT.test(text.slice(left.end, right.from))

/** What only repeats the one before it says nothing more. */
const listed = (text: string, spans: readonly Span[]): string =>
  spans
    .filter((span, i) => {
      const before = spans[i - 1]
      return before?.content !== span.content || /[,;a-z]/.test(text.slice(before.end, span.from))
    })
    .map((span, i, kept) => {
      const between = i === 0 ? '' : text.slice(kept[i - 1]!.end, span.from)
      return (i === 0 ? '' : between.includes('mod') ? ' mod ' : ' , ') + span.content
    })
    .join('')

/** The last of the spans, and those before it that nothing but a comma or an `and` sets apart, as one list. */
const lastJoined = (text: string, spans: readonly Span[]): string => {
  let first = spans.length - 1
  while (first > 0 && joined(text, spans[first - 1]!, spans[first]!)) first--
  return listed(text, spans.slice(first))
}

/** The first of the spans, and those after it that belong to it. */
const firstJoined = (text: string, spans: readonly Span[]): Span & { readonly all: string } => {
  let last = 0
  while (last + 1 < spans.length && joined(text, spans[last]!, spans[last + 1]!)) last++
  return { ...spans[0]!, end: spans[last]!.end, all: listed(text, spans.slice(0, last + 1)) }
}

/** What closes a formula behind a box, and what sets the words within one. */
const BEHIND_BOX = /^(?:\s?(?:\$\$?|\\[)\], ;!]|~|\*\*))*(?:[ \t]*\\(?:text[a-z]*|mathrm|mbox)[ \t]?\{)?[ \t]?/

/** `million`, of `$\boxed{5}$ million`. A modulus behind a box is that of the congruence around it, and no part of the answer. */
const scaleBehind = (text: string, end: number): string => {
  const rest = text.slice(end, end + LONGEST_QUALIFIER)
  return afterNumeral(SCALE, ` ${rest.slice(BEHIND_BOX.exec(rest)?.[0].length ?? 0)}`)
}

/** What a letter behind a numeral is no variable in: `3x as large`, `3x faster`, `3x a week`, `7a.m.`. */
const COMPARED =
  'more|less|faster|slower|bigger|larger|smaller|greater|higher|lower|longer|shorter|older|younger|taller|heavier|cheaper|better'
const TIMES = String.raw`x (?:as (?!an?\b|the\b)|per\b|an? (?:day|week|month|year)|(?:${COMPARED})\b)|a\.m\b`
/** Else one that is no unit is a variable: `48x` is not 48. */
const NUMERAL = new RegExp(
  String.raw`(?<![a-zA-Z\d.])[-+−]?(?:\d{1,3}(?:,(?:\\!\s?)?\d{3}|\{,\}\d{3}| \d{3}(?=\D|$))+(?!\d)|\d+,\d{2}(?![\d,])|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?:(?!${TIMES})[abnxyz](?:\^\d+)?(?![a-zA-Z\d]))?(?:\s?\/\s?\d+)?(?:\s?\\?%)?(?:\s\(?mod(?:ulo)?\b(?:\s\w+\)?)?)?|(?<![a-zA-Z\d.])[-+−]?\.\d+`,
  'g',
)

interface Found {
  readonly at: number
  readonly text: string
}
const numerals = (text: string): readonly Found[] =>
  Array.from(text.matchAll(NUMERAL), (m) => ({ at: m.index, text: m[0] }))

/** Where the text of another goes on: a next question, or a token of a chat template. */
const RUN_ON =
  /\n[ \t]*(?:#{1,6} )?(?:\*\*)?(?:question|problem|exercise|q|human|user|instruction|input)\b[ \t]*\d{0,4}[ \t]*(?:\*\*)?:|<\|[a-z_]{2,20}\|>|<\/s>/gi
const STATED = /(?:final answer is|answer is|answer:|####)(?:\*\*)?[ \t]*:?/gi
/** The one statement that corrects a box before it. */
const FINAL = /final answer is(?:\*\*)?[ \t]*:?/gi

/** The text up to what follows its answer. What comes before a first question is no answer. */
const beforeNext = (text: string): string => {
  for (const match of text.matchAll(RUN_ON)) {
    const before = text.slice(0, match.index)
    if (before.trim() === '') continue
    const answered = before.search(STATED) >= 0 || boxes(before).length > 0 || !prose(before)
    return answered || match[0].startsWith('<') ? before : text
  }
  return text
}

/** A text with words that are followed by more, whatever is in its formulas; `AB` is no word. */
const prose = (text: string): boolean =>
  /\b(?!(?:and|or)\b)(?=[A-Z]*[a-z])[a-zA-Z]{2,}[.,:]?\s+\S/.test(withoutCommands(text))
const withoutCommands = (text: string): string => text.replaceAll(/\\[a-zA-Z]+(?:\s?\{[^{}]{0,200}\})?/g, ' ')

/** A formula that breaks its line is none, and what is in it is not the answer either. */
const BROKEN = /\$[ \t]*\n[^$\n]*\n[ \t]*\$|\\\([ \t]*\n/

/** What stands right behind `the answer is`. */
const FILLER = /^(?:[\s:*_"'`]|\\"|(?:approximately|about|exactly|simply|just|therefore|thus|equal to|indeed)\b)*/i
const SENTENCE_END = /[.!?](?=\s+[A-Z["]|\s*$)|\n\s*\n/

/** The last statements that are looked into for an answer, and how far. */
const MOST_STATEMENTS = 8
const LONGEST_SENTENCE = 10_000

/** The sentence that follows a statement. */
const sentenceOf = (rest: string): string => {
  const from = FILLER.exec(rest)?.[0].length ?? 0
  const body = rest.slice(from, from + LONGEST_SENTENCE)
  return body.slice(0, sentenceEnd(body))
}

/** A sign in words: `negative 5`, `minus $5$`, but not `7 minus 5`. */
const SIGN_WORD = /\b(?:negative|(?<!(?:[\d)}$\]]|\b[a-zA-Z])\s{0,3})minus)\s{1,3}(\$|\\\(|)(?=[\d.\\])/gi

/** Words before a numeral that make it another number, or none. */
const QUALIFIED =
  /\b(?:at (?:least|most)|not|except(?: for)?|up to|(?:less|more|greater|fewer|larger|smaller|other|better) than|(?:roots?|log(?:arithm)?|sine?|cosine|cos|tan(?:gent)?|factorial|squares?|cubes?|half|reciprocal|inverse|opposite|absolute value|power|multiples?|powers|factors?) of|divisible by|twice|double|triple|square root|cube root)(?: (?:equal to|or equal to))?\s{0,3}(?:\$|\\\(|\\\[|)$/i
const LONGEST_QUALIFIER = 60

/** The words that qualify what stands at a place, or nothing. */
const qualifier = (text: string, at: number): string =>
  QUALIFIED.exec(text.slice(Math.max(0, at - LONGEST_QUALIFIER), at))?.[0].replace(/[\s$([\\]+$/, ' ') ?? ''

/** The words behind a number that make it another. */
const magnitude = (text: string, end: number): string =>
  afterNumeral(MAGNITUDE, text.slice(end, end + LONGEST_QUALIFIER))

/** The words that a pattern finds; the hyphen of `$5$-thousand` is no minus. */
const afterNumeral = (words: RegExp, text: string): string => (words.exec(text)?.[0] ?? '').replace(/^[ \t]*-/, ' ')

/** `5 or 6`, `1, 2 and 3`: the numerals that are joined from one on. */
const OR = /^(?:\s*,?\s*or|\s+and)\s+[$€£]?$/
const COMMA = /^\s*,\s+(?:and\s+)?[$€£]?$/
const alternatives = (text: string, found: readonly Found[]): string => {
  let whole = 0
  for (let i = 1; i < found.length; i++) {
    const gap = text.slice(endOf(found[i - 1]!), found[i]!.at)
    const last = text.slice(endOf(found[i]!)).trim() === ''
    if (OR.test(gap) || (COMMA.test(gap) && ((gap.includes('and') && i > 1) || last))) whole = i
    else if (!COMMA.test(gap) || gap.includes('and')) break
  }
  return found
    .slice(0, whole + 1)
    .map((numeral) => numeral.text)
    .join(' , ')
}
const endOf = ({ at, text }: Found): number => at + text.length

/** A calculation that goes on behind its first numeral, in signs or in words. */
const RUN = /^[$€£]?(?:[\d.,+\-−–*/^=()%\s×÷·∙∗⋅]|(?<=[\d)\s])(?:x|times|plus|minus|mod)(?=\s?[\d(]))*/
const CALCULATED = /[=*/^+(\-−–×÷·∙∗⋅x]|times|plus|minus/

/** The answer right behind a statement of it. */
const adjacent = (rest: string): string | null => {
  const sentence = sentenceOf(rest)
  const spans = formulas(sentence)
  if (spans[0]?.from === 0) {
    const { all, end } = firstJoined(sentence, spans)
    const after = numerals(sentence.slice(end))[0]
    const other = after !== undefined && OR.test(sentence.slice(end, end + after.at)) ? ` , ${after.text}` : ''
    return all + magnitude(sentence, end) + other
  }
  const first = numerals(sentence)[0]
  if (first !== undefined && first.at <= 1 && /^[$€£]?$/.test(sentence.slice(0, first.at))) {
    const run = RUN.exec(sentence)![0].trim()
    const calculated = CALCULATED.test(run.slice(first.text.length)) && /[\d)%]$/.test(run)
    if (calculated) return run
    // `48,4` and `48;4` are no 48
    if (/^[,;]\d/.test(sentence.slice(endOf(first)))) return /^\S*/.exec(sentence)![0].replace(/[.,;:]+$/, '')
    const words = magnitude(sentence, endOf(first))
    return words === '' ? alternatives(sentence, numerals(sentence)) : first.text + words
  }
  return null
}

/** The answer of what follows a statement of it: right behind, or behind the last `is` of the sentence that has one. */
const stated = (rest: string): string | null => {
  const behind = adjacent(rest)
  if (behind !== null) return behind
  const sentence = sentenceOf(rest)
  for (const said of Array.from(sentence.matchAll(/\s(?:is|are|equals|was)\s|=\s?(?=\d)/g)).reverse()) {
    const part = sentence.slice(said.index + said[0].length)
    const found = lastFound(part)
    if (found !== null) return found
  }
  return lastFound(sentence) ?? (sentence.trim() === '' ? null : sentence.trim())
}

const sentenceEnd = (text: string): number => {
  const spans = formulas(text)
  let from = 0
  for (;;) {
    const found = SENTENCE_END.exec(text.slice(from))
    if (found === null) return text.length
    const at = from + found.index
    const inside = spans.find((span) => span.from < at && at < span.end)
    if (inside === undefined) return at
    from = inside.end
  }
}

/** The last formula of a text, or the last number after it. */
const lastFound = (text: string): string | null => {
  const spans = formulas(text)
  const from = spans.at(-1)?.end ?? 0
  const rest = text.slice(from)
  const found = numerals(rest)
  const after = found.at(-1)
  if (after !== undefined) {
    let first = found.length - 1
    while (first > 0 && OR.test(rest.slice(endOf(found[first - 1]!), found[first]!.at))) first--
    const all = found
      .slice(first)
      .map((numeral) => numeral.text)
      .join(' , ')
    return qualifier(rest, found[first]!.at) + all + magnitude(rest, endOf(after))
  }
  const last = spans.at(-1)
  if (last === undefined) return null
  return qualifier(text, last.from) + lastJoined(text, spans) + magnitude(text, last.end)
}

/** An answer, and where it was found. */
export interface Place {
  readonly answer: string
  /** The text that it was taken from; of a box nothing, since that says itself what is in it. */
  readonly around: string
  /** Whether that is what follows a statement such as `the answer is`. */
  readonly stated: boolean
}

/** The last side of an equation without bold letters or code around it: `4 + 3 = **7**`. */
const EMPHASIZED = /(=\s?)(\*\*|`)([^*`=\n]{1,200})\2(?=[.\s]{0,9}$)/

/**
 * The answer of a text as {@link mathAnswer} has it, with its place.
 *
 * @internal
 */
export const answerPlace = (given: string): Place => {
  const text = unwrapped(beforeNext(given))
    .replaceAll(SIGN_WORD, '$1-')
    .replace(EMPHASIZED, '$1$3')
    .replace(/^=\s*/, '')
  const boxed = boxes(text)
  if (boxed.length > 0) {
    const after = text.slice(boxed.at(-1)!.end)
    const final = Array.from(after.matchAll(FINAL)).at(-1)
    const rest = final === undefined ? '' : after.slice(final.index + final[0].length)
    const corrected = rest === '' ? null : adjacent(rest)
    return corrected !== null
      ? { answer: corrected, around: rest, stated: true }
      : { answer: lastJoined(text, boxed) + scaleBehind(text, boxed.at(-1)!.end), around: '', stated: false }
  }
  for (const said of Array.from(text.matchAll(STATED)).slice(-MOST_STATEMENTS).reverse()) {
    const rest = text.slice(said.index + said[0].length)
    const answer = stated(rest)
    if (answer !== null) return { answer, around: rest, stated: true }
  }
  const spans = formulas(text)
  const whole = spans.length === 0 && (BROKEN.test(text) || !prose(text))
  return { answer: (whole ? null : lastFound(text)) ?? text.trim(), around: text, stated: false }
}

/**
 * The part of a text that is its answer: the last `\boxed{..}` (with those right before it: `\boxed{1} and \boxed{2}`),
 * unless `the final answer is` follows it and says another; else what the last `the answer is`, `Answer:` or `####` says; else, of prose, the last formula (`$..$`, `\(..\)`, `\[..\]`) or
 * the last number after it; and a text that is nothing but an answer, itself. What follows the answer when a text runs on into
 * a next question is not read. Linear in the length of the text; it never throws.
 *
 * @example
 * ```ts
 * import { mathAnswer } from '@adjoint/rl'
 * mathAnswer('As $7^2 = 49$, the root is $\\boxed{7}$.') // '7'
 * ```
 */
export const mathAnswer = (given: string): string => answerPlace(given).answer

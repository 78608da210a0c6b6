/**
 * JSON whose numbers are exact and whose names stand once: `JSON.parse` rounds integers beyond 2^53 and keeps the last of two equal
 * names, and a header with either is no other header. Every text is marked before the engine parses it: strings, names too, with an `s`,
 * numbers with an `n` and in quotes. So both come back as they stood, and a name is never one that objects have by themselves.
 */

import { type Either, left, right } from 'fp-ts/lib/Either.js'
import type { Fault, Flaw } from './failure.ts'

/** A value: texts have `s` before them, numbers are texts with `n` before them, names of a record have `s` too. */
export type Marked = string | boolean | null | readonly Marked[] | MarkedRecord
export interface MarkedRecord {
  readonly [key: string]: Marked
}

export const isMarkedRecord = (value: Marked): value is MarkedRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const QUOTE = 34
const BACKSLASH = 92
const isNumeric = (c: number): boolean =>
  (c >= 48 && c <= 57) || c === 43 || c === 45 || c === 46 || c === 69 || c === 101

/** Whether a text is a number of JSON. */
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/
/** Longer than any number that a header has. */
const LONGEST = 400

/** The text with its strings and numbers marked, and how many names it has; null where it is no JSON. */
const mark = (text: string): { readonly marked: string; readonly names: number } | null => {
  const pieces: string[] = []
  let [copied, at, names] = [0, 0, 0]
  while (at < text.length) {
    const c = text.charCodeAt(at)
    if (c === QUOTE) {
      pieces.push(text.slice(copied, at + 1), 's')
      copied = ++at
      while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
      at++
      // 'true' and 'false' have an e, which begins no number
    } else if (isNumeric(c) && c !== 69 && c !== 101) {
      const from = at
      while (at < text.length && isNumeric(text.charCodeAt(at))) at++
      if (at - from > LONGEST || !NUMBER.test(text.slice(from, at))) return null
      pieces.push(text.slice(copied, from), `"n${text.slice(from, at)}"`)
      copied = at
    } else {
      // each name is followed by a colon, and nothing else outside of strings is
      if (c === 58) names++
      at++
    }
  }
  pieces.push(text.slice(copied))
  return { marked: pieces.join(''), names }
}

/** Names of all records within a value; null where one has half of a character, which no UTF-8 writes. */
const namesIn = (value: Marked): number | null => {
  let names = 0
  const open: Marked[] = [value]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string') {
      if (/\p{Surrogate}/u.test(next)) return null
    } else if (Array.isArray(next)) for (const item of next as readonly Marked[]) open.push(item)
    else if (typeof next === 'object' && next !== null)
      for (const [name, item] of Object.entries(next)) {
        names++
        open.push(name, item)
      }
  }
  return names
}

const flaw = (fault: Fault, message: string): Either<Flaw, never> => left({ fault, message })

/** What an engine's parser gives, which throws for what it cannot parse. */
const orNull = <A>(parse: () => A): A | null => {
  try {
    return parse()
  } catch {
    return null
  }
}

/** The record that bytes are the JSON of, or what is wrong with them: `what` names them, 'its header'. */
export const parseRecord = (what: string, bytes: Uint8Array): Either<Flaw, MarkedRecord> => {
  const text = orNull(() => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  if (text === null) return flaw('InvalidHeader', `${what} is no UTF-8`)
  const marks = mark(text)
  const value = marks === null ? null : orNull(() => JSON.parse(marks.marked) as Marked)
  // 'null' is no object either
  if (marks === null || value === null) return flaw('InvalidHeaderDeserialization', `${what} is no JSON`)
  const names = namesIn(value)
  if (names === null) return flaw('InvalidHeaderDeserialization', `${what} has half of a character`)
  if (!isMarkedRecord(value)) return flaw('InvalidHeaderDeserialization', `${what} is no JSON object`)
  return names === marks.names ? right(value) : flaw('DuplicateKey', `${what} has a name twice in one record`)
}

/** A text without its mark; null where it is none. */
export const textOf = (value: Marked | undefined): string | null =>
  typeof value === 'string' && value.startsWith('s') ? value.slice(1) : null

/** A whole number from 0 to 2^64 - 1 without its mark, rounded to what a number can be; null where it is none. */
export const countOf = (value: Marked | undefined): number | null => {
  if (typeof value !== 'string' || !/^n(?:0|[1-9][0-9]*)$/.test(value)) return null
  const digits = value.slice(1)
  return digits.length < 16 || (digits.length <= 20 && BigInt(digits) < 2n ** 64n) ? Number(digits) : null
}

/** A list of such numbers; null where it is none. */
export const countsOf = (value: Marked | undefined): readonly number[] | null => {
  if (!Array.isArray(value)) return null
  const counts = (value as readonly Marked[]).map(countOf)
  return counts.every((n) => n !== null) ? counts : null
}

/** A record of texts, with its own names; null where it is none. */
export const textsOf = (value: Marked | undefined): Readonly<Record<string, string>> | null => {
  if (value === undefined || !isMarkedRecord(value)) return null
  const texts = Object.entries(value).map(([name, text]) => [name.slice(1), textOf(text)] as const)
  // fromEntries makes own properties of all names, '__proto__' too
  return texts.every((entry): entry is readonly [string, string] => entry[1] !== null)
    ? Object.fromEntries(texts)
    : null
}

/** A place in a list of tokens, that a parser moves. */
import type { Token } from './lexer.ts'
import * as Q from './rational.ts'
import { refuse } from './value.ts'

/** The deepest nesting of an answer. */
const DEEPEST = 64

export interface Cursor {
  /** The token so many places on. */
  readonly token: (offset?: number) => Token | undefined
  /** Its text, where it is a symbol. */
  readonly next: (offset?: number) => string | undefined
  /** Goes past the next token, which must be there. */
  readonly advance: () => Token
  /** Goes past one of these symbols, if it is next. */
  readonly take: (...symbols: readonly string[]) => string | null
  readonly expect: (symbol: string) => void
  /** The first digit of the numeral that is next, if it has more; the others stay. */
  readonly digit: () => Q.Rational | null
  /** Whether others of such a numeral are next. */
  readonly splits: () => boolean
  /** What is read inside, one level down. */
  readonly deeper: <T>(inside: () => T) => T
  /** What a reading gives, or null and nothing is read. */
  readonly attempt: <T>(reading: () => T | null) => T | null
  readonly since: (from: number) => readonly Token[]
  readonly position: () => number
  readonly ended: () => boolean
}

export const cursor = (given: readonly Token[]): Cursor => {
  let tokens = given
  let at = 0
  let depth = 0
  let split = -1 // where the rest of a numeral stands whose first digit was taken

  const token = (offset = 0): Token | undefined => tokens[at + offset]
  const next = (offset = 0): string | undefined => {
    const found = token(offset)
    return found?._tag === 'Symbol' ? found.text : undefined
  }
  const take = (...symbols: readonly string[]): string | null => {
    const symbol = next()
    if (symbol === undefined || !symbols.includes(symbol)) return null
    at++
    return symbol
  }
  return {
    token,
    next,
    take,
    advance: () => {
      const found = token() ?? refuse()
      at++
      return found
    },
    expect: (symbol) => {
      if (take(symbol) === null) refuse()
    },
    digit: () => {
      const found = token()
      if (found?._tag !== 'Number' || !found.digits || found.text.length === 1) return null
      const others = found.text.slice(1)
      tokens = tokens.with(at, { ...found, text: others, value: Q.decimal(others) ?? refuse() })
      split = at
      return Q.decimal(found.text[0]!)
    },
    splits: () => split === at,
    deeper: (inside) => {
      if (++depth > DEEPEST) refuse()
      const value = inside()
      depth--
      return value
    },
    attempt: (reading) => {
      const before = { tokens, at, split }
      const value = reading()
      if (value === null) ({ tokens, at, split } = before)
      return value
    },
    since: (from) => tokens.slice(from, at),
    position: () => at,
    ended: () => at === tokens.length,
  }
}

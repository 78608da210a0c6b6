/** Text to tokens and back over a closed list of tokens, some of them longer than a character (`<think>`, `</answer>`). */
import * as E from 'fp-ts/lib/Either.js'
import type { RunError } from '../errors.ts'

/** A closed list of tokens; the index of a token is its id. */
export interface Vocabulary {
  readonly tokens: readonly string[]
  readonly size: number
  /** Ids of the three tokens that are no text: padding, beginning and end of a sequence. */
  readonly pad: number
  readonly bos: number
  readonly eos: number
  /** The longest token that fits, from left to right. Left: a character that no token starts with. */
  readonly encode: (text: string) => E.Either<RunError, readonly number[]>
  /** The text of all ids before the first `eos`; padding and `bos` are no text. */
  readonly decode: (ids: ArrayLike<number>) => string
}

const SPECIAL = ['<pad>', '<bos>', '<eos>'] as const

/** The four tags of the chain-of-thought template. */
export const TAGS = ['<think>', '</think>', '<answer>', '</answer>'] as const

/**
 * The vocabulary of `symbols` (a text: one token a character): `<pad>`, `<bos>`, `<eos>`, the four template tags, then the symbols in order.
 *
 * @example
 * ```ts
 * import { vocabulary } from '@adjoint/rl'
 * const v = vocabulary('0123456789+=')
 * v.size // 19
 * v.encode('<think>7') // Right: the id of the tag, then that of 7
 * ```
 */
export const vocabulary = (symbols: Iterable<string>): Vocabulary => {
  const tokens = [...SPECIAL, ...TAGS, ...symbols]
  const ids = new Map(tokens.map((token, id) => [token, id]))
  if (ids.size !== tokens.length) throw new Error(`vocabulary: a token is listed twice in ${tokens.join(' ')}`)
  const longest = Math.max(...tokens.map((t) => t.length))
  const [pad, bos, eos] = [0, 1, 2]

  const encode = (text: string): E.Either<RunError, readonly number[]> => {
    const out: number[] = []
    for (let at = 0; at < text.length;) {
      let length = Math.min(longest, text.length - at)
      while (length > 0 && !ids.has(text.slice(at, at + length))) length--
      const id = ids.get(text.slice(at, at + length))
      if (id === undefined) return E.left({ _tag: 'UnknownToken', text, position: at })
      out.push(id)
      at += length
    }
    return E.right(out)
  }

  const decode = (sequence: ArrayLike<number>): string => {
    let text = ''
    for (let i = 0; i < sequence.length && sequence[i] !== eos; i++) {
      const id = sequence[i]!
      if (id !== pad && id !== bos) text += tokens[id] ?? ''
    }
    return text
  }

  return { tokens, size: tokens.length, pad, bos, eos, encode, decode }
}

/** The vocabularies of tasks: a character tokenizer whose specials are padding, both ends of a sequence, and the template's tags. */
import { characterTokenizer, type TokenizeError } from '@adjoint/nn'
import * as E from 'fp-ts/lib/Either.js'
import type { Text } from '../policy/text.ts'
import type { RunError } from '../run/errors.ts'

/** A closed list of tokens; the index of a token is its id. Its prompts begin with `<bos>`, its completions end with `<eos>`. */
export interface Vocabulary extends Text {
  readonly tokens: readonly string[]
  /** Begins a sequence. */
  readonly bos: number
  /** The longest token that fits, from left to right. Left UnknownToken: a character that no token starts with. */
  readonly encode: (text: string) => E.Either<RunError, readonly number[]>
}

const SPECIAL = ['<pad>', '<bos>', '<eos>'] as const

/** The four tags of the chain-of-thought template. */
export const TAGS = ['<think>', '</think>', '<answer>', '</answer>'] as const

/**
 * The vocabulary of some characters: `<pad>`, `<bos>`, `<eos>`, the four template tags, then the characters in order.
 * Throws RangeError where one is named twice.
 *
 * @example
 * ```ts
 * import { vocabulary } from '@adjoint/rl'
 * const v = vocabulary('0123456789+=')
 * v.size // 19
 * v.encode('<think>7') // Right: the id of the tag, then that of 7
 * ```
 */
export const vocabulary = (characters: string): Vocabulary => {
  const tokenizer = characterTokenizer({ specials: [...SPECIAL, ...TAGS], characters })
  const [pad, bos, eos] = [0, 1, 2]
  const encode: Vocabulary['encode'] = (text) =>
    E.mapLeft(({ position }: TokenizeError): RunError => ({ _tag: 'UnknownToken', text, position }))(
      tokenizer.encode(text),
    )
  return {
    name: `the characters ${JSON.stringify(characters)}`,
    token: (id) => tokenizer.vocabulary[id] ?? null,
    tokens: tokenizer.vocabulary,
    size: tokenizer.vocabulary.length,
    pad,
    bos,
    eos: [eos],
    encode,
    prompt: (text) => E.map((ids: readonly number[]) => [bos, ...ids])(encode(text)),
    completion: (text) => E.map((ids: readonly number[]) => [...ids, eos])(encode(text)),
    decode: (ids) => {
      const all = Array.from(ids)
      const end = all.indexOf(eos)
      return tokenizer.decode((end < 0 ? all : all.slice(0, end)).filter((id) => id !== pad && id !== bos))
    },
  }
}

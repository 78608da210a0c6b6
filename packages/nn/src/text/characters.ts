/**
 * A character tokenizer: one token a character, and whole-token specials such as `<think>`. Its vocabulary is a value:
 * the index of a piece is its id, so that a checkpoint stores the tokenizer by storing the list.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { optionsOf, shown } from '@adjoint/tensor/ir'
import { demandList } from '../demands.ts'

/** A text that has no tokens, as data. */
export interface TokenizeError {
  readonly _tag: 'UnknownToken'
  /** The character that is not in the vocabulary. */
  readonly character: string
  /** Where it stands, in UTF-16 code units from the start of the text (as `String.prototype.slice` counts). */
  readonly position: number
  /** For people: what is wrong, where, and what to do. */
  readonly message: string
}

/** Text to ids and back, over a fixed vocabulary. */
export interface CharacterTokenizer {
  /** The piece of each id. */
  readonly vocabulary: readonly string[]
  /** Ids of a text; specials are matched first, the longest one where several match. */
  readonly encode: (text: string) => Either<TokenizeError, readonly number[]>
  /** The pieces of ids, joined. Throws RangeError for an id outside the vocabulary. */
  readonly decode: (ids: readonly number[]) => string
  /** The id of one piece. Throws RangeError for a piece outside the vocabulary. */
  readonly id: (piece: string) => number
}

/** What a tokenizer is made of. */
export interface CharacterVocabulary {
  /** Multi-character pieces that are one token each; their ids come first, in this order. */
  readonly specials?: readonly string[]
  /** Every character the text may hold; ids follow in this order. */
  readonly characters: string
}

const show = (piece: string): string => JSON.stringify(piece)

const isText = (value: unknown): boolean => typeof value === 'string'

const tokenizer = (vocabulary: readonly string[]): CharacterTokenizer => {
  const ids = new Map(vocabulary.map((piece, i) => [piece, i]))
  const twice = vocabulary.find((piece, i) => ids.get(piece) !== i)
  if (twice !== undefined)
    throw new RangeError(`characterTokenizer: ${show(twice)} is in the vocabulary twice. Name each piece once.`)
  if (ids.has('')) throw new RangeError('characterTokenizer: the empty text is no piece. Leave it out.')
  // Longest first, so that '<think>' is not read as '<thin' followed by something else.
  const long = vocabulary.filter((piece) => Array.from(piece).length > 1).sort((a, b) => b.length - a.length)

  return {
    vocabulary,
    encode: (text) => {
      const out: number[] = []
      for (let at = 0; at < text.length;) {
        const special = long.find((piece) => text.startsWith(piece, at))
        const piece = special ?? String.fromCodePoint(text.codePointAt(at)!)
        const id = ids.get(piece)
        if (id === undefined)
          return left({
            _tag: 'UnknownToken',
            character: piece,
            position: at,
            message:
              `encode: ${show(piece)} at position ${at} of ${show(text)} is not in the vocabulary of ` +
              `${vocabulary.length} pieces. Add it to the tokenizer's characters, or take it out of the text.`,
          })
        out.push(id)
        at += piece.length
      }
      return right(out)
    },
    decode: (tokens) =>
      tokens
        .map((id) => {
          const piece = vocabulary[id]
          if (piece === undefined)
            throw new RangeError(
              `decode: token ${id} is outside the vocabulary of ${vocabulary.length} pieces. Decode with the tokenizer that encoded.`,
            )
          return piece
        })
        .join(''),
    id: (piece) => {
      const id = ids.get(piece)
      if (id === undefined)
        throw new RangeError(`id: ${show(piece)} is not in the vocabulary. It holds ${vocabulary.map(show).join(' ')}.`)
      return id
    },
  }
}

/**
 * A tokenizer over `specials` and then `characters`, in this order from id 0. Throws RangeError where a piece is named
 * twice or is empty.
 *
 * @example
 * ```ts
 * import { characterTokenizer } from '@adjoint/nn'
 * const { encode, decode } = characterTokenizer({ specials: ['<pad>', '<think>', '</think>'], characters: '0123456789+=' })
 * const ids = encode('3+4=<think>7</think>')
 * if (ids._tag === 'Right') console.log(ids.right.length, decode(ids.right)) // 7 '3+4=<think>7</think>'
 * ```
 */
export const characterTokenizer = (options: CharacterVocabulary): CharacterTokenizer => {
  const { specials = [], characters } = optionsOf('characterTokenizer', options, { specials: true, characters: true })
  if (!isText(characters))
    throw new TypeError(
      `characterTokenizer: characters is ${shown(characters)}. Give a string of all that may stand in a text.`,
    )
  demandList('characterTokenizer', 'specials', specials, isText, "Give a list of texts: ['<think>'].")
  return tokenizer([...specials, ...Array.from(characters)])
}

/**
 * The tokenizer whose vocabulary is `vocabulary`: what a checkpoint's metadata is read back with. Throws as
 * `characterTokenizer` does.
 *
 * @example
 * ```ts
 * import { characterTokenizer, tokenizerOf } from '@adjoint/nn'
 * const { vocabulary } = characterTokenizer({ characters: 'ab' })
 * console.log(tokenizerOf(vocabulary).decode([1, 0])) // 'ba'
 * ```
 */
export const tokenizerOf = (vocabulary: readonly string[]): CharacterTokenizer => {
  demandList(
    'tokenizerOf',
    'its argument',
    vocabulary,
    isText,
    "Give the pieces in the order of their ids: ['a', 'b'].",
  )
  return tokenizer([...vocabulary])
}

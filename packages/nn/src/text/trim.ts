/**
 * A smaller vocabulary of a tokenizer: what some texts use of it, and what any other text needs. A model for one task has no use for most
 * of the 50,000 to 150,000 tokens of a published vocabulary, whose table of embeddings would be most of a small model's parameters.
 */
import { type Either, flatMap, isLeft, left, right } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandFields } from '../demands.ts'
import { type Description, descriptionOf, modelPieces } from './description.ts'
import { huggingFaceTokenizer, type TokenizerFiles } from './hugging-face.ts'
import type { Fields } from './json.ts'
import { pieceDecoder } from './pieces.ts'
import { idsIn, renumbered } from './renumber.ts'
import type { Tokenizer, TokenizerError } from './tokenizer.ts'

/** What of a vocabulary stays. */
export interface TrimConfig {
  /** Texts that are to have the same tokens as before. A conversation is given as its template writes it. Default: none. */
  readonly texts?: readonly string[]
  /** Tokens that stay besides, by the ids that they have. Default: none. */
  readonly ids?: readonly number[]
}

/** A smaller tokenizer, and where its tokens come from. */
export interface TrimmedTokenizer {
  /** Its files: `huggingFaceTokenizer` makes a tokenizer of them, and `saveTokenizer` writes them. */
  readonly files: TokenizerFiles
  /** The id that each token had before, in the order of the new ids, which goes upwards. */
  readonly ids: readonly number[]
}

/** Two pieces that are joined to one. */
type Merge = readonly [head: string, tail: string]

/** A merge as files write it: a pair, or a text, whose first piece may begin with the space. */
const mergeOf = (given: unknown): Merge | null => {
  if (Array.isArray(given)) {
    const [head, tail] = given as readonly unknown[]
    return typeof head === 'string' && typeof tail === 'string' ? [head, tail] : null
  }
  if (typeof given !== 'string') return null
  const at = given.indexOf(' ', 1)
  return at < 0 ? null : [given.slice(0, at), given.slice(at + 1)]
}

/** Marks that pieces bear of their place in a word: what a merge makes is then not its two pieces put together. */
const MARKS = ['end_of_word_suffix', 'continuing_subword_prefix'] as const

const BYTE_PIECES: ReadonlySet<string> = new Set(
  Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`),
)

/**
 * The pieces by which every text that can be written now can still be written: the bytes, and the characters that are no bytes of their
 * own. A piece of whose characters one is no piece stays as well, since nothing else may write it.
 */
const alphabetOf = ({ tokenizer, model }: Description, own: ReadonlySet<string>): readonly string[] => {
  const decoder = pieceDecoder(tokenizer.decoder)
  const falls = model.byte_fallback === true
  const bytesDo = falls && model.type !== 'Unigram' && [...BYTE_PIECES].every((piece) => own.has(piece))
  // what stands for something else (a space, as a rule) is not made of the bytes of its own character
  const standsForItself = (piece: string): boolean =>
    !isLeft(decoder) && new TextDecoder().decode(decoder.right.bytes(piece)) === piece
  return [...own].filter((piece) => {
    const characters = Array.from(piece)
    if (characters.length <= 1) return !(bytesDo && standsForItself(piece))
    if (falls && BYTE_PIECES.has(piece)) return true
    return !bytesDo && characters.some((character) => !own.has(character))
  })
}

/** Unigram finds a character that it does not know less likely than its least likely piece: that one stays. */
const leastLikely = ({ model }: Description): readonly number[] => {
  if (!Array.isArray(model.vocab)) return []
  const scores = (model.vocab as readonly unknown[]).map((row) => (Array.isArray(row) ? Number(row[1]) : NaN))
  return [scores.indexOf(scores.reduce((least, score) => Math.min(least, score), Infinity))].filter((id) => id >= 0)
}

/** All that must stay: the tokens asked for, those that they are made of, and those without which texts would be lost. */
const keptOf = (
  { texts, ids }: Required<TrimConfig>,
  files: TokenizerFiles,
  description: Description,
  parent: Tokenizer,
  merges: readonly Merge[],
): ReadonlySet<number> => {
  const { pieces, model, added } = description
  const idOf = new Map(Array.from(pieces, ([id, piece]) => [piece, id]))
  const own = new Set(modelPieces(model).values())
  const partsOf = new Map<string, string[]>()
  for (const [head, tail] of merges) {
    const parts = partsOf.get(head + tail)
    if (parts === undefined) partsOf.set(head + tail, [head, tail])
    else parts.push(head, tail)
  }

  const kept = new Set<number>()
  const open: string[] = []
  const keep = (id: number | undefined): void => {
    const piece = id === undefined ? undefined : pieces.get(id)
    if (id === undefined || piece === undefined || kept.has(id)) return
    kept.add(id)
    open.push(piece)
  }
  for (const id of [...ids, ...parent.specials.values(), ...leastLikely(description), ...idsIn(files)]) keep(id)
  for (const { id } of added) if (typeof id === 'number') keep(id)
  if (typeof model.unk_id === 'number') keep(model.unk_id)
  if (typeof model.unk_token === 'string') keep(idOf.get(model.unk_token))
  for (const piece of alphabetOf(description, own)) keep(idOf.get(piece))
  for (const text of ['', ...texts])
    for (const parseSpecial of [false, true])
      for (const id of parent.encode(text, { addSpecial: true, parseSpecial })) keep(id)
  // Whatever a token may be made of on its way: then the merges of a text are the same, one after the other.
  for (let piece = open.pop(); piece !== undefined; piece = open.pop())
    for (const part of partsOf.get(piece) ?? []) keep(idOf.get(part))
  return kept
}

/** The model with these pieces alone, under their new ids, and the merges that join them. */
const smaller = (
  { model, pieces }: Description,
  kept: ReadonlySet<number>,
  now: (id: number) => number,
  merges: readonly Merge[],
): Fields => {
  const stays = new Set(Array.from(kept, (id) => pieces.get(id)!))
  const { vocab, unk_id: unknown } = model
  const listed = Array.isArray(model.merges) ? (model.merges as readonly unknown[]) : null
  return {
    ...model,
    vocab: Array.isArray(vocab)
      ? (vocab as readonly unknown[]).filter((_, id) => kept.has(id))
      : Object.fromEntries(
          Array.from(modelPieces(model)).flatMap(([id, piece]) => (kept.has(id) ? [[piece, now(id)]] : [])),
        ),
    ...(listed !== null && {
      merges: listed.filter((_, i) => {
        const [head, tail] = merges[i]!
        return stays.has(head) && stays.has(tail) && stays.has(head + tail)
      }),
    }),
    ...(typeof unknown === 'number' && { unk_id: now(unknown) }),
  }
}

/**
 * A tokenizer with a part of another's vocabulary. Kept are the tokens of the texts, those named by id, every token with a meaning of its
 * own, the bytes or characters by which all other texts are written, and, of each kept token, all those of which merges make it:
 *
 *   K = the least set with texts, ids, specials and alphabet in K, and, for every merge (a, b) with ab in K, a and b in K
 *
 * so that a text that was given has the same tokens as before, and any other decodes to what it did, in more tokens perhaps. The new ids
 * are 0 .. K - 1 in the order of the old ones, so that `take(ids)(table)` is the table of embeddings of the smaller vocabulary.
 *
 * Throws RangeError for an id that is no token. Left: as `huggingFaceTokenizer`; a merge of, or to, something that is no piece; a model
 * whose pieces bear an `end_of_word_suffix` or a `continuing_subword_prefix`, as CLIP's.
 *
 * @example
 * ```ts
 * import { huggingFaceTokenizer, trainBpe, trimVocabulary } from '@adjoint/nn'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const files = await trainBpe({ vocab: 400 })(['low lower lowest', 'new newer newest wide wider widest'])()
 * const trimmed = trimVocabulary({ texts: ['low lower'] })(files)
 * if (isRight(trimmed)) {
 *   const small = huggingFaceTokenizer(trimmed.right.files)
 *   if (isRight(small)) {
 *     const { encode, decode, token, size } = small.right
 *     console.log(encode('low lower').map(token)) // ['low', ' lower'], as before
 *     console.log(size === trimmed.right.ids.length, decode(encode('newest 𝄞'))) // true 'newest 𝄞'
 *   }
 * }
 * ```
 */
export const trimVocabulary = (options: TrimConfig) => {
  const { texts = [], ids = [] } = optionsOf<TrimConfig>('trimVocabulary', options, { texts: true, ids: true })
  return (files: TokenizerFiles): Either<TokenizerError, TrimmedTokenizer> => {
    demandFields(
      'trimVocabulary',
      'its argument',
      files,
      ['tokenizer'],
      'Give the files of a tokenizer, as loadTokenizerFiles reads them.',
    )
    const { path = 'tokenizer.json' } = files
    return pipe(
      huggingFaceTokenizer(files),
      flatMap((parent) =>
        flatMap((description: Description) => trimmed({ texts, ids }, files, description, parent))(
          descriptionOf(files.tokenizer, path),
        ),
      ),
    )
  }
}

const trimmed = (
  asked: Required<TrimConfig>,
  files: TokenizerFiles,
  description: Description,
  parent: Tokenizer,
): Either<TokenizerError, TrimmedTokenizer> => {
  const { tokenizer, model, added, pieces } = description
  const { name: path, size } = parent
  const odd = asked.ids.find((id) => !pieces.has(id))
  if (odd !== undefined)
    throw new RangeError(
      `trimVocabulary: token ${odd} is to stay, and the vocabulary of ${size} has none of this id. Give ids of ${path}.`,
    )
  const mark = MARKS.find((field) => typeof model[field] === 'string' && model[field] !== '')
  if (mark !== undefined)
    return left({
      _tag: 'UnsupportedTokenizer',
      path,
      message: `${path}: its model has the ${mark} ${JSON.stringify(model[mark])}, and merges of pieces with such a mark are not trimmed. Keep its vocabulary whole, or take a byte-level or SentencePiece one.`,
    })
  const listed = Array.isArray(model.merges) ? (model.merges as readonly unknown[]) : []
  const all = new Set(pieces.values())
  const merges: Merge[] = []
  for (const [i, given] of listed.entries()) {
    const merge = mergeOf(given)
    if (merge === null || ![merge[0], merge[1], merge[0] + merge[1]].every((piece) => all.has(piece)))
      return left({
        _tag: 'Malformed',
        path,
        message: `${path}: merge ${i}, ${JSON.stringify(given)}, does not join two pieces of the vocabulary to a third one. Take the files of one model.`,
      })
    merges.push(merge)
  }

  const kept = keptOf(asked, files, description, parent, merges)
  const ids = [...kept].sort((a, b) => a - b)
  const place = new Map(ids.map((id, i) => [id, i]))
  const now = (id: number): number => place.get(id)!
  return right({
    files: renumbered((id) => place.get(id) ?? null)({
      ...files,
      tokenizer: {
        ...tokenizer,
        added_tokens: added.map((token) => (typeof token.id === 'number' ? { ...token, id: now(token.id) } : token)),
        model: smaller(description, kept, now, merges),
      },
    }),
    ids,
  })
}

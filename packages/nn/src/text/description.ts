/** The parts of a `tokenizer.json`, as far as they must be there for anything to be made of it. */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { type Fields, isRecord, records } from './json.ts'
import type { TokenizerError } from './tokenizer.ts'

/** A `tokenizer.json` of a kind that is understood. */
export interface Description {
  readonly tokenizer: Fields
  /** BPE's, with a list of merges, or Unigram's. */
  readonly model: Fields
  readonly added: readonly Fields[]
  /** Pieces by id: the model's own, then those that were added. */
  readonly pieces: ReadonlyMap<number, string>
}

/** The model's own pieces, by id. */
export const modelPieces = (model: Fields): ReadonlyMap<number, string> => {
  const pieces = new Map<number, string>()
  if (isRecord(model.vocab))
    for (const [piece, id] of Object.entries(model.vocab)) if (typeof id === 'number') pieces.set(id, piece)
  if (Array.isArray(model.vocab))
    for (const [id, row] of (model.vocab as readonly unknown[]).entries())
      if (Array.isArray(row) && typeof row[0] === 'string') pieces.set(id, row[0])
  return pieces
}

/** A parsed `tokenizer.json` as its parts. Left: it is none, or its model is one that cannot be followed. */
export const descriptionOf = (tokenizer: unknown, path: string): Either<TokenizerError, Description> => {
  const fail = (reason: string): Either<TokenizerError, never> =>
    left({ _tag: 'Malformed', path, message: `${path}: ${reason}` })
  if (!isRecord(tokenizer) || !isRecord(tokenizer.model))
    return fail('it is no description of a tokenizer: a record with a `model`.')
  const { model } = tokenizer
  const added = records(tokenizer.added_tokens)
  const pieces = new Map(modelPieces(model))
  for (const { id, content } of added)
    if (typeof id === 'number' && typeof content === 'string') pieces.set(id, content)
  if (pieces.size === 0) return fail('its model has no vocabulary.')
  if (model.type !== undefined && model.type !== 'BPE' && model.type !== 'Unigram')
    return left({
      _tag: 'UnsupportedTokenizer',
      path,
      message: `${path}: its model is ${JSON.stringify(model.type)}. Models are understood that are BPE or Unigram.`,
    })
  if (model.type !== 'Unigram' && !Array.isArray(model.merges)) return fail('its model has no list of merges.')
  return right({ tokenizer, model, added, pieces })
}

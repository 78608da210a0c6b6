/**
 * A SentencePiece BPE vocabulary (Llama 2's, TinyLlama's) as a `tokenizer.json`. It has a score for each piece and no merges: of the pairs of
 * neighbours that make a piece, the one with the best score is joined first. Merges in the order of the scores say the same, which is
 * how Hugging Face converts them (`SentencePieceExtractor` of transformers' convert_slow_tokenizer.py). Where a piece can be made of
 * two different pairs the one with the longer left part comes first, where SentencePiece takes the leftmost in the text.
 */
import { addedToken } from './json-parts.ts'
import type { Fields } from './json.ts'

/** A piece with what it is; kinds are numbered as in SentencePiece's model and in GGUF. */
export interface ScoredPiece {
  readonly piece: string
  readonly score: number
  readonly kind: number
}

/** @see {@link ScoredPiece.kind} */
export const PIECE_KINDS = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** All pairs of pieces that make a piece, the likeliest first. */
const mergesOf = (pieces: readonly ScoredPiece[]): readonly (readonly [string, string])[] => {
  const usable = ({ kind }: ScoredPiece): boolean => kind === PIECE_KINDS.normal || kind === PIECE_KINDS.userDefined
  const known = new Set(pieces.filter(usable).map(({ piece }) => piece))
  return pieces
    .filter(usable)
    .flatMap(({ piece, score }) => {
      const characters = Array.from(piece)
      return characters
        .slice(1)
        .map((_, i) => [characters.slice(0, i + 1).join(''), characters.slice(i + 1).join('')] as const)
        .filter(([head, tail]) => known.has(head) && known.has(tail))
        .reverse()
        .map((pair) => ({ pair, score }))
    })
    .toSorted((a, b) => b.score - a.score)
    .map(({ pair }) => pair)
}

/** How spaces are written in pieces, and whether one is put before every text. */
export interface SpaceConfig {
  readonly space: string
  readonly addPrefix: boolean
}

/** The description that Hugging Face's libraries read. */
export const sentencePieceDescription = (pieces: readonly ScoredPiece[], { space, addPrefix }: SpaceConfig): Fields => {
  const special = (kind: number): boolean => kind === PIECE_KINDS.control || kind === PIECE_KINDS.unknown
  const unknown = pieces.find(({ kind }) => kind === PIECE_KINDS.unknown)
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(addPrefix ? [{ type: 'Prepend', prepend: space }] : []),
        ...(space === ' ' ? [] : [{ type: 'Replace', pattern: { String: ' ' }, content: space }]),
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        ...(space === ' ' ? [] : [{ type: 'Replace', pattern: { String: space }, content: ' ' }]),
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(addPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    added_tokens: pieces.flatMap(({ piece, kind }, id) =>
      special(kind) || kind === PIECE_KINDS.userDefined ? [addedToken(id, piece, { special: special(kind) })] : [],
    ),
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(pieces.map(({ piece }, id) => [piece, id])),
      merges: mergesOf(pieces),
      byte_fallback: true,
      ...(unknown !== undefined && { unk_token: unknown.piece }),
    },
  }
}

/**
 * The tokenizer file of karpathy/llama2.c (`tokenizer.bin`): the length of the longest piece, then for each piece its score, its length
 * and its bytes, little-endian. Piece 0 is unknown, 1 begins a sequence and 2 ends one; 3 to 258 are the bytes.
 */
import { shown } from '@adjoint/tensor/ir'
import { type Either, flatMap, left, right } from 'fp-ts/lib/Either.js'
import { huggingFaceTokenizer, type TokenizerFiles } from './hugging-face.ts'
import { tokenBefore } from './json-parts.ts'
import { PIECE_KINDS, type ScoredPiece, sentencePieceDescription } from './sentence-piece.ts'
import type { Tokenizer, TokenizerError } from './tokenizer.ts'

const BYTES_FROM = 3
const SPECIAL = ['<unk>', '<s>', '</s>'] as const

const kindOf = (id: number): number =>
  id === 0
    ? PIECE_KINDS.unknown
    : id < BYTES_FROM
      ? PIECE_KINDS.control
      : id < BYTES_FROM + 256
        ? PIECE_KINDS.byte
        : PIECE_KINDS.normal

/** The files of the tokenizer in these bytes, as a folder of the hub would hold them. Left: as {@link llama2cTokenizer}. */
export const llama2cTokenizerFiles = (bytes: Uint8Array, path: string): Either<TokenizerError, TokenizerFiles> => {
  const given: unknown = bytes
  if (!(given instanceof Uint8Array))
    throw new TypeError(
      `llama2cTokenizer: its argument is ${shown(given)}. Give the bytes of tokenizer.bin as a Uint8Array.`,
    )
  const fail = (reason: string): Either<TokenizerError, never> =>
    left({ _tag: 'Malformed', path, message: `${path}: ${reason}. Give the tokenizer.bin of llama2.c.` })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pieces: ScoredPiece[] = []
  for (let at = 4; at < bytes.length;) {
    if (at + 8 > bytes.length) return fail(`it ends within the head of piece ${pieces.length}`)
    const [score, length] = [view.getFloat32(at, true), view.getInt32(at + 4, true)]
    const end = at + 8 + length
    if (length < 1 || end > bytes.length)
      return fail(`piece ${pieces.length} has ${length} bytes, and ${bytes.length - at - 8} are left`)
    const id = pieces.length
    pieces.push({
      piece: SPECIAL[id] ?? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at + 8, end)),
      score,
      kind: kindOf(id),
    })
    at = end
  }
  if (pieces.length < BYTES_FROM + 256)
    return fail(`it has ${pieces.length} pieces, and the bytes alone are ${BYTES_FROM + 256}`)
  const tokenizer = {
    ...sentencePieceDescription(pieces, { space: ' ', addPrefix: true }),
    post_processor: tokenBefore(1, '<s>'),
  }
  return right({
    tokenizer,
    config: { bos_token: '<s>', eos_token: '</s>' },
    generation: { eos_token_id: [1] },
    path,
  })
}

/**
 * The tokenizer in these bytes. A completion ends at `</s>`, and at `<s>`, which stands between the stories that such models were
 * trained on (run.c stops there, too). Left Malformed: the file is cut, or none of these.
 *
 * @example
 * ```ts
 * import { llama2cTokenizer } from '@adjoint/nn'
 * import { isLeft } from 'fp-ts/lib/Either.js'
 * const cut = llama2cTokenizer(Uint8Array.of(7, 0, 0, 0, 0, 0))
 * if (isLeft(cut)) console.log(cut.left._tag) // Malformed
 * ```
 */
export const llama2cTokenizer = (bytes: Uint8Array, path = 'tokenizer.bin'): Either<TokenizerError, Tokenizer> =>
  flatMap(huggingFaceTokenizer)(llama2cTokenizerFiles(bytes, path))

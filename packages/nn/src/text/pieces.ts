/**
 * The bytes of a vocabulary's pieces, as the `decoder` of a `tokenizer.json` describes them. Bytes are written in pieces in two ways: each as
 * a printable character (GPT-2's, Llama 3's, Qwen's), or those without a piece as `<0x0A>` (SentencePiece's).
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { isRecord, records } from './json.ts'

/** What a decoder makes of pieces. */
export interface PieceDecoder {
  readonly bytes: (piece: string) => Uint8Array
  /** Whether a space at the very start goes. */
  readonly dropSpace: boolean
}

const encoder = new TextEncoder()
const utf8 = (text: string): Uint8Array => encoder.encode(text)

/**
 * GPT-2's bytes as characters: those that print stand for themselves, the others, in order, for the characters from U+0100 on
 * (`bytes_to_unicode` of openai/gpt-2).
 */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const prints = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(prints(byte) ? byte : next++))
})()
const BYTE_OF: ReadonlyMap<string, number> = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]))

const byteLevel = (piece: string): Uint8Array => {
  const bytes = Array.from(piece, (character) => BYTE_OF.get(character))
  // A piece with a character of no byte was added as text.
  return bytes.includes(undefined) ? utf8(piece) : Uint8Array.from(bytes as number[])
}

const BYTE_PIECE = /^<0x([0-9A-Fa-f]{2})>$/
const byteFallback = (piece: string): Uint8Array | null => {
  const hex = BYTE_PIECE.exec(piece)?.[1]
  return hex === undefined ? null : Uint8Array.of(Number.parseInt(hex, 16))
}

type Step =
  | { readonly kind: 'replace'; readonly from: string; readonly to: string }
  | { readonly kind: 'bytes'; readonly bytes: (piece: string) => Uint8Array | null }
  | { readonly kind: 'drop' }
  | { readonly kind: 'nothing' }

/** One decoder as steps, or the reason why it is none of a model that writes text. */
const stepsOf = (decoder: unknown): Either<string, readonly Step[]> => {
  if (!isRecord(decoder)) return left('it has no decoder')
  const { type } = decoder
  switch (type) {
    case 'Sequence': {
      const all: Step[] = []
      for (const each of records(decoder.decoders)) {
        const steps = stepsOf(each)
        if (steps._tag === 'Left') return steps
        all.push(...steps.right)
      }
      return right(all)
    }
    case 'ByteLevel':
      return right([{ kind: 'bytes', bytes: byteLevel }])
    case 'ByteFallback':
      return right([{ kind: 'bytes', bytes: byteFallback }])
    case 'Fuse':
      return right([{ kind: 'nothing' }])
    case 'Replace': {
      const from = isRecord(decoder.pattern) ? decoder.pattern.String : undefined
      if (typeof from !== 'string' || typeof decoder.content !== 'string')
        return left('its decoder Replace has a pattern that is no text')
      return right([{ kind: 'replace', from, to: decoder.content }])
    }
    case 'Metaspace': {
      const from = typeof decoder.replacement === 'string' ? decoder.replacement : '\u2581'
      const drops = decoder.prepend_scheme !== 'never' && decoder.add_prefix_space !== false
      const replaced: Step = { kind: 'replace', from, to: ' ' }
      return right(drops ? [replaced, { kind: 'drop' }] : [replaced])
    }
    case 'Strip':
      if (decoder.content !== ' ' || decoder.start !== 1 || decoder.stop !== 0)
        return left('its decoder Strip takes away something other than one space at the start')
      return right([{ kind: 'drop' }])
    default:
      return left(`its decoder ${JSON.stringify(type)} is none of a model that writes text`)
  }
}

/** The decoder of a `tokenizer.json`. Left: why its pieces have no bytes. */
export const pieceDecoder = (decoder: unknown): Either<string, PieceDecoder> => {
  const outcome = stepsOf(decoder)
  if (outcome._tag === 'Left') return outcome
  const steps = outcome.right
  return right({
    dropSpace: steps.some(({ kind }) => kind === 'drop'),
    bytes: (piece) => {
      let text = piece
      for (const step of steps) {
        if (step.kind === 'replace') text = text.replaceAll(step.from, step.to)
        if (step.kind !== 'bytes') continue
        const bytes = step.bytes(text)
        if (bytes !== null) return bytes
      }
      return utf8(text)
    },
  })
}

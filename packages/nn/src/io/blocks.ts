/**
 * Quantised blocks of GGUF: 32 elements share a scale d, and in some kinds a least value m, both f16.
 *
 *   Q8_0: 2 bytes d, 32 signed bytes q:                         d q
 *   Q4_0: 2 bytes d, 16 bytes of two q from 0 to 15:            d (q - 8)
 *   Q4_1: 2 bytes d, 2 bytes m, 16 bytes of two q from 0 to 15: d q + m
 *
 * Of two in a byte the lower is element i, the upper i + 16. d has 11 significant bits and q at most 8, so that products are exact in
 * f32, and a sum is rounded once: whatever the order or the contraction, the f32 has the same bits. Source: ggml, `ggml-quants.c`,
 * `dequantize_row_q8_0`, `_q4_0` and `_q4_1`.
 */
import { unpackHalves } from '@adjoint/tensor/ir'

/** Elements that share a scale. */
export const BLOCK = 32

type Decode = (bytes: Uint8Array<ArrayBuffer>, into: Float32Array) => void

/** The numbers that begin each block: `count` halves. */
const headsOf = (bytes: Uint8Array<ArrayBuffer>, width: number, count: number): Float32Array => {
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
  const heads = new Uint16Array((count * bytes.length) / width)
  for (let block = 0; block * width < bytes.length; block++)
    for (let i = 0; i < count; i++) heads[block * count + i] = words[(block * width) / 2 + i]!
  return unpackHalves('f16', heads)
}

const q8 =
  (width: number): Decode =>
  (bytes, into) => {
    const scales = headsOf(bytes, width, 1)
    const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let block = 0; block < scales.length; block++) {
      const [d, from, at] = [scales[block]!, block * width + 2, block * BLOCK]
      for (let i = 0; i < BLOCK; i++) into[at + i] = d * signed[from + i]!
    }
  }

const q4 =
  (width: number, heads: 1 | 2): Decode =>
  (bytes, into) => {
    const numbers = headsOf(bytes, width, heads)
    // q - 8 before the product: of q = 8 the zero has the sign of d, as in ggml
    const shift = heads === 1 ? 8 : 0
    for (let block = 0; block * width < bytes.length; block++) {
      const d = numbers[block * heads]!
      // -0 is what adding changes nothing of
      const m = heads === 2 ? numbers[block * heads + 1]! : -0
      const [from, at] = [block * width + 2 * heads, block * BLOCK]
      for (let i = 0; i < BLOCK / 2; i++) {
        const byte = bytes[from + i]!
        into[at + i] = d * ((byte & 15) - shift) + m
        into[at + i + BLOCK / 2] = d * ((byte >>> 4) - shift) + m
      }
    }
  }

/** Bytes of a block, and its elements as f32. */
export const blocks: Readonly<Record<'Q8_0' | 'Q4_0' | 'Q4_1', { readonly bytes: number; readonly decode: Decode }>> = {
  Q8_0: { bytes: 34, decode: q8(34) },
  Q4_0: { bytes: 18, decode: q4(18, 1) },
  Q4_1: { bytes: 20, decode: q4(20, 2) },
}

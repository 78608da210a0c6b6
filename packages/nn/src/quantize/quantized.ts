/**
 * Matrices in one byte an element, or half of one. The product with one reads the codes: x W is (x C) s where each column has one
 * scale, which is then no work of the matrix at all, and x (s C) where each 32 rows of a column have.
 */
import {
  abs,
  cast,
  div,
  expandDims,
  ge,
  gt,
  matmul,
  max,
  maximum,
  min,
  minimum,
  mul,
  neg,
  reshape,
  round,
  type TreeRecord,
  where,
} from '@adjoint/tensor'
import type { Floats, Integers, Layer } from '../layer.ts'
import { castFloats } from '../optim/mixed.ts'
import { packed, perWord, unpacked } from './codes.ts'

/** A matrix [in, out] of one byte an element, `w = s c` with c from -127 to 127. */
export interface Int8Matrix extends TreeRecord {
  /** c, four to a word: [in / 4, out]. */
  readonly int8: Integers
  /** s, of each column: [out]. */
  readonly scale: Floats
}

/** A matrix [in, out] of half a byte an element, `w = s c` with c from -8 to 7. */
export interface Int4Matrix extends TreeRecord {
  /** c, eight to a word: [in / 8, out]. */
  readonly int4: Integers
  /** s, of each block of a column: [in / block, out]. */
  readonly scale: Floats
}

/** A matrix kept as codes. */
export type QuantizedMatrix = Int8Matrix | Int4Matrix

const isInt8 = (m: QuantizedMatrix): m is Int8Matrix => 'int8' in m

/** @internal Its sizes [in, out]. */
export const quantizedSizes = (m: QuantizedMatrix): readonly [number, number] => {
  const [words, bits] = isInt8(m) ? [m.int8, 8 as const] : [m.int4, 4 as const]
  return [words.shape[0]! * perWord(bits), words.shape[1]!]
}

/** @internal The matrix [in, out], f32. */
export const dequantized = (m: QuantizedMatrix): Floats => {
  if (isInt8(m)) return mul(unpacked(8)(m.int8), m.scale)
  const [rows, columns] = quantizedSizes(m)
  const blocks = m.scale.shape[0]!
  const codes: Floats = reshape([blocks, rows / blocks, columns])(unpacked(4)(m.int4))
  return reshape([rows, columns])(mul(codes, expandDims(1)(m.scale)))
}

/** @internal x W, x [..., in] -> [..., out]. */
export const quantizedProduct =
  (m: QuantizedMatrix): Layer =>
  (x) =>
    isInt8(m) ? mul(matmul(x, unpacked(8)(m.int8)), m.scale) : matmul(x, dequantized(m))

/** Codes of values that are multiples of a scale; where it is 0, all values are. */
const codesOf = (x: Floats, scale: Floats, least: number, most: number): Integers =>
  cast('i32')(minimum(maximum(round(where(gt(abs(scale), 0), div(x, scale), 0)), least), most))

/**
 * A matrix [in, out] in one byte an element: s = max |w| / 127 of each column, c = round(w / s), so that no element is off by more
 * than s / 2. `in` is a multiple of 4. Source: Dettmers et al., LLM.int8() (arXiv:2208.07339), section 2, absmax quantization
 * by columns.
 */
export const toInt8 = (matrix: Floats): Int8Matrix => {
  const scale: Floats = div(max({ axis: 0 })(abs(cast('f32')(matrix))), 127)
  return { int8: packed(8)(codesOf(cast('f32')(matrix), scale, -127, 127)), scale }
}

/**
 * A matrix [in, out] in half a byte an element and a scale, f16, for each `block` rows of a column: s is the element of largest size
 * divided by -8, so that it is the code -8 itself; no other element is off by more than |s| / 2, but for what is larger than
 * 7.5 |s| with the other sign: by |s|. `block` divides `in` and is a multiple of 8. Source: Q4_0 of llama.cpp
 * (ggml-quants.c, quantize_row_q4_0_ref), whose codes are these plus 8.
 */
export const toInt4 = (block: number, matrix: Floats): Int4Matrix => {
  const [rows, columns] = matrix.shape as readonly [number, number]
  const blocks: Floats = reshape([rows / block, block, columns])(cast('f32')(matrix))
  const [high, low]: readonly Floats[] = [max({ axis: 1 })(blocks), min({ axis: 1 })(blocks)] as readonly Floats[]
  const largest: Floats = where(ge(high!, neg(low!)), high!, low!)
  const scale: Floats = castFloats('f16')(div(largest, -8))
  const codes = codesOf(blocks, expandDims(1)(cast('f32')(scale)), -8, 7)
  return { int4: packed(4)(reshape([rows, columns])(codes)), scale }
}

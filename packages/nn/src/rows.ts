/**
 * Rows of keys and values as a cache keeps them: floats, or codes of one byte and a scale for each row, which is then no further from
 * what was written than half a scale, 1/254 of its largest element. Codes and scales are read by whoever multiplies with the rows; the
 * floats are nowhere.
 */
import {
  abs,
  cast,
  div,
  dynamicUpdateSlice,
  gt,
  isTensor,
  max,
  maximum,
  minimum,
  mul,
  round,
  type Scalar,
  type Shape,
  ShapeError,
  type Tensor,
  type TreeRecord,
  where,
  zeros,
} from '@adjoint/tensor'
import type { Floats, Integers } from './layer.ts'
import { packedInRows, perWord, unpackedInRows } from './quantize/codes.ts'

/** Rows [B, KV, S, D] as floats; those of two bytes are rounded as they are written, and computed with as f32. */
export type FloatRows = Tensor<Shape, 'f32' | 'f16' | 'bf16'>

/** Rows [B, KV, S, D] of one byte an element: x = s c, with c from -127 to 127. */
export interface Int8Rows extends TreeRecord {
  /** c, four neighbours to a word: [B, KV, S, D / 4]. */
  readonly int8: Integers
  /** s, of each row: [B, KV, S, 1]. */
  readonly scale: Floats
}

/** Rows as they are kept. */
export type Rows = FloatRows | Int8Rows

/** How rows are kept. */
export type RowsDType = FloatRows['dtype'] | 'i8'

/** Rows of zeros, [B, KV, S, D]. Throws ShapeError where `i8` is asked for and D is no multiple of 4. */
export const emptyRows = (op: string, shape: readonly [number, number, number, number], dtype: RowsDType): Rows => {
  if (dtype !== 'i8') return zeros(shape, dtype)
  const [B, KV, S, D] = shape
  if (D % perWord(8) !== 0)
    throw new ShapeError({
      op,
      operands: [],
      rule: `a cache of i8 keeps ${perWord(8)} features in a word, and a head has ${D}`,
      fix: 'Keep keys and values as f16',
    })
  return { int8: zeros([B, KV, S, D / perWord(8)], 'i32'), scale: zeros([B, KV, S, 1]) }
}

/** How many rows there are, S. */
export const rowCount = (rows: Rows): number => (isTensor(rows) ? rows : rows.int8).shape[2]!

/** The rows as f32, [B, KV, S, D]. */
export const floatRows = (rows: Rows): Floats =>
  isTensor(rows) ? cast('f32')(rows) : mul(unpackedInRows(8)(rows.int8), rows.scale)

/**
 * Floats [B, KV, T, D] as codes: s = max |x| / 127 of each row, c = round(x / s), so that no element is off by more than s / 2. Source:
 * Dettmers et al., LLM.int8() (arXiv:2208.07339), section 2, absmax quantization by rows.
 */
export const int8Rows = (x: Floats): Int8Rows => {
  const scale: Floats = div(max({ axis: -1, keepDims: true })(abs(x)), 127)
  // a row of zeros has the codes 0; a scale that is a subnormal number may be half of what it should be
  const exact: Floats = where(gt(scale, 0), div(x, scale), 0)
  const codes: Integers = cast('i32')(maximum(minimum(round(exact), 127), -127))
  return { int8: packedInRows(8)(codes), scale }
}

/** The rows with new ones from row `first` on; moved back where they would not fit. */
export const writeRows = (kept: Rows, first: Scalar<'i32'>, fresh: Floats): Rows => {
  const at = [0, 0, first, 0] as const
  if (isTensor(kept)) return dynamicUpdateSlice(kept, cast(kept.dtype)(fresh), at)
  const { int8, scale } = int8Rows(fresh)
  return { int8: dynamicUpdateSlice(kept.int8, int8, at), scale: dynamicUpdateSlice(kept.scale, scale, at) }
}

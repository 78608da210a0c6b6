/** What is known of a value before it is computed, and the memory that it takes. */
import { type DType, dtypes, registerOf } from './dtype.ts'
import { type Shape, sizeOf } from './shape.ts'

/** A shape and a dtype. */
export interface Aval {
  readonly shape: Shape
  readonly dtype: DType
}

/** Bytes of a tensor on a device: whole words, and some even where it has no element. */
export const bytesOf = ({ shape, dtype }: Aval): number =>
  4 * Math.ceil((Math.max(1, sizeOf(shape)) * dtypes[dtype].bytes) / 4)

/** What it becomes by being computed with, and where its cotangents and tangents live. */
export const computedAval = ({ shape, dtype }: Aval): Aval => ({ shape, dtype: registerOf(dtype) })

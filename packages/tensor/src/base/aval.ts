/** What is known of a value before it is computed, and the memory that it takes. */
import { type DType, dtypes } from './dtype.ts'
import { type Shape, sizeOf } from './shape.ts'

/** A shape and a dtype. */
export interface Aval {
  readonly shape: Shape
  readonly dtype: DType
}

/** Bytes of a tensor, as the host and every device hold it: some even where it has no element. */
export const bytesOf = ({ shape, dtype }: Aval): number => Math.max(1, sizeOf(shape)) * dtypes[dtype].bytes

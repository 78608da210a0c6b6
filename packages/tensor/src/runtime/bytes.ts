/** Bytes of a tensor, as the host and every device hold it: some even where it has no element. */
import { dtypes } from '../dtype.ts'
import type { Aval } from '../expr.ts'
import { sizeOf } from '../shape.ts'

export const bytesOf = (aval: Aval): number => Math.max(1, sizeOf(aval.shape)) * dtypes[aval.dtype].bytes

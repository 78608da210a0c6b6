/** Bytes of a tensor, as the host and every device hold it: some even where it has no element. */
import { dtypes } from '../base/dtype.ts'
import type { Aval } from '../graph/expr.ts'
import { sizeOf } from '../base/shape.ts'

export const bytesOf = (aval: Aval): number => Math.max(1, sizeOf(aval.shape)) * dtypes[aval.dtype].bytes

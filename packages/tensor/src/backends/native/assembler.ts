/** Tensors that are put together in the device's memory, piece by piece. */
import { bytesOf } from '../../base/aval.ts'
import { dtypes } from '../../base/dtype.ts'
import { showAval } from '../../base/errors.ts'
import { isHalf } from '../../base/rounding.ts'
import { sizeOf } from '../../base/shape.ts'
import type { Assembly, Piece } from '../../graph/device.ts'
import type { Aval } from '../../graph/expr.ts'
import type { Machine } from '../linear/machine.ts'
import type { NativeMemory } from './memory.ts'

/** Throws RangeError or TypeError where an element of a piece would come to lie outside the tensor, or as something else. */
const demandFits = (aval: Aval, { bytes, dtype, rows, columns, at, rowStride, columnStride }: Piece): void => {
  const wide = dtype === 'bf16' && aval.dtype === 'f32'
  if ((dtype !== aval.dtype && !wide) || dtype === 'bool')
    throw new TypeError(`assemble ${showAval(aval)}: a piece of ${dtype} was put. Give elements of its dtype.`)
  const numbers = [rows, columns, at, rowStride, columnStride]
  const counts = numbers.every((n) => Number.isSafeInteger(n) && n >= 0)
  const last = rows * columns === 0 ? -1 : at + (rows - 1) * rowStride + (columns - 1) * columnStride
  const expected = rows * columns * (isHalf(dtype) ? 2 : dtypes[dtype].allocate(0).BYTES_PER_ELEMENT)
  if (!counts || last >= sizeOf(aval.shape) || bytes.byteLength !== expected)
    throw new RangeError(
      `assemble ${showAval(aval)}: a piece of ${bytes.byteLength} bytes, ${rows} rows of ${columns} elements from ${at} on in steps of ${rowStride} and ${columnStride}, does not fit. ` +
        'Give the bytes of all its elements, and places within the tensor.',
    )
}

/** How the device over a memory puts tensors together. */
export const assembler =
  ({ place }: Pick<NativeMemory, 'place'>): NonNullable<Machine<'native'>['assembler']> =>
  ({ take, load, hold, free }) =>
  (aval: Aval): Assembly => {
    const block = take(bytesOf(aval), { op: `upload of ${showAval(aval)}`, site: null })
    const parcel = load(block)
    let under = 0
    let open = true
    let abandoned = false
    return {
      put: async (piece) => {
        if (!open) throw new Error(`assemble ${showAval(aval)}: it was finished, and takes no more pieces.`)
        demandFits(aval, piece)
        if (piece.bytes.byteLength === 0) return
        under++
        try {
          await place(block, piece, aval.dtype)
        } finally {
          under--
          if (abandoned && under === 0) free(parcel)
        }
      },
      finish: () => {
        if (!open || under > 0)
          throw new Error(
            `assemble ${showAval(aval)}: ${open ? `${under} pieces are under way. Await them first` : 'it was finished already'}.`,
          )
        open = false
        return hold(parcel, aval)
      },
      abandon: () => {
        if (!open) return
        open = false
        abandoned = true
        if (under === 0) free(parcel)
      },
    }
  }

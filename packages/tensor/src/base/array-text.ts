/** Numbers of an array as text, in nested brackets like NumPy's: what does not fit is left out of the middle of an axis. */
import { type DType, isFloat } from './dtype.ts'
import { sizeOf, stridesOf } from './shape.ts'

/** Elements up to which all are shown, and how many stand at each end of an axis where not. */
const ALL = 64
const EDGE = 3

const numeral = (x: number, dtype: DType): string =>
  dtype === 'bool' ? String(x !== 0) : isFloat(dtype) ? String(Number(x.toPrecision(5))) : String(x)

/** Row-major `data` of a shape. A new line ends each row of what has several. */
export const arrayText = (data: ArrayLike<number>, shape: readonly number[], dtype: DType): string => {
  const strides = stridesOf(shape)
  const whole = sizeOf(shape) <= ALL
  const rows = (axis: number, at: number): string => {
    if (axis === shape.length) return numeral(data[at] ?? NaN, dtype)
    const n = shape[axis]!
    const places = Array.from({ length: n }, (_, i) => i).filter(
      (i) => whole || n <= 2 * EDGE || i < EDGE || i >= n - EDGE,
    )
    const parts = places.map((i) => rows(axis + 1, at + i * strides[axis]!))
    if (places.length < n) parts.splice(EDGE, 0, '...')
    const deeper = shape.length - axis - 1
    return `[${parts.join(deeper === 0 ? ', ' : `,${'\n'.repeat(deeper)}${' '.repeat(axis + 1)}`)}]`
  }
  return rows(0, 0)
}

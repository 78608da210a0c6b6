/** The meaning of reductions in doubles: exact on integers (which wrap), NaN handed on by max and min. */
import type { ReduceOp } from '../loops/scalar.ts'
import { type DType, dtypes, isFloat } from '../base/dtype.ts'
import type { Aval, Value } from '../graph/expr.ts'
import { sizeOf, stridesOf } from '../base/shape.ts'

/** x * y modulo 2^32 on integers. */
export const multiply = (dtype: DType): ((x: number, y: number) => number) =>
  dtype === 'u32' ? (x, y) => Math.imul(x, y) >>> 0 : dtype === 'i32' ? Math.imul : (x, y) => x * y
/** x + y modulo 2^32 on integers. */
export const sum = (dtype: DType): ((x: number, y: number) => number) =>
  dtype === 'u32' ? (x, y) => (x + y) >>> 0 : dtype === 'i32' ? (x, y) => (x + y) | 0 : (x, y) => x + y

interface Monoid {
  readonly empty: (dtype: DType) => number
  readonly concat: (dtype: DType) => (x: number, y: number) => number
}
const monoids: Readonly<Record<ReduceOp, Monoid>> = {
  sum: { empty: () => 0, concat: sum },
  prod: { empty: () => 1, concat: multiply },
  max: { empty: (dtype) => dtypes[dtype].lowest, concat: () => Math.max },
  min: { empty: (dtype) => dtypes[dtype].highest, concat: () => Math.min },
}

export const reduceValues = (op: ReduceOp, x: Value, out: Aval, axes: readonly number[]): Float64Array => {
  const { empty, concat } = monoids[op]
  const combine = concat(x.dtype)
  const y = new Float64Array(sizeOf(out.shape)).fill(empty(x.dtype))
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i))
  const outStrides = stridesOf(out.shape)
  const strides = x.shape.map((_, i) => outStrides[kept.indexOf(i)] ?? 0)
  const index = x.shape.map(() => 0)
  let at = 0
  for (const v of x.data) {
    y[at] = combine(y[at]!, v)
    for (let axis = x.shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!
      index[axis]!++
      if (index[axis]! < x.shape[axis]!) break
      at -= strides[axis]! * x.shape[axis]!
      index[axis] = 0
    }
  }
  return y
}

/** Inclusive running reduction along `axis`. */
export const runningValues = (op: ReduceOp, x: Value, axis: number): Float64Array => {
  const combine = monoids[op].concat(x.dtype)
  const n = x.shape[axis]!
  const inner = sizeOf(x.shape.slice(axis + 1))
  const y = Float64Array.from(x.data)
  for (let i = 0; i < y.length; i++) if (Math.floor(i / inner) % n !== 0) y[i] = combine(y[i - inner]!, y[i]!)
  return y
}

/** The nearest value of an integer dtype modulo 2^32; floats are left in double precision. */
export const wrap = (dtype: DType, value: number): number => (isFloat(dtype) ? value : dtypes[dtype].round(value))

/**
 * Writing at positions that are data, where positions may repeat: each place has one answer, which does not depend on the device.
 * The positions are sorted once, so that what goes to one place is a segment of the order.
 */
import { type Computed, dtypes, type DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import type { Check, Take } from '../base/shape-type.ts'
import { sizeOf, type Shape } from '../base/shape.ts'
import { apply, type Expr } from '../graph/expr.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import * as raw from '../primitives/index.ts'
import { resolved } from '../primitives/positions.ts'
import { demandShape, demandTensor, expand, oneDType } from './align.ts'
import { demandPositions, demandUpdates, type IndexDType, scatterAdd } from './indexing.ts'

/** x [pre, n, post] as it is, positions [count] of which those outside are no place, and updates [pre, count, post]. */
interface Writes {
  readonly x: Expr
  readonly positions: Expr
  readonly updates: Expr
}
const writesOf = (x: Expr, indices: Expr, updates: Expr, axis: number): Writes => {
  const [n, count] = [x.shape[axis]!, sizeOf(indices.shape)]
  const [pre, post] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))]
  return {
    x: raw.reshape(x, [pre, n, post]),
    positions: resolved(raw.reshape(indices, [count]), n, 'zero'),
    updates: raw.reshape(updates, [pre, count, post]),
  }
}

/** Whether each place [n] is written to, and where in an order of the positions its last update stands. */
const lastOf = (positions: Expr, order: Expr, n: number): { readonly written: Expr; readonly last: Expr } => {
  const starts = apply(raw.boundsP, [positions, order], { size: n + 1 })
  const [from, to] = [raw.sliceAxis(starts, 0, 0, n), raw.sliceAxis(starts, 0, 1, n + 1)]
  const before = raw.sub(to, raw.fillLike(to, 1))
  return { written: raw.gt(to, from), last: raw.maximum(before, raw.fillLike(before, 0)) }
}
const along = (x: Expr, shape: Shape): Expr => expand(raw.reshape(x, [1, x.shape[0]!, 1]), shape)

/** The last update of each place. */
const setAt = ({ x, positions, updates }: Writes): Expr => {
  const order = raw.argsort(positions, 0, false)
  const { written, last } = lastOf(positions, order, x.shape[1]!)
  const chosen = raw.take(updates, raw.take(order, last, 0, 'nearest'), 1, 'nearest')
  return raw.where(along(written, x.shape), chosen, x)
}

/** The largest update of each place, or the least: the last of its updates in their order. */
const extremeAt =
  (join: (x: Expr, y: Expr) => Expr, descending: boolean) =>
  ({ x, positions, updates }: Writes): Expr => {
    const order = raw.argsort(positions, 0, false)
    const { written, last } = lastOf(positions, order, x.shape[1]!)
    // by value, NaN last, and then by position: equal positions keep the order of values
    const byValue = raw.argsort(updates, 1, descending)
    const moved = raw.take(positions, byValue, 0, 'nearest')
    const byBoth = raw.takeAlongAxis(byValue, raw.argsort(moved, 1, false), 1, 'nearest')
    const winner = raw.takeAlongAxis(byBoth, along(last, x.shape), 1, 'nearest')
    const best = raw.takeAlongAxis(updates, winner, 1, 'nearest')
    return raw.where(along(written, x.shape), join(x, best), x)
  }

/** Every position is compared with every place. */
const multipliedAt = ({ x, positions, updates }: Writes): Expr => {
  const [pre, n, post] = x.shape as readonly [number, number, number]
  const grid = [pre, n, positions.shape[0]!, post]
  const chosen = raw.eq(expand(raw.reshape(positions, [1, 1, grid[2]!, 1]), grid), raw.iota(grid, 1, 'i32'))
  const spread = expand(raw.reshape(updates, [pre, 1, grid[2]!, post]), grid)
  return raw.mul(x, raw.reduceProd(raw.where(chosen, spread, raw.fillLike(spread, 1)), [2]))
}

/** Moves elements, which keep their dtype, or computes with them. */
type Scatter<Does extends 'moves' | 'computes'> = <const A extends number = 0>(
  axis?: A,
) => <S extends Shape, D extends DType, I extends Shape>(
  x: Tensor<S, D> & Check<Take<S, I, A>>,
  indices: Tensor<I, IndexDType>,
  updates: Tensor<Shape, D>,
) => Tensor<S, Does extends 'moves' ? D : Computed<D>>

const scattering =
  (op: string, write: (writes: Writes) => Expr): Scatter<'moves'> =>
  (axis) =>
  (x, indices, updates) => {
    const operands: readonly Expr[] = [x, indices, updates]
    const { axis: a } = demandUpdates(op, operands, axis ?? 0)
    oneDType(op, [x, updates])
    const [into, at, values] = operands as readonly [Expr, Expr, Expr]
    if (values.shape.includes(0) || into.shape.includes(0)) return typed(into)
    return typed(raw.reshape(write(writesOf(into, at, values, a)), into.shape))
  }

const combining =
  (op: string, write: (writes: Writes) => Expr): Scatter<'computes'> =>
  (axis) =>
  (x, indices, updates) => {
    demandTensor(op, x)
    demandTensor(op, updates, 'updates')
    return typed(scattering(op, write)(axis ?? 0)(typed(raw.computed(x)), indices, typed(raw.computed(updates))))
  }

/**
 * x with `updates` written at `indices` along `axis` (default 0); updates has the shape of take(axis)(x, indices). Of equal positions
 * the last one's update stays, on every device, and it alone gets a gradient; what was overwritten in x gets none. Positions count
 * as those of `scatterAdd`, and so do the errors.
 *
 * @example
 * ```ts
 * import { readAsync, scatterMax, scatterSet, tensor } from '@adjoint/tensor'
 * const [x, at] = [tensor([1, 2, 3]), tensor([2, 0, 2], 'i32')]
 * console.log(await readAsync(scatterSet(0)(x, at, tensor([7, 8, 1])))) // 8 2 1
 * console.log(await readAsync(scatterMax(0)(x, at, tensor([7, 0, 1])))) // 1 2 7
 * ```
 */
export const scatterSet: Scatter<'moves'> = scattering('scatterSet', setAt)
/**
 * The larger of x and what of `updates` goes to each place, as `scatterSet`; NaN wins. The gradient goes to the largest, of equal
 * updates to the last of them, and where it equals x in halves to both.
 */
export const scatterMax: Scatter<'computes'> = combining('scatterMax', extremeAt(raw.maximum, false))
/** The smaller of x and what of `updates` goes to each place, as `scatterMax`. */
export const scatterMin: Scatter<'computes'> = combining('scatterMin', extremeAt(raw.minimum, true))
/**
 * x times all of `updates` that go to each place, as `scatterSet`; its gradient is right where elements are 0. It compares every
 * position with every place, and so is for few of one of them. Throws DTypeError for bool.
 */
export const scatterMul: Scatter<'computes'> = combining('scatterMul', multipliedAt)

/** Rows of data, each of the segment that its id names. */
type Segments = <const N extends number>(
  n: N,
) => <D extends DType>(x: Tensor<Shape, D>, ids: Tensor<readonly [number], IndexDType>) => Tensor<Shape, Computed<D>>
/** Writes rows at their ids. */
type IntoSegments = (into: Tensor, ids: Tensor<readonly [number], 'i32'>, x: Tensor) => Tensor

/** The ids with n for those below 0, which name no segment either. */
const idsOf = (op: string, x: Expr, ids: Expr, n: number): Expr => {
  demandPositions(op, x, ids)
  demandShape(op, [n], x.dtype)
  if (ids.shape.length !== 1 || x.shape[0] !== ids.shape[0])
    throw new ShapeError({
      op,
      operands: [x, ids],
      rule: 'takes rows [m, ..] and one id for each, [m]',
      fix: 'Move the axis of the rows to the front',
    })
  // not host data any more, of which one outside would be an error
  if (ids.dtype === 'u32') return raw.minimum(ids, raw.fillLike(ids, n))
  return raw.where(raw.lt(ids, raw.fillLike(ids, 0)), raw.fillLike(ids, n), ids)
}
const segments =
  (op: string, scatter: IntoSegments, empty: (dtype: DType) => number): Segments =>
  (n) =>
  (given, ids) => {
    demandTensor(op, given)
    const x: Tensor = typed(raw.computed(given))
    const at: Tensor<readonly [number], 'i32'> = typed(idsOf(op, x, ids, n))
    const start: Tensor = typed(raw.fill([n, ...x.shape.slice(1)], x.dtype, empty(x.dtype)))
    return typed(scatter(start, at, x))
  }
/**
 * The sums of the rows of x that belong to each of n segments: row i to segment ids_i. [m, ..] and [m] -> [n, ..]. 0 for a segment
 * without rows; a row whose id is none of 0 .. n - 1 belongs to none, as in JAX. Throws ShapeError where x and ids do not fit,
 * DTypeError where ids are no integers.
 *
 * @example
 * ```ts
 * import { readAsync, segmentMean, segmentSum, tensor } from '@adjoint/tensor'
 * const [x, ids] = [tensor([1, 2, 3, 4]), tensor([0, 2, 0, 2], 'i32')]
 * console.log(await readAsync(segmentSum(3)(x, ids))) // 4 0 6
 * console.log(await readAsync(segmentMean(3)(x, ids))) // 2 0 3
 * ```
 */
export const segmentSum: Segments = segments(
  'segmentSum',
  (into, ids, x) => scatterAdd(0)(into, ids, x),
  () => 0,
)
/** The largest rows of each segment, as `segmentSum`, by element; -Infinity (the least integer) for a segment without rows. */
export const segmentMax: Segments = segments(
  'segmentMax',
  (into, ids, x) => scatterMax(0)(into, ids, x),
  (dtype) => dtypes[dtype].lowest,
)
/** The least rows of each segment, as `segmentSum`, by element; Infinity (the largest integer) for a segment without rows. */
export const segmentMin: Segments = segments(
  'segmentMin',
  (into, ids, x) => scatterMin(0)(into, ids, x),
  (dtype) => dtypes[dtype].highest,
)
/** The means of the rows of each segment, as `segmentSum`; 0 for a segment without rows. Throws DTypeError for integers. */
export const segmentMean: Segments = (n) => (x, ids) => {
  const total: Expr = segmentSum(n)(x, ids)
  const ones: Tensor = typed(raw.fill([x.shape[0] ?? 0], 'f32', 1))
  const count: Expr = segmentSum(n)(ones, ids)
  const shape = [n, ...total.shape.slice(1).map(() => 1)]
  return typed(raw.div(total, expand(raw.reshape(raw.maximum(count, raw.fillLike(count, 1)), shape), total.shape)))
}

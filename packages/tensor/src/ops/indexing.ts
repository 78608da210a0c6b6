/**
 * Reading and writing at positions that are data, with JAX's rules: a position from -n to -1 counts from the end of its axis
 * of n; what is read at any other outside of it is no element (NaN, the least i32, the largest u32, true), and what is written
 * there is lost; a block's start is moved so that the block fits. A position that the host knows and that is outside is an error.
 */
import type { Computed, DType } from '../base/dtype.ts'
import { DTypeError, ShapeError, shown } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import { listOf } from '../graph/options.ts'
import * as raw from '../primitives/index.ts'
import type { Check, HasAxis, Ok, Take } from '../base/shape-type.ts'
import { normalizeAxis, sameShape, showShape, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { hostElements } from './known.ts'
import { commonShape, demandOneComputed, demandShape, demandTensor, expand, oneDType } from './align.ts'

/** dtypes of positions. */
export type IndexDType = 'i32' | 'u32'

export const demandPositions = (op: string, x: Expr, indices: Expr): void => {
  demandTensor(op, x)
  demandTensor(op, indices, 'indices')
  if (indices.dtype === 'i32' || indices.dtype === 'u32') return
  throw new DTypeError({
    op,
    operands: [x, indices],
    rule: `positions are i32 or u32, not ${indices.dtype}`,
    fix: "Cast them: cast('i32')(indices)",
  })
}

/**
 * What is to happen outside of axis `axis` of x: nothing, where the host knows that all positions are from 0 to n - 1, so that no
 * device needs to look. Throws ShapeError where it knows one that names no element.
 */
const checkPositions = (op: string, x: Expr, indices: Expr, axis: number): 'nearest' | null => {
  const n = x.shape[axis]!
  const known = hostElements(indices)
  if (known === null) return null
  let inside = true
  for (let i = 0; i < known.length; i++) {
    const p = known[i]!
    if (p >= 0 && p < n) continue
    if (p >= n || p < -n)
      throw new ShapeError({
        op,
        operands: [x, indices],
        rule: `position ${p} is outside of axis ${axis}, which has ${n} element${n === 1 ? '' : 's'}`,
        fix: `Positions run from ${-n} to ${n - 1}; mask those that name nothing, or correct them`,
      })
    inside = false
  }
  return inside ? 'nearest' : null
}

const taken = (op: string, axis: number, x: Expr, indices: Expr): Expr => {
  demandPositions(op, x, indices)
  const a = normalizeAxis(op, axis, x.shape.length, x)
  if (x.shape[a] === 0 && !indices.shape.includes(0))
    throw new ShapeError({
      op,
      operands: [x, indices],
      rule: `axis ${a} is empty`,
      fix: 'Take from an axis that has elements',
    })
  return raw.take(x, indices, a, checkPositions(op, x, indices, a) ?? 'invalid')
}

/**
 * The slices of `axis` (default 0) at `indices`: out = x.shape[:axis] ++ indices.shape ++ x.shape[axis + 1:]. Positions
 * from -n to -1 count from the end of the axis. At any other outside of it nothing stands: the result is NaN there (i32: -2^31,
 * u32: 2^32 - 1, bool: true), and its gradient is lost, as in JAX. The gradient adds up in x. Throws ShapeError for an axis out
 * of range, and for a position outside where the positions are host data; DTypeError where positions are no integers.
 *
 * @example
 * ```ts
 * import { readAsync, take, tensor } from '@adjoint/tensor'
 * const x = tensor([[1, 2], [3, 4], [5, 6]])
 * console.log(await readAsync(take(0)(x, tensor([2, 0], 'i32')))) // 5 6 1 2
 * ```
 */
export const take =
  <const A extends number = 0>(axis?: A) =>
  <S extends Shape, D extends DType, I extends Shape>(
    x: Tensor<S, D>,
    indices: Tensor<I, IndexDType> & Check<Take<S, I, A>>,
  ): Tensor<Ok<Take<S, I, A>>, D> =>
    typed(taken('take', axis ?? 0, x, indices))

/** As `take`: the rows of a table `x` at `indices`, along `axis` (default 0). */
export const gather =
  <const A extends number = 0>(axis?: A) =>
  <S extends Shape, D extends DType, I extends Shape>(
    x: Tensor<S, D>,
    indices: Tensor<I, IndexDType> & Check<Take<S, I, A>>,
  ): Tensor<Ok<Take<S, I, A>>, D> =>
    typed(taken('gather', axis ?? 0, x, indices))

/**
 * One position for each line along `axis`: out[.., i, ..] = x[.., indices[.., i, ..], ..]. The other axes of x and indices
 * broadcast. Positions count as those of `take`: what is outside reads NaN. Throws ShapeError where the ranks or other axes
 * differ, and for a position outside where the positions are host data; DTypeError where positions are no integers.
 *
 * @example
 * ```ts
 * import { readAsync, takeAlongAxis, tensor } from '@adjoint/tensor'
 * const logp = tensor([[-1, -2, -3], [-4, -5, -6]]) // [T, V]
 * const token = tensor([[2], [0]], 'i32') // [T, 1]
 * console.log(await readAsync(takeAlongAxis(-1)(logp, token))) // -3 -4
 * ```
 */
export const takeAlongAxis =
  <const A extends number>(axis: A) =>
  <S extends Shape, D extends DType, I extends Shape>(
    x: Tensor<S, D> & Check<HasAxis<S, A>>,
    indices: Tensor<I, IndexDType>,
  ): Tensor<I, D> => {
    const [source, positions]: readonly [Expr, Expr] = [x, indices]
    demandPositions('takeAlongAxis', source, positions)
    const rank = source.shape.length
    const a = normalizeAxis('takeAlongAxis', axis, rank, source)
    if (positions.shape.length !== rank)
      throw new ShapeError({
        op: 'takeAlongAxis',
        operands: [source, positions],
        rule: 'indices need the rank of x',
        fix: 'Insert an axis into the indices with expandDims; for whole slices use take',
      })
    const n = source.shape[a]!
    const count = positions.shape[a]!
    if (n === 0 && count > 0)
      throw new ShapeError({
        op: 'takeAlongAxis',
        operands: [source, positions],
        rule: `axis ${a} is empty`,
        fix: 'Take from an axis that has elements',
      })
    const without = (shape: Shape): Shape => shape.with(a, 1)
    const shape = commonShape('takeAlongAxis', [
      { ...source, shape: without(source.shape) },
      { ...positions, shape: without(positions.shape) },
    ])
    const outside = checkPositions('takeAlongAxis', source, positions, a) ?? 'invalid'
    return typed(
      raw.takeAlongAxis(expand(source, shape.with(a, n)), expand(positions, shape.with(a, count)), a, outside),
    )
  }

/** The axis, and what is to happen outside of it, where x, indices and updates fit one another. Throws as `scatterAdd`. */
export const demandUpdates = (
  op: string,
  operands: readonly Expr[],
  axis: number,
): { readonly axis: number; readonly outside: 'nearest' | 'zero' } => {
  const [x, indices, updates] = operands as readonly [Expr, Expr, Expr]
  demandPositions(op, x, indices)
  demandOneComputed(op, [x, updates])
  const { shape } = x
  const a = normalizeAxis(op, axis, shape.length, x)
  const expected = [...shape.slice(0, a), ...indices.shape, ...shape.slice(a + 1)]
  if (!sameShape(updates.shape, expected))
    throw new ShapeError({
      op,
      operands,
      rule: `updates have shape ${showShape(updates.shape)}, not ${showShape(expected)}`,
      fix: 'Updates have the shape of take(axis)(x, indices)',
    })
  return { axis: a, outside: checkPositions(op, x, indices, a) ?? 'zero' }
}

/**
 * x with `updates` added at `indices` along `axis` (default 0): the adjoint of `take(axis)`, so updates has the shape that
 * take(axis)(x, indices) would have. Equal positions add up, in a fixed order. Positions from -n to -1 count from the end; what
 * is added at any other outside is lost, as in JAX, and gets no gradient. Throws ShapeError where updates does not fit, and for a
 * position outside where the positions are host data; DTypeError where dtypes differ or positions are no integers.
 *
 * @example
 * ```ts
 * import { readAsync, scatterAdd, tensor, zeros } from '@adjoint/tensor'
 * const counts = scatterAdd(0)(zeros([3]), tensor([2, 0, 2], 'i32'), tensor([1, 1, 1]))
 * console.log(await readAsync(counts)) // 1 0 2
 * ```
 */
export const scatterAdd =
  <const A extends number = 0>(axis?: A) =>
  <S extends Shape, D extends DType, I extends Shape>(
    x: Tensor<S, D> & Check<Take<S, I, A>>,
    indices: Tensor<I, IndexDType>,
    updates: Tensor<Shape, D>,
  ): Tensor<S, Computed<D>> => {
    const { axis: a, outside } = demandUpdates('scatterAdd', [x, indices, updates], axis ?? 0)
    return typed(raw.scatterAdd(x, indices, updates, a, outside))
  }

/** A position that a program computes, or one that it knows. */
export type Start = Tensor<readonly [], IndexDType> | number

/** The start along `axis` of a block of `size`. */
const startOf = (op: string, x: Expr, start: Start, axis: number, size: number): Expr => {
  const n = x.shape[axis]!
  if (typeof start === 'number') {
    if (!Number.isInteger(start) || start < -n || start > n - size)
      throw new ShapeError({
        op,
        operands: [x],
        rule: `a block of ${size} does not begin at ${start} of axis ${axis}, which has ${n} element${n === 1 ? '' : 's'}`,
        fix: `Starts that are numbers are integers from ${-n} to ${n - size}`,
      })
    return raw.fill([], 'i32', start)
  }
  demandPositions(op, x, start)
  const position: Expr = start
  if (position.shape.length !== 0)
    throw new ShapeError({
      op,
      operands: [x, start],
      rule: 'a start is a scalar',
      fix: 'Pass one scalar or number for each axis of x',
    })
  // a u32 beyond i32 is beyond every axis
  return start.dtype === 'i32' ? start : raw.cast('i32', raw.minimum(start, raw.fillLike(start, n)))
}

const demandStarts = (op: string, x: Expr, starts: readonly Start[], block: Shape): void => {
  demandTensor(op, x)
  const given: unknown = starts
  if (
    !Array.isArray(given) ||
    given.length !== x.shape.length ||
    block.length !== x.shape.length ||
    block.some((d, i) => d > x.shape[i]!)
  )
    throw new ShapeError({
      op,
      operands: [x],
      rule: `a block ${showShape(block)} at ${shown(given)} does not fit into ${showShape(x.shape)}`,
      fix: 'Pass one start for each axis, and a block no larger than x',
    })
}

/**
 * The block of `sizes` of x that begins at `starts`, which may be data: one scalar or number for each axis. Negative starts
 * count from the end; then they are moved so that the block lies inside x, as in JAX. Throws ShapeError where the block is larger
 * than x, or a start that is a number would have to be moved.
 *
 * @example
 * ```ts
 * import { arange, dynamicSlice, readAsync, scalar } from '@adjoint/tensor'
 * const step = scalar(3, 'i32')
 * console.log(await readAsync(dynamicSlice([2])(arange(10), [step]))) // 3 4
 * ```
 */
export const dynamicSlice = <const Z extends Shape>(sizes: Z) => {
  const block = listOf('dynamicSlice', sizes)
  return <D extends DType>(x: Tensor<Shape, D>, starts: readonly Start[]): Tensor<Z, D> => {
    demandStarts('dynamicSlice', x, starts, block)
    return typed(
      raw.dynamicSlice(
        x,
        starts.map((s, i) => startOf('dynamicSlice', x, s, i, block[i]!)),
        block,
      ),
    )
  }
}

/**
 * x with the block `update` written over it at `starts`, which may be data: one scalar or number for each axis. Starts count
 * as those of `dynamicSlice`. Where x is donated to `jit` and dies here, the block is written in place. Throws ShapeError where
 * the block is larger than x, or a start that is a number would have to be moved; DTypeError where the dtypes differ.
 */
export const dynamicUpdateSlice = <S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  update: Tensor<Shape, D>,
  starts: readonly Start[],
): Tensor<S, D> => {
  oneDType('dynamicUpdateSlice', [x, update])
  demandStarts('dynamicUpdateSlice', x, starts, update.shape)
  return typed(
    raw.dynamicUpdateSlice(
      x,
      update,
      starts.map((s, i) => startOf('dynamicUpdateSlice', x, s, i, update.shape[i]!)),
    ),
  )
}

/**
 * 1 at the position that each index names along a new last axis of size n, else 0; all 0 for an index outside, negative ones
 * included, as in JAX. [..] -> [.., n]. Throws DTypeError where indices are no integers, ShapeError where n is no size.
 *
 * @example
 * ```ts
 * import { oneHot, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(oneHot(3)(tensor([1, 2], 'i32')))) // 0 1 0 0 0 1
 * ```
 */
export const oneHot =
  <const N extends number, D extends DType = 'f32'>(n: N, dtype?: D) =>
  <S extends Shape>(indices: Tensor<S, IndexDType>): Tensor<readonly [...S, N], D> => {
    demandPositions('oneHot', indices, indices)
    const shape = [...indices.shape, n]
    demandShape('oneHot', shape, dtype ?? 'f32')
    const position = raw.broadcastTo(raw.reshape(indices, [...indices.shape, 1]), shape)
    return typed(raw.cast(dtype ?? 'f32', raw.eq(position, raw.iota(shape, shape.length - 1, indices.dtype))))
  }

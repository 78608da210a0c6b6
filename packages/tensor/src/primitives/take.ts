/**
 * Gather along one axis by an array of positions, and its adjoint, which adds to the positions gathered from.
 * Positions outside the axis count as the nearest one inside.
 */
import * as ix from '../codegen/ix.ts'
import { isFloat } from '../dtype.ts'
import { apply, type Aval, type Expr, type Primitive, type Value } from '../expr.ts'
import { sameShape, type Shape, sizeOf } from '../shape.ts'
import { add, times } from './arithmetic.ts'
import { broadcastTo, reduceSum, reshape, spread } from './broadcast.ts'
import { maximum, minimum } from './binary.ts'
import { fillLike, iota } from './leaves.ts'
import { moveAxis, transpose } from './movement.ts'
import {
  any,
  demandAxis,
  demandDType,
  demandSameDType,
  demandShape,
  integers,
  numbers,
  range,
  replaced,
} from './operands.ts'
import { sum } from './reduction.ts'
import { cast, eq, where } from './select.ts'

export interface AxisParams {
  readonly axis: number
}

/** Positions as i32, the nearest inside [0, n). */
export const clampIndices = (indices: Expr, n: number): Expr => {
  const capped = minimum(indices, fillLike(indices, n - 1))
  return cast('i32', indices.dtype === 'u32' ? capped : maximum(capped, fillLike(indices, 0)))
}
export const clampPosition = (p: number, n: number): number => Math.min(Math.max(p, 0), n - 1)

/** The axis that positions point into must have elements, unless there is no position. */
export const demandPositions = (op: string, args: readonly Aval[], x: Aval, indices: Aval, axis: number): void => {
  demandAxis(op, args, axis, x.shape)
  demandDType(op, args, indices, integers)
  demandShape(
    x.shape[axis]! > 0 || sizeOf(indices.shape) === 0,
    op,
    args,
    `axis ${axis} is empty, so there is nothing to point at`,
    'Give an operand with at least one element along that axis.',
  )
}

/**
 * Both sides batched become one problem without: batch b owns the rows b n to (b + 1) n of one long axis.
 * x: [B, pre, n, post] -> [B n, pre, post]; indices into its own n -> indices into B n.
 */
const joinRows = (x: Expr, size: number, axis: number): Expr => {
  const rows = moveAxis(x, axis + 1, 1)
  return reshape(rows, [size * x.shape[axis + 1]!, ...rows.shape.slice(2)])
}
const joinIndices = (indices: Expr, size: number, n: number): Expr => {
  const own = clampIndices(indices, n)
  const first = times(iota([size, ...own.shape.slice(1).map(() => 1)], 0, 'i32'), n)
  return add(own, broadcastTo(first, own.shape))
}

export const takeP: Primitive<AxisParams> = {
  name: 'take',
  shape: (args, { axis }) => {
    const x = args[0]!
    const indices = args[1]!
    demandDType('take', args, x, any)
    demandPositions('take', args, x, indices, axis)
    return { shape: replaced(x.shape, axis, ...indices.shape), dtype: x.dtype }
  },
  vjp: (ct, out, { axis }) => {
    const x = out.args[0]!
    return [isFloat(out.dtype) ? scatterAdd(fillLike(x, 0), out.args[1]!, ct, axis) : null, null]
  },
  batch: (args, batched, size, { axis }) => {
    const x = args[0]!
    const indices = args[1]!
    if (batched[1] !== true) return take(x, indices, axis + 1)
    if (batched[0] !== true) return moveAxis(take(x, indices, axis), axis, 0)
    // [B n, pre, post] at [B, idx] -> [B, idx, pre, post] -> [B, pre, idx, post]
    const taken = take(joinRows(x, size, axis), joinIndices(indices, size, x.shape[axis + 1]!), 0)
    const r = indices.shape.length - 1
    const at = (i: number): readonly number[] => range(i)
    return transpose(taken, [
      0,
      ...at(axis).map((i) => 1 + r + i),
      ...at(r).map((i) => 1 + i),
      ...at(x.shape.length - axis - 2).map((i) => 1 + r + axis + i),
    ])
  },
  lower: {
    kind: 'pointwise',
    at: (index, arg, out, { axis }) => {
      const [x, indices] = [out.args[0]!, out.args[1]!]
      const r = indices.shape.length
      const position = arg(1, index.slice(axis, axis + r))
      return arg(0, [...index.slice(0, axis), ix.dynamic(position, x.shape[axis]!), ...index.slice(axis + r)])
    },
  },
  evaluate: ([x, indices], out, { axis }) => {
    const y = new Float64Array(sizeOf(out.shape))
    eachPosition(x!.shape, indices!, axis, (at, i) => {
      y[i] = x!.data[at]!
    })
    return y
  },
}
/** Calls with the flat position in an array of `shape` and the flat position in the array of what is taken. */
const eachPosition = (shape: Shape, indices: Value, axis: number, visit: (at: number, i: number) => void): void => {
  const n = shape[axis]!
  const outer = sizeOf(shape.slice(0, axis))
  const inner = sizeOf(shape.slice(axis + 1))
  const count = indices.data.length
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < count; j++) {
      const p = clampPosition(indices.data[j]!, n)
      for (let i = 0; i < inner; i++) visit((o * n + p) * inner + i, (o * count + j) * inner + i)
    }
}
/** out[pre, i, post] = x[pre, indices[i], post]; [pre, n, post] at [idx] -> [pre, idx, post] */
export const take = (x: Expr, indices: Expr, axis: number): Expr => apply(takeP, [x, indices], { axis })

export const scatterAddP: Primitive<AxisParams> = {
  name: 'scatterAdd',
  shape: (args, { axis }) => {
    const [x, indices, updates] = [args[0]!, args[1]!, args[2]!]
    demandDType('scatterAdd', args, x, numbers)
    demandSameDType('scatterAdd', args, x, updates)
    demandPositions('scatterAdd', args, x, indices, axis)
    const expected = replaced(x.shape, axis, ...indices.shape)
    demandShape(
      sameShape(updates.shape, expected),
      'scatterAdd',
      args,
      `the updates need the shape that take gives, [${expected.join(', ')}]`,
      `Reshape or broadcast the updates to it.`,
    )
    return { shape: x.shape, dtype: x.dtype }
  },
  vjp: (ct, out, { axis }) => (isFloat(out.dtype) ? [ct, null, take(ct, out.args[1]!, axis)] : [null, null, null]),
  batch: (args, batched, size, { axis }) => {
    const [x, updates] = [0, 2].map((i) => (batched[i] === true ? args[i]! : spread(args[i]!, size)))
    const indices = args[1]!
    if (batched[1] !== true) return scatterAdd(x!, indices, updates!, axis + 1)
    const rows = moveAxis(x!, axis + 1, 1) // [B, n, pre, post]
    const r = indices.shape.length - 1
    // [B, pre, idx, post] -> [B, idx, pre, post]
    const moved = transpose(updates!, [
      0,
      ...range(r).map((i) => 1 + axis + i),
      ...range(axis).map((i) => 1 + i),
      ...range(x!.shape.length - axis - 2).map((i) => 1 + axis + r + i),
    ])
    const joined = scatterAdd(joinRows(x!, size, axis), joinIndices(indices, size, x!.shape[axis + 1]!), moved, 0)
    return moveAxis(reshape(joined, rows.shape), 1, axis + 1)
  },
  lower: {
    kind: 'update',
    mode: 'add',
    grid: (out) => out.args[2]!.shape,
    to: (index, arg, out, { axis }) => {
      const r = out.args[1]!.shape.length
      const position = arg(1, index.slice(axis, axis + r))
      return [...index.slice(0, axis), ix.dynamic(position, out.shape[axis]!), ...index.slice(axis + r)]
    },
    value: (index, arg) => arg(2, index),
    composition: ([x, indices, updates], { axis }) => composeScatterAdd(x!, indices!, updates!, axis),
  },
  evaluate: ([x, indices, updates], out, { axis }) => {
    const y = Float64Array.from(x!.data)
    const combine = sum(out.dtype)
    eachPosition(out.shape, indices!, axis, (at, i) => {
      y[at] = combine(y[at]!, updates!.data[i]!)
    })
    return y
  },
}
/** x[pre, indices[i], post] += updates[pre, i, post] for every i; positions may repeat. */
export const scatterAdd = (x: Expr, indices: Expr, updates: Expr, axis: number): Expr =>
  apply(scatterAddP, [x, indices, updates], { axis })

/** x + sum_i [indices_i = j] updates_i; with one position nothing is summed. */
const composeScatterAdd = (x: Expr, indices: Expr, updates: Expr, axis: number): Expr => {
  const n = x.shape[axis]!
  const count = sizeOf(indices.shape)
  if (count === 0) return x
  const grid = replaced(x.shape, axis, n, count) // [pre, n, idx, post]
  const onAxis = (i: number, size: number): Shape => grid.map((_, k) => (k === i ? size : 1))
  const chosen = eq(
    broadcastTo(reshape(clampIndices(reshape(indices, [count]), n), onAxis(axis + 1, count)), grid),
    iota(grid, axis, 'i32'),
  )
  const spreadUpdates = broadcastTo(reshape(updates, replaced(x.shape, axis, 1, count)), grid)
  const terms = where(chosen, spreadUpdates, fillLike(spreadUpdates, 0))
  return add(x, count === 1 ? reshape(terms, x.shape) : reduceSum(terms, [axis + 1]))
}

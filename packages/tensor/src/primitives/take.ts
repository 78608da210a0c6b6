/**
 * Gather along one axis by an array of positions, and its adjoint, which adds to the positions gathered from. What a
 * position means, and what is read outside the axis, says positions.ts; what is added outside is lost.
 */
import type { Ix } from '../loops/ix.ts'
import type { Access } from '../graph/expr.ts'
import * as scalar from '../loops/scalar.ts'
import { isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive, type Value } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { sameShape, type Shape, sizeOf } from '../base/shape.ts'
import { first, isFill } from './algebra.ts'
import { reshape, spread } from './broadcast.ts'
import { computed } from './cast.ts'
import { fillLike } from './leaves.ts'
import { moveAxis, transpose } from './movement.ts'
import { any, demandDType, demandSameDType, demandShape, numbers, range, replaced } from './operands.ts'
import {
  demandPositions,
  elementAt,
  joined,
  locate,
  type Outside,
  resolved,
  takesFill,
  valueOutside,
} from './positions.ts'
import { sum } from './reduction.ts'
import { addByComparing, addBySegments } from './segment.ts'

export interface AxisParams {
  readonly axis: number
}
export interface TakeParams extends AxisParams {
  readonly outside: Outside
}
export interface ScatterParams extends AxisParams {
  /** `zero`: nothing is added outside. */
  readonly outside: Exclude<Outside, 'invalid'>
}

/**
 * Both sides batched become one problem without: batch b owns the rows b n to (b + 1) n of one long axis.
 * x: [B, pre, n, post] -> [B n, pre, post]; `joined` makes indices into its own n indices into B n.
 */
const joinRows = (x: Expr, size: number, axis: number): Expr => {
  const rows = moveAxis(x, axis + 1, 1)
  return reshape(rows, [size * x.shape[axis + 1]!, ...rows.shape.slice(2)])
}

export const takeP: Primitive<TakeParams> = single({
  name: 'take',
  shape: (args, { axis }) => {
    const x = args[0]!
    const indices = args[1]!
    demandDType('take', args, x, any)
    demandPositions('take', args, x, indices, axis)
    return { shape: replaced(x.shape, axis, ...indices.shape), dtype: x.dtype }
  },
  vjp: (ct, out, { axis, outside }) => {
    const x = out.node.args[0]!
    return [isFloat(out.dtype) ? scatterAdd(fillLike(x, 0), out.node.args[1]!, ct, axis, adding(outside)) : null, null]
  },
  batch: (args, batched, size, { axis, outside }) => {
    const x = args[0]!
    const indices = args[1]!
    if (batched[1] !== true) return take(x, indices, axis + 1, outside)
    if (batched[0] !== true) return moveAxis(take(x, indices, axis, outside), axis, 0)
    // [B n, pre, post] at [B, idx] -> [B, idx, pre, post] -> [B, pre, idx, post]
    const taken = take(joinRows(x, size, axis), joined(indices, size, x.shape[axis + 1]!, outside), 0, outside)
    const r = indices.shape.length - 1
    const at = (i: number): readonly number[] => range(i)
    return transpose(taken, [
      0,
      ...at(axis).map((i) => 1 + r + i),
      ...at(r).map((i) => 1 + i),
      ...at(x.shape.length - axis - 2).map((i) => 1 + r + axis + i),
    ])
  },
  simplify: takesFill,
  lower: {
    kind: 'pointwise',
    at: (index, arg, out, { axis, outside }) => {
      const [x, indices] = [out.node.args[0]!, out.node.args[1]!]
      const r = indices.shape.length
      const { at, inside } = locate(arg(1, index.slice(axis, axis + r)), x.shape[axis]!, outside)
      const element = arg(0, [...index.slice(0, axis), at, ...index.slice(axis + r)])
      return scalar.select(inside, element, scalar.constant(out.dtype, valueOutside(out.dtype, outside)))
    },
  },
  evaluate: ([x, indices], out, { axis, outside }) => {
    const y = new Float64Array(sizeOf(out.shape)).fill(valueOutside(out.dtype, outside))
    eachPosition(x!.shape, indices!, axis, outside, (at, i) => {
      y[i] = x!.data[at]!
    })
    return y
  },
})
const adding = (outside: Outside): ScatterParams['outside'] => (outside === 'nearest' ? outside : 'zero')

/** Calls with the flat position in an array of `shape` and the flat position in the array of what is taken, inside ones only. */
const eachPosition = (
  shape: Shape,
  indices: Value,
  axis: number,
  outside: Outside,
  visit: (at: number, i: number) => void,
): void => {
  const n = shape[axis]!
  const outer = sizeOf(shape.slice(0, axis))
  const inner = sizeOf(shape.slice(axis + 1))
  const count = indices.data.length
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < count; j++) {
      const p = elementAt(indices.data[j]!, n, outside)
      if (p === null) continue
      for (let i = 0; i < inner; i++) visit((o * n + p) * inner + i, (o * count + j) * inner + i)
    }
}
/** out[pre, i, post] = x[pre, indices[i], post]; [pre, n, post] at [idx] -> [pre, idx, post] */
export const take = (x: Expr, indices: Expr, axis: number, outside: Outside = 'invalid'): Expr =>
  apply(takeP, [x, indices], { axis, outside })

export const scatterAddP: Primitive<ScatterParams> = single({
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
  vjp: (ct, out, { axis, outside }) =>
    isFloat(out.dtype) ? [ct, null, take(ct, out.node.args[1]!, axis, outside)] : [null, null, null],
  batch: (args, batched, size, { axis, outside }) => {
    const [x, updates] = [0, 2].map((i) => (batched[i] === true ? args[i]! : spread(args[i]!, size)))
    const indices = args[1]!
    if (batched[1] !== true) return scatterAdd(x!, indices, updates!, axis + 1, outside)
    const rows = moveAxis(x!, axis + 1, 1) // [B, n, pre, post]
    const r = indices.shape.length - 1
    // [B, pre, idx, post] -> [B, idx, pre, post]
    const moved = transpose(updates!, [
      0,
      ...range(r).map((i) => 1 + axis + i),
      ...range(axis).map((i) => 1 + i),
      ...range(x!.shape.length - axis - 2).map((i) => 1 + axis + r + i),
    ])
    const at = joined(indices, size, x!.shape[axis + 1]!, outside)
    return moveAxis(reshape(scatterAdd(joinRows(x!, size, axis), at, moved, 0, outside), rows.shape), 1, axis + 1)
  },
  // nothing is added
  simplify: (out) => {
    const nothing = isFloat(out.dtype) && !isFill(first(out), 0) ? -0 : 0
    return isFill(out.node.args[2]!, nothing) ? first(out) : null
  },
  lower: {
    kind: 'update',
    mode: 'add',
    grid: (out) => out.node.args[2]!.shape,
    to: (index, arg, out, params) => {
      const r = out.node.args[1]!.shape.length
      return [...index.slice(0, params.axis), target(index, arg, out, params).at, ...index.slice(params.axis + r)]
    },
    // an update outside adds nothing to some element
    value: (index, arg, out, params) =>
      scalar.select(target(index, arg, out, params).inside, arg(2, index), scalar.constant(out.dtype, 0)),
    composition: ([x, indices, updates], params) => composeScatterAdd(x!, indices!, updates!, params),
  },
  evaluate: ([x, indices, updates], out, { axis, outside }) => {
    const y = Float64Array.from(x!.data)
    const combine = sum(out.dtype)
    eachPosition(out.shape, indices!, axis, outside, (at, i) => {
      y[at] = combine(y[at]!, updates!.data[i]!)
    })
    return y
  },
})
/** x[pre, indices[i], post] += updates[pre, i, post] for every i; positions may repeat. */
export const scatterAdd = (
  x: Expr,
  indices: Expr,
  updates: Expr,
  axis: number,
  outside: ScatterParams['outside'] = 'zero',
): Expr => apply(scatterAddP, [computed(x), indices, computed(updates)], { axis, outside })

/** Where the update at `index` goes. */
const target = (
  index: readonly Ix[],
  arg: Access,
  out: Expr,
  { axis, outside }: ScatterParams,
): ReturnType<typeof locate> =>
  locate(arg(1, index.slice(axis, axis + out.node.args[1]!.shape.length)), out.shape[axis]!, outside)

/** Most comparisons of positions with places that are worth saving the sort of the positions. */
const COMPARED = 2 ** 22

/** For devices that have no order of stores: by comparing every position with every place, or by segments of the sorted ones. */
const composeScatterAdd = (x: Expr, indices: Expr, updates: Expr, { axis, outside }: ScatterParams): Expr => {
  const n = x.shape[axis]!
  const count = sizeOf(indices.shape)
  if (count === 0) return x
  const [pre, post] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))]
  const positions = resolved(reshape(indices, [count]), n, outside)
  const added = pre * n * count * post <= COMPARED ? addByComparing : addBySegments
  return reshape(added(reshape(x, [pre, n, post]), positions, reshape(updates, [pre, count, post])), x.shape)
}

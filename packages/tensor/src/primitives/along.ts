/**
 * Gather along one axis by positions of its own for every other index (what cross-entropy picks its labels with, and a sort
 * its results), and its adjoints: adding to the positions gathered from, and writing to them where all are different.
 */
import * as scalar from '../loops/scalar.ts'
import { isFloat } from '../base/dtype.ts'
import { apply, type Aval, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { sameShape, type Shape, sizeOf, stridesOf } from '../base/shape.ts'
import { add, times } from './arithmetic.ts'
import { align, broadcastTo, reduceSum, reshape } from './broadcast.ts'
import { cast, computed } from './cast.ts'
import { fill, fillLike, iota } from './leaves.ts'
import { any, demandDType, demandSameDType, demandShape, replaced } from './operands.ts'
import { and, eq, ge, lt, where } from './select.ts'
import { demandPositions, elementAt, locate, type Outside, resolved, takesFill, valueOutside } from './positions.ts'
import { type AxisParams, scatterAdd, type TakeParams } from './take.ts'

export interface TakeAlongParams extends TakeParams {
  /** The positions of a line are all different, and inside: what comes back to them is written, not added up. */
  readonly distinct?: true
}

const demandAlong = (op: string, args: readonly Aval[], axis: number): void => {
  const [x, indices] = [args[0]!, args[1]!]
  demandDType(op, args, x, any)
  demandPositions(op, args, x, indices, axis)
  demandShape(
    x.shape.length === indices.shape.length && x.shape.every((d, i) => i === axis || d === indices.shape[i]),
    op,
    args,
    `the operands must agree in every axis but axis ${axis}`,
    'Broadcast the indices, or insert an axis of size 1.',
  )
}
/** Calls with the flat position in an array of `n` along the axis, for each position that is inside, and its own flat position. */
const eachPosition = (
  indices: { readonly shape: Shape; readonly data: Float64Array },
  n: number,
  axis: number,
  outside: Outside,
  visit: (at: number, i: number) => void,
): void => {
  const m = indices.shape[axis]!
  const inner = sizeOf(indices.shape.slice(axis + 1))
  for (let i = 0; i < indices.data.length; i++) {
    const p = elementAt(indices.data[i]!, n, outside)
    if (p !== null) visit((Math.floor(i / (m * inner)) * n + p) * inner + (i % inner), i)
  }
}

export const takeAlongAxisP: Primitive<TakeAlongParams> = {
  ...single<TakeAlongParams>({
    name: 'takeAlongAxis',
    shape: (args, { axis }) => {
      demandAlong('takeAlongAxis', args, axis)
      return { shape: args[1]!.shape, dtype: args[0]!.dtype }
    },
    vjp: (ct, out, { axis, outside, distinct }) => {
      const [x, indices] = [out.node.args[0]!, out.node.args[1]!]
      if (!isFloat(out.dtype)) return [null, null]
      return [
        distinct === true
          ? putAlongAxis(fillLike(x, 0), indices, ct, axis)
          : addAlongAxis(ct, resolved(indices, x.shape[axis]!, outside), x.shape[axis]!, axis),
        null,
      ]
    },
    batch: (args, batched, size, { axis, ...rest }) => {
      const [x, indices] = align(args, batched, size)
      return apply(takeAlongAxisP, [x!, indices!], { ...rest, axis: axis + 1 })
    },
    simplify: takesFill,
    lower: {
      kind: 'pointwise',
      at: (index, arg, out, { axis, outside }) => {
        const { at, inside } = locate(arg(1, index), out.node.args[0]!.shape[axis]!, outside)
        const element = arg(0, index.with(axis, at))
        return scalar.select(inside, element, scalar.constant(out.dtype, valueOutside(out.dtype, outside)))
      },
    },
    evaluate: ([x, indices], out, { axis, outside }) => {
      const y = new Float64Array(sizeOf(out.shape)).fill(valueOutside(out.dtype, outside))
      eachPosition(indices!, x!.shape[axis]!, axis, outside, (at, i) => {
        y[i] = x!.data[at]!
      })
      return y
    },
  }),
  // What is outside is constant, also where its mark is no zero.
  jvp: ([tangent], _, [, indices], { outside, ...rest }) => [
    tangent === null || tangent === undefined
      ? null
      : apply(takeAlongAxisP, [tangent, indices!], { ...rest, outside: outside === 'nearest' ? outside : 'zero' }),
  ],
}
/** out[.., i, ..] = x[.., indices[.., i, ..], ..] */
export const takeAlongAxis = (x: Expr, indices: Expr, axis: number, outside: Outside = 'invalid'): Expr =>
  apply(takeAlongAxisP, [x, indices], { axis, outside })
/** The same of positions that are all different, and inside: an order, or a part of one. */
export const permuteAlongAxis = (x: Expr, positions: Expr, axis: number): Expr =>
  apply(takeAlongAxisP, [x, positions], { axis, outside: 'nearest', distinct: true })

/**
 * Adding: y[.., j, ..] = sum_m [positions_m = j] ct_m; a position outside of [0, n) is no j. With one position a row it is
 * one elementwise choice.
 */
const addAlongAxis = (ct: Expr, positions: Expr, n: number, axis: number): Expr => {
  const m = positions.shape[axis]!
  const shape = replaced(ct.shape, axis, n)
  if (m === 0) return fill(shape, ct.dtype, 0)
  if (m === 1) {
    const chosen = eq(broadcastTo(positions, shape), iota(shape, axis, 'i32'))
    const spread = broadcastTo(ct, shape)
    return where(chosen, spread, fillLike(spread, 0))
  }
  const size = sizeOf(shape)
  const inside = and(ge(positions, fillLike(positions, 0)), lt(positions, fillLike(positions, n)))
  const at = where(inside, flatPositions(positions, shape, axis), fillLike(positions, size))
  const count = sizeOf(ct.shape)
  return reshape(scatterAdd(fill([size], ct.dtype, 0), reshape(at, [count]), reshape(ct, [count]), 0), shape)
}
/** Where position p of a line stands in an array of `shape` laid out in rows. */
const flatPositions = (positions: Expr, shape: Shape, axis: number): Expr =>
  stridesOf(shape).reduce(
    (sum, stride, i) => add(sum, times(i === axis ? positions : iota(positions.shape, i, 'i32'), stride)),
    fillLike(positions, 0),
  )

/** A choice for each element: the update whose position it is, or what was there. For positions that are all different. */
const blend = ([x, indices, updates]: readonly Expr[], { axis }: AxisParams): Expr => {
  const n = x!.shape[axis]!
  const m = indices!.shape[axis]!
  if (m === 0) return x!
  const grid = replaced(x!.shape, axis, n, m)
  const onGrid = (y: Expr): Expr => broadcastTo(reshape(y, replaced(y.shape, axis, 1, m)), grid)
  const hit = eq(onGrid(resolved(indices!, n, 'nearest')), iota(grid, axis, 'i32'))
  const times = reduceSum(where(hit, fill(grid, 'i32', 1), fill(grid, 'i32', 0)), [axis + 1])
  const chosen = computed(onGrid(updates!))
  // one of them at most: the sum is that element
  const found = reduceSum(where(hit, chosen, fillLike(chosen, 0)), [axis + 1])
  return where(eq(times, fillLike(times, 0)), x!, cast(x!.dtype, found))
}

export const putAlongAxisP: Primitive<AxisParams> = {
  ...single<AxisParams>({
    name: 'putAlongAxis',
    shape: (args, { axis }) => {
      const [x, indices, updates] = [args[0]!, args[1]!, args[2]!]
      demandAlong('putAlongAxis', args, axis)
      demandSameDType('putAlongAxis', args, x, updates)
      demandShape(
        sameShape(updates.shape, indices.shape),
        'putAlongAxis',
        args,
        'the updates need the shape of the positions',
        'Reshape or broadcast the updates to it.',
      )
      return { shape: x.shape, dtype: x.dtype }
    },
    vjp: (ct, out, { axis }) => {
      const [, indices, updates] = out.node.args
      if (!isFloat(out.dtype)) return [null, null, null]
      return [putAlongAxis(ct, indices!, fillLike(updates!, 0), axis), null, permuteAlongAxis(ct, indices!, axis)]
    },
    batch: (args, batched, size, { axis }) => {
      const [x, indices, updates] = align(args, batched, size)
      return putAlongAxis(x!, indices!, updates!, axis + 1)
    },
    lower: {
      kind: 'update',
      mode: 'set',
      grid: (out) => out.node.args[1]!.shape,
      to: (index, arg, out, { axis }) => index.with(axis, locate(arg(1, index), out.shape[axis]!, 'nearest').at),
      value: (index, arg) => arg(2, index),
      composition: blend,
    },
    evaluate: ([x, indices, updates], out, { axis }) => {
      const y = Float64Array.from(x!.data)
      eachPosition(indices!, out.shape[axis]!, axis, 'nearest', (at, i) => {
        y[at] = updates!.data[i]!
      })
      return y
    },
  }),
  jvp: ([x, , updates], [out], args, { axis }) => [
    x === null && updates === null
      ? null
      : putAlongAxis(x ?? fillLike(out!, 0), args[1]!, updates ?? fillLike(args[2]!, 0), axis),
  ],
}
/**
 * x with out[.., positions[.., m, ..], ..] = updates[.., m, ..]: positions that a program made itself, inside and all
 * different within a line, so that they may be written in any order.
 */
export const putAlongAxis = (x: Expr, positions: Expr, updates: Expr, axis: number): Expr =>
  apply(putAlongAxisP, [x, positions, updates], { axis })

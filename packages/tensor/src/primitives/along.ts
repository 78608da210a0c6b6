/** Gather along one axis with positions of its own for every other index: what cross-entropy picks its labels with. */
import * as scalar from '../loops/scalar.ts'
import { isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { sizeOf } from '../base/shape.ts'
import { align, broadcastTo, reduceSum, reshape } from './broadcast.ts'
import { fillLike, iota } from './leaves.ts'
import { any, demandDType, demandShape, replaced } from './operands.ts'
import { eq, where } from './select.ts'
import { demandPositions, elementAt, locate, type Outside, resolved, takesFill, valueOutside } from './positions.ts'
import type { TakeParams } from './take.ts'

export const takeAlongAxisP: Primitive<TakeParams> = single({
  name: 'takeAlongAxis',
  shape: (args, { axis }) => {
    const [x, indices] = [args[0]!, args[1]!]
    demandDType('takeAlongAxis', args, x, any)
    demandPositions('takeAlongAxis', args, x, indices, axis)
    demandShape(
      x.shape.length === indices.shape.length && x.shape.every((d, i) => i === axis || d === indices.shape[i]),
      'takeAlongAxis',
      args,
      `the operands must agree in every axis but axis ${axis}`,
      'Broadcast the indices, or insert an axis of size 1.',
    )
    return { shape: indices.shape, dtype: x.dtype }
  },
  vjp: (ct, out, { axis, outside }) => {
    const [x, indices] = [out.node.args[0]!, out.node.args[1]!]
    if (!isFloat(out.dtype)) return [null, null]
    const n = x.shape[axis]!
    return [spreadAlongAxis(ct, resolved(indices, n, outside), n, axis), null]
  },
  batch: (args, batched, size, { axis, outside }) => {
    const [x, indices] = align(args, batched, size)
    return takeAlongAxis(x!, indices!, axis + 1, outside)
  },
  simplify: takesFill,
  lower: {
    kind: 'pointwise',
    at: (index, arg, out, { axis, outside }) => {
      const { at, inside } = locate(arg(1, index), out.node.args[0]!.shape[axis]!, outside)
      const element = arg(
        0,
        index.map((p, i) => (i === axis ? at : p)),
      )
      return scalar.select(inside, element, scalar.constant(out.dtype, valueOutside(out.dtype, outside)))
    },
  },
  evaluate: ([x, indices], out, { axis, outside }) => {
    const n = x!.shape[axis]!
    const m = out.shape[axis]!
    const inner = sizeOf(out.shape.slice(axis + 1))
    const y = new Float64Array(sizeOf(out.shape)).fill(valueOutside(out.dtype, outside))
    for (let i = 0; i < y.length; i++) {
      const p = elementAt(indices!.data[i]!, n, outside)
      if (p !== null) y[i] = x!.data[(Math.floor(i / (m * inner)) * n + p) * inner + (i % inner)]!
    }
    return y
  },
})
/** out[.., i, ..] = x[.., indices[.., i, ..], ..] */
export const takeAlongAxis = (x: Expr, indices: Expr, axis: number, outside: Outside = 'invalid'): Expr =>
  apply(takeAlongAxisP, [x, indices], { axis, outside })

/**
 * The adjoint: y[.., j, ..] = sum_m [positions_m = j] ct_m; a position outside of [0, n) is no j. With one position a row it
 * is one elementwise choice.
 */
const spreadAlongAxis = (ct: Expr, positions: Expr, n: number, axis: number): Expr => {
  const m = positions.shape[axis]!
  const shape = replaced(ct.shape, axis, n)
  if (m === 0) return broadcastTo(reshape(reduceSum(ct, [axis]), replaced(ct.shape, axis, 1)), shape)
  if (m === 1) {
    const chosen = eq(broadcastTo(positions, shape), iota(shape, axis, 'i32'))
    const spread = broadcastTo(ct, shape)
    return where(chosen, spread, fillLike(spread, 0))
  }
  const grid = replaced(ct.shape, axis, n, m) // [pre, n, m, post]
  const onGrid = (x: Expr): Expr => broadcastTo(reshape(x, replaced(ct.shape, axis, 1, m)), grid)
  const terms = onGrid(ct)
  return reduceSum(where(eq(onGrid(positions), iota(grid, axis, 'i32')), terms, fillLike(terms, 0)), [axis + 1])
}

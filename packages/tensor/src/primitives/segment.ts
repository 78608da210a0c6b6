/**
 * Adding at positions without atomics and without an order of stores: the positions are sorted once, so that what goes to one
 * place is a segment of the order, and each element of the result adds up its own segment. The work is that of the sort
 * and of one pass over the result, where comparing every position with every place costs their product.
 */
import * as ix from '../loops/ix.ts'
import type { Template, TemplateParams } from '../loops/kernel.ts'
import * as scalar from '../loops/scalar.ts'
import type { Scalar } from '../loops/scalar.ts'
import { isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { isFill } from './algebra.ts'
import { add } from './arithmetic.ts'
import { batchOf } from './batching.ts'
import { broadcastTo, reduceSum, reshape } from './broadcast.ts'
import { fillLike, iota } from './leaves.ts'
import { demandDType, demandSameDType, demandShape, numbers } from './operands.ts'
import { argsort } from './order.ts'
import { sum } from './reduction.ts'
import { cast } from './cast.ts'
import { eq, lt, where } from './select.ts'

export interface BoundsParams {
  /** How many bounds: at j stands how many positions are below j. */
  readonly size: number
}
/** A binary search whose number of steps is known: those of `steps` that stay within what is below j. */
const below = (j: Scalar, n: number, key: (at: Scalar) => Scalar): Scalar => {
  const of = (value: number): Scalar => scalar.constant('i32', value)
  let count = of(0)
  for (let step = 2 ** Math.floor(Math.log2(n)); step >= 1; step /= 2) {
    const next = scalar.binary('add', count, of(step))
    const isBelow = scalar.binary('lt', key(scalar.binary('sub', next, of(1))), j)
    count = scalar.select(scalar.binary('and', scalar.binary('le', next, of(n)), isBelow), next, count)
  }
  return count
}
export const boundsP: Primitive<BoundsParams> = single({
  name: 'bounds',
  shape: (args, { size }) => {
    const [positions, order] = [args[0]!, args[1]!]
    demandDType('bounds', args, positions, ['i32'])
    demandDType('bounds', args, order, ['i32'])
    demandShape(
      positions.shape.length === 1 && order.shape.length === 1 && positions.shape[0] === order.shape[0],
      'bounds',
      args,
      'takes a vector of positions and one of their order',
      'Reshape both to one axis.',
    )
    return { shape: [size], dtype: 'i32' }
  },
  vjp: () => [null, null],
  batch: (args, batched, size, params) =>
    batchOf(([positions, order]) => countBelow(positions!, order!, params), args, batched, size),
  lower: {
    kind: 'pointwise',
    stored: 'everywhere',
    at: (index, arg, out) => {
      const count = out.node.args[0]!.shape[0]!
      if (count === 0) return scalar.constant('i32', 0)
      const through = (at: Scalar): readonly ix.Ix[] => [ix.dynamic(at, count)]
      return below(scalar.index(index[0]!), count, (at) => arg(0, through(arg(1, through(at)))))
    },
  },
  evaluate: ([positions], { shape }) =>
    Float64Array.from({ length: shape[0]! }, (_, j) => positions!.data.reduce((n, p) => n + Number(p < j), 0)),
})
const countBelow = (positions: Expr, order: Expr, { size }: BoundsParams): Expr => {
  const count = positions.shape[0]!
  // the order names each position once, so that it changes nothing that is counted
  const each = add(positions, fillLike(order, 0))
  const grid = [size, count]
  return reduceSum(cast('i32', lt(broadcastTo(reshape(each, [1, count]), grid), iota(grid, 0, 'i32'))), [1])
}
/** How many `positions` (i32 vector, whose ascending order is `order`) are below each of 0, 1, ..., size - 1. */
const bounds = (positions: Expr, order: Expr, size: number): Expr => apply(boundsP, [positions, order], { size })

interface Extents {
  readonly pre: number
  readonly n: number
  readonly count: number
  readonly post: number
}
const extentsOf = (params: TemplateParams): Extents => {
  const { pre, n, count, post } = params as Readonly<Record<keyof Extents, number>>
  return { pre, n, count, post }
}
const segmentAddTemplate: Template = {
  name: 'segmentAdd',
  meaning: ([updates, order, starts, x], [y], params) => {
    const { pre, n, count, post } = extentsOf(params)
    const dtype = params['dtype'] === 'i32' ? 'i32' : params['dtype'] === 'u32' ? 'u32' : 'f32'
    const combine = sum(dtype)
    if (x === undefined) y!.fill(0)
    else y!.set(x)
    for (let p = 0; p < pre; p++)
      for (let j = 0; j < n; j++)
        for (let t = starts![j]!; t < starts![j + 1]!; t++)
          for (let q = 0; q < post; q++) {
            const at = (p * n + j) * post + q
            y![at] = combine(y![at]!, updates![(p * count + order![t]!) * post + q]!)
          }
  },
  cost: (params) => {
    const { pre, n, count, post } = extentsOf(params)
    return { flops: pre * count * post, grid: pre * n * post }
  },
}

/** Arguments: x [pre, n, post]; positions [count], updates [pre, count, post]; order [count] and starts [n + 1] of the positions. */
export const segmentAddP: Primitive<null> = single({
  name: 'segmentAdd',
  shape: (args) => {
    const [x, positions, updates, order, starts] = args
    demandDType('segmentAdd', args, x!, numbers)
    demandSameDType('segmentAdd', args, x!, updates!)
    for (const i of [positions!, order!, starts!]) demandDType('segmentAdd', args, i, ['i32'])
    const [pre, n, post] = x!.shape
    const fits =
      [x!, updates!].every((v) => v.shape.length === 3 && v.shape[0] === pre && v.shape[2] === post) &&
      [positions!, order!].every((v) => v.shape.length === 1 && v.shape[0] === updates!.shape[1]) &&
      starts!.shape.length === 1 &&
      starts!.shape[0] === n! + 1
    demandShape(
      fits,
      'segmentAdd',
      args,
      'takes x [pre, n, post], positions [count], updates [pre, count, post], order [count], starts [n + 1]',
      'Use scatterAdd, which makes them.',
    )
    return { shape: x!.shape, dtype: x!.dtype }
  },
  vjp: (ct, out) => {
    if (!isFloat(out.dtype)) return [null, null, null, null, null]
    const updates = out.node.args[2]!
    const [pre, n, post] = out.shape as readonly [number, number, number]
    const chosen = chosenFrom(out.node.args[1]!, [pre, n, updates.shape[1]!, post])
    const spread = broadcastTo(reshape(ct, [pre, n, 1, post]), [pre, n, updates.shape[1]!, post])
    return [ct, null, reduceSum(where(chosen, spread, fillLike(spread, 0)), [1]), null, null]
  },
  batch: (args, batched, size) =>
    batchOf(([x, positions, updates]) => addByComparing(x!, positions!, updates!), args, batched, size),
  lower: {
    kind: 'template',
    template: segmentAddTemplate,
    // zeros are not loaded
    reads: ([x]) => (isFill(x!, 0) ? [2, 3, 4] : [2, 3, 4, 0]),
    params: ([x, , updates]) => {
      const [pre, n, post] = x!.shape as readonly [number, number, number]
      return { pre, n, post, count: updates!.shape[1]!, dtype: x!.dtype }
    },
    expand: ([x, positions, updates]) => addByComparing(x!, positions!, updates!),
  },
  evaluate: ([x, positions, updates], out) => {
    const [pre, n, post] = out.shape as readonly [number, number, number]
    const count = positions!.data.length
    const y = Float64Array.from(x!.data)
    const combine = sum(out.dtype)
    for (let p = 0; p < pre; p++)
      positions!.data.forEach((j, i) => {
        if (j < 0 || j >= n) return
        for (let q = 0; q < post; q++) {
          const at = (p * n + j) * post + q
          y[at] = combine(y[at]!, updates!.data[(p * count + i) * post + q]!)
        }
      })
    return y
  },
})

/** [positions_i = j] over a grid [pre, n, count, post]. */
const chosenFrom = (positions: Expr, grid: readonly [number, number, number, number]): Expr =>
  eq(broadcastTo(reshape(positions, [1, 1, grid[2], 1]), grid), iota(grid, 1, 'i32'))

/** x [pre, n, post] + sum_i [positions_i = j] updates_i: every position is compared with every place. */
export const addByComparing = (x: Expr, positions: Expr, updates: Expr): Expr => {
  const [pre, n, post] = x.shape as readonly [number, number, number]
  const count = positions.shape[0]!
  if (count === 0) return x
  const grid = [pre, n, count, post] as const
  const each = broadcastTo(reshape(updates, [pre, 1, count, post]), grid)
  const terms = where(chosenFrom(positions, grid), each, fillLike(each, 0))
  return add(x, count === 1 ? reshape(terms, x.shape) : reduceSum(terms, [2]))
}

/** The same by segments of the sorted positions. */
export const addBySegments = (x: Expr, positions: Expr, updates: Expr): Expr => {
  const order = argsort(positions, 0, false)
  const starts = bounds(positions, order, x.shape[1]! + 1)
  return apply(segmentAddP, [x, positions, updates, order, starts], null)
}

/**
 * argsort: the order along an axis, stable, NaN last in either direction. Blocks of a few elements are ranked by comparing
 * all pairs; a merge sort makes one run of them.
 */
import { dtypes, isFloat } from '../base/dtype.ts'
import { sizeOf } from '../base/shape.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { add, times } from './arithmetic.ts'
import { broadcastTo, reduceSum, reshape } from './broadcast.ts'
import { stored } from './control.ts'
import { fill, fillLike, iota } from './leaves.ts'
import { comesBefore, merge } from './merge.ts'
import { concat, moveAxis, sliceAxis } from './movement.ts'
import { any, demandAxis, demandDType } from './operands.ts'
import { cast, computed } from './cast.ts'
import { and, eq, gt, isnan, lt, not, or, where } from './select.ts'

export interface ArgsortParams {
  readonly axis: number
  readonly descending: boolean
}
/** Elements that are ranked by comparing all pairs; a power of two. */
const BLOCK = 64

export const argsortP: Primitive<ArgsortParams> = single({
  name: 'argsort',
  shape: (args, { axis }) => {
    const x = args[0]!
    demandDType('argsort', args, x, any)
    demandAxis('argsort', args, axis, x.shape)
    return { shape: x.shape, dtype: 'i32' }
  },
  vjp: () => [null],
  batch: ([x], _, __, { axis, descending }) => argsort(x!, axis + 1, descending),
  lower: {
    kind: 'composite',
    expand: ([x], { axis, descending }) => {
      const last = x!.shape.length - 1
      if (sizeOf(x!.shape) === 0 || x!.shape[axis] === 1) return fill(x!.shape, 'i32', 0)
      const rows = moveAxis(x!, axis, last)
      const keyed = stored(rows.dtype === 'bool' ? cast('i32', rows) : rows)
      return moveAxis(mergeSort(keyed, descending), last, axis)
    },
  },
  evaluate: ([x], out, { axis, descending }) => {
    const n = out.shape[axis]!
    const inner = sizeOf(out.shape.slice(axis + 1))
    const y = new Float64Array(sizeOf(out.shape))
    for (let first = 0; first < y.length; first++) {
      if (Math.floor(first / inner) % n !== 0) continue
      const key = (i: number): number => x!.data[first + i * inner]!
      const order = Array.from({ length: n }, (_, i) => i).sort((i, j) =>
        comesBefore(key(i), key(j), descending) ? -1 : comesBefore(key(j), key(i), descending) ? 1 : i - j,
      )
      order.forEach((from, to) => {
        y[first + to * inner] = from
      })
    }
    return y
  },
})
/** The positions (i32) that sort `axis`. */
export const argsort = (x: Expr, axis: number, descending: boolean): Expr =>
  apply(argsortP, [computed(x)], { axis, descending })

/** The last axis [.., n] as blocks, each in order, and then merged: two runs to one, until there is one. */
const mergeSort = (x: Expr, descending: boolean): Expr => {
  const axis = x.shape.length - 1
  const lead = x.shape.slice(0, -1)
  const n = x.shape[axis]!
  if (n <= BLOCK) return orderByCounting(x, descending)
  const blocks = Math.ceil(n / BLOCK)
  const rest = blocks * BLOCK - n
  // What fills the last block up comes last: it equals what comes last, and stands behind it.
  const beyond = isFloat(x.dtype) ? NaN : descending ? dtypes[x.dtype].lowest : dtypes[x.dtype].highest
  const whole = rest === 0 ? x : concat([x, fill([...lead, rest], x.dtype, beyond)], axis)
  const inBlock = orderByCounting(reshape(whole, [...lead, blocks, BLOCK]), descending)
  const first = times(iota(inBlock.shape, axis, 'i32'), BLOCK)
  let order = sliceAxis(reshape(add(inBlock, first), whole.shape), axis, 0, n)
  for (let run = BLOCK; run < n; run *= 2) order = merge(x, order, axis, run, descending)
  return order
}

/** rank_i = how many x_j stand before x_i, the earlier of equal ones among them; at k stands the i with rank_i = k. */
const orderByCounting = (x: Expr, descending: boolean): Expr => {
  const lead = x.shape.slice(0, -1)
  const axis = lead.length
  const n = x.shape.at(-1)!
  const square = [...lead, n, n] // [.., i, j], then [.., k, i]
  const down = (y: Expr): Expr => broadcastTo(reshape(y, [...lead, n, 1]), square)
  const across = (y: Expr): Expr => broadcastTo(reshape(y, [...lead, 1, n]), square)
  const [row, column] = [iota(square, axis, 'i32'), iota(square, axis + 1, 'i32')]
  const before = (p: Expr, q: Expr): Expr => {
    const less = (descending ? gt : lt)(p, q)
    return isFloat(x.dtype) ? or(less, and(isnan(q), not(isnan(p)))) : less
  }
  const first = where(lt(column, row), not(before(down(x), across(x))), before(across(x), down(x)))
  const rank = reduceSum(cast('i32', first), [axis + 1])
  return reduceSum(where(eq(across(rank), row), column, fillLike(column, 0)), [axis + 1])
}

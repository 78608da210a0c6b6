/**
 * argsort: stable, NaN last in either direction. Short axes are ranked by counting; long ones go through a bitonic
 * network (Batcher, "Sorting networks and their applications", 1968), whose exchange partner i xor j is a flip.
 */
import { dtypes, isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { plus, times, add } from './arithmetic.ts'
import { broadcastTo, reduceSum, reshape } from './broadcast.ts'
import { stored } from './control.ts'
import { fill, fillLike, iota } from './leaves.ts'
import { concat, flip, moveAxis, sliceAxis } from './movement.ts'
import { any, demandAxis, demandDType } from './operands.ts'
import { and, cast, eq, gt, isnan, lt, ne, or, where, xor } from './select.ts'
import { sizeOf } from '../base/shape.ts'

export interface ArgsortParams {
  readonly axis: number
  readonly descending: boolean
}
/** Longest axis that is ranked by comparing all pairs. */
const COUNTED = 64

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
      const rows = moveAxis(x!, axis, x!.shape.length - 1)
      const keyed = stored(rows.dtype === 'bool' ? cast('i32', rows) : rows)
      const n = rows.shape.at(-1)!
      const sorted = n <= COUNTED ? rankByCounting(keyed, descending) : bitonic(keyed, descending)
      return moveAxis(sorted, x!.shape.length - 1, axis)
    },
  },
  evaluate: ([x], out, { axis, descending }) => {
    const n = out.shape[axis]!
    const inner = sizeOf(out.shape.slice(axis + 1))
    const y = new Float64Array(sizeOf(out.shape))
    const direction = descending ? -1 : 1
    for (let first = 0; first < y.length; first++) {
      if (Math.floor(first / inner) % n !== 0) continue
      const key = (i: number): number => x!.data[first + i * inner]!
      const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => {
        const nan = Number(Number.isNaN(key(i))) - Number(Number.isNaN(key(j)))
        if (nan !== 0) return nan
        return direction * (key(i) < key(j) ? -1 : key(i) > key(j) ? 1 : 0) || i - j
      })
      order.forEach((from, to) => {
        y[first + to * inner] = from
      })
    }
    return y
  },
})
/** The positions (i32) that sort `axis`. */
export const argsort = (x: Expr, axis: number, descending: boolean): Expr => apply(argsortP, [x], { axis, descending })

/**
 * Elements as pairs (key, tie) that are all different, so that order is strict: ties go by position. A NaN takes the last
 * key and a tie beyond all positions.
 */
interface Pairs {
  readonly key: Expr
  readonly tie: Expr
}
const lastKey = (x: Expr, descending: boolean): number =>
  descending ? dtypes[x.dtype].lowest : dtypes[x.dtype].highest
const pairs = (x: Expr, descending: boolean, beyond: number): Pairs => {
  const position = iota(x.shape, x.shape.length - 1, 'i32')
  if (!isFloat(x.dtype)) return { key: x, tie: position }
  const nan = isnan(x)
  return {
    key: where(nan, fillLike(x, lastKey(x, descending)), x),
    tie: add(position, times(cast('i32', nan), beyond)),
  }
}
const before = (p: Pairs, q: Pairs, descending: boolean): Expr =>
  or((descending ? gt : lt)(p.key, q.key), and(eq(p.key, q.key), lt(p.tie, q.tie)))

/** rank_i = sum_j [x_j before x_i]; the result at k is the i with rank_i = k. */
const rankByCounting = (x: Expr, descending: boolean): Expr => {
  const lead = x.shape.slice(0, -1)
  const n = x.shape.at(-1)!
  const square = [...lead, n, n]
  const columns = (y: Expr): Expr => broadcastTo(reshape(y, [...lead, n, 1]), square)
  const rows = (y: Expr): Expr => broadcastTo(reshape(y, [...lead, 1, n]), square)
  const { key, tie } = pairs(x, descending, n)
  const precedes = before({ key: rows(key), tie: rows(tie) }, { key: columns(key), tie: columns(tie) }, descending)
  const rank = reduceSum(cast('i32', precedes), [lead.length + 1])
  // [.., k, i]
  const found = eq(rows(rank), iota(square, lead.length, 'i32'))
  const position = iota(square, lead.length + 1, 'i32')
  return reduceSum(where(found, position, fillLike(position, 0)), [lead.length + 1])
}

/** log^2 n steps of compare and exchange, padded to a power of two with elements that come last. */
const bitonic = (x: Expr, descending: boolean): Expr => {
  const axis = x.shape.length - 1
  const lead = x.shape.slice(0, -1)
  const n = x.shape[axis]!
  const width = 2 ** Math.ceil(Math.log2(n))
  const tail = [...lead, width - n]
  const real = pairs(x, descending, width)
  let now: Pairs =
    width === n
      ? real
      : {
          key: concat([real.key, fill(tail, x.dtype, lastKey(x, descending))], axis),
          tie: concat([real.tie, plus(iota(tail, axis, 'i32'), 2 * width)], axis),
        }
  const position = iota([width], 0, 'i32')
  const hasBit = (bit: number): Expr => ne(and(position, fillLike(position, bit)), fillLike(position, 0))
  for (let block = 2; block <= width; block *= 2)
    for (let by = block / 2; by >= 1; by /= 2) {
      const partner: Pairs = { key: exchange(now.key, by), tie: exchange(now.tie, by) }
      // the lower of a pair keeps the earlier element where its block ascends, i.e. where the bits agree
      const keepsLater = xor(hasBit(by), hasBit(block))
      const mask = broadcastTo(reshape(keepsLater, [...lead.map(() => 1), width]), now.key.shape)
      const replace = xor(before(partner, now, descending), mask)
      now = { key: where(replace, partner.key, now.key), tie: where(replace, partner.tie, now.tie) }
    }
  const sorted = sliceAxis(now.tie, axis, 0, n)
  return and(sorted, fillLike(sorted, width - 1))
}
/** The element at i xor by: neighbours of two blocks of `by` trade places. */
const exchange = (x: Expr, by: number): Expr => {
  const lead = x.shape.slice(0, -1)
  return reshape(flip(reshape(x, [...lead, x.shape.at(-1)! / (2 * by), 2, by]), [lead.length + 1]), x.shape)
}

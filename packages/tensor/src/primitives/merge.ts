/**
 * One pass of a merge sort as a kernel of its own: every place of the result finds the element that stands there once
 * neighbouring runs are merged, by a binary search whose number of steps is known (merge path: Odeh, Green, Mwassi,
 * Shmueli, Birk, "Merge Path", 2012). So a pass is n searches side by side, whatever the data. What is moved is an order of
 * the elements; the elements stay.
 */
import * as ix from '../loops/ix.ts'
import * as scalar from '../loops/scalar.ts'
import type { Scalar } from '../loops/scalar.ts'
import { sameShape, sizeOf } from '../base/shape.ts'
import { isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { align } from './broadcast.ts'
import { demandAxis, demandDType, demandShape, numbers } from './operands.ts'

export interface MergeParams {
  readonly axis: number
  readonly descending: boolean
  /** Elements of a sorted run; the last one may be shorter. */
  readonly run: number
}

/** Whether x stands before y: NaN stands last in either direction, and equal elements before none of each other. */
const precedes = (x: Scalar, y: Scalar, descending: boolean): Scalar => {
  const before = scalar.binary(descending ? 'gt' : 'lt', x, y)
  if (!isFloat(x.dtype)) return before
  const toNaN = scalar.binary('and', scalar.unary('isnan', y), scalar.unary('not', scalar.unary('isnan', x)))
  return scalar.binary('or', before, toNaN)
}
/** The same of numbers. */
export const comesBefore = (x: number, y: number, descending: boolean): boolean =>
  (descending ? x > y : x < y) || (Number.isNaN(y) && !Number.isNaN(x))

/**
 * Of two runs, a[0..la) from `first` and b[0..lb) after it, the k-th element of the merged run, k counted from `first` as
 * well: its position. Among the first k are i elements of a and k - i of b, where i is the number of a's elements a[t] that
 * b[k - 1 - t] does not precede: of equal elements a's come first. The answers are yes up to some t, and no from there, so
 * that steps of `run`, run / 2, ..., 1 find it between lo = max(0, k - lb) and hi = min(k, la).
 *
 *     a = 2 5 | b = 1 5 9,  k = 3:  a[0] = 2 against b[2] = 9: yes;  a[1] = 5 against b[1] = 5: yes, a's comes first;
 *     so i = 2, and the third element is b[3 - 2] = 5
 */
const mergedFrom = (at: ix.Ix, n: number, key: (at: Scalar) => Scalar, { run, descending }: MergeParams): Scalar => {
  const of = (value: number): Scalar => scalar.constant('i32', value)
  const plus = (x: Scalar, y: Scalar): Scalar => scalar.binary('add', x, y)
  const minus = (x: Scalar, y: Scalar): Scalar => scalar.binary('sub', x, y)
  const smaller = (x: Scalar, y: Scalar): Scalar => scalar.binary('min', x, y)
  const larger = (x: Scalar, y: Scalar): Scalar => scalar.binary('max', x, y)
  const k = scalar.index(ix.mod(at, 2 * run))
  const first = minus(scalar.index(at), k)
  const rest = minus(of(n), first)
  const la = smaller(rest, of(run))
  const lb = smaller(larger(minus(rest, of(run)), of(0)), of(run))
  const hi = smaller(k, la)
  const a = (t: Scalar): Scalar => key(plus(first, t))
  const second = plus(first, of(run))
  const b = (t: Scalar): Scalar => key(plus(second, t))
  let i = larger(minus(k, lb), of(0))
  for (let step = run; step >= 1; step = Math.floor(step / 2)) {
    const next = plus(i, of(step))
    const t = minus(next, of(1))
    const yes = scalar.unary('not', precedes(b(minus(k, next)), a(t), descending))
    i = scalar.select(scalar.binary('and', scalar.binary('le', next, hi), yes), next, i)
  }
  const j = minus(k, i)
  const fromB = scalar.binary(
    'or',
    scalar.binary('ge', i, la),
    scalar.binary('and', scalar.binary('lt', j, lb), precedes(b(j), a(i), descending)),
  )
  return scalar.select(fromB, plus(second, j), plus(first, i))
}

export const mergeP: Primitive<MergeParams> = single({
  name: 'merge',
  shape: (args, { axis, run }) => {
    const [key, order] = [args[0]!, args[1]!]
    demandDType('merge', args, key, numbers)
    demandDType('merge', args, order, ['i32'])
    demandAxis('merge', args, axis, key.shape)
    demandShape(
      sameShape(order.shape, key.shape) && Number.isInteger(run) && run >= 1 && (run & (run - 1)) === 0,
      'merge',
      args,
      `takes an order of the shape of the key, and runs of a power of two, not ${run}`,
      'Broadcast both to one shape.',
    )
    return { shape: order.shape, dtype: 'i32' }
  },
  vjp: () => [null, null],
  batch: (args, batched, size, { axis, ...rest }) =>
    apply(mergeP, align(args, batched, size), { ...rest, axis: axis + 1 }),
  lower: {
    kind: 'pointwise',
    stored: 'everywhere',
    at: (index, arg, out, params) => {
      const { axis } = params
      const n = out.shape[axis]!
      const positionAt = (at: Scalar): Scalar => arg(1, index.with(axis, ix.dynamic(at, n)))
      const keyAt = (at: Scalar): Scalar => arg(0, index.with(axis, ix.dynamic(positionAt(at), n)))
      return positionAt(mergedFrom(index[axis]!, n, keyAt, params))
    },
  },
  evaluate: ([key, order], { shape }, { axis, run, descending }) => {
    const n = shape[axis]!
    const inner = sizeOf(shape.slice(axis + 1))
    const merged = new Float64Array(sizeOf(shape))
    for (let line = 0; line < merged.length / Math.max(1, n); line++) {
      const start = Math.floor(line / inner) * n * inner + (line % inner)
      const positionAt = (t: number): number => order!.data[start + t * inner]!
      const keyAt = (t: number): number => key!.data[start + Math.min(Math.max(positionAt(t), 0), n - 1) * inner]!
      for (let first = 0; first < n; first += 2 * run) {
        const [middle, end] = [Math.min(first + run, n), Math.min(first + 2 * run, n)]
        let [a, b] = [first, middle]
        for (let k = first; k < end; k++) {
          const fromB = a === middle || (b < end && comesBefore(keyAt(b), keyAt(a), descending))
          merged[start + k * inner] = positionAt(fromB ? b++ : a++)
        }
      }
    }
    return merged
  },
})
/**
 * `order`, positions (i32) of elements of `key` along `axis` of which each run of `run` is sorted, with these runs merged
 * two by two; of equal elements those of the first run come first.
 */
export const merge = (key: Expr, order: Expr, axis: number, run: number, descending: boolean): Expr =>
  apply(mergeP, [key, order], { axis, run, descending })

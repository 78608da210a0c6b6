/** The largest element of a window. It differs from a maximum in who receives a gradient: the first of equal elements, alone. */
import { type Aval, apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { isFloat } from '../base/dtype.ts'
import { sameShape, type Shape, sizeOf } from '../base/shape.ts'
import { align, reshape, respread } from './broadcast.ts'
import { fillLike, iota } from './leaves.ts'
import { demandDType, demandShape, numbers, range } from './operands.ts'
import { reduceMax, reduceMin } from './reduce.ts'
import { reduceValues } from './reduction.ts'
import { and, eq, isnan, or, where } from './select.ts'

export interface PeakParams {
  /** How many of the last axes are the window's. */
  readonly window: number
}
const windowAxes = (shape: Shape, { window }: PeakParams): readonly number[] =>
  range(window).map((i) => shape.length - window + i)

export const peakP: Primitive<PeakParams> = single({
  name: 'peak',
  shape: (args, { window }) => {
    const [x, held] = args as readonly [Aval, Aval]
    demandDType('peak', args, x, numbers)
    demandDType('peak', args, held, ['bool'])
    demandShape(
      sameShape(x.shape, held.shape),
      'peak',
      args,
      'the shapes differ',
      'Say of each element whether it is held.',
    )
    demandShape(
      Number.isInteger(window) && window >= 0 && window <= x.shape.length,
      'peak',
      args,
      `a window of ${window} axes`,
      `Give a count from 0 to ${x.shape.length}.`,
    )
    return { shape: x.shape.slice(0, x.shape.length - window), dtype: x.dtype }
  },
  vjp: (ct, out, params) => {
    const [x, held] = out.node.args as readonly [Expr, Expr]
    if (!isFloat(out.dtype)) return [null, null]
    const axes = windowAxes(x.shape, params)
    const attains = and(held, or(eq(x, respread(out, x.shape, axes)), isnan(x)))
    const window = axes.map((a) => x.shape[a]!)
    const offsets = reshape(iota([sizeOf(window)], 0, 'i32'), window)
    const place = respread(offsets, x.shape, range(x.shape.length - window.length))
    const first = reduceMin(where(attains, place, fillLike(place, sizeOf(window))), axes)
    return [where(eq(place, respread(first, x.shape, axes)), respread(ct, x.shape, axes), fillLike(x, 0)), null]
  },
  batch: (args, batched, size, params) => apply(peakP, align(args, batched, size), params),
  lower: { kind: 'composite', expand: ([x], params) => reduceMax(x!, windowAxes(x!.shape, params)) },
  evaluate: ([x], out, params) => reduceValues('max', x!, out, windowAxes(x!.shape, params)),
})
/** The largest over the last `window` axes. What is not `held` is the least value there is, and receives no gradient. */
export const peak = (x: Expr, held: Expr, window: number): Expr => apply(peakP, [x, held], { window })

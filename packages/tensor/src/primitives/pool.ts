/** The largest element of a window. It differs from a maximum in who receives a gradient: the first of equal elements, alone. */
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { isFloat } from '../base/dtype.ts'
import { type Shape, sizeOf } from '../base/shape.ts'
import { reshape, respread } from './broadcast.ts'
import { fillLike, iota } from './leaves.ts'
import { demandDType, demandShape, numbers, range } from './operands.ts'
import { reduceMax, reduceMin } from './reduce.ts'
import { reduceValues } from './reduction.ts'
import { eq, isnan, or, where } from './select.ts'

export interface PeakParams {
  /** How many of the last axes are the window's. */
  readonly window: number
}
const windowAxes = (shape: Shape, { window }: PeakParams): readonly number[] =>
  range(window).map((i) => shape.length - window + i)

export const peakP: Primitive<PeakParams> = single({
  name: 'peak',
  shape: (args, { window }) => {
    const x = args[0]!
    demandDType('peak', args, x, numbers)
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
    const x = out.node.args[0]!
    if (!isFloat(out.dtype)) return [null]
    const axes = windowAxes(x.shape, params)
    const attains = or(eq(x, respread(out, x.shape, axes)), isnan(x))
    const window = axes.map((a) => x.shape[a]!)
    const offsets = reshape(iota([sizeOf(window)], 0, 'i32'), window)
    const place = respread(offsets, x.shape, range(x.shape.length - window.length))
    const first = reduceMin(where(attains, place, fillLike(place, sizeOf(window))), axes)
    return [where(eq(place, respread(first, x.shape, axes)), respread(ct, x.shape, axes), fillLike(x, 0))]
  },
  batch: ([x], _, __, params) => peak(x!, params.window),
  lower: { kind: 'composite', expand: ([x], params) => reduceMax(x!, windowAxes(x!.shape, params)) },
  evaluate: ([x], out, params) => reduceValues('max', x!, out, windowAxes(x!.shape, params)),
})
/** The largest over the last `window` axes. */
export const peak = (x: Expr, window: number): Expr => apply(peakP, [x], { window })

/** Running sums, from either end: each is the adjoint of the other. Running extremes, which are elements picked. */
import { isFloat } from '../base/dtype.ts'
import { computed } from './cast.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { type Single, single } from '../graph/single.ts'
import { takeAlongAxis } from './along.ts'
import { fillLike, iota } from './leaves.ts'
import { flip, flipValues } from './movement.ts'
import { demandAxis, demandDType, numbers } from './operands.ts'
import { runningValues } from './reduction.ts'
import { eq, isnan, or, where } from './select.ts'
import type { AxisParams } from './take.ts'

const shapeOf =
  (op: string): Single<AxisParams>['shape'] =>
  (args, { axis }) => {
    const x = args[0]!
    demandDType(op, args, x, numbers)
    demandAxis(op, args, axis, x.shape)
    return { shape: x.shape, dtype: x.dtype }
  }

export const cumsumP: Primitive<AxisParams> = single({
  name: 'cumsum',
  shape: shapeOf('cumsum'),
  vjp: (ct, out, { axis }) => [isFloat(out.dtype) ? cumsum(ct, axis, true) : null],
  batch: ([x], _, __, { axis }) => cumsum(x!, axis + 1, false),
  lower: { kind: 'running', op: 'sum', axis: ({ axis }) => axis },
  evaluate: ([x], _, { axis }) => runningValues('sum', x!, axis),
})

/** The same from the end: flip, sum, flip. */
export const reverseCumsumP: Primitive<AxisParams> = single({
  name: 'reverseCumsum',
  shape: shapeOf('reverseCumsum'),
  vjp: (ct, out, { axis }) => [isFloat(out.dtype) ? cumsum(ct, axis, false) : null],
  batch: ([x], _, __, { axis }) => cumsum(x!, axis + 1, true),
  lower: { kind: 'composite', expand: ([x], { axis }) => flip(cumsum(flip(x!, [axis]), axis, false), [axis]) },
  evaluate: ([x], out, { axis }) => {
    const flipped = (data: Float64Array): Float64Array => flipValues({ ...out, data }, [axis])
    return flipped(runningValues('sum', { ...out, data: flipped(x!.data) }, axis))
  },
})

/** y_i = x_0 + ... + x_i along `axis`; reversed, y_i = x_i + ... + x_(n-1). */
export const cumsum = (x: Expr, axis: number, reverse: boolean): Expr =>
  apply(reverse ? reverseCumsumP : cumsumP, [computed(x)], { axis })

/** Where the extreme of the elements up to each one stands: the last of equals, or the last NaN. */
const attainedAt = (x: Expr, extreme: Expr, axis: number): Expr => {
  const attains = isFloat(x.dtype) ? or(eq(x, extreme), isnan(x)) : eq(x, extreme)
  const index = iota(x.shape, axis, 'i32')
  return apply(runningMaxP, [where(attains, index, fillLike(index, 0))], { axis })
}
const runningExtreme = (name: string, op: 'max' | 'min'): Primitive<AxisParams> => {
  const self: Primitive<AxisParams> = single({
    name,
    shape: shapeOf(name),
    vjp: (ct, out, { axis }) => {
      if (!isFloat(out.dtype)) return [null]
      const x = out.node.args[0]!
      const picked = takeAlongAxis(x, attainedAt(x, out, axis), axis, 'nearest')
      const { prim, args, params } = picked.node
      return [prim.vjp([ct], [picked], args, params, [true, false])[0]!]
    },
    batch: ([x], _, __, { axis }) => apply(self, [x!], { axis: axis + 1 }),
    lower: { kind: 'running', op, axis: ({ axis }) => axis },
    evaluate: ([x], _, { axis }) => runningValues(op, x!, axis),
  })
  return self
}
export const runningMaxP: Primitive<AxisParams> = runningExtreme('runningMax', 'max')
export const runningMinP: Primitive<AxisParams> = runningExtreme('runningMin', 'min')
/** y_i = max(x_0, .., x_i), or the least of them, along `axis`; NaN wins. */
export const runningMax = (x: Expr, axis: number): Expr => apply(runningMaxP, [computed(x)], { axis })
export const runningMin = (x: Expr, axis: number): Expr => apply(runningMinP, [computed(x)], { axis })

/** Running sums, from either end: each is the adjoint of the other. */
import { isFloat } from '../base/dtype.ts'
import { computed } from './cast.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { type Single, single } from '../graph/single.ts'
import { flip, flipValues } from './movement.ts'
import { demandAxis, demandDType, numbers } from './operands.ts'
import { runningValues } from './reduction.ts'
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

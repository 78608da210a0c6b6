/** Cotangents: what is linear in one vanishes where it does. */
import * as scalar from '../codegen/scalar.ts'
import { apply, type Expr, type Primitive } from '../expr.ts'
import { align } from './broadcast.ts'
import { demandDType, demandSameDType, demandSameShape, floats } from './operands.ts'

/**
 * v on the support of ct: v where ct is not 0, and 0 where it is. `v` must be linear in `ct`, element by element: v = ct d.
 *
 * A pullback ct -> ct d(x) is linear, so it is 0 at ct = 0; but where the derivative d is infinite or NaN (the square root
 * at 0, the logarithm at 0 and below, an exponential that overflows, any function of NaN), floating point makes 0 d = NaN
 * of it, and one element that a `where`, a maximum or a mask has set aside spoils the gradient of all. With this, such an
 * element adds nothing.
 *
 * For finite d it is the identity on v, whose dependence on ct is all in v. Hence its own pullback: the identity to v,
 * nothing to ct. A rule by the comparison (no gradient to v at ct = 0) would be wrong: the pullback of ct -> ct d is
 * c -> c d at every ct, at 0 too, which is where forward mode evaluates it.
 */
export const onSupportP: Primitive<null> = {
  name: 'onSupport',
  shape: (args) => {
    const [ct, v] = [args[0]!, args[1]!]
    demandSameDType('onSupport', args, ct, v)
    demandDType('onSupport', args, ct, floats)
    demandSameShape('onSupport', args, ct, v)
    return { shape: ct.shape, dtype: ct.dtype }
  },
  vjp: (c) => [null, c],
  batch: (args, batched, size) => apply(onSupportP, align(args, batched, size), null),
  lower: {
    kind: 'pointwise',
    at: (index, arg, { dtype }) => {
      const [ct, zero] = [arg(0, index), scalar.constant(dtype, 0)]
      return scalar.select(scalar.binary('ne', ct, zero), arg(1, index), zero)
    },
  },
  evaluate: ([ct, v]) => v!.data.map((x, i) => (ct!.data[i] === 0 ? 0 : x)),
}
export const onSupport = (ct: Expr, v: Expr): Expr => (v === ct ? v : apply(onSupportP, [ct, v], null))

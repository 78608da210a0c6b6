/** Products and quotients of cotangents, which are 0 wherever the cotangent is. */
import * as scalar from '../loops/scalar.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { align } from './broadcast.ts'
import { fillLike } from './leaves.ts'
import { demandDType, demandSameDType, demandSameShape, floats } from './operands.ts'

interface Row {
  readonly name: string
  readonly op: 'mul' | 'div'
  /** Which operands must differ from 0, lest the result be 0. */
  readonly support: readonly (0 | 1)[]
  readonly vjp: (c: Expr, x: Expr, y: Expr, out: Expr) => readonly [Expr, Expr]
}

/**
 * A pullback ct -> ct d(x) is linear, so it is 0 at ct = 0. But where the derivative d is infinite or NaN (the square root
 * at 0, the logarithm at 0 and below, an exponential that overflows, any function of NaN), floating point makes 0 d = NaN
 * of it, and one element that a `where`, a maximum or a mask has set aside spoils the gradient of all. Hence 0 d = 0 here,
 * whatever d is, as in the theory of measure, and pullbacks are written in these.
 *
 * A comparison and a selection would not do: their pullback to ct, at ct = 0, is 0, but that of ct -> ct d is c -> c d at
 * every ct, and at 0 too, which is where forward mode evaluates it. So these are operations of their own, linear in ct,
 * with the rules of product and quotient: where d is finite they are nothing else.
 */
const onSupport = ({ name, op, support, vjp }: Row): Primitive<null> => {
  const self: Primitive<null> = single({
    name,
    shape: (args) => {
      const [x, y] = [args[0]!, args[1]!]
      demandSameDType(name, args, x, y)
      demandDType(name, args, x, floats)
      demandSameShape(name, args, x, y)
      return { shape: x.shape, dtype: x.dtype }
    },
    vjp: (c, out) => vjp(c, out.node.args[0]!, out.node.args[1]!, out),
    batch: (args, batched, size) => apply(self, align(args, batched, size), null),
    lower: {
      kind: 'pointwise',
      at: (index, arg, { dtype }) => {
        const zero = scalar.constant(dtype, 0)
        return support.reduce<scalar.Scalar>(
          (value, i) => scalar.select(scalar.binary('ne', arg(i, index), zero), value, zero),
          scalar.binary(op, arg(0, index), arg(1, index)),
        )
      },
    },
    evaluate: (args) => {
      const [x, y] = [args[0]!.data, args[1]!.data]
      const plain = op === 'mul' ? (i: number) => x[i]! * y[i]! : (i: number) => x[i]! / y[i]!
      return x.map((_, i) => (support.some((k) => args[k]!.data[i] === 0) ? 0 : plain(i)))
    },
  })
  return self
}

export const scaledP = onSupport({
  name: 'scaled',
  op: 'mul',
  support: [0],
  vjp: (c, ct, y) => [scaled(c, y), mutual(c, ct)],
})
/** ct y, and 0 where ct is 0, whatever y is. */
export const scaled = (ct: Expr, y: Expr): Expr => apply(scaledP, [ct, y], null)

export const dividedP = onSupport({
  name: 'divided',
  op: 'div',
  support: [0],
  // (ct / y)' = ct' / y - (ct / y) y' / y
  vjp: (c, _, y, out) => [divided(c, y), divided(mutual(c, scaled(out, fillLike(out, -1))), y)],
})
/** ct / y, and 0 where ct is 0, whatever y is. */
export const divided = (ct: Expr, y: Expr): Expr => apply(dividedP, [ct, y], null)

export const mutualP = onSupport({
  name: 'mutual',
  op: 'mul',
  support: [0, 1],
  vjp: (c, x, y) => [mutual(c, y), mutual(c, x)],
})
/**
 * x y, and 0 where either is 0: of a cotangent that is 0 where it was set aside, by one that is 0 for another reason.
 * In both modes of second order either of them is the one that moves.
 */
export const mutual = (x: Expr, y: Expr): Expr => apply(mutualP, [x, y], null)

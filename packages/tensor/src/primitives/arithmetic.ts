/**
 * The field operations, and the products and quotients of cotangents: all that the other derivative rules are written in. The
 * derivatives of the former are the latter, which where they can are simplified to the former.
 */
import { isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import * as scalar from '../loops/scalar.ts'
import { absorbing, fillOf, first, involution, isFill, isOf, type Rule, unit } from './algebra.ts'
import { computed } from './cast.ts'
import { binary, binaryPrimitive, ofPairs, unary, unaryPrimitive } from './elementwise.ts'
import { fillLike } from './leaves.ts'
import { floats, numbers, signed } from './operands.ts'
import { multiply, sum, wrap } from './reduction.ts'

export const negP: Primitive<null> = unaryPrimitive({
  op: 'neg',
  accepts: signed,
  f: (x, dtype) => wrap(dtype, -x),
  vjp: (ct) => neg(ct),
  algebra: [involution],
})
export const neg = unary(negP)

/** x + 0 = x: on floats only -0 is such a zero, since -0 + 0 = 0. */
const plusZero =
  (at: 0 | 1): Rule =>
  (out, params) =>
    unit(at, isFloat(out.dtype) ? -0 : 0)(out, params)
/** op(x, -y) is `other` of x and y. */
const absorbNeg =
  (other: (x: Expr, y: Expr) => Expr): Rule =>
  ({ node: { args } }) =>
    isOf(args[1]!, negP) ? other(args[0]!, first(args[1]!)) : null

export const addP = binaryPrimitive({
  name: 'add',
  op: 'add',
  accepts: numbers,
  f: sum,
  vjp: (ct) => [ct, ct],
  algebra: [plusZero(1), plusZero(0), absorbNeg((x, y) => sub(x, y))],
  commutes: true,
})
export const add = binary(addP)

export const subP: Primitive<null> = binaryPrimitive({
  name: 'sub',
  op: 'sub',
  accepts: numbers,
  f: (dtype) => (x, y) => wrap(dtype, x - y),
  vjp: (ct) => [ct, neg(ct)],
  algebra: [
    unit(1, 0),
    // 0 - x is 0 for x = 0, and -x is -0
    (out) => (isFill(first(out), isFloat(out.dtype) ? -0 : 0) && out.dtype !== 'u32' ? neg(out.node.args[1]!) : null),
    absorbNeg((x, y) => add(x, y)),
  ],
})
export const sub = binary(subP)

export const mulP = binaryPrimitive({
  name: 'mul',
  op: 'mul',
  accepts: numbers,
  f: multiply,
  // (xy)' = x'y + xy'
  vjp: (ct, x, y) => [scaled(ct, y), scaled(ct, x)],
  algebra: [unit(1, 1), unit(0, 1), absorbing(0)],
  commutes: true,
})
export const mul = binary(mulP)

/** Integers truncate toward zero; x / 0 = 0 for them. */
export const divP = binaryPrimitive({
  name: 'div',
  op: 'div',
  accepts: numbers,
  f: (dtype) => (dtype === 'f32' ? (x, y) => x / y : (x, y) => (y === 0 ? 0 : wrap(dtype, Math.trunc(x / y)))),
  // (x/y)' = x'/y - (x/y) y'/y
  vjp: (ct, _, y, out) => [divided(ct, y), neg(scaled(ct, div(out, y)))],
  algebra: [unit(1, 1)],
})
export const div = binary(divP)

/** x times a constant. */
export const times = (x: Expr, value: number): Expr => mul(x, fillLike(x, value))
/** x plus a constant. */
export const plus = (x: Expr, value: number): Expr => add(x, fillLike(x, value))

interface Row {
  readonly name: string
  readonly op: 'mul' | 'div'
  /** Which operands must differ from 0, lest the result be 0. */
  readonly support: readonly (0 | 1)[]
  readonly vjp: (c: Expr, x: Expr, y: Expr, out: Expr) => readonly [Expr, Expr]
  readonly algebra: Rule<null>
  readonly commutes?: true
}

/**
 * A pullback ct -> ct d(x) is linear, so it is 0 at ct = 0. But where the derivative d is infinite or NaN (the square root
 * at 0, the logarithm at 0 and below, an exponential that overflows, any function of NaN), floating point makes 0 d = NaN
 * of it, and one element that a `where`, a maximum or a mask has set aside spoils the gradient of all. Hence 0 d = 0 here,
 * whatever d is, as in the theory of measure, and pullbacks are written in these.
 *
 * A comparison and a selection would not do: their pullback to ct, at ct = 0, is 0, but that of ct -> ct d is c -> c d at
 * every ct, and at 0 too, which is where forward mode evaluates it. So these are operations of their own, linear in ct,
 * with the rules of product and quotient: where d is finite they are nothing else, up to the sign of a 0.
 */
const onSupport = ({ op, support, algebra, ...row }: Row): Primitive<null> =>
  ofPairs(
    { ...row, accepts: floats, algebra: [algebra] },
    {
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
    },
  )

/** The plain product or quotient does where the first operand is known not to be 0, or the second cannot make NaN of it. */
const plainly =
  (plain: (ct: Expr, y: Expr) => Expr, harmless: (y: number) => boolean): Rule =>
  ({ node: { args } }) => {
    const [ct, y] = [args[0]!, args[1]!]
    const [value, by] = [fillOf(ct), fillOf(y)]
    if (value === 0) return fillLike(ct, 0)
    return value !== null || (by !== null && harmless(by)) ? plain(ct, y) : null
  }

export const scaledP = onSupport({
  name: 'scaled',
  op: 'mul',
  support: [0],
  vjp: (c, ct, y) => [scaled(c, y), mutual(c, ct)],
  algebra: plainly(mul, Number.isFinite),
})
/** ct y, and 0 where ct is 0, whatever y is. */
export const scaled = (ct: Expr, y: Expr): Expr => apply(scaledP, [computed(ct), computed(y)], null)

export const dividedP = onSupport({
  name: 'divided',
  op: 'div',
  support: [0],
  // (ct / y)' = ct' / y - (ct / y) y' / y
  vjp: (c, _, y, out) => [divided(c, y), divided(mutual(c, scaled(out, fillLike(out, -1))), y)],
  algebra: plainly(div, (y) => y !== 0 && !Number.isNaN(y)),
})
/** ct / y, and 0 where ct is 0, whatever y is. */
export const divided = (ct: Expr, y: Expr): Expr => apply(dividedP, [computed(ct), computed(y)], null)

export const mutualP = onSupport({
  name: 'mutual',
  op: 'mul',
  support: [0, 1],
  vjp: (c, x, y) => [mutual(c, y), mutual(c, x)],
  algebra: ({ node: { args } }) => {
    const [x, y] = [args[0]!, args[1]!]
    const [fill, other] = fillOf(x) !== null ? [x, y] : [y, x]
    const value = fillOf(fill)
    return value === null ? null : value === 0 ? fillLike(fill, 0) : scaled(other, fill)
  },
  commutes: true,
})
/**
 * x y, and 0 where either is 0: of a cotangent that is 0 where it was set aside, by one that is 0 for another reason.
 * In both modes of second order either of them is the one that moves.
 */
export const mutual = (x: Expr, y: Expr): Expr => apply(mutualP, [computed(x), computed(y)], null)

/**
 * The inverses of the circular and hyperbolic functions. The polynomials are those of Moshier's Cephes library in single
 * precision (asinf, atanf); what surrounds them is chosen so that nothing cancels.
 */
import type { Expr } from '../graph/expr.ts'
import { add, div, mul, neg, plus, scaled, sub, times } from './arithmetic.ts'
import { maximum, minimum } from './binary.ts'
import { composedBinary, composedUnary, polynomial } from './composed.ts'
import { binary, unary } from './elementwise.ts'
import { fillLike } from './leaves.ts'
import { eq, gt, lt, or, where } from './select.ts'
import { hypot, partOf } from './special.ts'
import { abs, log, log1p, reciprocal, rsqrt, sign, sqrt } from './unary.ts'

const minusFrom = (value: number, x: Expr): Expr => sub(fillLike(x, value), x)
/** (1 - x) (1 + x), which keeps what 1 - x^2 loses near 1. */
const oneMinusSquare = (x: Expr): Expr => mul(minusFrom(1, x), plus(x, 1))
const above = (x: Expr, value: number): Expr => gt(x, fillLike(x, value))

const ASIN = [4.216319904e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1]
/** asin x for x from 0 to 1/2, given x^2. */
const arcOf = (x: Expr, square: Expr): Expr => add(x, mul(mul(polynomial(ASIN, square), square), x))
/** For a = |x|: the arc of a up to 1/2, and above it half the arc from a to 1, as asin a = pi/2 - 2 asin sqrt((1 - a) / 2). */
const arcs = (a: Expr): { readonly far: Expr; readonly arc: Expr } => {
  const far = above(a, 0.5)
  const rest = times(minusFrom(1, a), 0.5)
  return { far, arc: arcOf(where(far, sqrt(rest), a), where(far, rest, mul(a, a))) }
}

export const asinP = composedUnary({
  name: 'asin',
  f: Math.asin,
  vjp: (ct, x) => scaled(ct, rsqrt(oneMinusSquare(x))),
  expand: (x) => {
    const { far, arc } = arcs(abs(x))
    return mul(sign(x), where(far, minusFrom(Math.PI / 2, times(arc, 2)), arc))
  },
})
export const asin = unary(asinP)

export const acosP = composedUnary({
  name: 'acos',
  f: Math.acos,
  vjp: (ct, x) => neg(scaled(ct, rsqrt(oneMinusSquare(x)))),
  expand: (x) => {
    const { far, arc } = arcs(abs(x))
    const twice = times(arc, 2)
    const left = lt(x, fillLike(x, 0))
    const outer = where(left, minusFrom(Math.PI, twice), twice)
    return where(far, outer, minusFrom(Math.PI / 2, mul(sign(x), arc)))
  },
})
export const acos = unary(acosP)

const ATAN = [8.05374449538e-2, -1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1]
/** atan x for x from 0 to 1: above tan(pi/8) as pi/4 + atan((x - 1) / (x + 1)). */
const angleOf = (x: Expr): Expr => {
  const far = above(x, Math.SQRT2 - 1)
  const t = where(far, div(plus(x, -1), plus(x, 1)), x)
  const square = mul(t, t)
  const angle = add(mul(mul(polynomial(ATAN, square), square), t), t)
  return where(far, plus(angle, Math.PI / 4), angle)
}

export const atanP = composedUnary({
  name: 'atan',
  f: Math.atan,
  vjp: (ct, x) => scaled(ct, reciprocal(plus(mul(x, x), 1))),
  expand: (x) => {
    const a = abs(x)
    const steep = above(a, 1)
    const angle = angleOf(where(steep, reciprocal(a), a))
    return mul(sign(x), where(steep, minusFrom(Math.PI / 2, angle), angle))
  },
})
export const atan = unary(atanP)

/** Whether x is below 0, or -0. */
const isNegative = (x: Expr): Expr => {
  const zero = fillLike(x, 0)
  return or(lt(x, zero), lt(reciprocal(x), zero))
}
export const atan2P = composedBinary({
  name: 'atan2',
  f: Math.atan2,
  // (x, -y) / (x^2 + y^2), by way of h = hypot(x, y), whose square may be out of range
  vjp: (ct, y, x) => {
    const h = hypot(x, y)
    return [scaled(ct, partOf(partOf(x, h), h)), neg(scaled(ct, partOf(partOf(y, h), h)))]
  },
  expand: (y, x) => {
    const [a, b] = [abs(x), abs(y)]
    const [large, small] = [maximum(a, b), minimum(a, b)]
    // 0 / 0 counts as 0, infinity / infinity as 1
    const origin = eq(large, fillLike(large, 0))
    const corner = eq(small, fillLike(small, Infinity))
    const ratio = where(origin, large, where(corner, fillLike(large, 1), div(small, large)))
    const angle = angleOf(ratio)
    const first = where(gt(b, a), minusFrom(Math.PI / 2, angle), angle)
    const half = where(isNegative(x), minusFrom(Math.PI, first), first)
    return where(isNegative(y), neg(half), half)
  },
})
export const atan2 = binary(atan2P)

/** Beyond this the square of x dwarfs 1 in any precision in use, and log(2 x) is all. */
const FAR = 2 ** 28

export const asinhP = composedUnary({
  name: 'asinh',
  f: Math.asinh,
  vjp: (ct, x) => scaled(ct, reciprocal(hypot(x, fillLike(x, 1)))),
  // log(a + sqrt(1 + a^2)) = log1p(a + a^2 / (1 + sqrt(1 + a^2)))
  expand: (x) => {
    const a = abs(x)
    const far = above(a, FAR)
    const near = where(far, fillLike(a, 1), a)
    const square = mul(near, near)
    const inner = add(near, div(square, plus(sqrt(plus(square, 1)), 1)))
    return mul(sign(x), where(far, plus(log(a), Math.LN2), log1p(inner)))
  },
})
export const asinh = unary(asinhP)

export const acoshP = composedUnary({
  name: 'acosh',
  f: Math.acosh,
  vjp: (ct, x) => scaled(ct, mul(rsqrt(plus(x, -1)), rsqrt(plus(x, 1)))),
  // with t = x - 1: log(x + sqrt(x^2 - 1)) = log1p(t + sqrt(t (t + 2)))
  expand: (x) => {
    const far = above(x, FAR)
    // below 1, where t (t + 2) may be positive, or overflow, it has no value
    const near = where(lt(x, fillLike(x, 1)), fillLike(x, NaN), x)
    const t = plus(where(far, fillLike(x, 1), near), -1)
    return where(far, plus(log(x), Math.LN2), log1p(add(t, sqrt(mul(t, plus(t, 2))))))
  },
})
export const acosh = unary(acoshP)

export const atanhP = composedUnary({
  name: 'atanh',
  f: Math.atanh,
  vjp: (ct, x) => scaled(ct, reciprocal(oneMinusSquare(x))),
  // log((1 + a) / (1 - a)) / 2
  expand: (x) => {
    const a = abs(x)
    return mul(sign(x), times(log1p(div(times(a, 2), minusFrom(1, a))), 0.5))
  },
})
export const atanh = unary(atanhP)

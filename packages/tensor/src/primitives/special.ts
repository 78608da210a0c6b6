/** Functions whose plain formulas overflow, cancel, or meet 0 times infinity. */
import { erfcOf } from '../loops/functions.ts'
import type { Expr } from '../graph/expr.ts'
import { add, div, divided, mul, neg, plus, scaled, sub, times } from './arithmetic.ts'
import { maximum, minimum } from './binary.ts'
import { composedBinary, composedUnary, polynomial } from './composed.ts'
import { binary, unary } from './elementwise.ts'
import { fillLike } from './leaves.ts'
import { and, eq, gt, isinf, isnan, lt, not, or, where } from './select.ts'
import { abs, erf, exp, exp2, log, log1p, log2, round, sigmoid, sign, sqrt } from './unary.ts'

export const log10P = composedUnary({
  name: 'log10',
  f: Math.log10,
  vjp: (ct, x) => divided(ct, times(x, Math.LN10)),
  expand: (x) => times(log(x), Math.LOG10E),
})
export const log10 = unary(log10P)

export const cbrtP = composedUnary({
  name: 'cbrt',
  f: Math.cbrt,
  vjp: (ct, _, out) => divided(ct, times(mul(out, out), 3)),
  // a power, and a step of Newton's method for y^3 = a: y - (y - a / y^2) / 3
  expand: (x) => {
    const a = abs(x)
    const plain = and(gt(a, fillLike(a, 0)), lt(a, fillLike(a, Infinity)))
    const y = exp2(times(log2(where(plain, a, fillLike(a, 1))), 1 / 3))
    const better = sub(y, times(sub(y, div(a, mul(y, y))), 1 / 3))
    return mul(sign(x), where(plain, better, a))
  },
})
export const cbrt = unary(cbrtP)

/**
 * (1 + 2 x) exp(x^2) erfc(x) in q = (x - 2) / (x + 2), for x from 0.5 to 10.2: interpolated at the nodes of Chebyshev, within 2e-8
 * of itself.
 */
const ERFC: readonly number[] = [
  -0.0013626151404, 0.00095790613899, 0.0087286908581, -0.0079525198635, -0.054226746037, 0.16404311211, -0.16602972811,
  -0.092763600035, 1.2769783729,
]
export const erfcP = composedUnary({
  name: 'erfc',
  f: erfcOf,
  vjp: (ct, x) => scaled(ct, times(exp(neg(mul(x, x))), -2 / Math.sqrt(Math.PI))),
  expand: (x) => {
    const one = fillLike(x, 1)
    const far = gt(x, fillLike(x, 0.5))
    // beyond 10.1 it is below the least f32
    const a = minimum(where(far, x, one), fillLike(x, 10.2))
    // exp(-a^2) of a rounded square is off by as many units as the square has in its last place: so a = h + r, of which h^2 is exact
    const h = times(round(times(a, 64)), 1 / 64)
    const decay = mul(exp(neg(mul(h, h))), exp(neg(mul(sub(a, h), add(a, h)))))
    const tail = div(polynomial(ERFC, div(plus(a, -2), plus(a, 2))), plus(times(a, 2), 1))
    return where(far, mul(decay, tail), sub(one, erf(x)))
  },
})
export const erfc = unary(erfcP)

/** x / h, and 0 at h = 0. */
export const partOf = (x: Expr, h: Expr): Expr => {
  const none = eq(h, fillLike(h, 0))
  return where(none, fillLike(x, 0), div(x, where(none, fillLike(h, 1), h)))
}
export const hypotP = composedBinary({
  name: 'hypot',
  f: Math.hypot,
  vjp: (ct, x, y, out) => [scaled(ct, partOf(x, out)), scaled(ct, partOf(y, out))],
  // the larger times sqrt(1 + ratio^2); an infinite side is longer than one that is no number
  expand: (x, y) => {
    const [a, b] = [abs(x), abs(y)]
    const large = maximum(a, b)
    const ratio = partOf(minimum(a, b), large)
    return where(or(isinf(x), isinf(y)), fillLike(x, Infinity), mul(large, sqrt(plus(mul(ratio, ratio), 1))))
  },
  commutes: true,
})
export const hypot = binary(hypotP)

const logaddexpOf = (x: number, y: number): number =>
  x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))
export const logaddexpP = composedBinary({
  name: 'logaddexp',
  f: logaddexpOf,
  // exp(x - out) = sigmoid(x - y); of equal infinities the difference counts as 0
  vjp: (ct, x, y, out) => {
    const zero = fillLike(x, 0)
    const d = where(and(eq(x, y), isinf(x)), zero, sub(x, y))
    const share = (z: Expr): Expr => where(eq(out, fillLike(out, -Infinity)), zero, scaled(ct, sigmoid(z)))
    return [share(d), share(neg(d))]
  },
  expand: (x, y) => where(eq(x, y), plus(x, Math.LN2), add(maximum(x, y), log1p(exp(neg(abs(sub(x, y))))))),
  commutes: true,
})
export const logaddexp = binary(logaddexpP)

export const xlogyP = composedBinary({
  name: 'xlogy',
  f: (x, y) => (x === 0 && !Number.isNaN(y) ? 0 : x * Math.log(y)),
  vjp: (ct, x, y) => [scaled(ct, log(y)), scaled(ct, divided(x, y))],
  expand: (x, y) => where(and(eq(x, fillLike(x, 0)), not(isnan(y))), fillLike(x, 0), mul(x, log(y))),
})
export const xlogy = binary(xlogyP)

/** Functions of one float, as rows: name, meaning, derivative. */
import { erfOf, roundHalfEven } from '../loops/functions.ts'
import type { UnaryOp } from '../loops/scalar.ts'
import type { DType } from '../base/dtype.ts'
import type { Expr, Primitive } from '../graph/expr.ts'
import { div, divided, mul, neg, plus, scaled, sub, times } from './arithmetic.ts'
import { unary, unaryPrimitive } from './elementwise.ts'
import { fillLike } from './leaves.ts'
import { floats, signed } from './operands.ts'
import { wrap } from './reduction.ts'

type Derivative = ((ct: Expr, x: Expr, out: Expr) => Expr) | null
const row = (
  op: UnaryOp,
  f: (x: number) => number,
  vjp: Derivative,
  accepts: readonly DType[] = floats,
): Primitive<null> => unaryPrimitive({ op, accepts, f: (x, dtype) => wrap(dtype, f(x)), vjp })

const one = (x: Expr): Expr => fillLike(x, 1)

export const signP = row('sign', Math.sign, null, signed)
export const sign = unary(signP)
// sign(0) = 0 is the subgradient taken at 0
export const absP = row('abs', Math.abs, (ct, x) => scaled(ct, sign(x)), signed)
export const abs = unary(absP)
export const floorP = row('floor', Math.floor, null)
export const floor = unary(floorP)
export const ceilP = row('ceil', Math.ceil, null)
export const ceil = unary(ceilP)
export const roundP = row('round', roundHalfEven, null)
export const round = unary(roundP)

export const expP = row('exp', Math.exp, (ct, _, out) => scaled(ct, out))
export const exp = unary(expP)
export const exp2P = row(
  'exp2',
  (x) => 2 ** x,
  (ct, _, out) => scaled(ct, times(out, Math.LN2)),
)
export const exp2 = unary(exp2P)
export const expm1P = row('expm1', Math.expm1, (ct, _, out) => scaled(ct, plus(out, 1)))
export const expm1 = unary(expm1P)
export const logP = row('log', Math.log, (ct, x) => divided(ct, x))
export const log = unary(logP)
export const log2P = row('log2', Math.log2, (ct, x) => divided(ct, times(x, Math.LN2)))
export const log2 = unary(log2P)
export const log1pP = row('log1p', Math.log1p, (ct, x) => divided(ct, plus(x, 1)))
export const log1p = unary(log1pP)

export const sqrtP = row('sqrt', Math.sqrt, (ct, _, out) => scaled(ct, div(fillLike(out, 0.5), out)))
export const sqrt = unary(sqrtP)
// (x^-1/2)' = -1/2 x^-1/2 / x
export const rsqrtP = row(
  'rsqrt',
  (x) => 1 / Math.sqrt(x),
  (ct, x, out) => scaled(ct, times(div(out, x), -0.5)),
)
export const rsqrt = unary(rsqrtP)
export const reciprocalP = row(
  'reciprocal',
  (x) => 1 / x,
  (ct, _, out) => neg(scaled(ct, mul(out, out))),
)
export const reciprocal = unary(reciprocalP)

export const sinP: Primitive<null> = row('sin', Math.sin, (ct, x) => scaled(ct, cos(x)))
export const sin = unary(sinP)
export const cosP: Primitive<null> = row('cos', Math.cos, (ct, x) => neg(scaled(ct, sin(x))))
export const cos = unary(cosP)
export const tanP = row('tan', Math.tan, (ct, _, out) => scaled(ct, plus(mul(out, out), 1)))
export const tan = unary(tanP)
export const sinhP: Primitive<null> = row('sinh', Math.sinh, (ct, x) => scaled(ct, cosh(x)))
export const sinh = unary(sinhP)
export const coshP: Primitive<null> = row('cosh', Math.cosh, (ct, x) => scaled(ct, sinh(x)))
export const cosh = unary(coshP)
export const tanhP = row('tanh', Math.tanh, (ct, _, out) => scaled(ct, sub(one(out), mul(out, out))))
export const tanh = unary(tanhP)

export const sigmoidP = row(
  'sigmoid',
  (x) => 1 / (1 + Math.exp(-x)),
  (ct, _, out) => scaled(ct, mul(out, sub(one(out), out))),
)
export const sigmoid = unary(sigmoidP)
// erf' = 2/sqrt(pi) exp(-x^2)
export const erfP = row('erf', erfOf, (ct, x) => scaled(ct, times(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))))
export const erf = unary(erfP)

/** Functions of two operands whose rules need more than field operations. */
import { floorMod, powerOf } from '../loops/functions.ts'
import type { Expr, Primitive } from '../graph/expr.ts'
import { fillOf, first, unit } from './algebra.ts'
import { div, mul, neg, plus, scaled, times } from './arithmetic.ts'
import { binary, binaryPrimitive } from './elementwise.ts'
import { fillLike } from './leaves.ts'
import { floats, numbers } from './operands.ts'
import { wrap } from './reduction.ts'
import { and, eq, ge, gt, lt, where } from './select.ts'
import { floor, log } from './unary.ts'

/** The sign of the divisor, as in Python; x mod 0 = 0 on integers. */
export const modP = binaryPrimitive({
  name: 'mod',
  op: 'mod',
  accepts: numbers,
  f: (dtype) => (dtype === 'f32' ? floorMod : (x, y) => (y === 0 ? 0 : wrap(dtype, floorMod(x, y)))),
  // x mod y = x - y floor(x / y), and floor is flat
  vjp: (ct, x, y) => [ct, neg(scaled(ct, floor(div(x, y))))],
})
export const mod = binary(modP)

export const powP: Primitive<null> = binaryPrimitive({
  name: 'pow',
  op: 'pow',
  accepts: floats,
  f: () => powerOf,
  vjp: (ct, x, y, out) => {
    const zero = fillLike(x, 0)
    // y x^(y-1) is linear in y too: 0 for y = 0, also at x = 0, where the power is infinite
    const slope = scaled(y, pow(x, plus(y, -1)))
    // x^y log x, which tends to 0 as x does, for y > 0; 0^0 counts with them, as in JAX
    const base = where(and(eq(x, zero), ge(y, zero)), fillLike(x, 1), x)
    return [scaled(ct, slope), scaled(ct, scaled(out, log(base)))]
  },
  algebra: [unit(1, 1), (out) => (fillOf(out.node.args[1]!) === 2 ? mul(first(out), first(out)) : null)],
})
export const pow = binary(powP)

/** The whole cotangent to the operand that `wins`, half to each where they tie. */
const toWinner = (wins: Expr, ties: Expr, ct: Expr): Expr =>
  where(wins, ct, where(ties, times(ct, 0.5), fillLike(ct, 0)))

export const maximumP = binaryPrimitive({
  name: 'maximum',
  op: 'max',
  accepts: numbers,
  f: () => Math.max,
  vjp: (ct, x, y) => [toWinner(gt(x, y), eq(x, y), ct), toWinner(lt(x, y), eq(x, y), ct)],
  commutes: true,
})
export const maximum = binary(maximumP)

export const minimumP = binaryPrimitive({
  name: 'minimum',
  op: 'min',
  accepts: numbers,
  f: () => Math.min,
  vjp: (ct, x, y) => [toWinner(lt(x, y), eq(x, y), ct), toWinner(gt(x, y), eq(x, y), ct)],
  commutes: true,
})
export const minimum = binary(minimumP)

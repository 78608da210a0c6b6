/** The field operations: all that the other derivative rules are written in. */
import type { Expr } from '../graph/expr.ts'
import { binary, binaryPrimitive, unary, unaryPrimitive } from './elementwise.ts'
import { fillLike } from './leaves.ts'
import { numbers, signed } from './operands.ts'
import { multiply, sum, wrap } from './reduction.ts'
import { divided, scaled } from './scaled.ts'

export const negP = unaryPrimitive({
  op: 'neg',
  accepts: signed,
  f: (x, dtype) => wrap(dtype, -x),
  vjp: (ct) => neg(ct),
})
export const neg = unary(negP)

export const addP = binaryPrimitive({ name: 'add', op: 'add', accepts: numbers, f: sum, vjp: (ct) => [ct, ct] })
export const add = binary(addP)

export const subP = binaryPrimitive({
  name: 'sub',
  op: 'sub',
  accepts: numbers,
  f: (dtype) => (x, y) => wrap(dtype, x - y),
  vjp: (ct) => [ct, neg(ct)],
})
export const sub = binary(subP)

export const mulP = binaryPrimitive({
  name: 'mul',
  op: 'mul',
  accepts: numbers,
  f: multiply,
  // (xy)' = x'y + xy'
  vjp: (ct, x, y) => [scaled(ct, y), scaled(ct, x)],
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
})
export const div = binary(divP)

/** x times a constant. */
export const times = (x: Expr, value: number): Expr => mul(x, fillLike(x, value))
/** x plus a constant. */
export const plus = (x: Expr, value: number): Expr => add(x, fillLike(x, value))

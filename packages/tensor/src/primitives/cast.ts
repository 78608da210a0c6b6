/**
 * Conversion. Operations compute with what elements are in registers: f16 and bf16 are stored, and computed with as f32. So
 * whatever computes converts its operands first (`computed`), which costs nothing, and only `cast` rounds to them, always:
 * what a program means does not depend on what is fused.
 */
import * as scalar from '../loops/scalar.ts'
import { type DType, dtypes, isFloat, registerOf } from '../base/dtype.ts'
import { apply, type Expr, isExpr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { fold, rules, sameAsOperand } from './algebra.ts'

export interface CastParams {
  readonly dtype: DType
}
/**
 * Float to integer truncates and saturates (NaN to 0), integer to integer keeps the bits, to bool is `!= 0`,
 * to a float of fewer bits rounds to the nearest.
 */
const convert = (from: DType, to: DType): ((x: number) => number) => {
  if (to === 'bool') return (x) => (x === 0 ? 0 : 1)
  const { lowest, highest, round } = dtypes[to]
  // doubles stand for f32
  if (isFloat(to)) return registerOf(to) === to ? (x) => x : round
  if (!isFloat(from)) return round
  return (x) => round(Math.min(Math.max(x, lowest), highest))
}
export const castP: Primitive<CastParams> = single({
  name: 'cast',
  shape: ([x], { dtype }) => ({ shape: x!.shape, dtype }),
  vjp: (ct, out) => {
    // rounding counts as the identity; cotangents are what is computed with, f32, on both sides of it
    return [isFloat(out.node.args[0]!.dtype) && isFloat(out.dtype) ? ct : null]
  },
  batch: ([x], _, __, { dtype }) => cast(dtype, x!),
  simplify: rules(fold, sameAsOperand),
  lower: { kind: 'pointwise', at: (index, arg, out) => scalar.cast(out.dtype, arg(0, index)) },
  evaluate: ([x], out) => x!.data.map(convert(x!.dtype, out.dtype)),
})
export const cast = (dtype: DType, x: Expr): Expr => (x.dtype === dtype ? x : apply(castP, [x], { dtype }))

/** The value as it is computed with. What is no tensor is left to the operation that takes it, which says so by its name. */
export const computed = (x: Expr): Expr => (isExpr(x) ? cast(registerOf(x.dtype), x) : x)

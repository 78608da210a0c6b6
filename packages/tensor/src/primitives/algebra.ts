/**
 * Rules of algebra, which records are given: ways to say the same with less. A rule sees a result whose operands are already
 * simple, and gives an equal expression, or null. A rule on floats holds for every operand, NaN, infinities and the sign of
 * zero included, so that no result depends on what is known early: x * 0 stays, since it is NaN for infinite x, and so does
 * x + 0, which is 0 for x = -0. Two kinds of zero have no sign of their own: the sum of the one element -0, and a product
 * of a cotangent that is 0.
 */
import { dtypes, isFloat } from '../base/dtype.ts'
import { sameShape } from '../base/shape.ts'
import { evaluateWith } from '../graph/evaluate.ts'
import { type Expr, paramsOf, type Primitive } from '../graph/expr.ts'
import { fill, fillP } from './leaves.ts'

/** An equal expression with less, or null, for a result of a primitive with parameters of type P. */
export type Rule<P = unknown> = (out: Expr, params: P) => Expr | null

/** The first of `list` that sees something: the `simplify` of a record. */
export const rules =
  <P>(...list: readonly Rule<P>[]): Rule<P> =>
  (out, params) => {
    for (const rule of list) {
      const next = rule(out, params)
      if (next !== null && next !== out) return next
    }
    return null
  }

/** The number that a value is everywhere, where it is a fill. */
export const fillOf = (value: Expr): number | null => paramsOf(value, fillP)?.value ?? null
/** Whether a value is a fill of `number`; of a zero the sign counts. */
export const isFill = (value: Expr, number: number): boolean => Object.is(fillOf(value), number)
/** Whether a value is a result of `prim`. */
export const isOf = (value: Expr, prim: Primitive<never>): boolean => value.node.prim === (prim as Primitive<unknown>)
/** The operand of what has one. */
export const first = (value: Expr): Expr => value.node.args[0]!

/** An elementwise function of fills is a fill, rounded to its dtype; not where it leaves the finite numbers. */
export const fold: Rule = (out) => {
  const { prim, args, params } = out.node
  const values: number[] = []
  for (const arg of args) {
    const value = fillOf(arg)
    if (value === null) return null
    values.push(value)
  }
  const scalars = args.map(({ dtype }, i) => ({ shape: [], dtype, data: Float64Array.of(values[i]!) }))
  const computed = prim.evaluate(scalars, [{ shape: [], dtype: out.dtype }], params, evaluateWith)[0]![0]!
  const result = dtypes[out.dtype].round(computed)
  return Number.isFinite(result) ? fill(out.shape, out.dtype, result) : null
}

/** op(x, value) = x, where `value` is the operand at `at`. */
export const unit =
  (at: 0 | 1, value: number): Rule =>
  ({ node: { args } }) =>
    isFill(args[at]!, value) ? args[1 - at]! : null
/** op(x, value) = value, on integers and bool. */
export const absorbing =
  (value: number): Rule =>
  ({ dtype, node: { args } }) =>
    isFloat(dtype) ? null : (args.find((a) => fillOf(a) === value) ?? null)
/** op(op(x)) = x */
export const involution: Rule = (out) => (first(out).node.prim === out.node.prim ? first(first(out)) : null)

/** The operand, where the result has its shape and dtype. */
export const sameAsOperand: Rule = (out) => {
  const x = first(out)
  return sameShape(out.shape, x.shape) && out.dtype === x.dtype ? x : null
}
/** What moves one value around gives that value. */
export const movesFill: Rule = (out) => {
  const value = fillOf(first(out))
  return value === null ? null : fill(out.shape, out.dtype, value)
}
/** `prim` of `prim` is one of them, with the parameters of both. */
export const twice =
  <P>(prim: () => Primitive<P>, join: (inner: P, outer: P, x: Expr) => Expr): Rule<P> =>
  (out, outer) => {
    const inner = paramsOf(first(out), prim())
    return inner === null ? null : join(inner, outer, first(first(out)))
  }

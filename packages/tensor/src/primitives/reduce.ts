/** Product, maximum and minimum over axes; the sum stands in broadcast.ts beside its adjoint. */
import type { ReduceOp } from '../codegen/scalar.ts'
import { isFloat } from '../dtype.ts'
import { apply, type Expr, type Primitive } from '../expr.ts'
import { sizeOf } from '../shape.ts'
import { div, mul } from './arithmetic.ts'
import { type ReduceParams, reduceShape, reduceSum, reshape, respread } from './broadcast.ts'
import { fill, fillLike } from './leaves.ts'
import { concat, flip, inversePerm, sliceAxis, transpose } from './movement.ts'
import { range } from './operands.ts'
import { reduceValues } from './reduction.ts'
import { cast, eq, where } from './select.ts'

const reduction = (
  name: string,
  op: ReduceOp,
  vjp: (ct: Expr, x: Expr, out: Expr, axes: readonly number[]) => Expr,
): Primitive<ReduceParams> => {
  const self: Primitive<ReduceParams> = {
    name,
    shape: reduceShape(name),
    vjp: (ct, out, { axes }) => [isFloat(out.dtype) ? vjp(ct, out.args[0]!, out, axes) : null],
    batch: ([x], _, __, { axes }) => apply(self, [x!], { axes: axes.map((a) => a + 1) }),
    lower: { kind: 'reduce', op, axes: ({ axes }) => axes },
    evaluate: ([x], out, { axes }) => reduceValues(op, x!, out, axes),
  }
  return self
}
const builder =
  (prim: Primitive<ReduceParams>) =>
  (x: Expr, axes: readonly number[]): Expr =>
    axes.length === 0 ? x : apply(prim, [x], { axes })

/** The cotangent in equal parts to all elements that attain the extremum. */
const toAttaining = (ct: Expr, x: Expr, out: Expr, axes: readonly number[]): Expr => {
  const attains = eq(x, respread(out, x.shape, axes))
  const count = reduceSum(cast(ct.dtype, attains), axes)
  return where(attains, respread(div(ct, count), x.shape, axes), fillLike(x, 0))
}
export const reduceMaxP = reduction('reduceMax', 'max', toAttaining)
export const reduceMax = builder(reduceMaxP)
export const reduceMinP = reduction('reduceMin', 'min', toAttaining)
export const reduceMin = builder(reduceMinP)

/** y_i = x_0 x_1 ... x_(i-1) along the last axis, in log n doubling steps. */
const exclusiveProducts = (x: Expr): Expr => {
  const axis = x.shape.length - 1
  const n = x.shape[axis]!
  const shifted = (y: Expr, by: number): Expr =>
    concat([fill([...x.shape.slice(0, -1), by], x.dtype, 1), sliceAxis(y, axis, 0, n - by)], axis)
  let y = shifted(x, 1)
  for (let by = 1; by < n; by *= 2) y = mul(y, shifted(y, by))
  return y
}

/** d prod / d x_i is the product of the others, right also where some are zero. */
const productOfOthers = (x: Expr, axes: readonly number[]): Expr => {
  const kept = range(x.shape.length).filter((i) => !axes.includes(i))
  const perm = [...kept, ...axes]
  const last = transpose(x, perm)
  const n = sizeOf(axes.map((a) => x.shape[a]!))
  if (n === 0) return x
  const flat = reshape(last, [...kept.map((i) => x.shape[i]!), n])
  const axis = flat.shape.length - 1
  const others = mul(exclusiveProducts(flat), flip(exclusiveProducts(flip(flat, [axis])), [axis]))
  return transpose(reshape(others, last.shape), inversePerm(perm))
}
export const reduceProdP = reduction('reduceProd', 'prod', (ct, x, _, axes) =>
  mul(respread(ct, x.shape, axes), productOfOthers(x, axes)),
)
export const reduceProd = builder(reduceProdP)

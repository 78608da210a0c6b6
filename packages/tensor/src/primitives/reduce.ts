/** Product, maximum and minimum over axes; the sum stands in broadcast.ts beside its adjoint. */
import type { ReduceOp } from '../loops/scalar.ts'
import { isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { type Single, single } from '../graph/single.ts'
import { sizeOf } from '../base/shape.ts'
import { div, mul } from './arithmetic.ts'
import { rules } from './algebra.ts'
import { type ReduceParams, reduceShape, reducesFill, reduceSum, reshape, respread, unitAxes } from './broadcast.ts'
import { fillLike } from './leaves.ts'
import { inversePerm, transpose } from './movement.ts'
import { range } from './operands.ts'
import { productOfOthers } from './product.ts'
import { reduceValues } from './reduction.ts'
import { cast, computed } from './cast.ts'
import { and, eq, isinf, isnan, or, where } from './select.ts'
import { abs } from './unary.ts'

type ReduceVjp = (ct: Expr, x: Expr, out: Expr, axes: readonly number[]) => Expr

const reduction = (
  name: string,
  op: ReduceOp,
  vjp: ReduceVjp,
  /** The reduction of a number of equal values, where it is known. */
  ofEqual: (value: number) => number | null,
  other: Partial<Single<ReduceParams>> = {},
): Primitive<ReduceParams> => {
  const self: Primitive<ReduceParams> = single({
    name,
    shape: reduceShape(name),
    vjp: (ct, out, { axes }) => [isFloat(out.dtype) ? vjp(ct, out.node.args[0]!, out, axes) : null],
    batch: ([x], _, __, { axes }) => apply(self, [x!], { axes: axes.map((a) => a + 1) }),
    simplify: rules(reducesFill(ofEqual), unitAxes),
    lower: { kind: 'reduce', op, axes: ({ axes }) => axes },
    evaluate: ([x], out, { axes }) => reduceValues(op, x!, out, axes),
    ...other,
  })
  return self
}
const builder =
  (prim: Primitive<ReduceParams>) =>
  (x: Expr, axes: readonly number[]): Expr =>
    axes.length === 0 ? computed(x) : apply(prim, [computed(x)], { axes })

/** The cotangent in equal parts to all elements that attain the extremum, which where one is NaN are the NaN. */
const toAttaining = (ct: Expr, x: Expr, out: Expr, axes: readonly number[]): Expr => {
  const attains = or(eq(x, respread(out, x.shape, axes)), isnan(x))
  const count = reduceSum(cast(ct.dtype, attains), axes)
  return where(attains, respread(div(ct, count), x.shape, axes), fillLike(x, 0))
}
export const reduceMaxP = reduction('reduceMax', 'max', toAttaining, (v) => v)
export const reduceMax = builder(reduceMaxP)
export const reduceMinP = reduction('reduceMin', 'min', toAttaining, (v) => v)
export const reduceMin = builder(reduceMinP)

/** d prod / d x_i is the product of the others. */
const others = (x: Expr, axes: readonly number[]): Expr => {
  const kept = range(x.shape.length).filter((i) => !axes.includes(i))
  const perm = [...kept, ...axes]
  const last = transpose(x, perm)
  const n = sizeOf(axes.map((a) => x.shape[a]!))
  if (n === 0) return x
  const flat = reshape(last, [...kept.map((i) => x.shape[i]!), n])
  return transpose(reshape(productOfOthers(flat), last.shape), inversePerm(perm))
}
const prodVjp: ReduceVjp = (ct, x, _, axes) => mul(respread(ct, x.shape, axes), others(x, axes))
/** Powers known without multiplying: of other values parts may leave the range. */
const power = (v: number): number | null => (v === 1 || Object.is(v, 0) ? v : null)
/** Elements multiplied as they come: NaN where a part overflows and another element is 0. */
export const multiplyAllP = reduction('multiplyAll', 'prod', prodVjp, power)
const multiplyAll = builder(multiplyAllP)

/** The product: 0 where all elements are finite and one is 0, though a part of it overflows, which times 0 is NaN. */
export const reduceProdP: Primitive<ReduceParams> = reduction('reduceProd', 'prod', prodVjp, power, {
  lower: {
    kind: 'composite',
    expand: ([x], { axes }) => {
      const product = multiplyAll(x!, axes)
      if (!isFloat(x!.dtype)) return product
      // the least size, or NaN where an element is not finite
      const least = reduceMin(where(isinf(x!), fillLike(x!, NaN), abs(x!)), axes)
      const zero = fillLike(product, 0)
      return where(and(isnan(product), eq(least, zero)), zero, product)
    },
  },
  evaluate: ([x], out, { axes }) => {
    const product = reduceValues('prod', x!, out, axes)
    if (!isFloat(out.dtype)) return product
    const sizes = { ...x!, data: x!.data.map((v) => (Number.isFinite(v) ? Math.abs(v) : NaN)) }
    const least = reduceValues('min', sizes, out, axes)
    return product.map((v, i) => (Number.isNaN(v) && least[i] === 0 ? 0 : v))
  },
})
export const reduceProd = builder(reduceProdP)

/** Elementwise arithmetic and functions. Binary operations broadcast as NumPy's and take a number for one operand. */
import { isFloat, type DType } from '../base/dtype.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Broadcast, Check, CommonDType, Ok, SameDType } from '../base/shape-type.ts'
import type { Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import {
  binary,
  commonShape,
  demandDType,
  element,
  expand,
  oneDType,
  requireFloat,
  unary,
  type Binary,
  type Unary,
} from './align.ts'

/**
 * x + y, elementwise. Shapes broadcast from the right; both operands have one dtype, or either is a number (two are f32).
 * Throws ShapeError where the shapes do not broadcast, DTypeError where the dtypes differ.
 *
 * @example
 * ```ts
 * import { add, readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([[1, 2, 3], [4, 5, 6]]) // [2, 3]
 * console.log(await readAsync(add(x, tensor([10, 20, 30])))) // 11 22 33 14 25 36
 * console.log(await readAsync(add(x, 1))) // 2 3 4 5 6 7
 * ```
 */
export const add: Binary = binary('add', raw.add)
/** x - y, elementwise, broadcasting. Throws as `add`. */
export const sub: Binary = binary('sub', raw.sub)
/** x y, elementwise, broadcasting. Throws as `add`. Matrices multiply with `matmul`. */
export const mul: Binary = binary('mul', raw.mul)
/** x / y, elementwise, broadcasting. Integers divide towards zero, and by zero give 0. Throws as `add`. */
export const div: Binary = binary('div', raw.div)
/**
 * The exact remainder of floor division, elementwise, broadcasting: in [0, y) or (y, 0], as in NumPy, a zero too with the
 * sign of y (a tiny x of the other sign rounds to y itself). NaN for y = 0 on floats, 0 on integers. Throws as `add`.
 */
export const mod: Binary = binary('mod', raw.mod)
/**
 * The larger of x and y, elementwise, broadcasting; of zeros 0. NaN wins, and then neither gets any gradient (as in JAX); where
 * both are equal each gets half of it.
 */
export const maximum: Binary = binary('maximum', raw.maximum)
/**
 * The smaller of x and y, elementwise, broadcasting; of zeros -0. NaN wins, and then neither gets any gradient (as in JAX); where
 * both are equal each gets half of it.
 */
export const minimum: Binary = binary('minimum', raw.minimum)

/** Powers that are cheaper, and more exact, by other means; null for the rest. */
const easyPower = (x: Expr, y: number): Expr | null => {
  const square = (): Expr => raw.mul(x, x)
  if (y === 1) return x
  if (y === 2) return square()
  if (y === 3) return raw.mul(square(), x)
  if (!isFloat(x.dtype)) return null
  if (y === 0.5) return raw.sqrt(x)
  return y === -1 ? raw.reciprocal(x) : null
}
/**
 * x to the power y, elementwise, broadcasting, with the special values of C: x^0 = 1^y = 1 even for NaN, NaN for a negative x
 * and a fractional y. The derivative of x^0 in x is 0, that of 0^y in y is 0 for y >= 0, as in JAX. Throws as `add`.
 */
export const pow: Binary = binary('pow', raw.pow, easyPower)

/**
 * The angle of the point (x, y), from -pi to pi: atan2(y, x), elementwise, broadcasting, with the zeros and infinities of C. At
 * the origin its gradient is 0. Throws as `add`, and DTypeError for integers.
 *
 * @example
 * ```ts
 * import { atan2, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(atan2(tensor([1, 0, -1]), tensor([0, -1, -1])))) // 1.5708 3.1416 -2.3562
 * ```
 */
export const atan2: Binary = binary('atan2', raw.atan2)
/**
 * sqrt(x^2 + y^2), elementwise, broadcasting, without overflow or underflow on the way; Infinity where a side is infinite, as in C.
 * At 0 its gradient is 0. Throws as `add`, and DTypeError for integers.
 */
export const hypot: Binary = binary('hypot', raw.hypot)
/**
 * log(exp(x) + exp(y)), elementwise, broadcasting, in nats, without overflow. Its gradients are the two shares exp(x - out) and
 * exp(y - out); where both are -Infinity they are 0, as those of `logsumexp`. Throws as `add`, and DTypeError for integers.
 */
export const logaddexp: Binary = binary('logaddexp', raw.logaddexp)
/**
 * x log y, elementwise, broadcasting, and 0 where x is 0 and y is a number, as in SciPy. Its derivatives are log y and x / y, the
 * latter 0 where x is 0. Throws as `add`, and DTypeError for integers.
 */
export const xlogy: Binary = binary('xlogy', raw.xlogy)

/** -x, elementwise. */
export const neg: Unary = unary(raw.neg)
/** |x|, elementwise; its derivative at 0 is 0. */
export const abs: Unary = unary(raw.abs)
/** -1, 0 or 1 by the sign of x, elementwise. No gradient flows through it. */
export const sign: Unary = unary(raw.sign)
/** e to the power x, elementwise. */
export const exp: Unary = float('exp', raw.exp)
/** 2 to the power x, elementwise. */
export const exp2: Unary = float('exp2', raw.exp2)
/** exp(x) - 1, elementwise, exact for small x. */
export const expm1: Unary = float('expm1', raw.expm1)
/** The natural logarithm, elementwise; -Infinity at 0, NaN below. */
export const log: Unary = float('log', raw.log)
/** The logarithm to base 2, elementwise. */
export const log2: Unary = float('log2', raw.log2)
/** The logarithm to base 10, elementwise. */
export const log10: Unary = float('log10', raw.log10)
/** log(1 + x), elementwise, exact for small x. */
export const log1p: Unary = float('log1p', raw.log1p)
/** The square root, elementwise; NaN below 0. Its derivative at 0 is infinite, but adds nothing where its cotangent is 0. */
export const sqrt: Unary = float('sqrt', raw.sqrt)
/** The cube root, elementwise, of the sign of x. Its derivative at 0 is infinite, but adds nothing where its cotangent is 0. */
export const cbrt: Unary = float('cbrt', raw.cbrt)
/** 1 / sqrt(x), elementwise. */
export const rsqrt: Unary = float('rsqrt', raw.rsqrt)
/** x x, elementwise. */
export const square: Unary = unary((x) => raw.mul(x, x))
/** 1 / x, elementwise. */
export const reciprocal: Unary = float('reciprocal', raw.reciprocal)
/** The sine of x radians, elementwise. */
export const sin: Unary = float('sin', raw.sin)
/** The cosine of x radians, elementwise. */
export const cos: Unary = float('cos', raw.cos)
/** The tangent of x radians, elementwise. */
export const tan: Unary = float('tan', raw.tan)
/** The hyperbolic tangent, elementwise. */
export const tanh: Unary = float('tanh', raw.tanh)
/** The hyperbolic sine, elementwise. */
export const sinh: Unary = float('sinh', raw.sinh)
/** The hyperbolic cosine, elementwise. */
export const cosh: Unary = float('cosh', raw.cosh)
/** The angle in [-pi/2, pi/2] whose sine is x, elementwise; NaN for |x| > 1. */
export const asin: Unary = float('asin', raw.asin)
/** The angle in [0, pi] whose cosine is x, elementwise; NaN for |x| > 1. */
export const acos: Unary = float('acos', raw.acos)
/** The angle in [-pi/2, pi/2] whose tangent is x, elementwise. */
export const atan: Unary = float('atan', raw.atan)
/** log(x + sqrt(x^2 + 1)), the number whose hyperbolic sine is x, elementwise. */
export const asinh: Unary = float('asinh', raw.asinh)
/** log(x + sqrt(x^2 - 1)), the number of at least 0 whose hyperbolic cosine is x, elementwise; NaN for x < 1. */
export const acosh: Unary = float('acosh', raw.acosh)
/** log((1 + x) / (1 - x)) / 2, the number whose hyperbolic tangent is x, elementwise; infinite at -1 and 1, NaN beyond. */
export const atanh: Unary = float('atanh', raw.atanh)
/** 1 / (1 + exp(-x)), elementwise. */
export const sigmoid: Unary = float('sigmoid', raw.sigmoid)
/** The error function 2/sqrt(pi) int_0^x exp(-t^2) dt, elementwise. */
export const erf: Unary = float('erf', raw.erf)
/** 1 - erf(x), elementwise, without the cancellation of that difference for large x. */
export const erfc: Unary = float('erfc', raw.erfc)
/** The largest integer not above x, elementwise. No gradient flows through it. */
export const floor: Unary = float('floor', raw.floor)
/** The smallest integer not below x, elementwise. No gradient flows through it. */
export const ceil: Unary = float('ceil', raw.ceil)
/** The nearest integer, halves to the even one, elementwise. No gradient flows through it. */
export const round: Unary = float('round', raw.round)

/** The nearest integer towards 0, elementwise, with the sign of x. No gradient flows through it. */
export const trunc: Unary = float('trunc', (x) => raw.where(raw.lt(x, raw.fillLike(x, 0)), raw.ceil(x), raw.floor(x)))

/**
 * From x to y: x + t (y - x), elementwise, broadcasting, and exactly y at t = 1. t is a tensor or a number, and may lie outside of
 * [0, 1]. Throws ShapeError where the shapes do not broadcast, DTypeError where dtypes differ or are integers.
 *
 * @example
 * ```ts
 * import { lerp, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(lerp(tensor([0, 10]), tensor([1, 30]), 0.25))) // 0.25 15
 * ```
 */
export const lerp = <A extends Shape, B extends Shape, D extends DType, E extends DType>(
  x: Tensor<A, D>,
  y: Tensor<B, E> & Check<Broadcast<A, B>> & Check<SameDType<D, E>>,
  t: Tensor<Shape, D> | number,
): Tensor<Ok<Broadcast<A, B>>, CommonDType<D, E>> => {
  requireFloat('lerp', x)
  const weight = typeof t === 'number' ? raw.fill([], x.dtype, element('lerp', t, x.dtype, [x])) : t
  const operands: readonly Expr[] = [x, y, weight]
  oneDType('lerp', operands)
  const shape = commonShape('lerp', operands)
  const [from, to, by] = operands.map((v) => expand(v, shape)) as [Expr, Expr, Expr]
  const step = raw.sub(to, from)
  // from the nearer end, so that both ends are exact
  const first = raw.add(from, raw.mul(by, step))
  const second = raw.sub(to, raw.mul(raw.sub(raw.fillLike(by, 1), by), step))
  return typed(raw.where(raw.lt(by, raw.fillLike(by, 0.5)), first, second))
}

/** x as a value: it passes through, and no gradient flows back. */
export const stopGradient = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> =>
  typed(raw.stopGradient(x))

/**
 * Converts to another dtype: floats to integers towards zero, numbers to bool by `x != 0`, bool to 0 and 1.
 * To `f16` and `bf16` it rounds to the nearest, ties to even; all that computes with them computes in f32. Gradients flow
 * between float dtypes only, as f32.
 *
 * @example
 * ```ts
 * import { cast, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(cast('i32')(tensor([1.7, -1.7])))) // 1 -1
 * ```
 */
export const cast =
  <D extends DType>(dtype: D) =>
  <S extends Shape>(x: Tensor<S>): Tensor<S, D> => {
    demandDType('cast', dtype)
    return typed(x.dtype === dtype ? x : raw.cast(dtype, x))
  }

/** An elementwise function of float tensors; throws DTypeError for others. */
function float(name: string, f: (x: Expr) => Expr): Unary {
  return (x) => {
    requireFloat(name, x)
    return typed(f(x))
  }
}

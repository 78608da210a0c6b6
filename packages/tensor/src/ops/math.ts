/** Elementwise arithmetic and functions. Binary operations broadcast as NumPy's and take a number for one operand. */
import { isFloat, type DType } from '../base/dtype.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { binary, demandDType, requireFloat, unary, type Binary, type Unary } from './align.ts'

/**
 * x + y, elementwise. Shapes broadcast from the right; both operands have one dtype, or one is a number.
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
/** log(1 + x), elementwise, exact for small x. */
export const log1p: Unary = float('log1p', raw.log1p)
/** The square root, elementwise; NaN below 0. Its derivative at 0 is infinite, but adds nothing where its cotangent is 0. */
export const sqrt: Unary = float('sqrt', raw.sqrt)
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
/** 1 / (1 + exp(-x)), elementwise. */
export const sigmoid: Unary = float('sigmoid', raw.sigmoid)
/** The error function 2/sqrt(pi) int_0^x exp(-t^2) dt, elementwise. */
export const erf: Unary = float('erf', raw.erf)
/** The largest integer not above x, elementwise. No gradient flows through it. */
export const floor: Unary = float('floor', raw.floor)
/** The smallest integer not below x, elementwise. No gradient flows through it. */
export const ceil: Unary = float('ceil', raw.ceil)
/** The nearest integer, halves to the even one, elementwise. No gradient flows through it. */
export const round: Unary = float('round', raw.round)

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

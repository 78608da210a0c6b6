/** The elementwise nonlinearities of neural networks. */
import type { DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import type { Check, Ok, WithAxis } from '../base/shape-type.ts'
import { normalizeAxis, type Shape } from '../base/shape.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { demandTensor, element, requireFloat, type Unary } from './align.ts'

/** A float operand as it is computed with. */
const float = (op: string, x: Expr): Expr => {
  requireFloat(op, x)
  return raw.computed(x)
}
const like = (x: Expr, value: number): Expr => raw.fill(x.shape, x.dtype, value)
const times = (x: Expr, value: number): Expr => raw.mul(x, like(x, value))

/** max(x, 0), elementwise; NaN stays. */
const positivePart = (x: Expr): Expr => raw.where(raw.le(x, like(x, 0)), like(x, 0), x)

/** max(x, 0), elementwise; NaN stays, and passes its gradient on. Its derivative at 0 is 0. */
export const relu: Unary = (given) => {
  demandTensor('relu', given)
  const x = raw.computed(given)
  return typed(positivePart(x))
}

/**
 * The Gaussian error linear unit in its tanh form, x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), elementwise: what
 * JAX, GPT-2 and their kin compute. Hendrycks & Gimpel 2016 (arXiv:1606.08415), section 2. See also `geluExact`.
 */
export const gelu: Unary = (given) => {
  const x = float('gelu', given)
  const square = raw.mul(x, x)
  const a = Math.sqrt(2 / Math.PI)
  const inner = raw.mul(x, raw.add(times(square, a * 0.044715), like(x, a)))
  const curved = raw.mul(times(x, 0.5), raw.add(like(x, 1), raw.tanh(inner)))
  // Beyond |x| = 10 the hyperbolic tangent is +-1, in double precision too, and a cube that overflows has the derivative 0 inf
  return typed(raw.where(raw.lt(square, like(x, 100)), curved, positivePart(x)))
}

/** The Gaussian error linear unit x Phi(x) = x/2 (1 + erf(x / sqrt 2)), elementwise. Hendrycks & Gimpel 2016, equation 1. */
export const geluExact: Unary = (given) => {
  const x = float('geluExact', given)
  return typed(raw.mul(times(x, 0.5), raw.add(like(x, 1), raw.erf(times(x, Math.SQRT1_2)))))
}

/** x sigmoid(x), elementwise: the gate of SwiGLU. Elfwing et al. 2017 (arXiv:1702.03118). */
export const silu: Unary = (given) => {
  const x = float('silu', given)
  return typed(raw.mul(x, raw.sigmoid(x)))
}

/**
 * log(1 + exp(x)), elementwise, without overflow; its derivative is sigmoid(x) everywhere.
 *
 * @example
 * ```ts
 * import { readAsync, softplus, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(softplus(tensor([-100, 0, 100])))) // 3.8e-44 0.693 100
 * ```
 */
export const softplus: Unary = (given) => {
  const x = float('softplus', given)
  // relu(x) + log1p(exp(-|x|)); both halves choose the side x <= 0 at 0, where the derivative is then 0 + 1/2
  const positive = raw.gt(x, like(x, 0))
  const towardsZero = raw.where(positive, raw.neg(x), x)
  return typed(raw.add(raw.where(positive, x, like(x, 0)), raw.log1p(raw.exp(towardsZero))))
}

/**
 * x for x > 0, else alpha (exp(x) - 1), elementwise; its derivative at 0 is alpha, as in JAX. Clevert et al. 2015
 * (arXiv:1511.07289), equation 16.
 *
 * @example
 * ```ts
 * import { elu, leakyRelu, readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([-1, 0, 2])
 * console.log(await readAsync(elu()(x))) // -0.632 0 2
 * console.log(await readAsync(leakyRelu(0.1)(x))) // -0.1 0 2
 * ```
 */
export const elu =
  (alpha = 1): Unary =>
  (x) => {
    requireFloat('elu', x)
    const positive = raw.gt(x, like(x, 0))
    const below = raw.expm1(raw.where(positive, like(x, 0), x))
    return typed(raw.where(positive, x, alpha === 1 ? below : times(below, element('elu', alpha, x.dtype, [x]))))
  }

/** x for x >= 0, else slope x (default 0.01), elementwise; its derivative at 0 is 1, as in JAX. */
export const leakyRelu =
  (slope = 0.01): Unary =>
  (x) => {
    requireFloat('leakyRelu', x)
    return typed(raw.where(raw.lt(x, like(x, 0)), times(x, element('leakyRelu', slope, x.dtype, [x])), x))
  }

/**
 * The gated linear unit a sigmoid(b), of the two halves a and b of `axis` (default: the last): [.., 2 n, ..] -> [.., n, ..].
 * Dauphin et al. 2016 (arXiv:1612.08083). Throws ShapeError for an axis of odd size, DTypeError for integers.
 *
 * @example
 * ```ts
 * import { glu, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(glu()(tensor([2, 4, 0, 0])))) // 1 2
 * ```
 */
export const glu =
  <const A extends number = -1>(axis?: A) =>
  <S extends Shape, D extends DType>(
    x: Tensor<S, D> & Check<WithAxis<S, A, number>>,
  ): Tensor<Ok<WithAxis<S, A, number>>, D> => {
    requireFloat('glu', x)
    const given: Expr = x
    const a = normalizeAxis('glu', axis ?? -1, given.shape.length, given)
    const half = given.shape[a]! / 2
    if (!Number.isInteger(half))
      throw new ShapeError({
        op: 'glu',
        operands: [given],
        rule: `axis ${a} of size ${2 * half} has no halves`,
        fix: 'Pass an axis of even size: values, then their gates',
      })
    const [value, gate] = [raw.sliceAxis(given, a, 0, half), raw.sliceAxis(given, a, half, 2 * half)]
    return typed(raw.mul(value, raw.sigmoid(gate)))
  }

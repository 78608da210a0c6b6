/** Softmax and its kin, each one row kernel: the largest element is subtracted first, as a constant. */
import type { DType } from '../dtype.ts'
import type { Expr } from '../expr.ts'
import * as raw from '../primitives/index.ts'
import type { Check, HasAxis } from '../shape-type.ts'
import { normalizeAxes, normalizeAxis, reduceShape, type Shape } from '../shape.ts'
import { typed, type Tensor } from '../tensor.ts'
import { requireFloat } from './align.ts'
import type { ReduceConfig, Reduction } from './reductions.ts'

/** A map of rows along one axis that keeps the shape. */
type Rows = <const A extends number>(
  axis: A,
) => <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<HasAxis<S, A>>) => Tensor<S, D>

/** Along `axes`: x less its largest element, which is a constant to gradients since it cancels. */
const shifted = (x: Expr, axes: readonly number[]): Expr =>
  raw.sub(x, spread(raw.stopGradient(raw.reduceMax(x, axes)), x, axes))

/** A reduced tensor, repeated along the axes it lost. */
const spread = (reduced: Expr, x: Expr, axes: readonly number[]): Expr =>
  raw.broadcastTo(raw.reshape(reduced, reduceShape(x.shape, axes, true)), x.shape)

/** Empty rows have no largest element, and nothing to normalise. */
const isEmpty = (x: Expr): boolean => x.shape.includes(0)

/**
 * exp(x) / sum exp(x) along `axis`: rows that sum to 1. A row of -Infinity alone has no distribution and gives NaN, as in JAX.
 * Throws ShapeError for an axis out of range, DTypeError for integers.
 *
 * @example
 * ```ts
 * import { readAsync, softmax, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(softmax(-1)(tensor([[0, 0], [1000, 0]])))) // 0.5 0.5 1 0
 * ```
 */
export const softmax: Rows = (axis) => (x) => {
  requireFloat('softmax', x)
  const axes = [normalizeAxis('softmax', axis, x.shape.length, x)]
  if (isEmpty(x)) return x
  const weights = raw.exp(shifted(x, axes))
  return typed(raw.div(weights, spread(raw.reduceSum(weights, axes), x, axes)))
}

/** x - log sum exp(x) along `axis`: the logarithm of `softmax`, in nats, without its underflow. Throws as `softmax`. */
export const logSoftmax: Rows = (axis) => (x) => {
  requireFloat('logSoftmax', x)
  const axes = [normalizeAxis('logSoftmax', axis, x.shape.length, x)]
  if (isEmpty(x)) return x
  const z = shifted(x, axes)
  return typed(raw.sub(z, spread(raw.log(raw.reduceSum(raw.exp(z), axes)), x, axes)))
}

const logsumexpOf = (x: Expr, config: ReduceConfig): Expr => {
  requireFloat('logsumexp', x)
  const axes = normalizeAxes('logsumexp', config.axis, x.shape.length, x)
  const shape = reduceShape(x.shape, axes, config.keepDims === true)
  if (isEmpty(x)) return raw.fill(shape, x.dtype, -Infinity)
  // log sum exp(x) = m + log sum exp(x - m); an infinite m is replaced by 0, so that rows of -Infinity give -Infinity
  const largest = raw.stopGradient(axes.length === 0 ? x : raw.reduceMax(x, axes))
  const constant = (value: number): Expr => raw.fill(largest.shape, x.dtype, value)
  const m = raw.where(raw.isinf(largest), constant(0), largest)
  const exps = raw.exp(raw.sub(x, spread(m, x, axes)))
  const total = axes.length === 0 ? exps : raw.reduceSum(exps, axes)
  return raw.reshape(raw.add(m, raw.log(total)), shape)
}

/**
 * log sum exp(x) over `axis` (default: all), in nats, without overflow; -Infinity for rows of -Infinity and for nothing.
 * Its gradient is the softmax. Throws ShapeError for an axis out of range, DTypeError for integers.
 */
export const logsumexp: Reduction =
  (config = {}) =>
  (x) =>
    typed(logsumexpOf(x, config))

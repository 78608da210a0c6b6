/** Softmax and its kin, each one row kernel: the largest element is subtracted first, as a constant. */
import type { Computed, DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Check, HasAxis } from '../base/shape-type.ts'
import { normalizeAxes, normalizeAxis, reduceShape, sameShape, showShape, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { commonShape, expand, requireDType, requireFloat } from './align.ts'
import { type ReduceConfig, reduceOptions, type Reduction } from './reductions.ts'
import { optionsOf } from '../graph/options.ts'

/** What a row is made of. */
export interface RowsConfig {
  /** true where an element counts; it broadcasts to the tensor. Default: everywhere. What does not count may be anything, NaN included. */
  readonly where?: Tensor<Shape, 'bool'>
}
/** A map of rows along one axis that keeps the shape. */
type Rows = <const A extends number>(
  axis: A,
  config?: RowsConfig,
) => <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<HasAxis<S, A>>) => Tensor<S, Computed<D>>

/** A reduced tensor, repeated along the axes it lost. */
const spread = (reduced: Expr, x: Expr, axes: readonly number[]): Expr =>
  raw.broadcastTo(raw.reshape(reduced, reduceShape(x.shape, axes, true)), x.shape)

/** Along `axes`: x less its largest element, which is a constant to gradients since it cancels. */
const shifted = (x: Expr, axes: readonly number[]): Expr =>
  raw.sub(x, spread(raw.stopGradient(raw.reduceMax(x, axes)), x, axes))

/** `config.where` at the shape of x; null where everything counts. */
const maskOf = (op: string, x: Expr, mask: Expr | undefined): Expr | null => {
  if (mask === undefined) return null
  requireDType(op, mask, ['bool'], 'Compare first, as in ne(mask, 0)')
  const shape = commonShape(op, [x, mask])
  if (sameShape(shape, x.shape)) return expand(mask, shape)
  throw new ShapeError({
    op,
    operands: [x, mask],
    rule: `a mask of ${showShape(mask.shape)} does not broadcast to ${showShape(x.shape)}`,
    fix: 'Give the mask the shape of the tensor, or sizes of 1',
  })
}

/** Constants of rows in which nothing counts, so that no infinity meets another: 0 for what is not finite. */
const finiteOr0 = (x: Expr): Expr => raw.where(raw.isinf(x), raw.fillLike(x, 0), x)

/**
 * `shifted` where the mask holds, and 0 elsewhere, and the exponentials: 0 where the mask does not hold. No gradient, and no
 * NaN, leaves what is hidden.
 */
const hiddenShifted = (x: Expr, mask: Expr, axes: readonly number[]): { readonly z: Expr; readonly exps: Expr } => {
  const zero = raw.fillLike(x, 0)
  const seen = raw.where(mask, x, raw.fillLike(x, -Infinity))
  const largest = finiteOr0(raw.stopGradient(raw.reduceMax(seen, axes)))
  const z = raw.where(mask, raw.sub(x, spread(largest, x, axes)), zero)
  return { z, exps: raw.where(mask, raw.exp(z), zero) }
}
/** A sum of exponentials, 1 where there are none. */
const orOne = (total: Expr): Expr => raw.where(raw.eq(total, raw.fillLike(total, 0)), raw.fillLike(total, 1), total)

/** Empty rows have no largest element, and nothing to normalise. */
const isEmpty = (x: Expr): boolean => x.shape.includes(0)

/** A map of rows from what it makes of those in which everything counts, and of those in which a mask says what does. */
const rowsOf = (
  op: string,
  {
    shown,
    masked,
  }: {
    readonly shown: (x: Expr, axes: readonly number[]) => Expr
    readonly masked: (x: Expr, mask: Expr, axes: readonly number[]) => Expr
  },
): Rows => {
  const of = (given: Expr, axis: number, where: Expr | undefined): Expr => {
    requireFloat(op, given)
    const x = raw.computed(given)
    const axes = [normalizeAxis(op, axis, x.shape.length, x)]
    const mask = maskOf(op, x, where)
    if (isEmpty(x)) return x
    return mask === null ? shown(x, axes) : masked(x, mask, axes)
  }
  return (axis, config = {}) => {
    const { where } = optionsOf(op, config, { where: true })
    return (x) => typed(of(x, axis, where))
  }
}

/**
 * exp(x) / sum exp(x) along `axis`: rows that sum to 1. A row of -Infinity alone has no distribution and gives NaN, as does one
 * with an Infinity, as in JAX and PyTorch. What `where` hides gets 0 and no gradient, also in a row that is hidden whole, as
 * in JAX. Throws ShapeError for an axis out of range or a mask that does not broadcast, DTypeError for integers.
 *
 * @example
 * ```ts
 * import { readAsync, softmax, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(softmax(-1)(tensor([[0, 0], [1000, 0]])))) // 0.5 0.5 1 0
 * const seen = tensor([[true, true, false], [false, false, false]])
 * console.log(await readAsync(softmax(-1, { where: seen })(tensor([[1, 1, 9], [2, 3, 4]])))) // 0.5 0.5 0 0 0 0
 * ```
 */
export const softmax: Rows = rowsOf('softmax', {
  shown: (x, axes) => {
    const weights = raw.exp(shifted(x, axes))
    return raw.div(weights, spread(raw.reduceSum(weights, axes), x, axes))
  },
  masked: (x, mask, axes) => {
    const { exps } = hiddenShifted(x, mask, axes)
    return raw.div(exps, spread(orOne(raw.reduceSum(exps, axes)), x, axes))
  },
})

/**
 * x - log sum exp(x) along `axis`: the logarithm of `softmax`, in nats, without its underflow. What `where` hides gets -Infinity
 * and no gradient. Throws as `softmax`.
 */
export const logSoftmax: Rows = rowsOf('logSoftmax', {
  shown: (x, axes) => {
    const z = shifted(x, axes)
    return raw.sub(z, spread(raw.log(raw.reduceSum(raw.exp(z), axes)), x, axes))
  },
  masked: (x, mask, axes) => {
    const { z, exps } = hiddenShifted(x, mask, axes)
    const logp = raw.sub(z, spread(raw.log(orOne(raw.reduceSum(exps, axes))), x, axes))
    return raw.where(mask, logp, raw.fillLike(x, -Infinity))
  },
})

const logsumexpOf = (given: Expr, config: ReduceConfig): Expr => {
  requireFloat('logsumexp', given)
  const x = raw.computed(given)
  const axes = normalizeAxes('logsumexp', config.axis, x.shape.length, x)
  const shape = reduceShape(x.shape, axes, config.keepDims === true)
  if (isEmpty(x)) return raw.fill(shape, x.dtype, -Infinity)
  // log sum exp(x) = m + log sum exp(x - m); an infinite m is replaced by 0, so that rows of -Infinity give -Infinity
  const m = finiteOr0(raw.stopGradient(axes.length === 0 ? x : raw.reduceMax(x, axes)))
  const exps = raw.exp(raw.sub(x, spread(m, x, axes)))
  const total = axes.length === 0 ? exps : raw.reduceSum(exps, axes)
  // the logarithm of 0, which has no derivative, is not taken
  const none = raw.eq(total, raw.fillLike(total, 0))
  const sum = raw.add(m, raw.log(orOne(total)))
  return raw.reshape(raw.where(none, raw.fillLike(sum, -Infinity), sum), shape)
}

/**
 * log sum exp(x) over `axis` (default: all), in nats, without overflow; -Infinity for rows of -Infinity and for nothing,
 * Infinity for rows with an Infinity. Its gradient is the softmax, and 0 where all is -Infinity, so that no masked row spoils a
 * sum; at an Infinity it is NaN, as in JAX. Throws ShapeError for an axis out of range, DTypeError for integers.
 */
export const logsumexp: Reduction = (config = {}) => {
  const given = optionsOf<ReduceConfig>('logsumexp', config, reduceOptions)
  return (x) => typed(logsumexpOf(x, given))
}

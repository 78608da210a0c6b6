/** Reductions over one axis, several, or all. */
import type { Computed, DType } from '../base/dtype.ts'
import { dtypes } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Axes, Check, Ok, Reduce } from '../base/shape-type.ts'
import { normalizeAxes, normalizeAxis, reduceShape, sizeOf, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { demandTensor, requireDType, requireFloat } from './align.ts'
import { rootOf } from './root.ts'
import { type OptionNames, optionsOf } from '../graph/options.ts'

/** What a reduction runs over. */
export interface ReduceConfig<A extends Axes = Axes, K extends boolean = boolean> {
  /** The axis or axes that go, negative from the end; all of them where absent. */
  readonly axis?: A
  /** Keeps the reduced axes with size 1, so that the result broadcasts against the operand. Default false. */
  readonly keepDims?: K
}

/** @internal The names of the options that every reduction takes. */
export const reduceOptions: OptionNames<ReduceConfig> = { axis: true, keepDims: true }

/** A reduction of float or integer tensors that keeps the dtype. */
export type Reduction = <const A extends Axes = undefined, const K extends boolean = false>(
  config?: ReduceConfig<A, K>,
) => <S extends Shape, D extends DType>(
  x: Tensor<S, D> & Check<Reduce<S, A, K>>,
) => Tensor<Ok<Reduce<S, A, K>>, Computed<D>>

type RawReduce = (x: Expr, axes: readonly number[]) => Expr

/** `reduce` over the axes of `config`; the reduced axes come back as 1 where they are kept. */
const over = (op: string, reduce: RawReduce, x: Expr, config: ReduceConfig): Expr => {
  demandTensor(op, x)
  const axes = normalizeAxes(op, config.axis, x.shape.length, x)
  const reduced = axes.length === 0 ? raw.computed(x) : reduce(x, axes)
  return config.keepDims === true ? raw.reshape(reduced, reduceShape(x.shape, axes, true)) : reduced
}

const numeric = ['f32', 'i32', 'u32'] as const
const countFix = "To count, cast first: cast('i32')(x)"

const reduction =
  (op: string, reduce: RawReduce, check: (x: Expr, axes: readonly number[]) => void): Reduction =>
  (config = {}) => {
    const given = optionsOf<ReduceConfig>(op, config, reduceOptions)
    return (x) => {
      demandTensor(op, x)
      check(x, normalizeAxes(op, given.axis, x.shape.length, x))
      return typed(over(op, reduce, x, given))
    }
  }

/**
 * The sum over `axis` (default: all). [.., n, ..] -> [.., ..], or [.., 1, ..] with `keepDims`. The sum of nothing is 0.
 * Throws ShapeError for an axis out of range, DTypeError for bool.
 *
 * @example
 * ```ts
 * import { readAsync, sum, tensor } from '@adjoint/tensor'
 * const x = tensor([[1, 2, 3], [4, 5, 6]])
 * console.log(await readAsync(sum({ axis: 0 })(x))) // 5 7 9
 * console.log(sum({ axis: -1, keepDims: true })(x).shape) // [2, 1]
 * console.log(await readAsync(sum()(x))) // 21
 * ```
 */
export const sum: Reduction = reduction('sum', raw.reduceSum, (x) => {
  requireDType('sum', x, numeric, countFix)
})

/**
 * The product over `axis` (default: all). The product of nothing is 1, and of finite elements of which one is 0, 0. Its gradient
 * multiplies the others without a division, and is right where elements are 0 or very large. Throws as `sum`.
 */
export const prod: Reduction = reduction('prod', raw.reduceProd, (x) => {
  requireDType('prod', x, numeric, countFix)
})

const notEmpty =
  (op: string) =>
  (x: Expr, axes: readonly number[]): void => {
    requireDType(op, x, numeric, "For bools use any or all, or cast first: cast('i32')(x)")
    if (axes.some((a) => x.shape[a] === 0))
      throw new ShapeError({
        op,
        operands: [x],
        rule: 'an empty axis has no largest or smallest element',
        fix: 'Reduce an axis that is not empty, or pad it with an identity element first',
      })
  }

/** The largest element over `axis` (default: all); NaN wins. Equal maxima, or NaN, share the gradient. Throws ShapeError for an empty axis. */
export const max: Reduction = reduction('max', raw.reduceMax, notEmpty('max'))
/** The smallest element over `axis` (default: all); NaN wins. Equal minima, or NaN, share the gradient. Throws ShapeError for an empty axis. */
export const min: Reduction = reduction('min', raw.reduceMin, notEmpty('min'))

/** A reduction of bools. */
export type BoolReduction = <const A extends Axes = undefined, const K extends boolean = false>(
  config?: ReduceConfig<A, K>,
) => <S extends Shape>(x: Tensor<S, 'bool'> & Check<Reduce<S, A, K>>) => Tensor<Ok<Reduce<S, A, K>>, 'bool'>

const boolReduction =
  (op: string, reduce: RawReduce): BoolReduction =>
  (config = {}) => {
    const given = optionsOf<ReduceConfig>(op, config, reduceOptions)
    return (x) => {
      requireDType(op, x, ['bool'], 'Compare first, as in ne(x, 0)')
      // as u32, whose least and greatest elements are what nothing reduces to: false under max, true under min
      const counted = over(op, reduce, raw.cast('u32', x), given)
      return typed(raw.ne(counted, raw.fill(counted.shape, 'u32', 0)))
    }
  }
/** Whether some element holds, over `axis` (default: all). False of nothing. Throws DTypeError for other dtypes than bool. */
export const any: BoolReduction = boolReduction('any', raw.reduceMax)
/** Whether every element holds, over `axis` (default: all). True of nothing. Throws DTypeError for other dtypes than bool. */
export const all: BoolReduction = boolReduction('all', raw.reduceMin)

/** Elements that one result is made of. */
const countOf = (op: string, x: Expr, axis: Axes): number =>
  sizeOf(normalizeAxes(op, axis, x.shape.length, x).map((a) => x.shape[a]!))

const meanOf = (op: string, x: Expr, config: ReduceConfig): Expr => {
  requireFloat(op, x)
  const total = over(op, raw.reduceSum, x, config)
  return raw.div(total, raw.fill(total.shape, total.dtype, countOf(op, x, config.axis)))
}

/** The mean over `axis` (default: all); NaN of nothing. Throws DTypeError for integers: cast first. */
export const mean: Reduction = (config = {}) => {
  const given = optionsOf<ReduceConfig>('mean', config, reduceOptions)
  return (x) => typed(meanOf('mean', x, given))
}

/** What a variance runs over, and the degrees of freedom it loses. */
export interface VarianceConfig<A extends Axes = Axes, K extends boolean = boolean> extends ReduceConfig<A, K> {
  /** The sum of squares is divided by n - ddof. Default 0, as in NumPy; 1 gives the unbiased estimate. */
  readonly ddof?: number
}
const varianceOptions: OptionNames<VarianceConfig> = { ...reduceOptions, ddof: true }
type Spread = <const A extends Axes = undefined, const K extends boolean = false>(
  config?: VarianceConfig<A, K>,
) => <S extends Shape, D extends DType>(
  x: Tensor<S, D> & Check<Reduce<S, A, K>>,
) => Tensor<Ok<Reduce<S, A, K>>, Computed<D>>

const varianceOf = (op: string, x: Expr, config: VarianceConfig): Expr => {
  const { ddof = 0, ...rest } = config
  const center = meanOf(op, x, { ...rest, keepDims: true })
  const deviation = raw.sub(x, raw.broadcastTo(center, x.shape))
  const squares = over(op, raw.reduceSum, raw.mul(deviation, deviation), rest)
  return raw.div(squares, raw.fill(squares.shape, squares.dtype, Math.max(0, countOf(op, x, config.axis) - ddof)))
}

/**
 * The variance over `axis` (default: all), sum (x - mean)^2 / (n - ddof), in two passes.
 * Throws DTypeError for integers: cast first.
 *
 * @example
 * ```ts
 * import { readAsync, tensor, variance } from '@adjoint/tensor'
 * console.log(await readAsync(variance({ axis: -1, ddof: 1 })(tensor([[1, 2, 3, 4]])))) // 1.6667
 * ```
 */
export const variance: Spread = (config = {}) => {
  const given = optionsOf<VarianceConfig>('variance', config, varianceOptions)
  return (x) => typed(varianceOf('variance', x, given))
}

/**
 * The standard deviation: the square root of `variance`, under the same configuration. Where all elements are equal it is 0,
 * and so is its gradient.
 */
export const std: Spread = (config = {}) => {
  const given = optionsOf<VarianceConfig>('std', config, varianceOptions)
  return (x) => typed(rootOf(varianceOf('std', x, given)))
}

/**
 * The position of the first extreme along `axis`; the first NaN wins over all. Positions run 0 .. n-1; a NaN at i
 * counts as i - n, so that the smallest candidate is the answer, also on devices whose max passes NaN over.
 */
const extremeIndex = (op: string, reduce: RawReduce, given: Expr, axis: number | undefined): Expr => {
  demandTensor(op, given)
  if (axis === undefined) return extremeIndex(op, reduce, raw.reshape(given, [sizeOf(given.shape)]), 0)
  const x = raw.stored(given)
  const a = normalizeAxis(op, axis, x.shape.length, x)
  notEmpty(op)(x, [a])
  const n = x.shape[a]!
  const index = raw.iota(x.shape, a, 'i32')
  const whole = (value: number): Expr => raw.fill(x.shape, 'i32', value)
  const best = raw.broadcastTo(over(op, reduce, x, { axis: a, keepDims: true }), x.shape)
  const hit = raw.where(raw.eq(x, best), index, whole(n))
  if (!dtypes[x.dtype].float) return raw.reduceMin(hit, [a])
  const first = raw.reduceMin(raw.where(raw.isnan(x), raw.sub(index, whole(n)), hit), [a])
  const zero = raw.fill(first.shape, 'i32', 0)
  return raw.where(raw.lt(first, zero), raw.add(first, raw.fill(first.shape, 'i32', n)), first)
}

/** Positions along one axis, or in the flattened tensor. */
export type ArgReduction = <const A extends number | undefined = undefined>(
  axis?: A,
) => <S extends Shape>(x: Tensor<S> & Check<Reduce<S, A>>) => Tensor<Ok<Reduce<S, A>>, 'i32'>

/**
 * The index of the largest element along `axis`, the first of equals; in the flattened tensor where no axis is given.
 * The first NaN wins, as in NumPy. No gradient flows through it. Throws ShapeError for an empty axis.
 *
 * @example
 * ```ts
 * import { argmax, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(argmax(-1)(tensor([[1, 5, 2], [7, 0, 7]])))) // 1 0
 * ```
 */
export const argmax: ArgReduction = (axis) => (x) => typed(extremeIndex('argmax', raw.reduceMax, x, axis))
/** The index of the smallest element along `axis`, as `argmax`. */
export const argmin: ArgReduction = (axis) => (x) => typed(extremeIndex('argmin', raw.reduceMin, x, axis))

/** Reductions by absolute values and squares. */
import { ShapeError } from '../base/errors.ts'
import type { Axes, Check, Ok, Reduce } from '../base/shape-type.ts'
import { normalizeAxes, reduceShape, type Shape } from '../base/shape.ts'
import type { Computed, DType } from '../base/dtype.ts'
import type { Expr } from '../graph/expr.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import * as raw from '../primitives/index.ts'
import { requireFloat } from './align.ts'
import { type ReduceConfig, reduceOptions, type Reduction } from './reductions.ts'
import { rootOf } from './root.ts'
import { optionsOf } from '../graph/options.ts'

/** Which norm: the sum of sizes (1), the root of the sum of squares (2, 'fro'), the largest (Infinity) or least (-Infinity) size. */
export type NormOrder = number | 'fro'

/** Which norm, and what it runs over. */
export interface NormConfig<A extends Axes = Axes, K extends boolean = boolean> extends ReduceConfig<A, K> {
  /** 1, 2 (the default), 'fro' (the same), Infinity or -Infinity. */
  readonly ord?: NormOrder
}

const demandElements = (op: string, x: Expr, axes: readonly number[]): void => {
  if (axes.some((a) => x.shape[a] === 0))
    throw new ShapeError({
      op,
      operands: [x],
      rule: 'nothing has no largest or least size',
      fix: 'Reduce an axis that is not empty, or take another norm',
    })
}
/** A float tensor reduced over the axes of a configuration. */
const reduced = (
  op: string,
  x: Expr,
  { axis, keepDims }: ReduceConfig,
  reduce: (x: Expr, axes: readonly number[]) => Expr,
): Expr => {
  requireFloat(op, x)
  const given = raw.computed(x)
  const axes = normalizeAxes(op, axis, given.shape.length, given)
  return raw.reshape(reduce(given, axes), reduceShape(given.shape, axes, keepDims === true))
}
const normOf = (x: Expr, axes: readonly number[], ord: NormOrder): Expr => {
  switch (ord) {
    case 1:
      return raw.reduceSum(raw.abs(x), axes)
    case 2:
    case 'fro':
      return rootOf(raw.reduceSum(raw.mul(x, x), axes))
    case Infinity:
      demandElements('norm', x, axes)
      return raw.reduceMax(raw.abs(x), axes)
    case -Infinity:
      demandElements('norm', x, axes)
      return raw.reduceMin(raw.abs(x), axes)
    default:
      throw new RangeError(`norm: the order ${ord} is none of 1, 2, 'fro', Infinity and -Infinity. Pass one of these.`)
  }
}

/**
 * The norm of the elements over `axis` (default: all), taken as one vector: of order 1 sum |x|, of order 2 and 'fro'
 * sqrt(sum x^2), of order Infinity max |x|, of -Infinity min |x|. [.., n, ..] -> [.., ..]. Where all is 0 the gradient is 0;
 * equal extremes share it. Squares leave the range of f32 above 1.8e19 and below 1e-23, as in NumPy and JAX. Throws DTypeError
 * for integers, RangeError for another order, ShapeError for an axis out of range and for an extreme of nothing.
 *
 * @example
 * ```ts
 * import { norm, readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([[3, -4], [0, 1]])
 * console.log(await readAsync(norm({ axis: 1 })(x))) // 5 1
 * console.log(await readAsync(norm({ ord: 1 })(x)), await readAsync(norm({ ord: Infinity })(x))) // 8, 4
 * ```
 */
export const norm = <const A extends Axes = undefined, const K extends boolean = false>(
  config: NormConfig<A, K> = {},
) => {
  const { ord, ...over } = optionsOf<NormConfig>('norm', config, { ...reduceOptions, ord: true })
  return <S extends Shape, D extends DType>(
    x: Tensor<S, D> & Check<Reduce<S, A, K>>,
  ): Tensor<Ok<Reduce<S, A, K>>, Computed<D>> =>
    typed(reduced('norm', x, over, (given, axes) => normOf(given, axes, ord ?? 2)))
}

/**
 * sum x^2 over `axis` (default: all). Throws DTypeError for integers, ShapeError for an axis out of range.
 *
 * @example
 * ```ts
 * import { readAsync, sumOfSquares, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(sumOfSquares()(tensor([3, -4])))) // 25
 * ```
 */
export const sumOfSquares: Reduction = (config = {}) => {
  const over = optionsOf<ReduceConfig>('sumOfSquares', config, reduceOptions)
  return (x) => typed(reduced('sumOfSquares', x, over, (given, axes) => raw.reduceSum(raw.mul(given, given), axes)))
}

/** Running sums, products and extremes along an axis. */
import { type Computed, type DType, isFloat } from '../base/dtype.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Check, HasAxis } from '../base/shape-type.ts'
import { normalizeAxis, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { requireDType } from './align.ts'
import { optionsOf } from '../graph/options.ts'

/** From the end where `reverse`; default from the start. */
export interface CumulativeConfig {
  readonly reverse?: boolean
}
type Cumulative = <const A extends number>(
  axis: A,
  config?: CumulativeConfig,
) => <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<HasAxis<S, A>>) => Tensor<S, Computed<D>>

const numeric = ['f32', 'i32', 'u32'] as const
const countFix = "Cast first: cast('i32')(x)"

/**
 * y_i = x_0 + .. + x_i along `axis`; from the end with `reverse`. Throws ShapeError for an axis out of range, DTypeError for bool.
 *
 * @example
 * ```ts
 * import { cumsum, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(cumsum(0)(tensor([1, 2, 3])))) // 1 3 6
 * console.log(await readAsync(cumsum(0, { reverse: true })(tensor([1, 2, 3])))) // 6 5 3
 * ```
 */
export const cumsum: Cumulative = (axis, config = {}) => {
  const { reverse = false } = optionsOf('cumsum', config, { reverse: true })
  return (x) => {
    requireDType('cumsum', x, numeric, countFix)
    return typed(raw.cumsum(x, normalizeAxis('cumsum', axis, x.shape.length, x), reverse))
  }
}

/** Elements `by` places earlier along `axis`, and 1 where there are none. */
const delayed = (x: Expr, axis: number, by: number): Expr => {
  const none = x.shape.map(() => 0)
  const kept = raw.slice(x, none, x.shape.with(axis, x.shape[axis]! - by))
  const ones = raw.fill(x.shape.with(axis, by), x.dtype, 1)
  return raw.concat([ones, kept], axis)
}

/** The running product of integers: after the step of stride s each is the product of the 2 s that end there. */
const runningInteger = (x: Expr, axis: number): Expr => {
  let y = x
  for (let stride = 1; stride < x.shape[axis]!; stride *= 2) y = raw.mul(y, delayed(y, axis, stride))
  return y
}

/** What runs from the start, and from the end by way of the reversed. */
const running =
  (op: string, along: (x: Expr, axis: number) => Expr): Cumulative =>
  (axis, config = {}) => {
    const { reverse = false } = optionsOf(op, config, { reverse: true })
    return (x) => {
      requireDType(op, x, numeric, countFix)
      const a = normalizeAxis(op, axis, x.shape.length, x)
      const flipped = (y: Expr): Expr => (reverse ? raw.flip(y, [a]) : y)
      return typed(flipped(along(flipped(raw.computed(x)), a)))
    }
  }
/**
 * y_i = x_0 .. x_i (product) along `axis`; from the end with `reverse`. Its gradient is right where elements are 0; the product
 * is no NaN where a part of a finite one would overflow, but the gradient is where zeros meet factors whose product does.
 * Throws as `cumsum`.
 */
export const cumprod: Cumulative = running('cumprod', (x, axis) =>
  (isFloat(x.dtype) ? raw.runningProduct : runningInteger)(x, axis),
)

/**
 * y_i = max(x_0, .., x_i) along `axis`; from the end with `reverse`. NaN wins. The gradient goes to the element that is the
 * largest, and of equals to the last one met, as in PyTorch. Throws as `cumsum`.
 *
 * @example
 * ```ts
 * import { cummax, cummin, readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([2, 1, 3, 0])
 * console.log(await readAsync(cummax(0)(x)), await readAsync(cummin(0)(x))) // 2 2 3 3, 2 1 1 0
 * ```
 */
export const cummax: Cumulative = running('cummax', raw.runningMax)
/** y_i = min(x_0, .., x_i) along `axis`, as `cummax`. */
export const cummin: Cumulative = running('cummin', raw.runningMin)

/** Running sums and products along an axis. */
import type { DType } from '../dtype.ts'
import type { Expr } from '../expr.ts'
import * as raw from '../primitives/index.ts'
import type { Check, HasAxis } from '../shape-type.ts'
import { normalizeAxis, type Shape } from '../shape.ts'
import { typed, type Tensor } from '../tensor.ts'
import { requireDType } from './align.ts'

/** From the end where `reverse`; default from the start. */
export interface CumulativeConfig {
  readonly reverse?: boolean
}
type Cumulative = <const A extends number>(
  axis: A,
  config?: CumulativeConfig,
) => <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<HasAxis<S, A>>) => Tensor<S, D>

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
export const cumsum: Cumulative =
  (axis, { reverse = false } = {}) =>
  (x) => {
    requireDType('cumsum', x, numeric, countFix)
    return typed(raw.cumsum(x, normalizeAxis('cumsum', axis, x.shape.length, x), reverse))
  }

/** Elements `by` places earlier along `axis`, and 1 where there are none. */
const delayed = (x: Expr, axis: number, by: number): Expr => {
  const none = x.shape.map(() => 0)
  const kept = raw.slice(x, none, x.shape.with(axis, x.shape[axis]! - by))
  const ones = raw.fill(x.shape.with(axis, by), x.dtype, 1)
  return raw.concat([ones, kept], axis)
}

/**
 * y_i = x_0 .. x_i (product) along `axis`; from the end with `reverse`. Its gradient is right where elements are 0.
 * Throws as `cumsum`.
 */
export const cumprod: Cumulative =
  (axis, { reverse = false } = {}) =>
  (x) => {
    requireDType('cumprod', x, numeric, countFix)
    const a = normalizeAxis('cumprod', axis, x.shape.length, x)
    // after the step of stride s each element is the product of the 2 s elements that end there
    let y: Expr = reverse ? raw.flip(x, [a]) : x
    for (let stride = 1; stride < x.shape[a]!; stride *= 2) y = raw.mul(y, delayed(y, a, stride))
    return typed(reverse ? raw.flip(y, [a]) : y)
  }

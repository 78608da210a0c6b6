/** Pools of images [N, C, ..spatial]: one number of each window. */
import { type Computed, type DType, dtypes, isFloat } from '../base/dtype.ts'
import { ShapeError, shown } from '../base/errors.ts'
import { type Shape, sizeOf } from '../base/shape.ts'
import type { Expr } from '../graph/expr.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import * as raw from '../primitives/index.ts'
import { demandTensor, requireDType, requireFloat } from './align.ts'
import { isList, type PerAxis, type Pooled, positionsOf, type Sliding, slidingOptions, windowsOf } from './window.ts'
import { type OptionNames, optionsOf } from '../graph/options.ts'

export interface PoolConfig extends Sliding {
  /** Sizes of a window: one for all spatial axes, or one for each. */
  readonly window: PerAxis
  /** Steps from window to window. Default: the window's size, so that windows lie side by side. */
  readonly stride?: PerAxis
}
const poolOptions: OptionNames<PoolConfig> = { ...slidingOptions, window: true }
export interface AvgPoolConfig extends PoolConfig {
  /** Whether the zeros of the padding count as elements (default), or each window divides by the elements of x that it sees. */
  readonly countPadding?: boolean
}

interface Pool {
  /** Of each element that a window sees, whether it is one of x: [1, 1, ..p, ..w]. */
  readonly held: Expr
  /** [N, C, ..p, ..w] of x with `value` around it. */
  readonly seen: (x: Expr, value: number) => Expr
  readonly axes: readonly number[]
  /** Elements of a window. */
  readonly count: number
}
const poolOf = (op: string, x: Expr, config: PoolConfig): Pool => {
  const rank = x.shape.length - 2
  if (rank < 0)
    throw new ShapeError({
      op,
      operands: [x],
      rule: 'an image has axes [N, C, ..spatial]',
      fix: 'Add the missing axes with expandDims',
    })
  const { window } = config
  const size = typeof window === 'number' ? x.shape.slice(2).map(() => window) : window
  if (!isList(size) || size.length !== rank)
    throw new ShapeError({
      op,
      operands: [x],
      rule: `a window ${isList(size) ? `of ${size.length} axes` : `that is ${shown(size)}`} for ${rank} spatial ones`,
      fix: `Pass window: one integer of at least 1, or a list of ${rank}`,
    })
  const windows = windowsOf(op, [x], size, { ...config, stride: config.stride ?? size })
  const { positions, before, after } = positionsOf(op, [x], x.shape.slice(2), windows)
  const { stride, dilation } = windows
  const [lo, hi] = [
    [0, 0, ...before],
    [0, 0, ...after],
  ]
  const inside = raw.pad(raw.fill([1, 1, ...x.shape.slice(2)], 'bool', 1), lo, hi)
  const around = (x: Expr, value: number): Expr => {
    const wide = raw.pad(x, lo, hi)
    if (wide === x || value === 0) return wide
    return raw.where(raw.broadcastTo(inside, wide.shape), wide, raw.fill(wide.shape, x.dtype, value))
  }
  const params = { stride, dilation, size: positions }
  return {
    held: raw.windows(inside, size, params),
    seen: (x, value) => {
      const wide = around(x, value)
      return raw.windows(wide === x ? x : raw.materialized(wide), size, params)
    },
    axes: size.map((_, i) => 2 + rank + i),
    count: sizeOf(size),
  }
}

/**
 * The largest element of each window of x [N, C, ..n]: y[b, c, p] = max over w of x[b, c, stride p + dilation w - before], -> [N, C, ..p],
 * over any number of spatial axes. There are floor((n + before + after - dilation (w - 1) - 1) / stride) + 1 windows along an
 * axis. What pads is smaller than every element. Of equal elements the first in row-major order receives the gradient, all of it, as in PyTorch
 * and JAX (`max` gives each an equal part). Throws ShapeError where no window fits, and for options that are not one positive
 * integer an axis; DTypeError for bool.
 *
 * @example
 * ```ts
 * import { maxPool, readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([[[[1, 2, 3, 4], [5, 6, 7, 8]]]])
 * console.log(await readAsync(maxPool({ window: 2 })(x))) // 6 8
 * console.log(await readAsync(maxPool({ window: 2, stride: 1 })(x))) // 6 7 8
 * ```
 */
export const maxPool = (config: PoolConfig) => {
  const options = optionsOf('maxPool', config, poolOptions)
  return <S extends Shape, D extends DType>(given: Tensor<S, D>): Tensor<Pooled<S>, Computed<D>> => {
    demandTensor('maxPool', given)
    const x = raw.computed(given)
    requireDType('maxPool', x, ['f32', 'i32', 'u32'], "To find any, cast first: cast('i32')(x)")
    const pool = poolOf('maxPool', x, options)
    const seen = pool.seen(isFloat(x.dtype) ? raw.stored(x) : x, dtypes[x.dtype].lowest)
    return typed(raw.peak(seen, raw.broadcastTo(pool.held, seen.shape), pool.axes.length))
  }
}

/**
 * The mean of each window of x [N, C, ..n], with the positions of `maxPool`: -> [N, C, ..p]. The zeros of the padding are
 * counted as elements, as in PyTorch and Flax; with `countPadding: false` they are not (a window that sees nothing but padding is then
 * NaN). Throws ShapeError as `maxPool`; DTypeError where x is no float.
 *
 * @example
 * ```ts
 * import { avgPool, readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([2, 4, 6], [1, 1, 3])
 * console.log(await readAsync(avgPool({ window: 2, stride: 1 })(x))) // 3 5
 * console.log(await readAsync(avgPool({ window: 2, padding: 'same', countPadding: false })(x))) // 3 6
 * ```
 */
export const avgPool = (config: AvgPoolConfig) => {
  const { countPadding = true, ...options } = optionsOf('avgPool', config, { ...poolOptions, countPadding: true })
  return <S extends Shape, D extends DType>(given: Tensor<S, D>): Tensor<Pooled<S>, Computed<D>> => {
    requireFloat('avgPool', given)
    const x = raw.computed(given)
    const { seen, axes, count } = poolOf('avgPool', x, options)
    const total = raw.reduceSum(seen(x, 0), axes)
    if (countPadding) return typed(raw.div(total, raw.fillLike(total, count)))
    const one = raw.fill([1, 1, ...x.shape.slice(2)], x.dtype, 1)
    return typed(raw.div(total, raw.broadcastTo(raw.reduceSum(seen(one, 0), axes), total.shape)))
  }
}

/** Selection by a condition, with a size that is known: shapes are, whatever the data. */
import type { DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import { normalizeAxis, sizeOf, stridesOf, type Shape } from '../base/shape.ts'
import type { Expr } from '../graph/expr.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import * as raw from '../primitives/index.ts'
import { demandShape, demandTensor, element, expand, requireDType } from './align.ts'
import { optionsOf } from '../graph/options.ts'

/** How many are selected, and what stands for those that are missing. */
export interface SelectionConfig {
  /** How many: the first of them where there are more. */
  readonly size: number
  /** Where there are fewer. Default 0. */
  readonly fill?: number
}

/** The positions of the first `size` that hold in a vector, and which of them exist. */
const firstOf = (condition: Expr, size: number): { readonly at: Expr; readonly exists: Expr } => {
  const n = condition.shape[0]!
  const index = raw.iota([size], 0, 'i32')
  if (n === 0) return { at: index, exists: raw.fill([size], 'bool', 0) }
  // false before true, and equals in their order
  const order = raw.argsort(raw.not(condition), 0, false)
  const last = raw.fillLike(index, n - 1)
  const count = raw.reduceSum(raw.cast('i32', condition), [0])
  return { at: raw.take(order, raw.minimum(index, last), 0, 'nearest'), exists: raw.lt(index, expand(count, [size])) }
}

/**
 * Where a condition holds: for each axis the positions, i32 [size], in row-major order, and `fill` where there are fewer, as JAX's
 * `nonzero` with a size. Throws DTypeError for other dtypes than bool, ShapeError where `size` is none.
 *
 * @example
 * ```ts
 * import { compress, gt, nonzero, readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([3, -1, 4, -1, 5])
 * const [at] = nonzero({ size: 4, fill: -1 })(gt(x, 0))
 * console.log(await readAsync(at!)) // 0 2 4 -1
 * console.log(await readAsync(compress({ size: 4 })(gt(x, 0), x))) // 3 4 5 0
 * ```
 */
export const nonzero = <const Z extends SelectionConfig>(config: Z) => {
  const { size, fill = 0 } = optionsOf<SelectionConfig>('nonzero', config, { size: true, fill: true })
  return (condition: Tensor<Shape, 'bool'>): readonly Tensor<readonly [Z['size']], 'i32'>[] => {
    requireDType('nonzero', condition, ['bool'], 'Compare first, as in ne(x, 0)')
    demandShape('nonzero', [size], 'i32')
    const { shape }: Expr = condition
    const { at, exists } = firstOf(raw.reshape(condition, [sizeOf(shape)]), size)
    const missing = raw.fillLike(at, element('nonzero', fill, 'i32', [condition]))
    const strides = stridesOf(shape)
    return shape.map((d, i) => {
      const line = raw.div(at, raw.fillLike(at, strides[i]!))
      return typed(raw.where(exists, raw.mod(line, raw.fillLike(line, d)), missing))
    })
  }
}

/** As `SelectionConfig`, and the axis. */
export interface CompressConfig extends SelectionConfig {
  /** The axis that the condition runs along. Default 0. */
  readonly axis?: number
}
/**
 * The first `size` slices of x along `axis` (default 0) where a condition [n] holds, and slices of `fill` where there are fewer:
 * [.., n, ..] -> [.., size, ..]. The gradient goes back to where each slice came from. Throws DTypeError where the condition is no
 * bool, ShapeError where it has not the size of the axis.
 */
export const compress = (config: CompressConfig) => {
  const { size, fill = 0, axis = 0 } = optionsOf('compress', config, { size: true, fill: true, axis: true })
  return <D extends DType>(condition: Tensor<readonly [number], 'bool'>, x: Tensor<Shape, D>): Tensor<Shape, D> => {
    requireDType('compress', condition, ['bool'], 'Compare first, as in ne(x, 0)')
    demandTensor('compress', x)
    demandShape('compress', [size], x.dtype)
    const a = normalizeAxis('compress', axis, x.shape.length, x)
    const given: Expr = condition
    if (given.shape.length !== 1 || given.shape[0] !== x.shape[a])
      throw new ShapeError({
        op: 'compress',
        operands: [condition, x],
        rule: `the condition is a vector of the ${x.shape[a]!} elements of axis ${a}`,
        fix: 'For a condition at every element use nonzero, or where',
      })
    const shape = x.shape.with(a, size)
    const missing = raw.fill(shape, x.dtype, element('compress', fill, x.dtype, [x]))
    if (x.shape[a] === 0) return typed(missing)
    const { at, exists } = firstOf(condition, size)
    const ranked = raw.reshape(
      exists,
      shape.map((d, i) => (i === a ? d : 1)),
    )
    return typed(raw.where(expand(ranked, shape), raw.take(x, at, a, 'nearest'), missing))
  }
}

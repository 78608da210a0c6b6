/** Images at other sizes, by what stands between their elements. */
import type { Computed, DType } from '../base/dtype.ts'
import { demandOneOf, ShapeError } from '../base/errors.ts'
import { type Shape } from '../base/shape.ts'
import type { Expr } from '../graph/expr.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import * as raw from '../primitives/index.ts'
import { demandTensor, requireFloat } from './align.ts'
import { listed, type PerAxis, type Pooled } from './window.ts'
import { optionsOf } from '../graph/options.ts'

/** The sizes that images become, and how what lies between elements is read. */
export interface ResizeConfig {
  /** Spatial sizes of the result: one for all spatial axes, or one for each. */
  readonly size: PerAxis
  /** `nearest`: the element whose cell covers the position; `linear`: between the two beside it (bilinear over two axes). */
  readonly method: 'nearest' | 'linear'
}

/** The middle of cell `p` of `size`, in cells of `n`. */
const middle = (p: number, size: number, n: number): number => ((p + 0.5) * n) / size

const nearest = (x: Expr, axis: number, size: number): Expr => {
  const n = x.shape[axis]!
  if (size % n === 0) {
    const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)]
    const apart = raw.reshape(x, [...before, n, 1, ...after])
    return raw.reshape(raw.broadcastTo(apart, [...before, n, size / n, ...after]), [...before, size, ...after])
  }
  const at = Int32Array.from({ length: size }, (_, p) => Math.floor(middle(p, size, n)))
  return raw.take(x, raw.constant(at, [size], 'i32'), axis, 'nearest')
}
/**
 * A share of each of the two elements that a position lies between. At one of them it takes that one twice, half of it each: 0 of a
 * neighbour would be NaN where that is infinite.
 */
const linear = (x: Expr, axis: number, size: number): Expr => {
  const n = x.shape[axis]!
  const from = Array.from({ length: size }, (_, p) => Math.min(n - 1, Math.max(0, middle(p, size, n) - 0.5)))
  const shape = x.shape.with(axis, size)
  const beside = shape.map((d, i) => (i === axis ? d : 1))
  const share = (neighbour: (at: number) => number, part: (at: number) => number): Expr => {
    const taken = raw.take(x, raw.constant(Int32Array.from(from, neighbour), [size], 'i32'), axis, 'nearest')
    const parts = raw.constant(Float32Array.from(from, part), [size], 'f32')
    return raw.mul(taken, raw.broadcastTo(raw.reshape(parts, beside), shape))
  }
  const ofHigh = (at: number): number => at % 1 || 0.5
  return raw.add(
    share(Math.floor, (at) => 1 - ofHigh(at)),
    share(Math.ceil, ofHigh),
  )
}

/**
 * x [N, C, ..n] at other spatial sizes, -> [N, C, ..size]. Both are divided into cells of equal size: the middle of cell p is at
 * (p + 1/2) n / size in cells of x. `nearest` takes the element of the cell there; `linear` goes in a line from the middle of
 * one cell to that of the next, along each axis, and stays level beyond the outermost (`align_corners=False` of PyTorch; as JAX
 * without antialiasing). Throws ShapeError where `size` is not one positive integer for each spatial axis, or an axis is empty;
 * DTypeError for `linear` of integers.
 *
 * @example
 * ```ts
 * import { readAsync, resize, tensor } from '@adjoint/tensor'
 * const x = tensor([0, 4], [1, 1, 2])
 * console.log(await readAsync(resize({ size: 4, method: 'nearest' })(x))) // 0 0 4 4
 * console.log(await readAsync(resize({ size: 4, method: 'linear' })(x))) // 0 1 3 4
 * ```
 */
export const resize = (config: ResizeConfig) => {
  const { size, method } = optionsOf('resize', config, { size: true, method: true })
  return <S extends Shape, D extends DType>(given: Tensor<S, D>): Tensor<Pooled<S>, Computed<D>> => {
    demandTensor('resize', given)
    const x = raw.computed(given)
    demandOneOf('resize', 'method', method, ['nearest', 'linear'])
    if (method === 'linear') requireFloat('resize', x)
    const image: Shape = x.shape
    const spatial = image.slice(2)
    const fail = (rule: string, fix: string): ShapeError => new ShapeError({ op: 'resize', operands: [x], rule, fix })
    if (image.length < 2) throw fail('an image has axes [N, C, ..spatial]', 'Add the missing axes with expandDims')
    const sizes = listed('size', size, spatial.length, fail)
    if (spatial.includes(0))
      throw fail('an empty axis has no elements to take', 'Resize images of at least one element')
    const along = method === 'nearest' ? nearest : linear
    return typed(sizes.reduce<Expr>((y, to, i) => (y.shape[2 + i] === to ? y : along(y, 2 + i, to)), x))
  }
}

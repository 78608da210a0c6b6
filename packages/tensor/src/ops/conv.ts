/** Convolution of images [N, C, ..spatial] over any number of spatial axes, and its adjoint. */
import type { Computed, DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import { sameShape, type Shape, showShape } from '../base/shape.ts'
import type { Check, CommonDType, SameDType } from '../base/shape-type.ts'
import type { Expr } from '../graph/expr.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import * as raw from '../primitives/index.ts'
import { demandOneComputed, requireFloat } from './align.ts'
import {
  type Imaged,
  listed,
  type PerAxis,
  positionsOf,
  type Sliding,
  slidingOptions,
  type Windows,
  windowsOf,
} from './window.ts'
import { type OptionNames, optionsOf } from '../graph/options.ts'

export interface ConvConfig extends Sliding {
  /** Channels in so many groups, each convolved by itself: C of them is one kernel a channel. Default 1. */
  readonly groups?: number
}
const convOptions: OptionNames<ConvConfig> = { ...slidingOptions, groups: true }

/** [N, C, ..s] and [O, ..] -> [N, O, ..p] */
export type Convolved<S extends Shape, K extends Shape> = number extends S['length']
  ? Shape
  : S extends readonly [infer N extends Shape[number], Shape[number], ...infer Rest extends Shape]
    ? Imaged<N, K extends readonly [infer O extends Shape[number], ...Shape] ? O : number, Rest>
    : Shape
/** [N, O, ..p] -> [N, C, ..s] */
export type ConvTransposed<S extends Shape> = number extends S['length']
  ? Shape
  : S extends readonly [infer N extends Shape[number], Shape[number], ...infer Rest extends Shape]
    ? Imaged<N, number, Rest>
    : Shape

/** What both read of their operands: an image whose channels are axis `channels` of the kernel. */
const read = (
  op: string,
  x: Expr,
  kernel: Expr,
  config: ConvConfig,
): { readonly windows: Windows; readonly groups: number; readonly fail: (rule: string, fix: string) => ShapeError } => {
  const { groups = 1 } = config
  const operands = [x, kernel]
  demandOneComputed(op, operands)
  requireFloat(op, x)
  const fail = (rule: string, fix: string): ShapeError => new ShapeError({ op, operands, rule, fix })
  if (x.shape.length < 2 || kernel.shape.length !== x.shape.length)
    throw fail(
      'an image [N, C, ..spatial] and a kernel [O, C / groups, ..window] have one rank, of at least 2',
      'Add the missing axes with expandDims, or reshape',
    )
  if (!Number.isInteger(groups) || groups < 1 || kernel.shape[0]! % groups !== 0)
    throw fail(
      `${groups} groups do not divide the ${kernel.shape[0]!} kernels`,
      'groups is a positive integer that divides axis 0 of the kernel',
    )
  return { windows: windowsOf(op, operands, kernel.shape.slice(2), config), groups, fail }
}
/** [N, G C, ..] as [G, N, C, ..], and back. */
const grouped = (x: Expr, groups: number): Expr => {
  const [n, c, ...rest] = x.shape as readonly [number, number, ...number[]]
  return swapped(raw.reshape(raw.computed(x), [n, groups, c / groups, ...rest]))
}
const ungrouped = (x: Expr): Expr => {
  const [g, n, c, ...rest] = x.shape as readonly [number, number, number, ...number[]]
  return raw.reshape(swapped(x), [n, g * c, ...rest])
}
const swapped = (x: Expr): Expr => raw.transpose(x, [1, 0, ...x.shape.slice(2).map((_, i) => i + 2)])
const kernelGroups = (kernel: Expr, groups: number): Expr =>
  raw.reshape(raw.computed(kernel), [groups, kernel.shape[0]! / groups, ...kernel.shape.slice(1)])

/**
 * The convolution (as in all of deep learning a correlation: the kernel is not reversed) of images x [N, C, ..n] with a
 * kernel [O, C / groups, ..w], over any number of spatial axes:
 *
 *     y[b, o, p] = sum over c, w of x[b, c, stride p + dilation w - before] kernel[o, c, w]    -> [N, O, ..p]
 *
 * where x is 0 outside. There are floor((n + before + after - dilation (w - 1) - 1) / stride) + 1 positions along an axis. With
 * `groups` the o-th part of the kernels sees the o-th part of the channels only. It is one matrix product whose
 * operand is read through the windows: they are not copied out. Zeros around are multiplied like any other: where a kernel that is not
 * finite meets them y is NaN, as in PyTorch and JAX; and so may be the gradient by x near its ends, as in JAX (PyTorch, and the reference
 * device, leave out the terms that are not there). Throws ShapeError where the channels differ, where no window
 * fits, TypeError for an option that it does not have, ShapeError for options that are not one positive step an axis.
 *
 * @example
 * ```ts
 * import { conv, ones, readAsync, tensor } from '@adjoint/tensor'
 * const signal = tensor([1, 2, 4, 8], [1, 1, 4])
 * const difference = tensor([-1, 1], [1, 1, 2])
 * console.log(await readAsync(conv()(signal, difference))) // 1 2 4
 * const images = ones([8, 3, 32, 32])
 * console.log(conv({ stride: 2, padding: 'same' })(images, ones([16, 3, 3, 3])).shape) // [8, 16, 16, 16]
 * ```
 */
export const conv = (config: ConvConfig = {}) => {
  const options = optionsOf('conv', config, convOptions)
  return <S extends Shape, K extends Shape, D extends DType, E extends DType>(
    x: Tensor<S, D>,
    kernel: Tensor<K, E> & Check<SameDType<Computed<D>, Computed<E>>>,
  ): Tensor<Convolved<S, K>, CommonDType<Computed<D>, Computed<E>>> => {
    const { windows, groups, fail } = read('conv', x, kernel, options)
    const [c, ofGroup] = [x.shape[1]!, kernel.shape[1]!]
    if (c !== groups * ofGroup)
      throw fail(
        `x has ${c} channels (axis 1), and ${groups} group${groups === 1 ? '' : 's'} of the kernel's ${ofGroup} (its axis 1) make ${groups * ofGroup}`,
        'Give x as [N, C, ..spatial], the kernel [O, C / groups, ..window]',
      )
    const { positions, before } = positionsOf('conv', [x, kernel], x.shape.slice(2), windows)
    const { stride, dilation } = windows
    const params = { of: 'output', stride, dilation, before, size: positions } as const
    return typed(ungrouped(raw.conv(grouped(x, groups), kernelGroups(kernel, groups), params)))
  }
}

export interface ConvTransposeConfig extends ConvConfig {
  /**
   * Spatial sizes of the result. With a stride several sizes of x have a convolution of the size of y: the least is taken by
   * default; with padding 'same', stride times that of y.
   */
  readonly size?: PerAxis
}

/**
 * The adjoint of `conv` with the same options and the same kernel [O, C / groups, ..w], as a linear map of x: what each element of y
 * [N, O, ..p] was made of receives it, times the kernel,
 *
 *     x[b, c, j] = sum over o, p, w with stride p + dilation w - before = j of y[b, o, p] kernel[o, c, w]    -> [N, C, ..n]
 *
 * so that <conv(x, k), y> = <x, convTranspose(y, k)>. Also called a deconvolution: with a stride it enlarges. Throws as `conv`, and where
 * no convolution of an image of `size` has the size of y.
 *
 * @example
 * ```ts
 * import { convTranspose, readAsync, tensor } from '@adjoint/tensor'
 * const y = tensor([1, 10], [1, 1, 2])
 * const kernel = tensor([1, 2, 3], [1, 1, 3])
 * console.log(await readAsync(convTranspose({ stride: 2 })(y, kernel))) // 1 2 13 20 30
 * ```
 */
export const convTranspose = (config: ConvTransposeConfig = {}) => {
  const options = optionsOf('convTranspose', config, { ...convOptions, size: true })
  return <S extends Shape, K extends Shape, D extends DType, E extends DType>(
    y: Tensor<S, D>,
    kernel: Tensor<K, E> & Check<SameDType<Computed<D>, Computed<E>>>,
  ): Tensor<ConvTransposed<S>, CommonDType<Computed<D>, Computed<E>>> => {
    const { windows, groups, fail } = read('convTranspose', y, kernel, options)
    const [o, kernels] = [y.shape[1]!, kernel.shape[0]!]
    if (o !== kernels)
      throw fail(
        `y has ${o} channels (axis 1), and the kernel ${kernels} (axis 0)`,
        'Pass the kernel of the convolution that this is the adjoint of, [O, C / groups, ..window]',
      )
    const positions = y.shape.slice(2)
    const { stride, dilation, span, around } = windows
    const { size = options.padding === 'same' ? positions.map((p, i) => p * stride[i]!) : undefined } = options
    const sizes =
      size === undefined
        ? positions.map((p, i) => {
            const [lo, hi] = around(positions)[i]!
            return p === 0 ? 0 : Math.max(0, stride[i]! * (p - 1) + span[i]! - lo - hi)
          })
        : listed('size', size, positions.length, fail, 0)
    const { positions: seen, before } = positionsOf('convTranspose', [y, kernel], sizes, windows)
    if (!sameShape(seen, positions))
      throw fail(
        `a convolution of size ${showShape(sizes)} has ${showShape(seen)} positions, not the ${showShape(positions)} of y`,
        size === undefined
          ? 'No image is so small: pad less'
          : 'Pass as size the spatial sizes of the image that y is the convolution of',
      )
    const params = { of: 'input', stride, dilation, before, size: sizes } as const
    return typed(ungrouped(raw.conv(kernelGroups(kernel, groups), grouped(y, groups), params)))
  }
}

/** Convolutions of images [N, C, ..spatial] over any number of spatial axes, and the transposed ones, which enlarge. */
import {
  add,
  conv,
  type ConvConfig,
  convTranspose,
  type ConvTransposeConfig,
  reshape,
  type Shape,
  ShapeError,
  transpose,
  type TreeRecord,
  zeros,
} from '@adjoint/tensor'
import { type OptionNames, optionsOf } from '@adjoint/tensor/ir'
import { demandKey, demandParams, demandSizes, demandTensors } from './demands.ts'
import { type Initializer, lecunInit } from './init.ts'
import type { Floats, Key, Layer } from './layer.ts'

/** Sizes of a convolution. What else its options say (stride, padding, dilation) shapes no parameter. */
export interface ConvolutionConfig extends ConvConfig {
  /** Channels of the data. */
  readonly in: number
  /** Channels of the result. */
  readonly out: number
  /** Sizes of the window, one for each spatial axis: how many there are is how many axes it slides along. */
  readonly window: Shape
  /** Default true. */
  readonly bias?: boolean
  /**
   * Draws the matrix [in / groups * elements of the window, out] that a window is multiplied with, so that what enters it is what an
   * output is summed of. Default `lecunInit`.
   */
  readonly init?: Initializer
}

/** The options of the layer, and those of its parameters, which it need not know. */
const options: OptionNames<ConvolutionConfig> = {
  in: true,
  out: true,
  window: true,
  bias: true,
  init: true,
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
}

/** Sizes of a transposed convolution: `in` and `out` are those of the data and the result, as of any other layer. */
export interface TransposedConvolutionConfig extends ConvolutionConfig, ConvTransposeConfig {}

/**
 * Kernel [out, in / groups, ..window], of a transposed convolution [in, out / groups, ..window]; bias [out], or null for none.
 * The layouts are those of PyTorch.
 */
export interface ConvolutionParams extends TreeRecord {
  readonly kernel: Floats
  readonly bias: Floats | null
}

/** Draws the matrix as [in / groups, elements of the window, groups, out / groups], and takes its axes in the order of the kernel. */
const drawn = (
  op: string,
  { in: from, out, window, groups = 1, bias = true, init = lecunInit }: ConvolutionConfig,
  order: readonly [number, number, number, number],
): ((key: Key) => ConvolutionParams) => {
  const given: unknown = window
  if (!Array.isArray(given))
    throw new RangeError(`${op}: window is ${String(given)}. Give a list, one size for each spatial axis.`)
  demandSizes(op, { in: from, out, groups, ...Object.fromEntries(window.map((w, i) => [`window[${i}]`, w])) })
  if (from % groups !== 0 || out % groups !== 0)
    throw new ShapeError({
      op,
      operands: [],
      rule: `${groups} groups do not divide ${from} channels in and ${out} out`,
      fix: 'Choose a number of groups that divides both',
    })
  const size = window.reduce((p, w) => p * w, 1)
  const apart: Shape = [from / groups, size, groups, out / groups]
  const sizes: Shape = [groups * apart[order[1]]!, apart[order[2]]!, ...window]
  return (key) => {
    demandKey(op, key)
    const matrix: Floats = reshape(apart)(init(key, [(from / groups) * size, out]))
    const kernel: Floats = reshape(sizes)(transpose(order)(matrix))
    return { kernel, bias: bias ? zeros([out]) : null }
  }
}

/** The bias beside [N, out, ..spatial]. */
const withBias = (y: Floats, bias: Floats | null): Floats =>
  bias === null ? y : add(y, reshape(y.shape.slice(1).map((n, i) => (i === 0 ? n : 1)))(bias))

const layerOf =
  (op: string, convolved: (x: Floats, kernel: Floats) => Floats) =>
  (params: ConvolutionParams): Layer => {
    demandParams(op, params, ['kernel', 'bias'], `init${op[0]!.toUpperCase()}${op.slice(1)}(config)(key)`)
    return (x) => {
      demandTensors(op, { x })
      return withBias(convolved(x, params.kernel), params.bias)
    }
  }

/**
 * Draws the kernel [out, in / groups, ..window]; the bias starts at 0. Throws RangeError for sizes that are none, ShapeError where
 * groups do not divide the channels, TypeError without a key.
 *
 * @example
 * ```ts
 * import { initConvolution } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const { kernel, bias } = initConvolution({ in: 3, out: 8, window: [5, 5] })(random.key(0))
 * console.log(kernel.shape, bias?.shape) // [8, 3, 5, 5] [8]
 * ```
 */
export const initConvolution = (given: ConvolutionConfig) => {
  const config = optionsOf('initConvolution', given, options)
  return drawn('initConvolution', config, [2, 3, 0, 1])
}

/**
 * `y = conv(x, kernel) + bias`, x [N, in, ..n] -> [N, out, ..p]: a window slides over the spatial axes, of which there may be any
 * number, and each place of it is an output. Options, positions and errors are those of `conv`; `groups` is that of the parameters.
 * The configuration of the parameters is a configuration of the layer too.
 *
 * @example
 * ```ts
 * import { convolution, initConvolution } from '@adjoint/nn'
 * import { maxPool, ones, random, relu } from '@adjoint/tensor'
 * const config = { in: 3, out: 8, window: [3, 3], padding: 'same' } as const
 * const layer = convolution(config)(initConvolution(config)(random.key(0)))
 * console.log(maxPool({ window: 2 })(relu(layer(ones([4, 3, 32, 32])))).shape) // [4, 8, 16, 16]
 * ```
 */
export const convolution = (config: ConvConfig = {}) => {
  const {
    stride = 1,
    padding = 'valid',
    dilation = 1,
    groups = 1,
  } = optionsOf<Partial<ConvolutionConfig>>('convolution', config, options)
  const convolved = conv({ stride, padding, dilation, groups })
  return layerOf('convolution', convolved)
}

/**
 * Draws the kernel [in, out / groups, ..window] of a transposed convolution; the bias starts at 0. Throws as `initConvolution`.
 *
 * @example
 * ```ts
 * import { initTransposedConvolution } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(initTransposedConvolution({ in: 8, out: 3, window: [2, 2] })(random.key(0)).kernel.shape) // [8, 3, 2, 2]
 * ```
 */
export const initTransposedConvolution = (given: TransposedConvolutionConfig) => {
  const config = optionsOf('initTransposedConvolution', given, { ...options, size: true })
  return drawn('initTransposedConvolution', config, [2, 0, 3, 1])
}

/**
 * `y = convTranspose(x, kernel) + bias`, x [N, in, ..p] -> [N, out, ..n]: each element of x puts its multiple of the kernel at its
 * place, `stride` apart, so that images grow. Without biases it is the adjoint of `convolution` with the same kernel and options.
 * Options, sizes and errors are those of `convTranspose`.
 *
 * @example
 * ```ts
 * import { initTransposedConvolution, transposedConvolution } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const config = { in: 8, out: 3, window: [2, 2], stride: 2 }
 * const layer = transposedConvolution(config)(initTransposedConvolution(config)(random.key(0)))
 * console.log(layer(ones([4, 8, 16, 16])).shape) // [4, 3, 32, 32]
 * ```
 */
export const transposedConvolution = (config: ConvTransposeConfig = {}) => {
  const known = { ...options, size: true } as const
  const {
    stride = 1,
    padding = 'valid',
    dilation = 1,
    groups = 1,
    size,
  } = optionsOf<Partial<TransposedConvolutionConfig>>('transposedConvolution', config, known)
  const convolved = convTranspose({ stride, padding, dilation, groups, ...(size === undefined ? {} : { size }) })
  return layerOf('transposedConvolution', convolved)
}

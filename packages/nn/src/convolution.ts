/** Convolutions of images [N, C, ..spatial] over any number of spatial axes, and the transposed ones, which enlarge. */
import {
  add,
  conv,
  type ConvConfig,
  convTranspose,
  type ConvTransposeConfig,
  type Dim,
  type Padding,
  type PerAxis,
  reshape,
  type Shape,
  ShapeError,
  type Tensor,
  transpose,
  type TreeRecord,
  zeros,
} from '@adjoint/tensor'
import { type OptionNames, optionsOf, typed } from '@adjoint/tensor/ir'
import { demandKey, demandParams, demandSizes, demandTensors } from './demands.ts'
import type { Axis, HasChannels, WithChannels } from './dims.ts'
import { type Initializer, lecunInit } from './init.ts'
import type { Floats, Key, Layer } from './layer.ts'

/** Sizes of a convolution. What else its options say (stride, padding, dilation) shapes no parameter. */
export interface ConvolutionConfig<
  In extends number = number,
  Out extends number = number,
  Window extends Shape = Shape,
  Groups extends number = number,
> extends ConvConfig {
  /** Channels of the data. */
  readonly in: In
  /** Channels of the result. */
  readonly out: Out
  /** Sizes of the window, one for each spatial axis: how many there are is how many axes it slides along. */
  readonly window: Window
  /** Channels in so many groups, each convolved by itself. Default 1. */
  readonly groups?: Groups
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
export interface TransposedConvolutionConfig<
  In extends number = number,
  Out extends number = number,
  Window extends Shape = Shape,
  Groups extends number = number,
>
  extends ConvolutionConfig<In, Out, Window, Groups>, Pick<ConvTransposeConfig, 'size'> {}

/** What a convolution's options say of the dimensions of its result: groups, padding and steps, where the compiler knows them. */
export interface Slides<Groups extends number, Around extends Padding, Steps extends PerAxis> {
  readonly groups?: Groups
  readonly padding?: Around
  readonly stride?: Steps
}

/**
 * Kernel [out, in / groups, ..window], of a transposed convolution [in, out / groups, ..window]; bias [out], or null for none.
 * The layouts are those of PyTorch.
 */
export interface ConvolutionParams<Kernel extends Floats = Floats> extends TreeRecord {
  readonly kernel: Kernel
  readonly bias: Floats | null
}

/** Of N channels those of one group: known where there is one. */
export type InGroup<N extends Dim, Groups extends number> = [Groups] extends [1] ? N : Dim

/** The shape of the kernel of a convolution's parameters. */
export type KernelShape<P extends ConvolutionParams> = P['kernel'] extends Tensor<infer K> ? K : Shape

/** Whether spatial sizes stay as they are: with zeros around for as many windows as there are elements. */
export type Stays<Around extends Padding, Steps extends PerAxis> = [Around, Steps] extends ['same', 1 | readonly 1[]]
  ? true
  : false

/** Draws the matrix as [in / groups, elements of the window, groups, out / groups], and takes its axes in the order of the kernel, K. */
const drawn = <K extends Shape>(
  op: string,
  { in: from, out, window, groups = 1, bias = true, init = lecunInit }: ConvolutionConfig,
  order: readonly [number, number, number, number],
): ((key: Key) => ConvolutionParams<Tensor<K, 'f32'>>) => {
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
    return { kernel: typed(kernel), bias: bias ? zeros([out]) : null }
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
 * Draws the kernel [out, in / groups, ..window]; the bias starts at 0. Sizes that are literals or names (`dim`) are kept in its type. Throws RangeError for sizes that are none, ShapeError where
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
export const initConvolution = <
  In extends number,
  Out extends number,
  const Window extends Shape,
  const Groups extends number = 1,
>(
  given: ConvolutionConfig<In, Out, Window, Groups>,
) => {
  const config: ConvolutionConfig = optionsOf<ConvolutionConfig>('initConvolution', given, options)
  return drawn<readonly [Out, InGroup<In, Groups>, ...Window]>('initConvolution', config, [2, 3, 0, 1])
}

/**
 * `y = conv(x, kernel) + bias`, x [N, in, ..n] -> [N, out, ..p]: a window slides over the spatial axes, of which there may be any
 * number, and each place of it is an output. Options, positions and errors are those of `conv`; `groups` is that of the parameters.
 * The configuration of the parameters is a configuration of the layer too. The batch and the channels are carried as the compiler knows
 * them, spatial sizes with padding 'same' and stride 1; another number of channels or axes than the kernel's does not compile.
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
export const convolution = <
  const Groups extends number = 1,
  const Around extends Padding = 'valid',
  const Steps extends PerAxis = 1,
>(
  config: ConvConfig & Slides<Groups, Around, Steps> = {},
) => {
  const {
    stride = 1,
    padding = 'valid',
    dilation = 1,
    groups = 1,
  } = optionsOf<Partial<ConvolutionConfig>>('convolution', config, options)
  const convolved = layerOf('convolution', conv({ stride, padding, dilation, groups }))
  return <P extends ConvolutionParams>(params: P) => {
    const layer = convolved(params)
    return <S extends Shape>(
      x: Tensor<S, 'f32'> &
        HasChannels<'convolution', S, InGroup<Axis<KernelShape<P>, 1>, Groups>, KernelShape<P>['length']>,
    ): Tensor<WithChannels<S, Axis<KernelShape<P>, 0>, Stays<Around, Steps>>, 'f32'> => typed(layer(x))
  }
}

/**
 * Draws the kernel [in, out / groups, ..window] of a transposed convolution; the bias starts at 0. Literals, names and errors are those
 * of `initConvolution`.
 *
 * @example
 * ```ts
 * import { initTransposedConvolution } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(initTransposedConvolution({ in: 8, out: 3, window: [2, 2] })(random.key(0)).kernel.shape) // [8, 3, 2, 2]
 * ```
 */
export const initTransposedConvolution = <
  In extends number,
  Out extends number,
  const Window extends Shape,
  const Groups extends number = 1,
>(
  given: TransposedConvolutionConfig<In, Out, Window, Groups>,
) => {
  const known = { ...options, size: true } as const
  const config = optionsOf<TransposedConvolutionConfig>('initTransposedConvolution', given, known)
  return drawn<readonly [In, InGroup<Out, Groups>, ...Window]>('initTransposedConvolution', config, [2, 0, 3, 1])
}

/**
 * `y = convTranspose(x, kernel) + bias`, x [N, in, ..p] -> [N, out, ..n]: each element of x puts its multiple of the kernel at its
 * place, `stride` apart, so that images grow. Without biases it is the adjoint of `convolution` with the same kernel and options.
 * Options, sizes and errors are those of `convTranspose`; dimensions are carried as `convolution` carries them.
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
export const transposedConvolution = <
  const Groups extends number = 1,
  const Around extends Padding = 'valid',
  const Steps extends PerAxis = 1,
>(
  config: ConvTransposeConfig & Slides<Groups, Around, Steps> = {},
) => {
  const known = { ...options, size: true } as const
  const {
    stride = 1,
    padding = 'valid',
    dilation = 1,
    groups = 1,
    size,
  } = optionsOf<Partial<TransposedConvolutionConfig>>('transposedConvolution', config, known)
  const sized = size === undefined ? {} : { size }
  const convolved = layerOf('transposedConvolution', convTranspose({ stride, padding, dilation, groups, ...sized }))
  return <P extends ConvolutionParams>(params: P) => {
    const layer = convolved(params)
    return <S extends Shape>(
      x: Tensor<S, 'f32'> & HasChannels<'transposedConvolution', S, Axis<KernelShape<P>, 0>, KernelShape<P>['length']>,
    ): Tensor<WithChannels<S, InGroup<Axis<KernelShape<P>, 1>, Groups>, Stays<Around, Steps>>, 'f32'> => typed(layer(x))
  }
}

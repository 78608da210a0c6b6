/** Normalisation of groups of channels within each example: what LayerNorm is for images, and independent of the batch. */
import { add, mean, mul, ones, reshape, rsqrt, type Shape, ShapeError, square, sub, zeros } from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandParams, demandSizes, demandTensors } from './demands.ts'
import type { Floats, SameShape } from './layer.ts'
import type { NormOptions, NormParams } from './norm.ts'

/** Sizes of a norm over channels. */
export interface ChannelNormConfig {
  readonly channels: number
}

/** How a group norm divides its channels. */
export interface GroupNormOptions extends NormOptions {
  /** Groups of as many channels each: 1 is a LayerNorm of the whole example, as many as there are channels an InstanceNorm. */
  readonly groups: number
}

/**
 * Gain 1 and bias 0 for each channel. Throws RangeError for a number of channels that is none.
 *
 * @example
 * ```ts
 * import { initGroupNorm } from '@adjoint/nn'
 * console.log(initGroupNorm({ channels: 4 }).scale.shape) // [4]
 * ```
 */
export const initGroupNorm = (options: ChannelNormConfig): NormParams => {
  const { channels } = optionsOf('initGroupNorm', options, { channels: true })

  demandSizes('initGroupNorm', { channels })
  return { scale: ones([channels]), bias: zeros([channels]) }
}

/** Throws unless `x` is [N, channels, ...spatial]; a vector of channels as it lies beside it. */
export const perChannel = (op: string, x: Floats, params: NormParams): ((v: Floats) => Floats) => {
  demandTensors(op, { x })
  const [channels] = params.scale.shape
  if (x.shape.length < 2 || x.shape[1] !== channels)
    throw new ShapeError({
      op,
      operands: [x, params.scale],
      rule: `the data is not [N, ${channels ?? ''}, ...spatial]`,
      fix: 'Give channels on axis 1, as many as the parameters were made for.',
    })
  const beside: Shape = x.shape.slice(1).map((n, i) => (i === 0 ? n : 1))
  return (v) => reshape(beside)(v)
}

/**
 * GroupNorm, `(x - mean) / sqrt(variance + eps) * scale + bias`, the statistics being those of the population of a group of
 * channels in one example, over all their places; x [N, C, ...spatial], same shape out. Gain and bias are one a channel.
 * Source: Wu and He (arXiv:1803.08494), eq. 1, 2 and 6.
 *
 * @throws RangeError for groups that are no number of groups, ShapeError where they do not divide the channels, or the data is
 * not [N, C, ...spatial].
 *
 * @example
 * ```ts
 * import { groupNorm, initGroupNorm } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const norm = groupNorm({ groups: 2 })(initGroupNorm({ channels: 4 }))
 * console.log(await readAsync(norm(tensor([1, 3, 10, 30], [1, 4])))) // about [-1, 1, -1, 1]
 * ```
 */
export const groupNorm = (options: GroupNormOptions) => {
  const { groups, eps = 1e-5 } = optionsOf('groupNorm', options, { groups: true, eps: true })
  demandSizes('groupNorm', { groups })
  return (params: NormParams): SameShape => {
    demandParams('groupNorm', params, ['scale', 'bias'], 'initGroupNorm(config)')
    return (given) => {
      const x: Floats = given
      const beside = perChannel('groupNorm', x, params)
      const [n = 0, channels = 0, ...spatial] = x.shape
      if (channels % groups !== 0)
        throw new ShapeError({
          op: 'groupNorm',
          operands: [x],
          rule: `${groups} groups do not divide ${channels} channels`,
          fix: 'Choose a number of groups that divides them.',
        })
      const size = spatial.reduce((p, d) => p * d, channels / groups)
      const grouped: Floats = reshape([n, groups, size])(x)
      const centered: Floats = sub(grouped, mean({ axis: -1, keepDims: true })(grouped))
      const variance: Floats = mean({ axis: -1, keepDims: true })(square(centered))
      const normal: Floats = reshape(x.shape)(mul(centered, rsqrt(add(variance, eps))))
      const scaled: Floats = mul(normal, beside(params.scale))
      return typed(params.bias === null ? scaled : add(scaled, beside(params.bias)))
    }
  }
}

/**
 * Batch normalisation without hidden state: the running statistics are a value, taken and given back, and whether a call
 * trains is part of its configuration.
 */
import {
  add,
  div,
  mean,
  mul,
  ones,
  rsqrt,
  type Shape,
  ShapeError,
  square,
  stopGradient,
  sub,
  type Tensor,
  type TreeRecord,
  zeros,
} from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandFields, demandParams, demandSizes } from './demands.ts'
import { type ChannelNormConfig, perChannel } from './group-norm.ts'
import type { Floats } from './layer.ts'
import type { NormOptions, NormParams } from './norm.ts'

/** Running mean and unbiased variance of each channel, [channels]. */
export interface BatchNormState extends TreeRecord {
  readonly mean: Floats
  readonly variance: Floats
}

/** How a batch norm runs. */
export interface BatchNormOptions extends NormOptions {
  /** Whether to normalise by the batch, and to move the state towards it; else by the state, which stays as it is. */
  readonly training: boolean
  /** Weight of the new batch in the state, as PyTorch means it: `state = (1 - momentum) state + momentum batch`. Default 0.1. */
  readonly momentum?: number
}

/**
 * Gain 1 and bias 0 for each channel. Throws RangeError for a number of channels that is none.
 *
 * @example
 * ```ts
 * import { initBatchNorm } from '@adjoint/nn'
 * console.log(initBatchNorm({ channels: 4 }).scale.shape) // [4]
 * ```
 */
export const initBatchNorm = (options: ChannelNormConfig): NormParams => {
  const { channels } = optionsOf('initBatchNorm', options, { channels: true })

  demandSizes('initBatchNorm', { channels })
  return { scale: ones([channels]), bias: zeros([channels]) }
}

/**
 * The state before any batch: mean 0 and variance 1. Throws RangeError for a number of channels that is none.
 *
 * @example
 * ```ts
 * import { initBatchNormState } from '@adjoint/nn'
 * console.log(initBatchNormState({ channels: 4 }).mean.shape) // [4]
 * ```
 */
export const initBatchNormState = (options: ChannelNormConfig): BatchNormState => {
  const { channels } = optionsOf('initBatchNormState', options, { channels: true })

  demandSizes('initBatchNormState', { channels })
  return { mean: zeros([channels]), variance: ones([channels]) }
}

/**
 * BatchNorm, `(x - mean) / sqrt(variance + eps) * scale + bias` of each channel; x [N, C, ...spatial]. Training, the mean and
 * the variance are those of all examples and places of the batch, the variance of the population; what the state is moved
 * towards is that mean and the unbiased variance, `n / (n - 1)` times as large, as PyTorch has it. Of one value alone no
 * variance is known: the result is the bias, and the running variance stays as it was. Gradients flow through the statistics
 * of a batch, and none through the state.
 *
 * Source: Ioffe and Szegedy (arXiv:1502.03167), algorithms 1 and 2.
 *
 * @param options - Whether it trains, the momentum and `eps` (1e-5).
 * @returns A function of the parameters and then of the data and the state: `[y, next state]`, y in the shape of x.
 * @throws RangeError for a momentum out of [0, 1], ShapeError where the data is not [N, C, ...spatial], or a batch to train on is
 * empty.
 *
 * @example
 * ```ts
 * import { batchNorm, initBatchNorm, initBatchNormState } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const params = initBatchNorm({ channels: 1 })
 * const [y, state] = batchNorm({ training: true })(params)(tensor([1, 3], [2, 1]), initBatchNormState({ channels: 1 }))
 * console.log(await readAsync(y), await readAsync(state.mean)) // about [-1, 1], and 0.2
 * const [z] = batchNorm({ training: false })(params)(tensor([1, 3], [2, 1]), state)
 * console.log(await readAsync(z)) // about [0.76, 2.67]
 * ```
 */
export const batchNorm = (options: BatchNormOptions) => {
  const {
    training,
    momentum = 0.1,
    eps = 1e-5,
  } = optionsOf('batchNorm', options, { training: true, momentum: true, eps: true })
  if (!(momentum >= 0 && momentum <= 1))
    throw new RangeError(
      `batchNorm: a momentum of ${String(momentum)} is out of [0, 1]. It is the weight of the new batch.`,
    )
  return (params: NormParams) => {
    demandParams('batchNorm', params, ['scale', 'bias'], 'initBatchNorm(config)')
    return <S extends Shape>(
      x: Tensor<S, 'f32'>,
      state: BatchNormState,
    ): readonly [Tensor<S, 'f32'>, BatchNormState] => {
      demandFields('batchNorm', 'the state', state, ['mean', 'variance'], 'Begin with initBatchNormState(config).')
      const data: Floats = x
      const beside = perChannel('batchNorm', data, params)
      const affine = (normal: Floats): Tensor<S, 'f32'> => {
        const scaled: Floats = mul(normal, beside(params.scale))
        return typed(params.bias === null ? scaled : add(scaled, beside(params.bias)))
      }
      if (!training) {
        const [center, spread] = [stopGradient(state.mean), stopGradient(state.variance)]
        return [affine(mul(sub(data, beside(center)), beside(rsqrt(add(spread, eps))))), state]
      }
      const axes = data.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
      const n = axes.reduce((product, axis) => product * data.shape[axis]!, 1)
      if (n === 0)
        throw new ShapeError({
          op: 'batchNorm',
          operands: [data],
          rule: 'an empty batch has no statistics',
          fix: 'Train on one example at least, or normalise by the state: { training: false }.',
        })
      const center: Floats = mean({ axis: axes })(data)
      const centered: Floats = sub(data, beside(center))
      const variance: Floats = mean({ axis: axes })(square(centered))
      const moved = (old: Floats, now: Floats): Floats =>
        add(mul(stopGradient(old), 1 - momentum), mul(stopGradient(now), momentum))
      return [
        affine(mul(centered, beside(rsqrt(add(variance, eps))))),
        {
          mean: moved(state.mean, center),
          variance: n === 1 ? stopGradient(state.variance) : moved(state.variance, div(variance, (n - 1) / n)),
        },
      ]
    }
  }
}

/** Adafactor: little state, steps relative to the size of the parameters, and no learning rate to find. */
import { add, cast, maximum, minimum, mul, neg, rsqrt } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { ema } from './average.ts'
import { clipByBlockRms, rootMeanSquare } from './clip.ts'
import { type Coefficient, demandPositive } from './coefficient.ts'
import { addDecayedWeights } from './decay.ts'
import { type FactoredConfig, scaleByFactoredRms } from './factored.ts'
import type { Mask } from './mark.ts'
import { type LearningRate, descend } from './scale.ts'
import type { Schedule } from './schedule.ts'
import { chain, type GradientTransformation, identity, mapFloats, opaque, stateless } from './transformation.ts'

/**
 * Scales the update of each leaf by the size of its parameters, `max(RMS(p), least)`. Source: Shazeer and Stern
 * (arXiv:1804.04235), section 8. Throws RangeError unless `least` is positive: parameters that begin at 0 would stay there.
 *
 * @example
 * ```ts
 * import { scaleByParamRms } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const [updates] = scaleByParamRms().update({ w: tensor([1, -1]) }, null, { w: tensor([3, 3]) })
 * console.log(await readAsync(updates.w)) // Float32Array [3, -3]
 * ```
 */
export const scaleByParamRms = (least = 1e-3): GradientTransformation<null> => {
  demandPositive('scaleByParamRms', { least })
  return stateless((updates, params) => mapFloats((u, p) => mul(u, maximum(rootMeanSquare(p), least)), updates, params))
}

/**
 * Adafactor's relative step at update t, `min(1e-2, 1 / sqrt(t))`, t from 1. Source: arXiv:1804.04235, section 9.
 *
 * @example
 * ```ts
 * import { relativeStep } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * console.log(await readAsync(relativeStep(scalar(39_999, 'i32')))) // Float32Array [0.005]
 * ```
 */
export const relativeStep: Schedule = (count) => minimum(1e-2, rsqrt(cast('f32')(add(count, 1))))

/** Adafactor's configuration. */
export interface AdafactorConfig extends FactoredConfig {
  /** Relative to the size of the parameters where `relative`. Default: `relativeStep`. */
  readonly learningRate?: LearningRate
  /** Whether steps are multiplied by the size of their parameters. Default true. */
  readonly relative?: boolean
  /** Largest root of the mean square of a leaf's update, before the learning rate; null for none. Default 1. */
  readonly clip?: Coefficient | null
  /** Of a mean of the updates, which has the size of the parameters. Default: none. */
  readonly momentum?: Coefficient
  /** Not multiplied by the learning rate. Default: none. */
  readonly weightDecay?: Coefficient
  /** Which leaves decay. Default: all. */
  readonly decays?: Mask
}

/**
 * Adafactor: `scaleByFactoredRms`, `clipByBlockRms`, `scaleByParamRms`, minus the learning rate; then a mean of updates and
 * weights that decay, where asked for. Source: Shazeer and Stern, Adafactor (arXiv:1804.04235), algorithm 6; without a learning
 * rate its relative step is taken (optax takes 1 there).
 *
 * @example
 * ```ts
 * import { adafactor, applyUpdates } from '@adjoint/nn'
 * import { full, ones, readAsync } from '@adjoint/tensor'
 * const params = { bias: full([2], 4) }
 * const optimizer = adafactor({ learningRate: 0.25 })
 * const [updates] = optimizer.update({ bias: ones([2]) }, optimizer.init(params), params)
 * console.log(await readAsync(applyUpdates(params, updates).bias)) // Float32Array [3, 3]
 * ```
 */
export const adafactor = (options: AdafactorConfig = {}): GradientTransformation => {
  const {
    learningRate = relativeStep,
    relative = true,
    clip = 1,
    momentum,
    weightDecay,
    decays,
    ...factored
  } = optionsOf('adafactor', options, {
    learningRate: true,
    relative: true,
    clip: true,
    momentum: true,
    weightDecay: true,
    decays: true,
    decay: true,
    minFactored: true,
    eps: true,
  })
  return opaque(
    chain(
      scaleByFactoredRms(factored),
      clip === null ? identity : clipByBlockRms(clip),
      relative ? scaleByParamRms() : identity,
      descend('adafactor', learningRate),
      momentum === undefined ? opaque(identity) : opaque(ema({ decay: momentum, debias: false })),
      weightDecay === undefined
        ? identity
        : addDecayedWeights(typeof weightDecay === 'number' ? -weightDecay : neg(weightDecay), decays),
    ),
  )
}

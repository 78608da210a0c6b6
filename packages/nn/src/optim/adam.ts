/**
 * Adam, NAdam and AdamW. The step count is a traced scalar of the state, so one compiled step serves the whole run.
 */
import { add, cast, div, mul, scalar, type Scalar, sqrt, type Tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Coefficient, complement, demandDecay, demandSmall, plus, scalarOf } from './coefficient.ts'
import { addDecayedWeights } from './decay.ts'
import type { Mask } from './mark.ts'
import { castFloats, type FloatDType } from './mixed.ts'
import { correction, held, meanOf, meanOfSquares } from './moment.ts'
import { type Counted, type LearningRate, descend } from './scale.ts'
import { chain, demandState, type GradientTransformation, mapFloats, zeroTree } from './transformation.ts'

/** How Adam averages. */
export interface AdamMoments {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly b1?: Coefficient
  /** Decay of the mean of their squares. Default 0.999. */
  readonly b2?: Coefficient
  /** Added to the root of the second moment. Default 1e-8. */
  readonly eps?: Coefficient
  /** Looks one step ahead, as NAdam does. Default false. */
  readonly nesterov?: boolean
  /**
   * What the mean of gradients is kept as: bf16 takes half its bytes, and rounds it once a step. (That of squares stays f32: what it
   * loses a step, 1 - b2 of it, is less than bf16 tells apart, so that it would never decay.) Default f32; `mu_dtype` of optax.
   */
  readonly muDType?: FloatDType
}

/** Updates made, and the two moments, each with the structure of the parameters. */
export type AdamState = { readonly count: Scalar<'i32'>; readonly mu: Tree; readonly nu: Tree }

/**
 * Updates divided by the root of their running second moment:
 * `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1 - b2) g^2`, update `m' / (sqrt(v') + eps)` with `m' = m / (1 - b1^t)`,
 * `v' = v / (1 - b2^t)`. With `nesterov`, `m' = b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t)` (Dozat, Incorporating
 * Nesterov momentum into Adam, ICLR workshop 2016, algorithm 2 with a constant b1, as in optax). With eps 0 a parameter whose gradients have all been 0 becomes NaN, as 0 / 0. Source: Kingma and
 * Ba (arXiv:1412.6980), algorithm 1. A gradient beyond 1e18 counts as 1e18. Throws RangeError for decays outside [0, 1) and a negative eps; its update throws
 * TreeError or ShapeError for a state of another optimizer or of other parameters.
 *
 * @example
 * ```ts
 * import { scaleByAdam } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const g = { bias: full([1], 3) }
 * const adam = scaleByAdam({})
 * console.log(await readAsync(adam.update(g, adam.init(g), g)[0].bias)) // Float32Array [1]: the first update is the sign
 * ```
 */
export const scaleByAdam = (given: AdamMoments): GradientTransformation<AdamState> => {
  const moments = optionsOf('scaleByAdam', given, { b1: true, b2: true, eps: true, nesterov: true, muDType: true })

  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, nesterov = false, muDType = 'f32' } = moments
  const kept = castFloats(muDType)
  demandDecay('adam', { b1, b2 })
  demandSmall('adam', { eps })
  return {
    init: (params) => ({ count: scalar(0, 'i32'), mu: kept(zeroTree(params)), nu: zeroTree(params) }),
    update: (updates, state) => {
      demandState('scaleByAdam', ['count', 'mu', 'nu'], state)
      const grads = mapFloats((g) => held(g), updates)
      const count = add(state.count, 1)
      const t = cast('f32')(count)
      const [c1, c2] = [correction(b1, t), correction(b2, t)]
      const mu = meanOf(b1, grads, state.mu)
      const nu = meanOfSquares(b2, grads, state.nu)
      const ahead = nesterov
        ? { mean: div(scalarOf(b1), correction(b1, add(t, 1))), last: div(scalarOf(complement(b1)), c1) }
        : null
      const first =
        ahead === null
          ? mapFloats((m) => div(m, c1), mu)
          : mapFloats((m, g) => add(mul(m, ahead.mean), mul(g, ahead.last)), mu, grads)
      return [mapFloats((m, v) => div(m, plus(sqrt(div(v, c2)), eps)), first, nu), { count, mu: kept(mu), nu }]
    },
  }
}

/** Moments and learning rate. */
export interface AdamConfig extends AdamMoments {
  readonly learningRate: LearningRate
}

/**
 * Adam: `scaleByAdam`, then minus the learning rate.
 *
 * @example
 * ```ts
 * import { adam, applyUpdates } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const params = { bias: ones([1]) }
 * const optimizer = adam({ learningRate: 1e-3 })
 * const [updates, state] = optimizer.update(params, optimizer.init(params), params)
 * console.log(applyUpdates(params, updates).bias.shape, state.length) // [1] 2
 * ```
 */
export const adam = (given: AdamConfig): GradientTransformation<readonly [AdamState, Counted]> => {
  const { learningRate, ...moments } = optionsOf('adam', given, {
    learningRate: true,
    b1: true,
    b2: true,
    eps: true,
    nesterov: true,
    muDType: true,
  })
  return chain(scaleByAdam(moments), descend('adam', learningRate))
}

/** Adam's configuration and the decay of weights. */
export interface AdamWConfig extends AdamConfig {
  /** Default 0.01. */
  readonly weightDecay?: Coefficient
  /** Which leaves decay. Default: all. */
  readonly decays?: Mask
}

/**
 * AdamW: weights decay by themselves, outside Adam's denominator: update `-lr (m'/(sqrt(v') + eps) + weightDecay p)`.
 * Source: Loshchilov and Hutter (arXiv:1711.05101), algorithm 2, with the learning rate in front of the decay as in
 * PyTorch and optax.
 *
 * @example
 * ```ts
 * import { adamW, applyUpdates } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const params = { weight: ones([2, 2]), bias: ones([2]) }
 * const optimizer = adamW({ learningRate: 1e-3, weightDecay: 0.1, decays: (_path, leaf) => leaf.shape.length > 1 })
 * const [updates] = optimizer.update(params, optimizer.init(params), params)
 * console.log(applyUpdates(params, updates).weight.shape) // [2, 2]
 * ```
 */
export const adamW = (options: AdamWConfig): GradientTransformation<readonly [AdamState, null, Counted]> => {
  const {
    learningRate,
    weightDecay = 0.01,
    decays,
    ...moments
  } = optionsOf('adamW', options, {
    weightDecay: true,
    decays: true,
    learningRate: true,
    b1: true,
    b2: true,
    eps: true,
    nesterov: true,
    muDType: true,
  })
  return chain(scaleByAdam(moments), addDecayedWeights(weightDecay, decays), descend('adamW', learningRate))
}

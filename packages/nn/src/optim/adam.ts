/**
 * Adam and AdamW. The step count is a traced scalar of the state, so one compiled step serves the whole run, and bias
 * correction is `-expm1(t log b)` rather than `1 - b^t`: the difference of numbers near 1 would lose four of seven digits
 * in single precision at the first steps of b = 0.999.
 *
 * A gradient beyond 1e18 counts as 1e18: its square would be infinite, and the parameter would never move again. An
 * infinite or NaN one is not held: it makes the parameter NaN, which is seen.
 */
import {
  abs,
  add,
  cast,
  div,
  expm1,
  gt,
  mul,
  neg,
  scalar,
  type Scalar,
  sqrt,
  square,
  type Tree,
  where,
} from '@adjoint/tensor'
import type { Floats } from '../layer.ts'
import { addDecayedWeights } from './decay.ts'
import { type Counted, type LearningRate, scaleByLearningRate } from './scale.ts'
import {
  chain,
  demandState,
  type GradientTransformation,
  mapFloats,
  type Selection,
  zeroTree,
} from './transformation.ts'

/** How Adam averages. */
export interface AdamMoments {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly b1?: number
  /** Decay of the mean of their squares. Default 0.999. */
  readonly b2?: number
  /** Added to the root of the second moment. Default 1e-8. */
  readonly eps?: number
}

/** Updates made, and the two moments, each with the structure of the parameters. */
export type AdamState = { readonly count: Scalar<'i32'>; readonly mu: Tree; readonly nu: Tree }

// 1 - b^t
const correction = (b: number, t: Scalar): Scalar => neg(expm1(mul(t, Math.log(b))))

const LARGEST = 1e18
const held = (g: Floats): Floats => {
  const size: Floats = abs(g)
  return mul(g, where(gt(size, LARGEST), div(LARGEST, size), 1)) // Infinity times 0 is NaN
}

const demandMoments = ({ b1 = 0.9, b2 = 0.999, eps = 1e-8 }: AdamMoments): void => {
  for (const [name, b] of [
    ['b1', b1],
    ['b2', b2],
  ] as const)
    if (!(b >= 0 && b < 1)) throw new RangeError(`adam: ${name} is ${b}. Choose a decay from 0 to below 1.`)
  if (!(eps >= 0)) throw new RangeError(`adam: eps is ${eps}. Choose a small positive number, such as 1e-8.`)
}

/**
 * Updates divided by the root of their running second moment:
 * `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1 - b2) g^2`, update `m' / (sqrt(v') + eps)` with `m' = m / (1 - b1^t)`,
 * `v' = v / (1 - b2^t)`. With eps 0 a parameter whose gradients have all been 0 becomes NaN, as 0 / 0. Source: Kingma and
 * Ba (arXiv:1412.6980), algorithm 1. Throws RangeError for decays outside [0, 1) and a negative eps; its update throws
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
export const scaleByAdam = (moments: AdamMoments): GradientTransformation<AdamState> => {
  demandMoments(moments)
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8 } = moments
  return {
    init: (params) => ({ count: scalar(0, 'i32'), mu: zeroTree(params), nu: zeroTree(params) }),
    update: (updates, state) => {
      demandState('scaleByAdam', ['count', 'mu', 'nu'], state)
      const grads = mapFloats(held, updates)
      const count = add(state.count, 1)
      const t = cast('f32')(count)
      const [c1, c2] = [correction(b1, t), correction(b2, t)]
      const mu = mapFloats((g, m) => add(mul(m, b1), mul(g, 1 - b1)), grads, state.mu)
      const nu = mapFloats((g, v) => add(mul(v, b2), mul(square(g), 1 - b2)), grads, state.nu)
      return [mapFloats((m, v) => div(div(m, c1), add(sqrt(div(v, c2)), eps)), mu, nu), { count, mu, nu }]
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
export const adam = (config: AdamConfig): GradientTransformation<readonly [AdamState, Counted]> =>
  chain(scaleByAdam(config), scaleByLearningRate(config.learningRate))

/** Adam's configuration and the decay of weights. */
export interface AdamWConfig extends AdamConfig {
  /** Default 0.01. */
  readonly weightDecay?: number
  /** Which leaves decay. Default: all. */
  readonly decays?: Selection
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
export const adamW = ({
  learningRate,
  weightDecay = 0.01,
  decays,
  ...moments
}: AdamWConfig): GradientTransformation<readonly [AdamState, null, Counted]> =>
  chain(scaleByAdam(moments), addDecayedWeights(weightDecay, decays), scaleByLearningRate(learningRate))

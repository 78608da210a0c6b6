/** Lion: the sign of an interpolated momentum, so that every parameter moves by the learning rate. */
import { add, sign, type Tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Coefficient, complement, demandDecay, times } from './coefficient.ts'
import { addDecayedWeights } from './decay.ts'
import type { Mask } from './mark.ts'
import { meanOf } from './moment.ts'
import { type Counted, type LearningRate, descend } from './scale.ts'
import { chain, demandState, type GradientTransformation, mapFloats, zeroTree } from './transformation.ts'

/** How Lion averages. */
export interface LionMoments {
  /** Share of the mean in the direction of a step. Default 0.9. */
  readonly b1?: Coefficient
  /** Decay of the mean of gradients. Default 0.99. */
  readonly b2?: Coefficient
}

/** The mean of gradients, with the structure of the parameters. */
export type LionState = { readonly mu: Tree }

/**
 * The update `sign(b1 m + (1 - b1) g)`, and then `m <- b2 m + (1 - b2) g`: -1, 0 or 1 for each parameter, whatever the size
 * of its gradient. Half of Adam's state. Source: Chen et al., Symbolic Discovery of Optimization Algorithms
 * (arXiv:2302.06675), algorithm 2. Throws RangeError for decays outside [0, 1).
 *
 * @example
 * ```ts
 * import { scaleByLion } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const g = { weight: tensor([1e-6, 0, -40]) }
 * const [updates] = scaleByLion({}).update(g, scaleByLion({}).init(g), g)
 * console.log(await readAsync(updates.weight)) // Float32Array [1, 0, -1]
 * ```
 */
export const scaleByLion = (options: LionMoments): GradientTransformation<LionState> => {
  const { b1 = 0.9, b2 = 0.99 } = optionsOf('scaleByLion', options, { b1: true, b2: true })

  demandDecay('lion', { b1, b2 })
  return {
    init: (params) => ({ mu: zeroTree(params) }),
    update: (updates, state) => {
      demandState('scaleByLion', ['mu'], state)
      const step = mapFloats((g, m) => sign(add(times(m, b1), times(g, complement(b1)))), updates, state.mu)
      return [step, { mu: meanOf(b2, updates, state.mu) }]
    },
  }
}

/** Lion's configuration and the decay of weights. */
export interface LionConfig extends LionMoments {
  /** A third to a tenth of AdamW's. */
  readonly learningRate: LearningRate
  /** Three to ten times AdamW's, since it is multiplied by the learning rate. Default 1e-3, as in optax. */
  readonly weightDecay?: Coefficient
  /** Which leaves decay. Default: all. */
  readonly decays?: Mask
}

/**
 * Lion: `scaleByLion`, weights that decay, then minus the learning rate.
 *
 * @example
 * ```ts
 * import { applyUpdates, lion } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const params = { bias: ones([1]) }
 * const optimizer = lion({ learningRate: 0.25, weightDecay: 0 })
 * const [updates] = optimizer.update(params, optimizer.init(params), params)
 * console.log(await readAsync(applyUpdates(params, updates).bias)) // Float32Array [0.75]
 * ```
 */
export const lion = (options: LionConfig): GradientTransformation<readonly [LionState, null, Counted]> => {
  const {
    learningRate,
    weightDecay = 1e-3,
    decays,
    ...moments
  } = optionsOf('lion', options, { learningRate: true, weightDecay: true, decays: true, b1: true, b2: true })
  return chain(scaleByLion(moments), addDecayedWeights(weightDecay, decays), descend('lion', learningRate))
}

/** LAMB: Adam's updates, of each leaf as long as the leaf itself. */
import { add, div, eq, mul, or, type Scalar, where } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { type AdamConfig, type AdamState, scaleByAdam } from './adam.ts'
import { globalNorm } from './clip.ts'
import { type Coefficient, demandFinite, demandSmall, scalarOf } from './coefficient.ts'
import { addDecayedWeights } from './decay.ts'
import type { Mask } from './mark.ts'
import { type Counted, descend } from './scale.ts'
import { chain, type GradientTransformation, mapFloats, stateless } from './transformation.ts'

/** How updates are scaled to their parameters. */
export interface TrustConfig {
  /** Default 1. */
  readonly coefficient?: Coefficient
  /** Added to the norm of the update. Default 0. */
  readonly eps?: Coefficient
}

/**
 * Scales the update of each leaf by its trust ratio, `coefficient |p| / (|u| + eps)`, of Euclidean norms over the leaf; 1
 * where either norm is 0, so that parameters that begin at 0 move. Source: You et al. (arXiv:1708.03888), eq. 6; with the
 * ratio of LAMB (arXiv:1904.00962), algorithm 2, for the identity as its function of norms. Throws RangeError for a
 * coefficient that is not finite and a negative eps.
 *
 * @example
 * ```ts
 * import { scaleByTrustRatio } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const [updates] = scaleByTrustRatio({}).update({ w: tensor([3, 4]) }, null, { w: tensor([0, 10]) })
 * console.log(await readAsync(updates.w)) // Float32Array [6, 8]
 * ```
 */
export const scaleByTrustRatio = (options: TrustConfig): GradientTransformation<null> => {
  const { coefficient = 1, eps = 0 } = optionsOf('scaleByTrustRatio', options, { coefficient: true, eps: true })

  demandFinite('scaleByTrustRatio', { coefficient })
  demandSmall('scaleByTrustRatio', { eps })
  return stateless((updates, params) =>
    mapFloats(
      (u, p) => {
        const [own, step] = [globalNorm(p), globalNorm(u)]
        const none = or(eq(own, 0), eq(step, 0))
        const ratio: Scalar = mul(scalarOf(coefficient), div(own, add(where(none, 1, step), scalarOf(eps))))
        return mul(u, where(none, 1, ratio))
      },
      updates,
      params,
    ),
  )
}

/** LAMB's configuration: Adam's, with 1e-6 for eps, and the decay of weights. */
export interface LambConfig extends AdamConfig {
  /** Default 0. */
  readonly weightDecay?: Coefficient
  /** Which leaves decay. Default: all. */
  readonly decays?: Mask
}

/**
 * LAMB: `scaleByAdam`, weights that decay, `scaleByTrustRatio`, then minus the learning rate. Source: You et al., Large Batch
 * Optimization for Deep Learning (arXiv:1904.00962), algorithm 2.
 *
 * @example
 * ```ts
 * import { applyUpdates, lamb } from '@adjoint/nn'
 * import { full, ones, readAsync } from '@adjoint/tensor'
 * const params = { bias: full([1], 8) }
 * const optimizer = lamb({ learningRate: 0.25 })
 * const [updates] = optimizer.update({ bias: ones([1]) }, optimizer.init(params), params)
 * console.log(await readAsync(applyUpdates(params, updates).bias)) // Float32Array [6]
 * ```
 */
export const lamb = (options: LambConfig): GradientTransformation<readonly [AdamState, null, null, Counted]> => {
  const {
    learningRate,
    weightDecay = 0,
    decays,
    eps = 1e-6,
    ...moments
  } = optionsOf('lamb', options, {
    weightDecay: true,
    decays: true,
    learningRate: true,
    b1: true,
    b2: true,
    eps: true,
    nesterov: true,
    muDType: true,
  })
  return chain(
    scaleByAdam({ ...moments, eps }),
    addDecayedWeights(weightDecay, decays),
    scaleByTrustRatio({}),
    descend('lamb', learningRate),
  )
}

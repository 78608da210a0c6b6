/** RMSProp: gradients by the root of their running mean square, or of their running variance. */
import { add, mul, rsqrt, square, sub, type Tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Coefficient, complement, demandDecay, demandSmall, plus, times } from './coefficient.ts'
import { held, meanOf, meanOfSquares } from './moment.ts'
import { type Counted, type LearningRate, descend } from './scale.ts'
import { momentum as trace } from './sgd.ts'
import {
  chain,
  demandState,
  type GradientTransformation,
  identity,
  mapFloats,
  opaque,
  zeroTree,
} from './transformation.ts'

/** How RMSProp averages. */
export interface RmsConfig {
  /** Of the mean of squares. Default 0.9. */
  readonly decay?: Coefficient
  /** Added under the root. Default 1e-8. */
  readonly eps?: Coefficient
}

/** The mean of squares, with the structure of the parameters. */
export type RmsState = { readonly nu: Tree }

/**
 * `nu <- decay nu + (1 - decay) g^2`, update `g / sqrt(nu + eps)`. Source: Tieleman and Hinton, Neural Networks for Machine
 * Learning, lecture 6.5 (2012), with eps under the root as in optax (PyTorch adds it outside). A gradient beyond 1e18
 * counts as 1e18. Throws RangeError for a decay outside [0, 1) and a negative eps.
 *
 * @example
 * ```ts
 * import { scaleByRms } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const g = { bias: full([1], 3) }
 * const rms = scaleByRms({ decay: 0.75 })
 * console.log(await readAsync(rms.update(g, rms.init(g), g)[0].bias)) // Float32Array [2]
 * ```
 */
export const scaleByRms = (options: RmsConfig): GradientTransformation<RmsState> => {
  const { decay = 0.9, eps = 1e-8 } = optionsOf('scaleByRms', options, { decay: true, eps: true })

  demandDecay('rmsprop', { decay })
  demandSmall('rmsprop', { eps })
  return {
    init: (params) => ({ nu: zeroTree(params) }),
    update: (updates, state) => {
      demandState('scaleByRms', ['nu'], state)
      const grads = mapFloats((g) => held(g), updates)
      const nu = meanOfSquares(decay, grads, state.nu)
      return [mapFloats((g, v) => mul(g, rsqrt(plus(v, eps))), grads, nu), { nu }]
    },
  }
}

/** The mean and the variance, each with the structure of the parameters. */
export type DeviationState = { readonly mu: Tree; readonly variance: Tree }

/**
 * As `scaleByRms`, by the root of the running variance `nu - mu^2` instead: update `g / sqrt(nu - mu^2 + eps)` with
 * `mu <- decay mu + (1 - decay) g`. Source: Graves (arXiv:1308.0850), eq. 38 to 40.
 *
 * The difference of squares would cancel, and be negative by rounding, where a gradient hardly changes. With
 * `nu' = d nu + (1 - d) g^2` and `mu' = d mu + (1 - d) g`,
 *
 *   nu' - mu'^2 = d (nu - mu^2) + d (1 - d) (g - mu)^2,
 *
 * a sum of what is never negative: that is what the state holds.
 *
 * @example
 * ```ts
 * import { scaleByDeviation } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const g = { bias: full([1], 3) }
 * const deviation = scaleByDeviation({ decay: 0.5 })
 * console.log(await readAsync(deviation.update(g, deviation.init(g), g)[0].bias)) // Float32Array [2]
 * ```
 */
export const scaleByDeviation = (options: RmsConfig): GradientTransformation<DeviationState> => {
  const { decay = 0.9, eps = 1e-8 } = optionsOf('scaleByDeviation', options, { decay: true, eps: true })

  demandDecay('rmsprop', { decay })
  demandSmall('rmsprop', { eps })
  return {
    init: (params) => ({ mu: zeroTree(params), variance: zeroTree(params) }),
    update: (updates, state) => {
      demandState('scaleByDeviation', ['mu', 'variance'], state)
      const grads = mapFloats((g) => held(g), updates)
      const variance = mapFloats(
        (g, m, v) => times(add(v, times(square(sub(g, m)), complement(decay))), decay),
        grads,
        state.mu,
        state.variance,
      )
      return [
        mapFloats((g, v) => mul(g, rsqrt(plus(v, eps))), grads, variance),
        { mu: meanOf(decay, grads, state.mu), variance },
      ]
    },
  }
}

/** RMSProp's configuration. */
export interface RmspropConfig extends RmsConfig {
  readonly learningRate: LearningRate
  /** By the variance instead of the mean square. Default false. */
  readonly centered?: boolean
  /** Of the steps, after the learning rate. Default: none. */
  readonly momentum?: Coefficient
  /** Default false. */
  readonly nesterov?: boolean
}

/**
 * RMSProp: `scaleByRms` or, centered, `scaleByDeviation`; minus the learning rate; then momentum where asked for, in the
 * order of optax.
 *
 * @example
 * ```ts
 * import { applyUpdates, rmsprop } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const params = { bias: ones([1]) }
 * const optimizer = rmsprop({ learningRate: 0.25, decay: 0.75 })
 * const [updates] = optimizer.update(params, optimizer.init(params), params)
 * console.log(await readAsync(applyUpdates(params, updates).bias)) // Float32Array [0.5]
 * ```
 */
export const rmsprop = (options: RmspropConfig): GradientTransformation<readonly [Tree, Counted, Tree]> => {
  const {
    learningRate,
    centered = false,
    momentum,
    nesterov = false,
    ...config
  } = optionsOf('rmsprop', options, {
    learningRate: true,
    centered: true,
    momentum: true,
    nesterov: true,
    decay: true,
    eps: true,
  })
  return chain(
    centered ? opaque(scaleByDeviation(config)) : opaque(scaleByRms(config)),
    descend('rmsprop', learningRate),
    momentum === undefined ? opaque(identity) : trace({ decay: momentum, nesterov }),
  )
}

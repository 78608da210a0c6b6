/** Stochastic gradient descent, with momentum. */
import { add, type Tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Coefficient, times } from './coefficient.ts'
import { type Counted, type LearningRate, descend } from './scale.ts'
import { chain, type GradientTransformation, identity, mapFloats, opaque, zeroTree } from './transformation.ts'

/** Exponential accumulation of updates. */
export interface TraceConfig {
  /** Share of the accumulated update that the next step keeps. */
  readonly decay: Coefficient
  /** Looks one step ahead: returns `g + decay trace` instead of the trace. Default false. */
  readonly nesterov?: boolean
}

/**
 * Momentum: `trace <- g + decay trace`. Source: Sutskever et al., On the importance of initialization and momentum in deep
 * learning (ICML 2013), in the form of optax and PyTorch (the learning rate outside).
 *
 * @example
 * ```ts
 * import { momentum } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const g = { bias: ones([1]) }
 * const heavy = momentum({ decay: 0.5 })
 * const [, state] = heavy.update(g, heavy.init(g), g)
 * console.log(await readAsync(heavy.update(g, state, g)[0].bias)) // Float32Array [1.5]
 * ```
 */
export const momentum = (options: TraceConfig): GradientTransformation => {
  const { decay, nesterov = false } = optionsOf('momentum', options, { decay: true, nesterov: true })

  const accumulate = <P extends Tree>(updates: P, trace: Tree): P =>
    mapFloats((g, t) => add(g, times(t, decay)), updates, trace)
  return {
    init: zeroTree,
    update: (updates, trace) => {
      const next = accumulate(updates, trace)
      return [nesterov ? accumulate(updates, next) : next, next]
    },
  }
}

/** Learning rate and momentum. */
export interface SgdConfig {
  readonly learningRate: LearningRate
  /** Default: none. */
  readonly momentum?: Coefficient
  /** Default false. */
  readonly nesterov?: boolean
}

/**
 * Gradient descent, `p <- p - lr g`, with momentum where asked for.
 *
 * @example
 * ```ts
 * import { applyUpdates, sgd } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const params = { bias: ones([1]) }
 * const optimizer = sgd({ learningRate: 0.25, momentum: 0.9 })
 * const [updates] = optimizer.update({ bias: ones([1]) }, optimizer.init(params), params)
 * console.log(await readAsync(applyUpdates(params, updates).bias)) // Float32Array [0.75]
 * ```
 */
export const sgd = (options: SgdConfig): GradientTransformation<readonly [Tree, Counted]> => {
  const {
    learningRate,
    momentum: decay,
    nesterov = false,
  } = optionsOf('sgd', options, { learningRate: true, momentum: true, nesterov: true })
  return chain(decay === undefined ? opaque(identity) : momentum({ decay, nesterov }), descend('sgd', learningRate))
}

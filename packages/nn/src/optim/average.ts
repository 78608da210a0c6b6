/** Exponential means: of updates, or of the parameters that they lead to. */
import { add, cast, div, mul, scalar, type Scalar, sub, type Tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Coefficient, complement, demandDecay, scalarOf } from './coefficient.ts'
import { correction, meanOf } from './moment.ts'
import { demandState, type GradientTransformation, mapFloats, zeroTree } from './transformation.ts'

/** How to average. */
export interface EmaConfig {
  /** Share of the mean that the next step keeps. */
  readonly decay: Coefficient
  /** Divides by `1 - decay^t`, so that the first means are not too small. Default true. */
  readonly debias?: boolean
}

/** Updates made, and their mean before the bias is corrected. */
export type EmaState = { readonly count: Scalar<'i32'>; readonly mean: Tree }

/**
 * Replaces updates by their running mean: `m <- decay m + (1 - decay) u`, update `m / (1 - decay^t)`. As optax.ema. Throws
 * RangeError for a decay outside [0, 1).
 *
 * @example
 * ```ts
 * import { ema } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const mean = ema({ decay: 0.5, debias: false })
 * const g = { bias: full([1], 4) }
 * const [, state] = mean.update(g, mean.init(g), g)
 * console.log(await readAsync(mean.update(g, state, g)[0].bias)) // Float32Array [3]
 * ```
 */
export const ema = (options: EmaConfig): GradientTransformation<EmaState> => {
  const { decay, debias = true } = optionsOf('ema', options, { decay: true, debias: true })

  demandDecay('ema', { decay })
  return {
    init: (params) => ({ count: scalar(0, 'i32'), mean: zeroTree(params) }),
    update: (updates, state) => {
      demandState('ema', ['count', 'mean'], state)
      const count = add(state.count, 1)
      const mean = meanOf(decay, updates, state.mean)
      const share = correction(decay, cast('f32')(count))
      return [debias ? mapFloats((m) => div(m, share), mean) : mean, { count, mean }]
    },
  }
}

/** Updates made, and the mean of the parameters after each. */
export type AverageState = { readonly count: Scalar<'i32'>; readonly average: Tree }

/**
 * Keeps the running mean of the parameters, which often does better than the last of them. Last in a chain: `updates` pass, and
 * `params + updates` enters the mean. `state.average` can be used as parameters from the first update on: it is the mean
 * that began at 0, its bias corrected. With m' = d m + (1 - d) x and c' = d c + (1 - d), c = 1 - d^t, that is
 *
 *   m' / c' = m / c + (1 - d) / c' (x - m / c).
 *
 * Source: Polyak and Juditsky, Acceleration of stochastic approximation by averaging (1992), with weights that decay. Throws
 * RangeError for a decay outside [0, 1).
 *
 * @example
 * ```ts
 * import { applyUpdates, averageParams, chain, sgd } from '@adjoint/nn'
 * import { ones, readAsync, tree, zeros } from '@adjoint/tensor'
 * const begun = { bias: zeros([1]) }
 * const optimizer = chain(sgd({ learningRate: 1 }), averageParams({ decay: 0.5 }))
 * const [first, state] = optimizer.update({ bias: ones([1]) }, optimizer.init(begun), begun)
 * const params = applyUpdates(begun, first) // -1, and -2 after the next
 * const [, [, { average }]] = optimizer.update({ bias: ones([1]) }, state, params)
 * console.log(await readAsync(tree.leaves(average)[0]!)) // Float32Array [-1.667]: (1 * -1 + 2 * -2) / 3
 * ```
 */
export const averageParams = (options: { readonly decay: Coefficient }): GradientTransformation<AverageState> => {
  const { decay } = optionsOf('averageParams', options, { decay: true })

  demandDecay('averageParams', { decay })
  return {
    init: (params) => ({ count: scalar(0, 'i32'), average: zeroTree(params) }),
    update: (updates, state, params) => {
      demandState('averageParams', ['count', 'average'], state)
      const count = add(state.count, 1)
      const share = div(scalarOf(complement(decay)), correction(decay, cast('f32')(count)))
      const average = mapFloats((u, p, a) => add(a, mul(sub(add(p, u), a), share)), updates, params, state.average)
      return [updates, { count, average }]
    },
  }
}

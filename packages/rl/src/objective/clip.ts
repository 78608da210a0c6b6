/**
 * What bounds a policy's step: surrogates of `rho A`, to be maximised, from log-ratios [B, T] and advantages [B, 1] or
 * [B, T]. Each also tells which tokens it holds back, for the log. Ratios of any size give
 * finite surrogates and gradients (see `ratioOf`): beyond e^20 a ratio passes no gradient. A setting that is no number, or
 * below 0, is a RangeError.
 */
import type { Booleans, Floats } from '@adjoint/nn'
import { and, clamp, gt, lt, minimum, mul, ne, or, sigmoid, stopGradient, sub, where } from '@adjoint/tensor'
import { demandAtLeast } from '../run/errors.ts'
import { held, ratioOf } from './ratio.ts'

/** A way to bound the step. */
export interface Clip {
  /** The surrogate objective of each token, [B, T]. `logp` [B, T] is what a score-function form differentiates. */
  readonly surrogate: (logRatio: Floats, advantages: Floats, logp: Floats) => Floats
  /** Tokens whose ratio is held from below: those that `clip_ratio/low` counts. */
  readonly low: (logRatio: Floats, advantages: Floats) => Booleans
  /** Tokens whose ratio is held from above: those that `clip_ratio/high` counts. */
  readonly high: (logRatio: Floats, advantages: Floats) => Booleans
}

/** Bounds 1 - low and 1 + high of the ratio; `delta`, above 1 + high, also bounds it where the advantage is negative. */
export interface ClipRange {
  readonly low: number
  readonly high: number
  readonly delta?: number
}

/**
 * `min(rho A, clip(rho, 1 - low, 1 + high) A)`: PPO's pessimistic surrogate (Schulman et al. 2017, eq. 7) with the two
 * bounds apart (DAPO's clip-higher, Yu et al. 2025, eq. 10). With `delta`, `rho` is first held below delta, which is the
 * dual clip of Ye et al. 2020, eq. 4: `max(min(..), delta A)` for A < 0.
 *
 * @example
 * ```ts
 * import { lowHigh } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const { surrogate } = lowHigh({ low: 0.2, high: 0.28 })
 * const logRatio = tensor([Math.log(2)], [1, 1])
 * surrogate(logRatio, tensor([1], [1, 1]), logRatio) // [[1.28]]
 * ```
 */
export const lowHigh = ({ low, high, delta = Infinity }: ClipRange): Clip => {
  demandAtLeast('lowHigh', 0, { low, high, delta })
  return {
    surrogate: (logRatio, advantages) => {
      const ratio = ratioOf(logRatio)
      const bounded = delta === Infinity ? ratio : minimum(ratio, delta)
      return minimum(mul(bounded, advantages), mul(clamp(1 - low, 1 + high)(ratio), advantages))
    },
    low: (logRatio, advantages) => and(lt(ratioOf(logRatio), 1 - low), lt(advantages, 0)),
    high: (logRatio, advantages) => {
      const above = and(gt(ratioOf(logRatio), 1 + high), gt(advantages, 0))
      return delta === Infinity ? above : or(above, and(gt(ratioOf(logRatio), delta), lt(advantages, 0)))
    },
  }
}

/**
 * One bound for both sides (PPO, GRPO).
 *
 * @example
 * ```ts
 * import { symmetric } from '@adjoint/rl'
 * const clip = symmetric(0.2)
 * ```
 */
export const symmetric = (epsilon: number): Clip => lowHigh({ low: epsilon, high: epsilon })

const never = (logRatio: Floats): Booleans => ne(logRatio, logRatio)

/**
 * No bound: importance sampling, `rho A`.
 *
 * @example
 * ```ts
 * import { unclipped } from '@adjoint/rl'
 * const { surrogate } = unclipped
 * ```
 */
export const unclipped: Clip = {
  surrogate: (logRatio, advantages) => mul(ratioOf(logRatio), advantages),
  low: never,
  high: never,
}

/**
 * `sg(min(rho, 1 + high)) A log pi`: clips the weight and keeps every token's gradient (CISPO, MiniMax-M1 2025, eq. 4 and 5).
 *
 * @example
 * ```ts
 * import { cispo } from '@adjoint/rl'
 * const clip = cispo(4)
 * ```
 */
export const cispo = (high: number): Clip => {
  demandAtLeast('cispo', 0, { high })
  return {
    surrogate: (logRatio, advantages, logp) =>
      mul(mul(stopGradient(minimum(ratioOf(logRatio), 1 + high)), advantages), held(logp)),
    low: never,
    high: (logRatio, advantages) => and(gt(ratioOf(logRatio), 1 + high), gt(advantages, 0)),
  }
}

/**
 * `sigmoid(tau (rho - 1)) (4 / tau) A`: a smooth gate whose slope at rho = 1 is that of the ratio (SAPO, Gao et al. 2025,
 * eq. 6). The higher tau, the faster the gradient fades off policy; `negative` is tau where A is not positive (the paper
 * has 1 and 1.05), the same as `positive` unless told.
 *
 * @example
 * ```ts
 * import { sapo } from '@adjoint/rl'
 * const clip = sapo(1, 1.05)
 * ```
 */
export const sapo = (positive: number, negative = positive): Clip => {
  demandAtLeast('sapo', Number.MIN_VALUE, { positive, negative })
  return {
    surrogate: (logRatio, advantages) => {
      const gate = (tau: number) => mul(sigmoid(mul(sub(ratioOf(logRatio), 1), tau)), 4 / tau)
      const of = positive === negative ? gate(positive) : where(gt(advantages, 0), gate(positive), gate(negative))
      return mul(of, advantages)
    },
    low: never,
    high: never,
  }
}

/**
 * What bounds a policy's step: surrogates of `rho A`, to be maximised, from log-ratios [B, T] and advantages [B, 1] or
 * [B, T]. Each also tells which tokens it holds back, for the log. Ratios of any size give
 * finite surrogates and gradients (see `ratioOf`): beyond e^20 a ratio passes no gradient. A setting that is no number, or
 * below 0, is a RangeError.
 */
import type { Booleans, Floats } from '@adjoint/nn'
import { and, clamp, exp, gt, lt, minimum, mul, ne, or, sigmoid, stopGradient, sub, where } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandAtLeast } from '../run/errors.ts'
import { held, ratioOf } from './ratio.ts'

/**
 * What a clip may look at: log-ratios, whatever ratio the objective has ([B, T], or [B, 1] of whole sequences), advantages,
 * and the tokens' own log-probabilities under the policy and under the old one, [B, T] in nats.
 */
export type Clipped<X> = (logRatio: Floats, advantages: Floats, logp: Floats, oldLogp: Floats) => X

/** A way to bound the step. */
export interface Clip {
  /** The surrogate objective of each token, [B, T]. A score-function form differentiates `logp`. */
  readonly surrogate: Clipped<Floats>
  /** Tokens that are held from going down: those that `clip_ratio/low` counts. */
  readonly low: Clipped<Booleans>
  /** Tokens that are held from going up: those that `clip_ratio/high` counts. */
  readonly high: Clipped<Booleans>
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
 * surrogate(logRatio, tensor([1], [1, 1]), tensor([-1], [1, 1]), tensor([-1.69], [1, 1])) // [[1.28]]
 * ```
 */
export const lowHigh = (options: ClipRange): Clip => {
  const { low, high, delta = Infinity } = optionsOf('lowHigh', options, { low: true, high: true, delta: true })

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

/** `p - p_old`, constants to the gradient. */
const shiftOf = (logp: Floats, oldLogp: Floats): Floats => stopGradient(sub(exp(logp), exp(oldLogp)))

/**
 * `rho A`, and 0 without a gradient for a token that the step has already moved far enough: `A > 0` and
 * `p - p_old > delta`, or `A < 0` and `p_old - p > delta`. That is DPPO (Qi et al. 2026, "Rethinking the trust region in LLM
 * reinforcement learning", with the binary estimate of total variation): the trust region is in probabilities, the total
 * variation between taking this token and not, where a ratio holds rare tokens too tightly (0.001 to 0.002 is a ratio of 2)
 * and frequent ones hardly (0.9 to 0.5 is one of 0.56). It has no bound on ratios beside. p is the token's own probability
 * whatever the ratio of the objective is; `delta` is a probability, 0.15 in TRL.
 *
 * @example
 * ```ts
 * import { dppo } from '@adjoint/rl'
 * import { log, sub, tensor } from '@adjoint/tensor'
 * const [logp, oldLogp] = [log(tensor([0.004, 0.9], [1, 2])), log(tensor([0.001, 0.6], [1, 2]))]
 * dppo(0.15).surrogate(sub(logp, oldLogp), tensor([1], [1, 1]), logp, oldLogp) // [[4, 0]]
 * ```
 */
export const dppo = (delta: number): Clip => {
  demandAtLeast('dppo', 0, { delta })
  const high: Clip['high'] = (_, advantages, logp, oldLogp) => and(gt(shiftOf(logp, oldLogp), delta), gt(advantages, 0))
  const low: Clip['low'] = (_, advantages, logp, oldLogp) => and(lt(shiftOf(logp, oldLogp), -delta), lt(advantages, 0))
  return {
    surrogate: (logRatio, advantages, logp, oldLogp) => {
      const out = or(low(logRatio, advantages, logp, oldLogp), high(logRatio, advantages, logp, oldLogp))
      return where(out, 0, mul(ratioOf(logRatio), advantages))
    },
    low,
    high,
  }
}

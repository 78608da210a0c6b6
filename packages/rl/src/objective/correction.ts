/**
 * Corrections for a sampler that is not the policy at the start of the batch: another engine's numerics, another
 * precision, or parameters that are some steps old. Each gives factors for `Rollouts.weights`, constants to the gradient,
 * from the log-probabilities of the tokens under the policy that starts the batch and under the one that sampled, both
 * [B, T] in nats. What stands where the mask is 0 reaches none of them. Weights are finite for any
 * log-probabilities: a ratio counts as e^20 at most (see `ratioOf`).
 */
import type { Floats } from '@adjoint/nn'
import { and, cast, gt, le, lt, minimum, mul, not, ones, where } from '@adjoint/tensor'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { masked, meanOverTokens, sumOverTokens } from './mask.ts'
import { logRatioOf, ratioOf } from './ratio.ts'

/** Factors, [B, T] or [B, 1], from log-probabilities of policy and sampler and a mask, [B, T], and advantages, [B, 1] or [B, T]. */
export type Correction = (logp: Floats, samplerLogp: Floats, mask: Floats, advantages: Floats) => Floats

/** What one weight is for: log-ratios of tokens [B, T] (0 where the mask is 0) and a mask -> log-ratios [B, T] or [B, 1]. */
export type Level = (logRatio: Floats, mask: Floats) => Floats

/**
 * A weight for each token: of little variance, biased in the distribution of prefixes.
 *
 * @example
 * ```ts
 * import { tis, tokenLevel } from '@adjoint/rl'
 * const correction = tis({ level: tokenLevel, high: 2 })
 * ```
 */
export const tokenLevel: Level = (logRatio) => logRatio

/**
 * A weight for each sequence, the product of its tokens' ratios: unbiased while nothing is cut, of a variance that grows
 * with length.
 *
 * @example
 * ```ts
 * import { mis, sequenceLevel } from '@adjoint/rl'
 * const correction = mis({ level: sequenceLevel, low: 0.5, high: 2 })
 * ```
 */
export const sequenceLevel: Level = sumOverTokens

const atLevel = (level: Level, logp: Floats, samplerLogp: Floats, mask: Floats): Floats =>
  level(logRatioOf(masked(logp, mask), masked(samplerLogp, mask)), mask)

/**
 * `min(rho, high)`: truncated importance sampling, TIS (Yao et al. 2025, "Your efficient RL framework secretly brings you
 * off-policy RL training"), with `rho = exp(logp - samplerLogp)` at the level asked for.
 *
 * @example
 * ```ts
 * import { tis, tokenLevel } from '@adjoint/rl'
 * import { ones, tensor, zeros } from '@adjoint/tensor'
 * const logp = tensor([Math.log(0.5), Math.log(4)], [1, 2])
 * tis({ level: tokenLevel, high: 2 })(logp, zeros([1, 2]), ones([1, 2]), ones([1, 1])) // [[0.5, 2]]
 * ```
 */
export const tis = (options: { readonly level: Level; readonly high: number }): Correction => {
  const { level, high } = optionsOf('tis', options, { level: true, high: true })
  return (logp, samplerLogp, mask) => minimum(ratioOf(atLevel(level, logp, samplerLogp, mask)), high)
}

/**
 * `rho` where `low <= rho <= high`, else 0: masked importance sampling, MIS (Liu et al. 2025, "When speed kills stability";
 * the token form is IcePop, Ling team 2025), with `rho = exp(logp - samplerLogp)` at the level asked for.
 *
 * @example
 * ```ts
 * import { mis, tokenLevel } from '@adjoint/rl'
 * import { ones, tensor, zeros } from '@adjoint/tensor'
 * const logp = tensor([0.25, 0.5, 1, 2, 4].map(Math.log), [1, 5])
 * mis({ level: tokenLevel, low: 0.5, high: 2 })(logp, zeros([1, 5]), ones([1, 5]), ones([1, 1])) // [[0, 0.5, 1, 2, 0]]
 * ```
 */
export const mis = (options: { readonly level: Level; readonly low: number; readonly high: number }): Correction => {
  const { level, low, high } = optionsOf('mis', options, { level: true, low: true, high: true })
  return (logp, samplerLogp, mask) => {
    const logRatio = atLevel(level, logp, samplerLogp, mask)
    // The bounds are compared as logs, where a ratio on a bound lies on it after rounding too.
    const within = and(le(Math.log(low), logRatio), le(logRatio, Math.log(high)))
    return where(within, ratioOf(logRatio), 0)
  }
}

/**
 * 0 for a sequence with `A < 0` and `mean(samplerLogp - logp) > delta`, else 1: what the policy has already moved away from
 * is not pushed further down, since its gradient says more of the sampler than of the policy; good samples are kept however
 * old (DeepSeek-V3.2, 2025, section 3.1, eq. 9). `delta` in nats a token.
 *
 * @example
 * ```ts
 * import { offPolicyMask } from '@adjoint/rl'
 * import { ones, tensor } from '@adjoint/tensor'
 * const [logp, samplerLogp] = [tensor([-3, -3], [2, 1]), tensor([-1, -1], [2, 1])]
 * offPolicyMask(0.5)(logp, samplerLogp, ones([2, 1]), tensor([1, -1], [2, 1])) // [[1], [0]]
 * ```
 */
export const offPolicyMask =
  (delta: number): Correction =>
  (logp, samplerLogp, mask, advantages) => {
    const drift = meanOverTokens(logRatioOf(masked(samplerLogp, mask), masked(logp, mask)), mask)
    return cast('f32')(not(and(lt(advantages, 0), gt(drift, delta))))
  }

/**
 * Corrections by product, so that `tis` and `offPolicyMask` make one; the empty one is 1 everywhere.
 *
 * @example
 * ```ts
 * import { correctionMonoid, offPolicyMask, tis, tokenLevel } from '@adjoint/rl'
 * import { concatAll } from 'fp-ts/lib/Monoid.js'
 * const correction = concatAll(correctionMonoid)([tis({ level: tokenLevel, high: 2 }), offPolicyMask(0.5)])
 * ```
 */
export const correctionMonoid: Monoid<Correction> = {
  empty: (_, __, mask) => ones([mask.shape[0]!, 1]),
  concat:
    (f, g) =>
    (...of) =>
      mul(f(...of), g(...of)),
}

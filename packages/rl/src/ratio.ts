/**
 * Importance ratios between the policy and the policy that sampled, as log-ratios in nats: the clip decides what becomes
 * of them. `logp` and `oldLogp` are log-probabilities of the sampled tokens, [B, T], 0 where the mask is 0.
 */
import type { Floats } from '@adjoint/nn'
import { add, gt, maximum, minimum, stopGradient, sub, where } from '@adjoint/tensor'
import { meanOverTokens } from './mask.ts'

/**
 * Log-ratios [B, T] (or [B, 1] where one ratio serves a whole sequence) from log-probabilities and mask, all [B, T], and
 * advantages, [B, 1] or [B, T].
 */
export type Ratio = (logp: Floats, oldLogp: Floats, mask: Floats, advantages: Floats) => Floats

/** A ratio that does not look at advantages. */
export type PlainRatio = (logp: Floats, oldLogp: Floats, mask: Floats) => Floats

/**
 * A ratio for each token, `rho_t = pi(o_t) / pi_old(o_t)`: GRPO (DeepSeekMath eq. 3).
 *
 * @example
 * ```ts
 * import { tokenRatio } from '@adjoint/rl'
 * import { ones, tensor } from '@adjoint/tensor'
 * tokenRatio(tensor([-1, -2], [1, 2]), tensor([-1, -1], [1, 2]), ones([1, 2])) // [[0, -1]]
 * ```
 */
export const tokenRatio: PlainRatio = (logp, oldLogp) => sub(logp, oldLogp)

/**
 * One ratio for a sequence, `exp` of the mean log-ratio of its tokens: GSPO (Zheng et al. 2025, eq. 7).
 *
 * @example
 * ```ts
 * import { sequenceRatio } from '@adjoint/rl'
 * import { ones, tensor } from '@adjoint/tensor'
 * sequenceRatio(tensor([-1, -2], [1, 2]), tensor([-1, -1], [1, 2]), ones([1, 2])) // [[-0.5]]
 * ```
 */
export const sequenceRatio: PlainRatio = (logp, oldLogp, mask) => meanOverTokens(sub(logp, oldLogp), mask)

/**
 * The sequence's ratio in value, with each token's own gradient, `sg[s] pi / sg[pi]`: GSPO-token (Zheng et al. 2025,
 * eq. 14), for advantages that differ by token.
 *
 * @example
 * ```ts
 * import { sequenceTokenRatio } from '@adjoint/rl'
 * import { ones, tensor } from '@adjoint/tensor'
 * sequenceTokenRatio(tensor([-1, -2], [1, 2]), tensor([-1, -1], [1, 2]), ones([1, 2])) // [[-0.5, -0.5]]
 * ```
 */
export const sequenceTokenRatio: PlainRatio = (logp, oldLogp, mask) =>
  add(stopGradient(sequenceRatio(logp, oldLogp, mask)), sub(logp, stopGradient(logp)))

/**
 * The geometric mean of the ratios of a sequence's tokens, each clipped in log space first on the side that its advantage
 * pulls to: `log s = mean_t min(log rho_t, high)` for A > 0 and `mean_t max(log rho_t, -low)` for A < 0 (GMPO, Zhao et al.
 * 2025, eq. 4; there low = high = 0.4). A token held by its bound has no gradient, the others keep theirs. It brings its own
 * clip: it is composed with `unclipped`. Bounds in nats.
 *
 * @example
 * ```ts
 * import { geometric } from '@adjoint/rl'
 * import { ones, tensor } from '@adjoint/tensor'
 * const [logp, oldLogp] = [tensor([-1, -2], [1, 2]), tensor([-2, -2], [1, 2])]
 * geometric({ low: 0.4, high: 0.4 })(logp, oldLogp, ones([1, 2]), ones([1, 1])) // [[0.2]]: 1 is held at 0.4
 * ```
 */
export const geometric =
  ({ low, high }: { readonly low: number; readonly high: number }): Ratio =>
  (logp, oldLogp, mask, advantages) => {
    const logRatio = sub(logp, oldLogp)
    return meanOverTokens(where(gt(advantages, 0), minimum(logRatio, high), maximum(logRatio, -low)), mask)
  }

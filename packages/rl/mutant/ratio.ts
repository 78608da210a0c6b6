/**
 * Importance ratios between the policy and the policy that sampled, as log-ratios in nats: the clip decides what becomes
 * of them. `logp` and `oldLogp` are log-probabilities of the sampled tokens, [B, T], 0 where the mask is 0.
 */
import type { Floats } from '@adjoint/nn'
import { add, div, maximum, mul, stopGradient, sub, sum } from '@adjoint/tensor'

/** Log-ratios [B, T] (or [B, 1] where one ratio serves a whole sequence) from log-probabilities and mask, all [B, T]. */
export type Ratio = (logp: Floats, oldLogp: Floats, mask: Floats) => Floats

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
export const tokenRatio: Ratio = (logp, oldLogp) => sub(logp, oldLogp)

/** Mean of `x` over the tokens of each sequence, [B, 1]; 0 where a sequence has none. */
const sequenceMeanOf = (x: Floats, mask: Floats): Floats =>
  div(sum({ axis: -1, keepDims: true })(mul(x, mask)), maximum(sum({ axis: -1, keepDims: true })(mask), 1))

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
export const sequenceRatio: Ratio = (logp, oldLogp, mask) => sequenceMeanOf(sub(logp, oldLogp), mask)

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
export const sequenceTokenRatio: Ratio = (logp, oldLogp, mask) =>
  add(stopGradient(sequenceRatio(logp, oldLogp, mask)), sub(logp, stopGradient(logp)))

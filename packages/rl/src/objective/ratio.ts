/**
 * Importance ratios between the policy and the policy that sampled, as log-ratios in nats: the clip decides what becomes
 * of them. `logp` and `oldLogp` are log-probabilities of the sampled tokens, [B, T], 0 where the mask is 0.
 *
 * Ratios of any size give finite losses and gradients. `exp` overflows single precision at 88.7 nats, and what follows is
 * 0 * Infinity = NaN wherever an advantage or a clip's derivative is 0; so every `exp` of a log-ratio in this package is
 * {@link ratioOf}, which holds its argument at 20 nats and passes no gradient beyond, as verl, prime-rl and slime do. Two
 * choices differ from theirs. It is held from above only: below -20 `exp` is a good number, and what grows linearly there
 * (the -l of k3) keeps its value and its pull. And it is the exponent that is held, not the log-ratio itself: means of
 * log-ratios (GSPO, GMPO) and estimates without an exponential (k1, k2) see tokens as they are.
 *
 * Log-ratios themselves are {@link logRatioOf}: differences held within 1e15 nats, so that the square of one, and the sum
 * of as many as a batch has, are finite numbers too. No two policies are that far apart; a log-probability of -1e30, which
 * stands for a hidden token, is. NaN stays NaN everywhere: a broken policy is to be seen.
 */
import type { Floats } from '@adjoint/nn'
import { add, exp, gt, lt, maximum, minimum, stopGradient, sub, where } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandAtLeast } from '../run/errors.ts'
import { meanOverTokens } from './mask.ts'

const LARGEST_EXPONENT = 20
const LARGEST_DIFFERENCE = 1e15

// By comparisons that are false for NaN, which passes.
const heldBelow = (bound: number, x: Floats): Floats => where(gt(x, bound), bound, x)

/** @internal Within 1e15 of 0, without gradient beyond. */
export const held = (x: Floats): Floats => {
  const low: Floats = where(lt(x, -LARGEST_DIFFERENCE), -LARGEST_DIFFERENCE, x)
  return heldBelow(LARGEST_DIFFERENCE, low)
}

/** @internal `exp`'s argument as {@link ratioOf} takes it. */
export const exponentOf = (logRatio: Floats): Floats => heldBelow(LARGEST_EXPONENT, logRatio)

/**
 * `exp(min(logRatio, 20))`, with no gradient beyond 20 nats: the ratio of a log-ratio, a finite number for any.
 *
 * @example
 * ```ts
 * import { ratioOf } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * ratioOf(tensor([0, 1000])) // [1, 4.85e8]
 * ```
 */
export const ratioOf = (logRatio: Floats): Floats => exp(exponentOf(logRatio))

/**
 * `logp - oldLogp`, held within 1e15 nats of 0, with no gradient beyond.
 *
 * @example
 * ```ts
 * import { logRatioOf } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * logRatioOf(tensor([-1, -1e30]), tensor([-2, -1])) // [1, -1e15]
 * ```
 */
export const logRatioOf = (logp: Floats, oldLogp: Floats): Floats => held(sub(logp, oldLogp))

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
export const tokenRatio: PlainRatio = (logp, oldLogp) => logRatioOf(logp, oldLogp)

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
export const sequenceRatio: PlainRatio = (logp, oldLogp, mask) => meanOverTokens(logRatioOf(logp, oldLogp), mask)

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
export const geometric = (options: { readonly low: number; readonly high: number }): Ratio => {
  const { low, high } = optionsOf('geometric', options, { low: true, high: true })

  demandAtLeast('geometric', 0, { low, high })
  return (logp, oldLogp, mask, advantages) => {
    const logRatio = logRatioOf(logp, oldLogp)
    return meanOverTokens(where(gt(advantages, 0), minimum(logRatio, high), maximum(logRatio, -low)), mask)
  }
}

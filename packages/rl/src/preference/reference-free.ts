/**
 * Losses of pairs without a reference policy: half the forward passes of DPO, and one model in memory. Scores are the mean
 * log-probability of a completion's tokens, which is also what a greedy decoder compares; sums would favour short ones.
 */
import type { Floats } from '@adjoint/nn'
import { add, expm1, gt, log, mul, neg, softplus, sub, where } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandAtLeast } from '../run/errors.ts'
import type { PreferenceLoss } from './dpo.ts'

/**
 * `-log sigmoid(beta mean(logp+) - beta mean(logp-) - gamma)`: SimPO (Meng et al. 2024, eq. 6), with means over tokens and
 * the target margin gamma between the two rewards. The paper has beta 2 to 10 and gamma at 0.1 to 0.5 of it. Throws RangeError unless
 * beta is positive and gamma at least 0.
 *
 * @example
 * ```ts
 * import { preferenceLoss, simpo } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const pair = { policy: tensor([-2, -6]), lengths: tensor([4, 6]) } // means -0.5 and -1
 * const [loss] = preferenceLoss(simpo({ beta: 2, gamma: 1 }))(pair) // ln 2: the margin is met
 * ```
 */
export const simpo = (options: { readonly beta: number; readonly gamma: number }): PreferenceLoss => {
  const { beta, gamma } = optionsOf('simpo', options, { beta: true, gamma: true })

  demandAtLeast('simpo', Number.MIN_VALUE, { beta })
  demandAtLeast('simpo', 0, { gamma })
  return {
    beta,
    reference: false,
    perToken: true,
    // -log sigmoid(x) = softplus(-x)
    ofPair: (chosen, rejected) => softplus(sub(gamma, mul(sub(chosen, rejected), beta))),
  }
}

// Of a completion whose every token is certain the odds are infinite. 1 - e^-1e-6 is the largest p that counts.
const SUREST = -1e-6

/**
 * `log(p / (1 - p))` of `p = exp(logp)`, with logp the mean over tokens: `logp - log(1 - exp(logp))`, held at p = 1 - 1e-6,
 * with no gradient beyond.
 */
const logOdds = (logp: Floats): Floats => {
  const known: Floats = where(gt(logp, SUREST), SUREST, logp)
  // -expm1 keeps the digits of 1 - p where p is near 1.
  return sub(known, log(neg(expm1(known))))
}

/**
 * `nll(y+) - lambda log sigmoid(log odds(y+) - log odds(y-))`: ORPO (Hong et al. 2024, eq. 6 and 7), supervised fine-tuning
 * on what is chosen with a penalty on the odds of what is not. `odds = p / (1 - p)` with p the geometric mean of a
 * completion's token probabilities, and nll is the mean over its tokens. It measures `nll_loss`, `log_odds_chosen` (the
 * difference of log odds) and `log_odds_ratio` (the log sigmoid of it), as TRL does. The paper has lambda 0.1 to 1. Throws RangeError unless
 * lambda is at least 0.
 *
 * @example
 * ```ts
 * import { orpo, preferenceLoss } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const pair = { policy: tensor([-1, -1]), lengths: tensor([2, 2]) }
 * const [loss] = preferenceLoss(orpo({ lambda: 0.1 }))(pair) // 0.5 + 0.1 ln 2
 * ```
 */
export const orpo = (options: { readonly lambda: number }): PreferenceLoss => {
  const { lambda } = optionsOf('orpo', options, { lambda: true })

  demandAtLeast('orpo', 0, { lambda })
  const oddsRatio = (chosen: Floats, rejected: Floats): Floats => sub(logOdds(chosen), logOdds(rejected))
  return {
    beta: lambda,
    reference: false,
    perToken: true,
    ofPair: (chosen, rejected) => add(neg(chosen), mul(softplus(neg(oddsRatio(chosen, rejected))), lambda)),
    measures: (chosen, rejected) => ({
      nll_loss: neg(chosen),
      log_odds_chosen: oddsRatio(chosen, rejected),
      log_odds_ratio: neg(softplus(neg(oddsRatio(chosen, rejected)))),
    }),
  }
}

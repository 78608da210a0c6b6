/**
 * KL in the reward rather than in the loss: what RLOO and REINFORCE++ do. `kl` is an estimate for each token under the
 * policy that sampled, in nats; with k1, `logp - refLogp`, the expected policy gradient is that of E r - beta KL(pi || ref).
 */
import type { Groups } from './advantage.ts'
import type { TokenGroups } from './process.ts'
import { type Deviation, TRL_DEVIATION, zScore } from './deviation.ts'

/**
 * `r - beta sum_t kl_t`: a completion is charged for all of its tokens (RLOO, Ahmadian et al. 2024, eq. 3). An absent
 * reward stays absent.
 *
 * @example
 * ```ts
 * import { klPenalised } from '@adjoint/rl'
 * klPenalised(0.1)([[1, 0]], [[[0.5, 0.5], [0.2]]]) // [[0.9, -0.02]]
 * ```
 */
export const klPenalised =
  (beta: number) =>
  (rewards: Groups, kl: TokenGroups): Groups =>
    rewards.map((g, i) => g.map((r, j) => r - beta * kl[i]![j]!.reduce((s, x) => s + x, 0)))

/**
 * `r - beta sum_{s >= t} kl_s` for each token t: a token is charged for itself and what follows it (REINFORCE++, Hu 2025,
 * eq. 5). An absent reward is absent at every token.
 *
 * @example
 * ```ts
 * import { klToGo } from '@adjoint/rl'
 * klToGo(0.1)([[1]], [[[0.5, 0.25]]]) // [[[0.925, 0.975]]]
 * ```
 */
export const klToGo =
  (beta: number) =>
  (rewards: Groups, kl: TokenGroups): TokenGroups =>
    rewards.map((g, i) =>
      g.map((r, j) => {
        const returns = [...kl[i]![j]!]
        let toGo = 0
        for (let t = returns.length - 1; t >= 0; t--) returns[t] = r - beta * (toGo += returns[t]!)
        return returns
      }),
    )

/**
 * `(x - mean) / (std + eps)` over all tokens of the batch (REINFORCE++, Hu 2025, eq. 6); what is absent gets 0.
 *
 * @example
 * ```ts
 * import { klToGo, tokenBatchStd } from '@adjoint/rl'
 * tokenBatchStd()(klToGo(0.1)([[1, 0]], [[[0.5, 0.25], [0.1]]])) // a number for each of the three tokens, of sum 0
 * ```
 */
export const tokenBatchStd = (deviation: Deviation = TRL_DEVIATION) => {
  const score = zScore(deviation)
  return (returns: TokenGroups): TokenGroups => {
    const flat = score(returns.flat(2))
    let at = 0
    return returns.map((g) => g.map((completion) => completion.map(() => flat[at++]!)))
  }
}

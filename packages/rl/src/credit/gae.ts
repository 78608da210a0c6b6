/**
 * Generalized advantage estimation: credit to each token by what a critic expected before and after it (Schulman et al.
 * 2016, "High-dimensional continuous control using generalized advantage estimation"). On the host, in double precision.
 */
import { optionsOf } from '@adjoint/tensor/ir'
import type { StepReward } from '../experience/experience.ts'

/** How far credit reaches back: gamma discounts rewards, lambda the differences that a critic corrects. Both in [0, 1]. */
export interface GaeConfig {
  readonly gamma: number
  readonly lambda: number
}

/** A completion, token by token. */
export interface Valued {
  /** r_t: what the token at t earned. */
  readonly rewards: readonly number[]
  /** V_t: what the critic expects of what comes, before the token at t is said. As many as there are rewards. */
  readonly values: readonly number[]
  /** V after the last token: 0 where nothing comes after it, the critic's word where it was cut and the task goes on. */
  readonly after: number
}

/** What each token was worth beyond expectation, and what the critic is to expect. */
export interface Estimated {
  readonly advantages: readonly number[]
  /** `A_t + V_t`. */
  readonly returns: readonly number[]
}

/**
 * `A_t = sum_l (gamma lambda)^l delta_{t+l}` with `delta_t = r_t + gamma V_{t+1} - V_t` (Schulman et al. 2016, eq. 16; PPO,
 * Schulman et al. 2017, eq. 11 and 12), and the returns `A_t + V_t`. At lambda 0 it is delta_t: all trust in the critic. At
 * lambda 1 it is the discounted sum of later rewards less V_t: none. Throws RangeError where gamma or lambda is outside
 * [0, 1], or rewards and values differ in number.
 *
 * @example
 * ```ts
 * import { gae } from '@adjoint/rl'
 * const { advantages } = gae({ gamma: 1, lambda: 0.5 })({ rewards: [0, 1], values: [0.5, 0.5], after: 0 })
 * // delta is [0, 0.5], and so advantages [0.25, 0.5]
 * ```
 */
export const gae = (options: GaeConfig) => {
  const { gamma, lambda } = optionsOf('gae', options, { gamma: true, lambda: true })

  for (const [name, x] of Object.entries({ gamma, lambda }))
    if (!(x >= 0 && x <= 1)) throw new RangeError(`gae: ${name} is ${x}. Give a number from 0 to 1.`)
  return ({ rewards, values, after }: Valued): Estimated => {
    if (rewards.length !== values.length)
      throw new RangeError(
        `gae: ${rewards.length} rewards and ${values.length} values. Give one of each for every token.`,
      )
    const advantages = rewards.map(() => 0)
    let [later, next] = [0, after]
    for (let t = rewards.length - 1; t >= 0; t--) {
      later = rewards[t]! + gamma * next - values[t]! + gamma * lambda * later
      advantages[t] = later
      next = values[t]!
    }
    return { advantages, returns: advantages.map((a, t) => a + values[t]!) }
  }
}

/** What is known of a completion of `length` tokens. NaN = absent. */
export interface Earned {
  readonly length: number
  /** The reward of the whole. */
  readonly reward: number
  /** Rewards of its steps, at their last tokens; null where there are none. */
  readonly steps: readonly StepReward[] | null
  /** `log pi - log pi_ref` of each token, nats; null where there is no reference. */
  readonly kl: readonly number[] | null
}

/**
 * Rewards token by token: that of the whole at the last token, those of steps at theirs, and `-beta kl_t` at every token
 * (Ziegler et al. 2019, eq. 2; Ouyang et al. 2022, eq. 2). Null where the reward of the whole is absent, or nothing was
 * said: there is nothing to learn from it. An absent step earns nothing.
 *
 * @example
 * ```ts
 * import { tokenRewards } from '@adjoint/rl'
 * tokenRewards(0.1)({ length: 2, reward: 1, steps: null, kl: [0.5, -0.5] }) // [-0.05, 1.05]
 * ```
 */
export const tokenRewards =
  (beta: number) =>
  ({ length, reward, steps, kl }: Earned): readonly number[] | null => {
    if (Number.isNaN(reward) || length === 0) return null
    const each = Array.from({ length }, (_, t) => (kl === null || beta === 0 ? 0 : 0 - beta * kl[t]!))
    each[length - 1]! += reward
    for (const step of steps ?? []) {
      if (!Number.isInteger(step.end) || step.end < 0 || step.end >= length)
        throw new RangeError(
          `tokenRewards: a step ends at token ${step.end} of a completion of ${length} tokens. Ends are indices from 0 to length - 1.`,
        )
      if (!Number.isNaN(step.reward)) each[step.end]! += step.reward
    }
    return each
  }

/**
 * `1 - Var(returns - values) / Var(returns)`: the share of the returns' variance that the critic foresaw. 1 is all of it, 0
 * what a constant foresees, and below 0 it is worse than one. 0 where the returns do not vary.
 *
 * @example
 * ```ts
 * import { explainedVariance } from '@adjoint/rl'
 * explainedVariance([0, 1], [0.25, 0.75]) // 0.75
 * ```
 */
export const explainedVariance = (returns: readonly number[], values: readonly number[]): number => {
  const spread = (xs: readonly number[]): number => {
    const mean = xs.reduce((s, x) => s + x, 0) / xs.length
    return xs.reduce((s, x) => s + (x - mean) ** 2, 0)
  }
  if (returns.every((r) => r === returns[0])) return 0
  return 1 - spread(returns.map((r, i) => r - values[i]!)) / spread(returns)
}

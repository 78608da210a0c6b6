/**
 * The policy objective of GRPO and its family, composed of independent parts (DeepSeekMath eq. 3; DeepSeek-R1 eq. 1-3
 * writes it on whole sequences):
 *
 *   J = aggregate( w surrogate(rho, A) - beta KL(pi || pi_ref) + entropyBonus H ),   loss = -J
 *
 * All are pure functions of `logp`, the log-probabilities of the sampled tokens under the policy that learns, so that a
 * gradient with respect to whatever made `logp` is a gradient of the objective. What stands where the mask is 0 (padding,
 * tool output) reaches neither the loss nor any gradient, whatever its value, NaN included; a batch without tokens has
 * loss 0. Finite log-probabilities have a finite loss and gradient, however far apart they are (see `ratio.ts`).
 */
import type { Floats } from '@adjoint/nn'
import { add, cast, mul, neg, or, type Scalar, stopGradient, sub, zeros } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Aggregate, sequenceMean, tokenMean, type Totals, totalsOf } from './aggregate.ts'
import { type Clip, symmetric } from './clip.ts'
import { k3, type Kl } from './kl.ts'
import { masked } from './mask.ts'
import { logRatioOf, type Ratio, tokenRatio } from './ratio.ts'

/** The parts of an objective. */
export interface ObjectiveConfig {
  readonly ratio: Ratio
  readonly clip: Clip
  readonly kl: Kl
  /** Weight of the KL term; 0 leaves it out. */
  readonly beta: number
  readonly aggregate: Aggregate
  /** Weight of the entropy of the policy's distribution, in nats; 0 leaves it out. */
  readonly entropyBonus: number
}

/** What was sampled, and what is known of it. A tree, so that it can be an argument of `jit`. */
export type Rollouts = {
  /** `[B, T]`: 1 on the tokens of completions, the closing EOS included; 0 on prompt, padding and tool tokens. */
  readonly mask: Floats
  /** [B, T], nats: log-probabilities under the policy that sampled, at the temperature of sampling. */
  readonly oldLogp: Floats
  /** [B, T], nats: the same under the reference policy; null where there is no KL term. */
  readonly refLogp: Floats | null
  /** [B, 1] or [B, T]. */
  readonly advantages: Floats
  /**
   * [B, 1] or [B, T]: factors w on the surrogate, constants to the gradient, which correct for a sampler that is not the
   * old policy (see `correction.ts`) or leave sequences out; null is 1 everywhere.
   */
  readonly weights: Floats | null
  /** What the global batch holds, where this is a part of it; null where this is the whole. */
  readonly totals: Totals | null
  /** The weight of the KL term where it is data (see `control.ts`); the configuration's where it is left out or null. */
  readonly beta?: Scalar | null
  /** The weight of the entropy where it is data; the configuration's where it is left out or null. */
  readonly entropyBonus?: Scalar | null
}

/** DeepSeekMath's setting of eq. 3, with TRL's clip: epsilon 0.2, k3, the mean over each sequence, no KL term. */
export const GRPO_OBJECTIVE: ObjectiveConfig = {
  ratio: tokenRatio,
  clip: symmetric(0.2),
  kl: k3,
  beta: 0,
  aggregate: sequenceMean,
  entropyBonus: 0,
}

const weighed = (x: Floats, by: number | Scalar): Floats => (typeof by === 'number' ? mul(x, by) : mul(x, by))

const refLogpOf = ({ refLogp, mask }: Rollouts): Floats => {
  if (refLogp !== null) return masked(refLogp, mask)
  throw new Error(
    'objective: beta is not 0, but refLogp is null. Score the completions under the reference policy, or set beta to 0.',
  )
}

/**
 * The loss `-J` of rollouts, a scalar. `logp` [B, T] in nats; `entropy` [B, T] in nats is needed for an entropy bonus only.
 *
 * Under micro-batching give each part the `totals` of the global batch: the parts' losses then add up to the whole's.
 * Throws where a part that the configuration asks for is missing.
 *
 * @example
 * ```ts
 * import { GRPO_OBJECTIVE, objective } from '@adjoint/rl'
 * import { ones, tensor } from '@adjoint/tensor'
 * const oldLogp = tensor([-1, -2, -1, -3], [2, 2])
 * const advantages = tensor([1, -1], [2, 1])
 * const rollouts = { mask: ones([2, 2]), oldLogp, refLogp: null, advantages, weights: null, totals: null }
 * objective(GRPO_OBJECTIVE)(rollouts)(oldLogp) // 0 on policy, while its gradient is not
 * ```
 */
export const objective = (options: ObjectiveConfig) => {
  const { ratio, clip, kl, aggregate, ...config } = optionsOf('objective', options, {
    ratio: true,
    clip: true,
    kl: true,
    beta: true,
    aggregate: true,
    entropyBonus: true,
  })
  return (rollouts: Rollouts) =>
    (logp: Floats, entropy: Floats | null = null): Scalar => {
      const { mask, advantages, weights } = rollouts
      const [beta, entropyBonus] = [rollouts.beta ?? config.beta, rollouts.entropyBonus ?? config.entropyBonus]
      const policy = masked(logp, mask)
      const old = masked(rollouts.oldLogp, mask)
      const logRatio = masked(ratio(policy, old, mask, advantages), mask)
      let perToken = clip.surrogate(logRatio, advantages, policy, old)
      if (weights !== null) perToken = mul(perToken, stopGradient(masked(weights, mask)))
      if (beta !== 0) perToken = sub(perToken, weighed(kl(policy, refLogpOf(rollouts), logRatioOf(policy, old)), beta))
      if (entropyBonus !== 0) {
        if (entropy === null)
          throw new Error('objective: entropyBonus is not 0, but no entropy was given. Pass it as the second argument.')
        perToken = add(perToken, weighed(masked(entropy, mask), entropyBonus))
      }
      return neg(aggregate(perToken, mask, rollouts.totals ?? totalsOf(mask)))
    }
}

/**
 * What the log says of an update, each a scalar without gradient. Ratios and clip shares are means over the tokens of the
 * batch, and add up over micro-batches as the loss does; the extremes are over the tokens of this part.
 */
export type ObjectiveMetrics = {
  readonly policy_loss: Scalar
  readonly kl: Scalar
  readonly entropy: Scalar
  readonly 'clip_ratio/low': Scalar
  readonly 'clip_ratio/high': Scalar
  readonly 'clip_ratio/region': Scalar
}

/**
 * The metrics of {@link objective} on the same arguments; `entropy` [B, T] in nats is required here.
 *
 * @example
 * ```ts
 * import { GRPO_OBJECTIVE, objectiveMetrics } from '@adjoint/rl'
 * import { ones, tensor, zeros } from '@adjoint/tensor'
 * const oldLogp = tensor([-1, -2], [1, 2])
 * const rollouts = { mask: ones([1, 2]), oldLogp, refLogp: null, advantages: ones([1, 1]), weights: null, totals: null }
 * objectiveMetrics(GRPO_OBJECTIVE)(rollouts)(oldLogp, zeros([1, 2]))['clip_ratio/high'] // 0 on policy
 * ```
 */
export const objectiveMetrics =
  (config: ObjectiveConfig) =>
  (rollouts: Rollouts) =>
  (logp: Floats, entropy: Floats): ObjectiveMetrics => {
    const { mask, advantages, refLogp } = rollouts
    const totals = rollouts.totals ?? totalsOf(mask)
    const policy = stopGradient(masked(logp, mask))
    const old = masked(rollouts.oldLogp, mask)
    const logRatio = masked(config.ratio(policy, old, mask, advantages), mask)
    const share = (x: Floats): Scalar => tokenMean(x, mask, totals)
    const low = config.clip.low(logRatio, advantages, policy, old)
    const high = config.clip.high(logRatio, advantages, policy, old)
    return {
      policy_loss: stopGradient(objective(config)(rollouts)(policy, stopGradient(entropy))),
      kl: refLogp === null ? zeros([]) : share(config.kl(policy, masked(refLogp, mask), logRatioOf(policy, old))),
      entropy: share(masked(stopGradient(entropy), mask)),
      'clip_ratio/low': share(cast('f32')(low)),
      'clip_ratio/high': share(cast('f32')(high)),
      'clip_ratio/region': share(cast('f32')(or(low, high))),
    }
  }

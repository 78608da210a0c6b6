/**
 * Direct preference optimization: a policy learns from pairs without a reward model, since the policy and its reference
 * are one, `r(x, y) = beta log(pi(y|x) / pi_ref(y|x))` up to a term of x alone (Rafailov et al. 2023, eq. 5), and the
 * Bradley-Terry likelihood of a pair needs differences only.
 *
 * Every loss here is a function of one number a pair, `h = dlogp - dlogpRef`, nats: how much more the policy prefers the
 * chosen completion than the reference does. Both of its parts are held within 1e15 nats (see `logRatioOf`), and all losses
 * of it are finite, with finite gradients.
 */
import type { Floats, Integers } from '@adjoint/nn'
import {
  add,
  cast,
  gt,
  mean,
  mul,
  neg,
  type Scalar,
  slice,
  softplus,
  square,
  stopGradient,
  sub,
  sum,
  type Tree,
} from '@adjoint/tensor'
import { masked } from '../objective/mask.ts'
import { logRatioOf } from '../objective/ratio.ts'
import type { Policy } from '../policy/policy.ts'

/** A loss of pairs, and the temperature of its implicit reward. */
export interface PreferenceLoss {
  /** Reward per nat: the implicit reward is `beta log(pi / pi_ref)`. */
  readonly beta: number
  /** h [B], nats, to the loss of each pair [B]. */
  readonly ofMargin: (h: Floats) => Floats
}

/**
 * `-log sigmoid(beta h)` (Rafailov et al. 2023, eq. 7). With `labelSmoothing` e the labels are wrong with that chance, and
 * the loss is `-(1 - e) log sigmoid(beta h) - e log sigmoid(-beta h)`: conservative DPO (Mitchell 2023, eq. 3).
 *
 * @example
 * ```ts
 * import { dpo } from '@adjoint/rl'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(dpo({ beta: 0.1 }).ofMargin(tensor([0])))) // Float32Array [0.6931..], ln 2
 * ```
 */
export const dpo = ({
  beta,
  labelSmoothing = 0,
}: {
  readonly beta: number
  readonly labelSmoothing?: number
}): PreferenceLoss => ({
  beta,
  ofMargin: (h) => {
    const x: Floats = mul(h, beta)
    // -log sigmoid(x) = softplus(-x)
    if (labelSmoothing === 0) return softplus(neg(x))
    return add(mul(softplus(neg(x)), 1 - labelSmoothing), mul(softplus(x), labelSmoothing))
  },
})

/**
 * `(h - 1 / (2 beta))^2`: identity preference optimization (Azar et al. 2023, eq. 17). A pair pulls until its margin is
 * 1 / (2 beta) nats and no further, so certain preferences do not drive the policy away without bound. The margin is of
 * whole completions, as in the paper; TRL divides it by their lengths.
 *
 * @example
 * ```ts
 * import { ipo } from '@adjoint/rl'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(ipo({ beta: 0.1 }).ofMargin(tensor([5, 0])))) // Float32Array [0, 25]
 * ```
 */
export const ipo = ({ beta }: { readonly beta: number }): PreferenceLoss => ({
  beta,
  ofMargin: (h) => square(sub(h, 1 / (2 * beta))),
})

/**
 * The log-probability of each row's completion, nats: tokens [B, T] padded on the right and the mask [B, T] of what the
 * completion is, to [B]. Prompt and padding reach neither it nor its gradient.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, sequenceLogp, transformerPolicy } from '@adjoint/rl'
 * import { ones, random, zeros } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * sequenceLogp(policy)(model.init(random.key(0)))(zeros([2, 8], 'i32'), ones([2, 8])).shape // [2]
 * ```
 */
export const sequenceLogp =
  <P extends Tree>(policy: Policy<P>) =>
  (params: P) =>
  (tokens: Integers, mask: Floats): Floats => {
    const [rows, columns] = tokens.shape as readonly [number, number]
    const counted: Floats = slice([0, 1], [rows, columns])(mask)
    const score = policy.score({ completion: columns - 1, temperature: 1 })
    const { logp } = score(params, { tokens, starts: null }) // [B, T - 1]
    return sum({ axis: -1 })(masked(logp, counted))
  }

/** Log-probabilities of completions, nats: chosen in the first half of [2B], rejected in the second, as `encodePairs` has them. */
export type PairLogps = {
  readonly policy: Floats
  readonly reference: Floats
}

/** What the log says of pairs, under TRL's names. */
export type PreferenceMetrics = Readonly<Record<keyof typeof PREFERENCE_MEASURES, Scalar>>

/** @internal What is measured of pairs: means over them. */
export const PREFERENCE_MEASURES = {
  'logps/chosen': 'sum',
  'logps/rejected': 'sum',
  'rewards/accuracies': 'sum',
  'rewards/chosen': 'sum',
  'rewards/margins': 'sum',
  'rewards/rejected': 'sum',
} as const

const halves = (x: Floats): readonly [chosen: Floats, rejected: Floats] => {
  const pairs = x.shape[0]! / 2
  return [slice([0], [pairs])(x), slice([pairs], [2 * pairs])(x)]
}

/**
 * The mean loss of pairs, a scalar, and TRL's metrics, without gradient: the implicit rewards `beta log(pi / pi_ref)` of
 * both completions (`rewards/chosen`, `rewards/rejected`), the share of pairs in which the chosen one has the greater
 * (`rewards/accuracies`), their mean difference (`rewards/margins`), and `logps/chosen`, `logps/rejected` in nats. No
 * gradient reaches the reference.
 *
 * @example
 * ```ts
 * import { dpo, preferenceLoss } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const logps = tensor([-3, -5], [2]) // one pair
 * const [loss] = preferenceLoss(dpo({ beta: 0.1 }))({ policy: logps, reference: logps }) // ln 2
 * ```
 */
export const preferenceLoss =
  ({ beta, ofMargin }: PreferenceLoss) =>
  ({ policy, reference }: PairLogps): readonly [Scalar, PreferenceMetrics] => {
    const [gainChosen, gainRejected] = halves(logRatioOf(policy, stopGradient(reference)))
    const h: Floats = sub(gainChosen, gainRejected)
    const reward = (gain: Floats): Scalar => stopGradient(mul(mean()(gain), beta))
    const [logpChosen, logpRejected] = halves(stopGradient(policy))
    return [
      mean()(ofMargin(h)),
      {
        'logps/chosen': mean()(logpChosen),
        'logps/rejected': mean()(logpRejected),
        'rewards/accuracies': mean()(cast('f32')(gt(stopGradient(h), 0))),
        'rewards/chosen': reward(gainChosen),
        'rewards/margins': reward(h),
        'rewards/rejected': reward(gainRejected),
      },
    ]
  }

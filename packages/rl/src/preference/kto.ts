/**
 * Learning from completions that are good or bad by themselves, without pairs: Kahneman-Tversky optimization (Ethayarajh et
 * al. 2024). The value of a completion is what its implicit reward gains over a reference point, felt more weakly the
 * further away it is, and losses may weigh more than gains.
 */
import type { Floats } from '@adjoint/nn'
import {
  add,
  div,
  gt,
  maximum,
  mean,
  mul,
  scalar,
  type Scalar,
  sigmoid,
  stopGradient,
  sub,
  sum,
  where,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { logRatioOf } from '../objective/ratio.ts'
import { demandAtLeast } from '../run/errors.ts'
import type { Fold } from '../run/packing.ts'
import type { PreferencePair } from './pair.ts'

/** A prompt, a completion, and whether it is a good one. */
export interface LabelledCompletion {
  readonly prompt: string
  readonly completion: string
  readonly desirable: boolean
}

/**
 * Pairs as completions that are labelled one by one: first all that were chosen, then all that were rejected, so that
 * neighbours answer different prompts (see {@link mismatched}).
 *
 * @example
 * ```ts
 * import { unpaired } from '@adjoint/rl'
 * unpaired([{ prompt: '1+1=', chosen: '2', rejected: '3' }]) // '2' is desirable, '3' is not
 * ```
 */
export const unpaired = (pairs: readonly PreferencePair[]): readonly LabelledCompletion[] => [
  ...pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen, desirable: true })),
  ...pairs.map(({ prompt, rejected }) => ({ prompt, completion: rejected, desirable: false })),
]

/**
 * Each prompt with the completion of the next one, the last with the first: what the reference point is estimated from
 * (Ethayarajh et al. 2024, section 4.1). Throws RangeError for fewer than two.
 *
 * @example
 * ```ts
 * import { mismatched, unpaired } from '@adjoint/rl'
 * mismatched(unpaired([{ prompt: '1+1=', chosen: '2', rejected: '3' }, { prompt: '1+2=', chosen: '3', rejected: '4' }]))[0] // '1+1=' with '3'
 * ```
 */
export const mismatched = (
  rows: readonly LabelledCompletion[],
): readonly { readonly prompt: string; readonly completion: string }[] => {
  if (rows.length < 2)
    throw new RangeError(
      `mismatched: ${rows.length} completions have no other's prompt to stand beside. Give two or more.`,
    )
  return rows.map(({ prompt }, i) => ({ prompt, completion: rows[(i + 1) % rows.length]!.completion }))
}

/** Log-probabilities of completions, nats, under the policy and its reference, [B] each. */
export type ReferredLogps = {
  readonly policy: Floats
  readonly reference: Floats
}

/**
 * The reference point z0, a scalar without gradient: `max(0, mean(log pi/pi_ref))` of mismatched completions, an estimate of
 * KL(pi || pi_ref), biased and of little variance (Ethayarajh et al. 2024, section 4.1). Under micro-batching take that of
 * the whole batch: a loss is a sum over parts only at one z0.
 *
 * @example
 * ```ts
 * import { referencePoint } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * referencePoint({ policy: tensor([-1, -3]), reference: tensor([-2, -2.5]) }) // 0.25
 * ```
 */
export const referencePoint = ({ policy, reference }: ReferredLogps): Scalar =>
  stopGradient(maximum(mean()(logRatioOf(policy, reference)), 0))

/** The choices of KTO. */
export interface KtoConfig {
  /** Reward per nat: the implicit reward is `beta log(pi / pi_ref)`. */
  readonly beta: number
  /**
   * Weights of good and of bad completions, lambda_D and lambda_U. Default 1 and 1; the paper keeps
   * `(lambda_D n_D) / (lambda_U n_U)` between 1 and 4/3 where the data has n_D good and n_U bad ones.
   */
  readonly desirableWeight?: number
  readonly undesirableWeight?: number
}

/** What is known of labelled completions, [B] each. */
export type LabelledLogps = ReferredLogps & {
  /** 1 where the completion is desirable, 0 where not. */
  readonly desirable: Floats
}

/** How many completions the whole batch has, where this is a part of it. */
export type LabelledTotals = {
  readonly desirable: Scalar
  readonly undesirable: Scalar
}

/** @internal How the parts of a batch make the whole: all add up, given the totals; the reference point is one for all. */
export const KTO_MEASURES = {
  kl: 'max',
  'logps/chosen': 'sum',
  'logps/rejected': 'sum',
  'rewards/chosen': 'sum',
  'rewards/margins': 'sum',
  'rewards/rejected': 'sum',
} as const satisfies Readonly<Record<keyof KtoMetrics, Fold>>

/** What the log says of labelled completions, under TRL's names. */
export type KtoMetrics = {
  readonly kl: Scalar
  readonly 'logps/chosen': Scalar
  readonly 'logps/rejected': Scalar
  readonly 'rewards/chosen': Scalar
  readonly 'rewards/margins': Scalar
  readonly 'rewards/rejected': Scalar
}

/**
 * The mean over completions, with `r = log(pi / pi_ref)`, of `w_D (1 - sigmoid(beta (r - z0)))` where they are desirable and
 * `w_U (1 - sigmoid(beta (z0 - r)))` where not (Ethayarajh et al. 2024, eq. 7), a scalar; and TRL's metrics, without
 * gradient: implicit rewards and log-probabilities of good (`chosen`) and bad (`rejected`) ones, 0 of none, their
 * difference in reward (`rewards/margins`) and z0 (`kl`). No gradient reaches the reference or z0. The parts of a batch add
 * up to the whole given its `totals`, `kl` aside. Throws RangeError unless beta is positive and the weights are at least 0.
 *
 * @example
 * ```ts
 * import { ktoLoss } from '@adjoint/rl'
 * import { scalar, tensor } from '@adjoint/tensor'
 * const logps = { policy: tensor([-3, -5]), reference: tensor([-3, -5]), desirable: tensor([1, 0]) }
 * const [loss] = ktoLoss({ beta: 0.1 })(logps, scalar(0)) // 0.5
 * ```
 */
export const ktoLoss = (options: KtoConfig) => {
  const {
    beta,
    desirableWeight = 1,
    undesirableWeight = 1,
  } = optionsOf('ktoLoss', options, { beta: true, desirableWeight: true, undesirableWeight: true })

  demandAtLeast('ktoLoss', Number.MIN_VALUE, { beta })
  demandAtLeast('ktoLoss', 0, { desirableWeight, undesirableWeight })
  return (
    { policy, reference, desirable }: LabelledLogps,
    z0: Scalar,
    totals: LabelledTotals = {
      desirable: sum()(desirable),
      undesirable: sub(scalar(desirable.shape[0]!), sum()(desirable)),
    },
  ): readonly [Scalar, KtoMetrics] => {
    const good = gt(desirable, 0)
    const r = logRatioOf(policy, stopGradient(reference))
    const gain = mul(sub(r, stopGradient(z0)), beta)
    // 1 - sigmoid(x) = sigmoid(-x), without the cancellation.
    const losses = where(good, mul(sigmoid(mul(gain, -1)), desirableWeight), mul(sigmoid(gain), undesirableWeight))
    const ofGood = (x: Floats): Scalar => stopGradient(div(sum()(where(good, x, 0)), maximum(totals.desirable, 1)))
    const ofBad = (x: Floats): Scalar => stopGradient(div(sum()(where(good, 0, x)), maximum(totals.undesirable, 1)))
    const [chosen, rejected] = [ofGood(mul(r, beta)), ofBad(mul(r, beta))]
    return [
      div(sum()(losses), add(totals.desirable, totals.undesirable)),
      {
        kl: stopGradient(z0),
        'logps/chosen': ofGood(policy),
        'logps/rejected': ofBad(policy),
        'rewards/chosen': chosen,
        'rewards/margins': sub(chosen, rejected),
        'rewards/rejected': rejected,
      },
    ]
  }
}

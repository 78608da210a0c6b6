/**
 * Direct preference optimization and its relatives: a policy learns from pairs without a reward model, since the policy and its
 * reference are one, `r(x, y) = beta log(pi(y|x) / pi_ref(y|x))` up to a term of x alone (Rafailov et al. 2023, eq. 5), and the
 * Bradley-Terry likelihood of a pair needs differences only.
 *
 * Every loss is a function of two numbers a pair, the scores of its completions in nats: the log-ratio to the reference, or
 * the log-probability alone, of the whole completion or the mean of its tokens. Those of DPO and IPO see their difference
 * only, `h = dlogp - dlogpRef`: how much more the policy prefers the chosen completion than the reference does. Scores are
 * held within 1e15 nats (see `logRatioOf`), and all losses of them are finite, with finite gradients.
 */
import type { Floats, Integers } from '@adjoint/nn'
import {
  add,
  cast,
  div,
  gt,
  maximum,
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
  zeros,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { masked } from '../objective/mask.ts'
import { held, logRatioOf } from '../objective/ratio.ts'
import { demandAtLeast } from '../run/errors.ts'
import type { Policy } from '../policy/policy.ts'
import type { Fold } from '../run/packing.ts'

/** A loss of pairs, what of their completions it compares, and the temperature of the implicit reward. */
export interface PreferenceLoss {
  /** Reward per nat: the implicit reward of a completion is beta times its score. */
  readonly beta: number
  /** Whether scores are log-ratios to the reference, `log(pi / pi_ref)`, or log-probabilities under the policy alone. */
  readonly reference: boolean
  /** Whether scores are means over the tokens of a completion, or sums. */
  readonly perToken: boolean
  /** Scores of the chosen and of the rejected completions, both [B] in nats, to the loss of each pair [B]. */
  readonly ofPair: (chosen: Floats, rejected: Floats) => Floats
  /** What else the log says of each pair, [B], from the same scores. */
  readonly measures?: (chosen: Floats, rejected: Floats) => Readonly<Record<string, Floats>>
}

/**
 * `-log sigmoid(beta h)` (Rafailov et al. 2023, eq. 7). With `labelSmoothing` e the labels are wrong with that chance, and
 * the loss is `-(1 - e) log sigmoid(beta h) - e log sigmoid(-beta h)`: conservative DPO (Mitchell 2023, eq. 3).
 *
 * @example
 * ```ts
 * import { dpo } from '@adjoint/rl'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(dpo({ beta: 0.1 }).ofPair(tensor([0]), tensor([0])))) // Float32Array [0.6931..], ln 2
 * ```
 */
export const dpo = (options: { readonly beta: number; readonly labelSmoothing?: number }): PreferenceLoss => {
  const { beta, labelSmoothing = 0 } = optionsOf('dpo', options, { beta: true, labelSmoothing: true })

  demandAtLeast('dpo', Number.MIN_VALUE, { beta })
  return {
    beta,
    reference: true,
    perToken: false,
    ofPair: (chosen, rejected) => {
      const x: Floats = mul(sub(chosen, rejected), beta)
      // -log sigmoid(x) = softplus(-x)
      if (labelSmoothing === 0) return softplus(neg(x))
      return add(mul(softplus(neg(x)), 1 - labelSmoothing), mul(softplus(x), labelSmoothing))
    },
  }
}

/**
 * `(h - 1 / (2 beta))^2`: identity preference optimization (Azar et al. 2023, eq. 17). A pair pulls until its margin is
 * 1 / (2 beta) nats and no further, so certain preferences do not drive the policy away without bound. The margin is of
 * whole completions, as in the paper, or with `perToken` of the means over their tokens, as in TRL.
 *
 * @example
 * ```ts
 * import { ipo } from '@adjoint/rl'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(ipo({ beta: 0.1 }).ofPair(tensor([5, 0]), tensor([0, 0])))) // Float32Array [0, 25]
 * ```
 */
export const ipo = (options: { readonly beta: number; readonly perToken?: boolean }): PreferenceLoss => {
  const { beta, perToken = false } = optionsOf('ipo', options, { beta: true, perToken: true })

  demandAtLeast('ipo', Number.MIN_VALUE, { beta })
  return {
    beta,
    reference: true,
    perToken,
    ofPair: (chosen, rejected) => square(sub(sub(chosen, rejected), 1 / (2 * beta))),
  }
}

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

/**
 * The number of tokens of each row's completion, [B], from its mask [B, T]: what {@link sequenceLogp} is a sum over.
 *
 * @example
 * ```ts
 * import { completionLengths } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * completionLengths(tensor([0, 1, 1, 0], [1, 4])) // [2]
 * ```
 */
export const completionLengths = (mask: Floats): Floats => {
  const [rows, columns] = mask.shape as readonly [number, number]
  return sum({ axis: -1 })(slice([0, 1], [rows, columns])(mask))
}

/** Of completions, chosen in the first half of [2B], rejected in the second, as `encodePairs` has them. */
export type PairLogps = {
  /** Log-probabilities of whole completions, nats. */
  readonly policy: Floats
  /** The same under the reference; null or left out where the loss has none. */
  readonly reference?: Floats | null
  /** Tokens of each completion, for losses of means. */
  readonly lengths?: Floats
}

/** What the log says of pairs, under TRL's names. */
export type PreferenceMetrics = Readonly<
  Record<
    | 'logps/chosen'
    | 'logps/rejected'
    | 'rewards/accuracies'
    | 'rewards/chosen'
    | 'rewards/margins'
    | 'rewards/rejected',
    Scalar
  >
>

const halves = (x: Floats): readonly [chosen: Floats, rejected: Floats] => {
  const pairs = x.shape[0]! / 2
  return [slice([0], [pairs])(x), slice([pairs], [2 * pairs])(x)]
}

const required = <X>(what: string, fix: string, x: X | null | undefined): X => {
  if (x !== null && x !== undefined) return x
  throw new Error(`preferenceLoss: this loss needs ${what}. ${fix}`)
}

/**
 * The mean loss of pairs, a scalar, and TRL's metrics, without gradient: the implicit rewards of both completions, beta
 * times their scores (`rewards/chosen`, `rewards/rejected`), the share of pairs in which the chosen one has the greater
 * (`rewards/accuracies`), their mean difference (`rewards/margins`), `logps/chosen`, `logps/rejected` in nats (of a token
 * where the loss is of means), and what the loss measures besides. No gradient reaches the reference. The parts of a batch,
 * each times its share of the pairs, add up to the whole. Throws where the loss asks for a reference or lengths that are not there.
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
  ({ beta, reference: compares, perToken, ofPair, measures = () => ({}) }: PreferenceLoss) =>
  ({
    policy,
    reference,
    lengths,
  }: PairLogps): readonly [Scalar, PreferenceMetrics & Readonly<Record<string, Scalar>>] => {
    const over = (x: Floats): Floats =>
      perToken
        ? div(x, maximum(required('the lengths of completions', 'Give completionLengths(mask).', lengths), 1))
        : x
    const own = over(held(policy))
    const score = compares
      ? over(logRatioOf(policy, stopGradient(required('a reference', 'Score the pairs under it.', reference))))
      : own
    const [chosen, rejected] = halves(score)
    const measured = (x: Floats): Scalar => stopGradient(mean()(x))
    const [logpChosen, logpRejected] = halves(own)
    return [
      mean()(ofPair(chosen, rejected)),
      {
        'logps/chosen': measured(logpChosen),
        'logps/rejected': measured(logpRejected),
        'rewards/accuracies': measured(cast('f32')(gt(stopGradient(chosen), stopGradient(rejected)))),
        'rewards/chosen': measured(mul(chosen, beta)),
        'rewards/margins': measured(mul(sub(chosen, rejected), beta)),
        'rewards/rejected': measured(mul(rejected, beta)),
        ...Object.fromEntries(
          Object.entries(measures(chosen, rejected)).map(([name, x]) => [name, measured(x)] as const),
        ),
      },
    ]
  }

/** @internal What is measured of pairs by this loss: means over them. */
export const preferenceMeasures = (loss: PreferenceLoss): Readonly<Record<string, Fold>> => {
  const none = zeros([2])
  const [, metrics] = preferenceLoss(loss)({ policy: none, reference: none, lengths: none })
  return Object.fromEntries(Object.keys(metrics).map((name) => [name, 'sum'] as const))
}

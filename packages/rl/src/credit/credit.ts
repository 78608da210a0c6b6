/**
 * Credit assignment: from what is known of a batch of completions to an advantage for each completion, or for each of its
 * tokens. A credit is a pure function, and composes: `klInReward(0.05)(outcome(rloo))`.
 */
import type { Advantage, Groups } from './advantage.ts'
import type { NamedAdvantage } from './gdpo.ts'
import type { Steps, TokenGroups } from './process.ts'
import { type Deviation, TRL_DEVIATION } from './deviation.ts'
import type { Experience } from '../experience/experience.ts'
import { klPenalised, klToGo, tokenBatchStd } from './kl-reward.ts'
import { type Needs, needing } from './needs.ts'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import { demandAtLeast } from '../run/errors.ts'
import { shown } from '@adjoint/tensor/ir'
import type { HostKey } from '../run/keys.ts'

/** A batch when credit is assigned. */
export interface Graded<Problem> extends Pick<Experience<Problem>, 'group' | 'samples' | 'breakdowns' | 'steps'> {
  /**
   * One list a row, one number a token of its completion: `log pi - log pi_ref` of what was sampled, nats. Null where there
   * is no reference policy.
   */
  readonly kl: readonly (readonly number[])[] | null
}

/** One advantage a row, for all tokens of a completion or one for each. What it draws at random follows from the key. */
export interface Credit<Problem> {
  (graded: Graded<Problem>, key: HostKey): readonly (number | readonly number[])[]
  /** What it needs to say anything: a step that does not give it is refused when it is made, by `requireCredit`. */
  readonly needs?: Needs
}

/** The total rewards of a batch, by group. */
const totalsOf = <Problem>({ breakdowns, group }: Graded<Problem>): Groups =>
  chunksOf(group)(breakdowns.map((b) => b.total))

const withTotals = <Problem>(graded: Graded<Problem>, totals: readonly number[]): Graded<Problem> => ({
  ...graded,
  breakdowns: graded.breakdowns.map((b, row) => ({ ...b, total: totals[row]! })),
})

/**
 * The same credit to all tokens of a completion, by its total reward: outcome supervision (DeepSeekMath section 4.1.2).
 *
 * @example
 * ```ts
 * import { group, outcome } from '@adjoint/rl'
 * const credit = outcome(group())
 * ```
 */
export const outcome = (advantage: Advantage): Credit<unknown> =>
  needing({ ...advantage.needs, rewards: 'total' }, (graded: Graded<unknown>) => {
    const totals = totalsOf(graded)
    return inGroups('outcome', advantage(totals), totals)
  })

/** The advantages, in one list. Throws RangeError where they are not in the groups that the rewards are in: they would go to other completions. */
const inGroups = (op: string, advantages: unknown, like: Groups): readonly number[] => {
  const fits =
    Array.isArray(advantages) &&
    advantages.length === like.length &&
    advantages.every((g: unknown, i) => Array.isArray(g) && g.length === like[i]!.length)
  // What the numbers are, is looked at by the step, which names the completion.
  if (fits) return (advantages as Groups).flat()
  throw new RangeError(
    `${op}: groups of ${like.map((g) => g.length).join(', ')} rewards, and the advantage gave ${shown(advantages)}. ` +
      'Give a list for each group, with a number for each of its rewards.',
  )
}

/**
 * Credit by each reward on its own, before they are added: `gdpo` is one such advantage. It is given the rewards by name,
 * in groups, unweighted.
 *
 * @example
 * ```ts
 * import { byReward, drGrpo } from '@adjoint/rl'
 * const credit = byReward(({ correct }) => drGrpo(correct!))
 * ```
 */
export const byReward = (advantage: NamedAdvantage): Credit<unknown> =>
  needing({ rewards: 'total', ...advantage.needs }, ({ breakdowns, group }: Graded<unknown>) => {
    const names = Object.keys(breakdowns[0]?.parts ?? {})
    const of = (name: string): Groups => chunksOf(group)(breakdowns.map((b) => b.parts[name]!))
    const totals = chunksOf(group)(breakdowns.map((b) => b.total))
    return inGroups('byReward', advantage(Object.fromEntries(names.map((name) => [name, of(name)]))), totals)
  })

/**
 * Credit by other rewards than those in the log, from the same completions: a control with shuffled or random rewards, or
 * noise put on them.
 *
 * @example
 * ```ts
 * import { group, outcome, relabelled } from '@adjoint/rl'
 * const constant = relabelled((rewards) => rewards.map((g) => g.map(() => 1)))(outcome(group()))
 * ```
 */
export const relabelled =
  (relabel: (rewards: Groups, key: HostKey) => Groups) =>
  <Problem>(credit: Credit<Problem>): Credit<Problem> =>
    needing({ ...credit.needs }, (graded: Graded<Problem>, key: HostKey) => {
      const given = totalsOf(graded)
      return credit(withTotals(graded, likeRewards(relabel(given, key), given).flat()), key)
    })

/** Rewards of the same structure, NaN where absent. Throws RangeError otherwise: what is missing would read as absent. */
const likeRewards = (rewards: Groups, like: Groups): Groups => {
  const fits =
    rewards.length === like.length &&
    rewards.every((g, i) => g.length === like[i]!.length && g.every((r) => Number.isFinite(r) || Number.isNaN(r)))
  if (fits) return rewards
  throw new RangeError(
    `relabelled: groups of ${like.map((g) => g.length).join(', ')} rewards were relabelled as ${JSON.stringify(rewards)}. ` +
      'Give as many numbers to each group, NaN where one is absent.',
  )
}

/**
 * Credit by the steps of completions: process supervision, `processReward` being the advantage. Throws where no process
 * reward was collected.
 *
 * @example
 * ```ts
 * import { processReward, stepwise } from '@adjoint/rl'
 * const credit = stepwise(processReward())
 * ```
 */
export const stepwise = (advantage: (groups: readonly (readonly Steps[])[]) => TokenGroups): Credit<unknown> =>
  needing({ steps: true }, ({ samples, steps, group }: Graded<unknown>) => {
    if (steps === null)
      throw new Error('stepwise: the experience has no rewards of steps. Give the collector a processReward.')
    const rows = samples.map(({ length }, row) => ({ length, steps: steps[row]! }))
    return advantage(chunksOf(group)(rows)).flat()
  })

const klOf = <Problem>(op: string, { kl, group }: Graded<Problem>): TokenGroups => {
  if (kl !== null) return chunksOf(group)(kl)
  throw new Error(`${op}: there is no reference policy. Put one into the state of the loop.`)
}

/**
 * Takes the divergence from the reference off the reward of a completion before the baseline is formed, by
 * {@link klPenalised}: the KL term of RLOO, in the reward instead of the loss. Throws where the state has no reference.
 *
 * @example
 * ```ts
 * import { klInReward, outcome, rloo } from '@adjoint/rl'
 * const credit = klInReward(0.05)(outcome(rloo))
 * ```
 */
export const klInReward = (beta: number) => {
  demandAtLeast('klInReward', 0, { beta })
  return <Problem>(credit: Credit<Problem>): Credit<Problem> =>
    needing({ ...credit.needs, reference: true }, (graded: Graded<Problem>, key: HostKey) =>
      credit(withTotals(graded, klPenalised(beta)(totalsOf(graded), klOf('klInReward', graded)).flat()), key),
    )
}

/**
 * Credit to each token by its return, the reward less the divergence of itself and what follows, normalised over the tokens
 * of the batch: REINFORCE++ (Hu 2025, eq. 5 and 6), by {@link klToGo} and {@link tokenBatchStd}. Throws where the state has
 * no reference.
 *
 * @example
 * ```ts
 * import { returnsToGo } from '@adjoint/rl'
 * const credit = returnsToGo(0.01)
 * ```
 */
export const returnsToGo = (beta: number, deviation: Deviation = TRL_DEVIATION): Credit<unknown> => {
  demandAtLeast('returnsToGo', 0, { beta })
  const normalised = tokenBatchStd(deviation)
  return needing({ rewards: 'total', reference: true }, (graded: Graded<unknown>) =>
    normalised(klToGo(beta)(totalsOf(graded), klOf('returnsToGo', graded))).flat(),
  )
}

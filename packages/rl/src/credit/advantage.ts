/**
 * Advantages from the rewards of groups of completions to one prompt each, in double precision on the host.
 *
 * A reward of NaN is absent: it takes no part in any mean or deviation, and its advantage is 0. A group with fewer than
 * two rewards, or with equal ones, says nothing about which completion is better: its advantages are exactly 0. Advantages
 * of several rewards by name are in `gdpo.ts`, those of the steps of a completion in `process.ts`.
 */
import {
  absentToZero,
  centre,
  countOf,
  demandDeviation,
  type Deviation,
  std,
  TRL_DEVIATION,
  zScore,
} from './deviation.ts'
import { shown } from '../reward/mistake.ts'
import { type Needs, needing } from './needs.ts'

/** Rewards or advantages: one list a prompt, one number a completion. */
export type Groups = readonly (readonly number[])[]

/** Advantages of the same structure as the rewards. */
export interface Advantage {
  (rewards: Groups): Groups
  /** What it needs to say anything. */
  readonly needs?: Needs
}

/** Throws TypeError for what is no list of groups: rewards of one group by themselves, a tensor, nothing. */
const demandGroups = (op: string, rewards: unknown): void => {
  const isList = (x: unknown): x is readonly unknown[] => Array.isArray(x)
  const wrong = isList(rewards) ? rewards.find((each) => !isList(each)) : rewards
  if (isList(rewards) && wrong === undefined) return
  throw new TypeError(
    `${op}: rewards are ${isList(rewards) ? `a list with ${shown(wrong)} in it` : shown(rewards)}. ` +
      'Give a list of groups, each with one number a completion: [[1, 0, 0, 1]] for one prompt.',
  )
}

/** One completion says nothing beside no other. */
const COMPARES: Needs = { group: 2 }

/** An advantage that looks at one group at a time. */
const perGroup = (name: string, f: (deviations: readonly number[], mean: number) => readonly number[]): Advantage =>
  needing(COMPARES, (rewards: Groups) => {
    demandGroups(name, rewards)
    return rewards.map((group) => {
      const centred = centre(group)
      return centred === null ? group.map(() => 0) : f(centred.deviations, centred.mean).map(absentToZero)
    })
  })

/**
 * `(r - mean) / (std + eps)` over each group: GRPO (DeepSeekMath eq. 3 and section 4.1.2).
 *
 * @example
 * ```ts
 * import { group } from '@adjoint/rl'
 * group()([[1, 0, 0, 0]]) // [[1.49970, -0.49990, -0.49990, -0.49990]]
 * ```
 */
export const group = (deviation: Deviation = TRL_DEVIATION): Advantage => {
  const score = zScore(deviation)
  return needing(COMPARES, (rewards: Groups) => {
    demandGroups('group', rewards)
    return rewards.map(score)
  })
}

/**
 * `r - mean` over each group: without the division that weighs easy and hard prompts more (Dr. GRPO, Liu et al. 2025, eq. 3).
 *
 * @example
 * ```ts
 * import { drGrpo } from '@adjoint/rl'
 * drGrpo([[1, 0, 0, 0]]) // [[0.75, -0.25, -0.25, -0.25]]
 * ```
 */
export const drGrpo: Advantage = perGroup('drGrpo', (d) => d)

/**
 * `r - mean of the others`: the leave-one-out baseline (RLOO, Ahmadian et al. 2024, eq. 8), `n/(n - 1)` times {@link drGrpo}.
 *
 * @example
 * ```ts
 * import { rloo } from '@adjoint/rl'
 * rloo([[1, 0, 0, 0]]) // [[1, -1/3, -1/3, -1/3]]
 * ```
 */
export const rloo: Advantage = perGroup('rloo', (d) => {
  const n = countOf(d)
  return d.map((x) => (x * n) / (n - 1))
})

/**
 * `(r - group mean) / (std of the whole batch + eps)` (Lite PPO, Liu et al. 2025, "Tricks or traps", section 4.1; TRL's
 * `scale_rewards="batch"`): the deviation is that of all present rewards of the batch from the batch's mean.
 *
 * @example
 * ```ts
 * import { batchStd } from '@adjoint/rl'
 * batchStd()([[1, 0], [3, 3]]) // the second group says nothing: [[0.333, -0.333], [0, 0]]
 * ```
 */
export const batchStd = (deviation: Deviation = TRL_DEVIATION): Advantage => {
  const { ddof, eps } = demandDeviation(deviation)
  return needing(COMPARES, (rewards: Groups) => {
    demandGroups('batchStd', rewards)
    const batch = centre(rewards.flat())
    const scale = batch === null ? 1 : std(batch.deviations, ddof) + eps
    return perGroup('batchStd', (d) => d.map((x) => x / scale))(rewards)
  })
}

/**
 * `(r - mean) / mean` over each group, for rewards that are not negative: the gradient of the likelihood of success
 * rather than of its probability (MaxRL, Tajwar et al. 2026). A mean of 0 or below gives 0.
 *
 * @example
 * ```ts
 * import { maxRl } from '@adjoint/rl'
 * maxRl([[1, 0, 0, 0]]) // [[3, -1, -1, -1]]
 * ```
 */
export const maxRl: Advantage = perGroup('maxRl', (d, mu) => d.map((x) => (mu > 0 ? x / mu : 0)))

/**
 * `(r - mean) / (std + eps)` over the whole batch, whatever the groups (REINFORCE++, Hu 2025, eq. 6).
 *
 * @example
 * ```ts
 * import { reinforcePlusPlus } from '@adjoint/rl'
 * reinforcePlusPlus()([[1], [0], [0], [0]]) // [[1.49970], [-0.49990], [-0.49990], [-0.49990]]
 * ```
 */
export const reinforcePlusPlus = (deviation: Deviation = TRL_DEVIATION): Advantage => {
  const score = zScore(deviation)
  return needing({ batch: 2 }, (rewards: Groups) => {
    demandGroups('reinforcePlusPlus', rewards)
    const flat = score(rewards.flat())
    let at = 0
    return rewards.map((g) => g.map(() => flat[at++]!))
  })
}

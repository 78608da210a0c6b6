/** Advantages of several rewards, each normalised by itself before they are added. */
import type { Groups } from './advantage.ts'
import { absentToZero, type Deviation, std, TRL_DEVIATION, zScore } from './deviation.ts'
import { type Needs, needing } from './needs.ts'

/** Rewards by name, each with the structure of {@link Groups}: a list a prompt, a number a completion, NaN where absent. */
export type NamedGroups = Readonly<Record<string, Groups>>

/** Advantages from rewards that are still apart. */
export interface NamedAdvantage {
  (rewards: NamedGroups): Groups
  /** What it needs to say anything. */
  readonly needs?: Needs
}

const rewardOf = (rewards: NamedGroups, name: string): Groups => {
  const found = rewards[name]
  if (found !== undefined) return found
  throw new Error(
    `gdpo: a weight names '${name}', but the rewards are ${Object.keys(rewards).join(', ') || 'none'}. Name a reward that is scored.`,
  )
}

/**
 * `z_batch( sum_k w_k z_group(r_k) )`: every reward is normalised within its group, so that none is drowned by one of
 * larger deviation and no two combinations collapse; the weighted sum is normalised over the batch (GDPO, Liu et al. 2026,
 * eq. 4-6). Since each z-score sums to 0 over its group, the batch's mean is 0 and only its deviation is left to divide by.
 *
 * A reward absent from one completion adds nothing to that completion; a completion of which all are absent takes no part
 * in the batch, and gets 0. Throws where a weight names no reward, or none is other than 0.
 *
 * @example
 * ```ts
 * import { gdpo } from '@adjoint/rl'
 * const advantage = gdpo({ correct: 1, format: 0.1 })
 * advantage({ correct: [[1, 0, 0, 0]], format: [[1, 1, 0, 0]] }) // [[1.504, -0.408, -0.548, -0.548]]
 * ```
 */
export const gdpo = (
  weights: Readonly<Record<string, number>>,
  deviation: Deviation = TRL_DEVIATION,
): NamedAdvantage => {
  const score = zScore(deviation)
  const used = Object.entries(weights).filter(([, weight]) => weight !== 0)
  const bad = used.find(([, weight]) => !Number.isFinite(weight))
  if (used.length === 0 || bad !== undefined)
    throw new RangeError(
      bad === undefined
        ? 'gdpo: no reward has a weight other than 0. Weigh at least one, by its name.'
        : `gdpo: the weight of ${JSON.stringify(bad[0])} is ${bad[1]}. Give finite numbers.`,
    )
  return needing({ group: 2, rewards: used.map(([name]) => name) }, (rewards: NamedGroups) => {
    const parts = used.map(([name, weight]) => {
      const given = rewardOf(rewards, name)
      return { weight, given, scores: given.map(score) }
    })
    const sums = parts[0]!.given.map((g, i) =>
      g.map((_, j) =>
        parts.every(({ given }) => Number.isNaN(given[i]![j]!))
          ? NaN
          : parts.reduce((s, { weight, scores }) => s + weight * scores[i]![j]!, 0),
      ),
    )
    const scale = std(sums.flat(), deviation.ddof) + deviation.eps
    return sums.map((g) => g.map((x) => (x === 0 ? 0 : absentToZero(x / scale))))
  })
}

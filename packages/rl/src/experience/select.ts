/** Dynamic sampling: which groups are worth a gradient (DAPO, Yu et al. 2025, section 3.2). */
import type { Breakdown } from '../reward/named.ts'

/** Whether to learn from a group, by the rewards of its completions. */
export type Keep = (group: readonly Breakdown[]) => boolean

const present = (xs: readonly number[]): readonly number[] => xs.filter((x) => !Number.isNaN(x))

/**
 * Groups in which at least two completions have a reward: all that advantages need. Where rewards fail now and then, this
 * replaces the groups that lost theirs.
 *
 * @example
 * ```ts
 * import { rewarded } from '@adjoint/rl'
 * rewarded([{ total: 1, parts: {} }, { total: NaN, parts: {} }]) // false
 * ```
 */
export const rewarded: Keep = (group) => present(group.map((b) => b.total)).length >= 2

/**
 * Groups whose rewards are not all equal: those whose advantages are not all 0.
 *
 * @example
 * ```ts
 * import { informative } from '@adjoint/rl'
 * informative([{ total: 1, parts: {} }, { total: 0, parts: {} }]) // true
 * ```
 */
export const informative: Keep = (group) => {
  const totals = present(group.map((b) => b.total))
  return totals.some((x) => x !== totals[0])
}

/**
 * Groups of which some completions, and not all, are right by one of the rewards, `0 < correct < G` (DAPO eq. 11): right
 * is above 0. Absent rewards do not count. Throws where no reward has the name: no group would ever be kept.
 *
 * @example
 * ```ts
 * import { partlyRight } from '@adjoint/rl'
 * const keep = partlyRight('correct')
 * keep([{ total: 1, parts: { correct: 1 } }, { total: 0.1, parts: { correct: 0 } }]) // true
 * ```
 */
export const partlyRight =
  (name: string): Keep =>
  (group) => {
    if (group.some(({ parts }) => !Object.hasOwn(parts, name)))
      throw new Error(
        `partlyRight: no reward is named ${JSON.stringify(name)}; there are ${Object.keys(group[0]!.parts).join(', ') || 'none'}. Name one that is scored.`,
      )
    const known = present(group.map((b) => b.parts[name]!))
    const right = known.filter((x) => x > 0).length
    return right > 0 && right < known.length
  }

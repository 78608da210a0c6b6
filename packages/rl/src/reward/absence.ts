/** Rewards that failed, seen over a batch: how many, and why the first one did. */
import type { RunError } from '../run/errors.ts'
import type { Breakdown, NamedReward } from './named.ts'

/** A reward that some completions of a batch lack. */
export interface Absence {
  readonly reward: string
  /** Completions that lack it. */
  readonly absent: number
  /** Completions of the batch. */
  readonly of: number
  /** Why the first of them lacks it. */
  readonly cause: string
}

/**
 * The rewards that are absent somewhere in a batch, by name in their order; none where all are there. A record each is what
 * a loop writes to its log.
 *
 * @example
 * ```ts
 * import { absences } from '@adjoint/rl'
 * const lost = { total: NaN, parts: { judge: NaN }, absent: { judge: 'HTTP 500' } }
 * absences([lost, { total: 1, parts: { judge: 1 } }]) // [{ reward: 'judge', absent: 1, of: 2, cause: 'HTTP 500' }]
 * ```
 */
export const absences = (breakdowns: readonly Breakdown[]): readonly Absence[] =>
  [...new Set(breakdowns.flatMap(({ parts }) => Object.keys(parts)))].flatMap((reward) => {
    const lacking = breakdowns.filter(({ parts }) => Number.isNaN(parts[reward]))
    const [first] = lacking
    if (first === undefined) return []
    return [{ reward, absent: lacking.length, of: breakdowns.length, cause: first.absent?.[reward] ?? 'gave NaN' }]
  })

/**
 * An absence as a line of the log, of kind 'absent'.
 *
 * @example
 * ```ts
 * import { absenceRecord } from '@adjoint/rl'
 * absenceRecord({ reward: 'judge', absent: 1, of: 2, cause: 'HTTP 500' }) // { kind: 'absent', reward: 'judge', .. }
 * ```
 */
export const absenceRecord = ({ reward, absent, of, cause }: Absence) =>
  ({ kind: 'absent', reward, absent, of, cause }) as const

/**
 * @internal The reward that a batch has lost: the one that is absent for most, where no completion has a total (as where one
 * is absent for all); null where there is something to learn from. One of weight 0 is in no total, and may be lost.
 */
export const lostReward = (
  rewards: readonly Pick<NamedReward<never>, 'name' | 'weight'>[],
  breakdowns: readonly Breakdown[],
): RunError | null => {
  if (!breakdowns.every(({ total }) => Number.isNaN(total))) return null
  const counted = new Set(rewards.filter(({ weight }) => weight !== 0).map(({ name }) => name))
  const [worst] = absences(breakdowns)
    .filter(({ reward }) => counted.has(reward))
    .toSorted((x, y) => y.absent - x.absent)
  return worst === undefined ? null : { _tag: 'RewardAbsent', ...worst }
}

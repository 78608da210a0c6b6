/**
 * How far pass@1 of an exam may be off. The completions to one problem are no independent draws, so it is problems that are drawn anew:
 * the bootstrap over clusters (Efron and Tibshirani 1993, An introduction to the bootstrap, sections 8 and 13.3).
 */
import { dice, foldIn, hostKey } from '@adjoint/rl'

/** 95 of 100 resampled means lie between these. */
export interface Interval {
  readonly passAt1Low: number
  readonly passAt1High: number
}

const DRAWS = 4000

/**
 * The percentile interval of the mean of verdicts (1 right, 0 wrong) that stand in groups of `group`, one for each problem. The same
 * verdicts give the same interval. Throws RangeError for no verdicts, or a group that is not full.
 */
export const interval =
  (group: number) =>
  (verdicts: readonly number[]): Interval => {
    const problems = verdicts.length / group
    if (!(Number.isInteger(problems) && problems > 0))
      throw new RangeError(
        `interval: ${verdicts.length} verdicts in groups of ${group}. Give ${group} to each problem.`,
      )
    const rates = Array.from(
      { length: problems },
      (_, p) => verdicts.slice(p * group, (p + 1) * group).reduce((s, v) => s + v, 0) / group,
    )
    const means = Float64Array.from({ length: DRAWS }, (_, draw) => {
      const roll = dice(foldIn(hostKey(20251127), draw))
      let sum = 0
      for (let i = 0; i < problems; i++) sum += rates[roll(problems)]!
      return sum / problems
    }).sort()
    const at = (share: number): number => means[Math.round(share * (DRAWS - 1))]!
    return { passAt1Low: at(0.025), passAt1High: at(0.975) }
  }

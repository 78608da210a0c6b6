/** Advantages of tokens from the rewards of the steps of a chain of thought. */
import { type Deviation, TRL_DEVIATION, zScore } from './deviation.ts'
import type { StepReward } from '../experience/experience.ts'

/** A number a token: one list a prompt, one a completion, one number a token. */
export type TokenGroups = readonly (readonly (readonly number[])[])[]

/** The rewards of the steps of a completion of `length` tokens, in any order. NaN = absent. */
export interface Steps {
  readonly length: number
  readonly steps: readonly StepReward[]
}

/** `A_t` = the sum of the scores of the steps that end at or after t. */
const toGo = ({ length, steps }: Steps, scores: readonly number[]): readonly number[] => {
  const sums = Array.from({ length }, () => 0)
  steps.forEach(({ end }, i) => {
    if (!Number.isInteger(end) || end < 0 || end >= length)
      throw new RangeError(
        `processReward: a step ends at token ${end} of a completion of ${length} tokens. Ends are indices from 0 to length - 1.`,
      )
    sums[end]! += scores[i]!
  })
  for (let t = length - 2; t >= 0; t--) sums[t]! += sums[t + 1]!
  return sums
}

/**
 * `A_t = sum of z(r_j) over the steps j that end at or after t`, where z is the z-score among the rewards of all steps of
 * all completions of the group: process supervision (DeepSeekMath, Shao et al. 2024, section 4.1.3). With one step a
 * completion, at its last token, it is `group` at every token. An absent reward adds nothing; equal ones give exactly 0.
 * Throws RangeError where a step ends outside of its completion.
 *
 * @example
 * ```ts
 * import { processReward } from '@adjoint/rl'
 * const right = { length: 3, steps: [{ end: 0, reward: 1 }, { end: 2, reward: 1 }] }
 * const wrong = { length: 2, steps: [{ end: 0, reward: 1 }, { end: 1, reward: 0 }] }
 * processReward()([[right, wrong]]) // [[[0.9998, 0.4999, 0.4999], [-0.9998, -1.4997]]]
 * ```
 */
export const processReward = (deviation: Deviation = TRL_DEVIATION) => {
  const score = zScore(deviation)
  return (groups: readonly (readonly Steps[])[]): TokenGroups =>
    groups.map((completions) => {
      const scores = score(completions.flatMap(({ steps }) => steps.map(({ reward }) => reward)))
      let at = 0
      return completions.map((c) => toGo(c, scores.slice(at, (at += c.steps.length))))
    })
}

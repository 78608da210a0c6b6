/** What a step of GRPO, or of PPO, gives: the next state, and what its completions got. */
import type { Collected } from '../experience/collect.ts'
import type { Absence } from '../reward/absence.ts'
import type { Breakdown } from '../reward/named.ts'
import type { Sample } from '../reward/sample.ts'
import type { Metrics } from '../run/metrics.ts'

/** One completion as the log keeps it. */
export interface GradedSample<Problem> {
  readonly sample: Sample<Problem>
  readonly reward: Breakdown
  /** Of its tokens, their mean. */
  readonly advantage: number
  /** Of its tokens, under the policy that sampled, nats. */
  readonly logProbs: Float32Array
}

/** What a step gives. Times are in ms. */
export interface GrpoStepped<Problem, S> {
  readonly state: S
  readonly metrics: Metrics
  readonly graded: readonly GradedSample<Problem>[]
  /** The rewards that failed somewhere in what was sampled: `absenceRecord` makes a line of each for the log. */
  readonly absences: readonly Absence[]
  /** The groups that were learnt from: which draws of the run they were. */
  readonly ids: readonly string[]
  readonly times: {
    readonly rollout: number
    readonly reward: number
    readonly train: number
    readonly step_time: number
  }
}

/** @internal All of it but the state and the metrics. `train` is in ms. */
export const stepped = <Problem>(
  { experience: { samples, breakdowns, ids, samplerLogp }, absences, times }: Collected<Problem>,
  { advantages }: { readonly advantages: readonly number[] },
  train: number,
) => ({
  graded: samples.map((sample, row) => {
    const at = (row * samplerLogp.length) / samples.length
    const logProbs = samplerLogp.slice(at, at + sample.length)
    return { sample, reward: breakdowns[row]!, advantage: advantages[row]!, logProbs }
  }),
  absences,
  ids,
  times: { ...times, train, step_time: times.rollout + times.reward + train },
})

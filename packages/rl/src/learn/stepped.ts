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
  /** Its tokens, the one that ends it included. */
  readonly tokens: Int32Array
  /** Of its tokens, under the policy that sampled, nats. */
  readonly logProbs: Float32Array
  /** Of the distributions that its tokens were drawn from, nats; null where they were not asked for. */
  readonly entropies: Float32Array | null
  /** Of its tokens, where the credit tells them apart; null where all have that of the completion. */
  readonly tokenAdvantages: readonly number[] | null
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

/** What learning says of completions, one by one. */
export interface Told {
  /** One a row: its advantage, or the mean over its tokens. */
  readonly advantages: readonly number[]
  /** One a row: those of its tokens, where the credit tells them apart; null elsewhere. */
  readonly tokenAdvantages: readonly (readonly number[] | null)[]
  /** `[rows, N]` of the groups that were asked for, nats, the first of the batch; null of none. */
  readonly entropies: Float32Array | null
}

/** @internal All of it but the state and the metrics. `train` is in ms. */
export const stepped = <Problem>(
  { experience: { samples, breakdowns, ids, tokens, width, samplerLogp }, absences, times }: Collected<Problem>,
  { advantages, tokenAdvantages, entropies }: Told,
  train: number,
) => ({
  graded: samples.map((sample, row): GradedSample<Problem> => {
    const columns = samplerLogp.length / samples.length
    const at = row * columns
    const first = row * (width + columns) + width
    return {
      sample,
      reward: breakdowns[row]!,
      advantage: advantages[row]!,
      tokens: tokens.slice(first, first + sample.length),
      logProbs: samplerLogp.slice(at, at + sample.length),
      entropies: entropies === null || at >= entropies.length ? null : entropies.slice(at, at + sample.length),
      tokenAdvantages: tokenAdvantages[row] ?? null,
    }
  }),
  absences,
  ids,
  times: { ...times, train, step_time: times.rollout + times.reward + train },
})

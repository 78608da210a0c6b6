/** The command line of variants. */
import { common, type CommonValues, count, counts, type FlagsOf } from '../cli/flags.ts'
import type { Length } from './branches.ts'

export interface Flags extends CommonValues, Length {
  /** Of the cold start. */
  readonly seed: number
  /** Of the runs of RL. */
  readonly seeds: readonly number[]
}

export const flags: FlagsOf<Flags> = {
  seeds: counts('seeds of RL, each variant once with each', [0, 1]),
  sftSteps: count('SFT steps of the start that all variants share', 1500),
  steps: count('steps of RL of each variant', 40),
  exam: count('held-out problems of the exams at the end, 16 samples each', 128, { min: 1 }),
  ...common,
  seed: count('seed of the cold start', 0),
}

/** The command line of dpo. */
import { common, type CommonValues, count, type FlagsOf } from '../cli/flags.ts'

export interface Flags extends CommonValues {
  readonly seed: number
  readonly resume: boolean
  readonly sftSteps: number
  readonly steps: number
  /** Held-out problems of the exam at the end. */
  readonly exam: number
}

export const flags: FlagsOf<Flags> = {
  sftSteps: count('SFT steps of the cold start', 1500),
  steps: count('steps of each way to learn, of 256 sampled completions', 100, { min: 1 }),
  exam: count('held-out problems of the exam at the end', 128, { min: 1 }),
  ...common,
}

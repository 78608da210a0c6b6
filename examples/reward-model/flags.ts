/** The command line of reward-model. */
import { common, type CommonValues, count, type FlagsOf } from '../cli/flags.ts'

export interface Flags extends CommonValues {
  readonly seed: number
  readonly resume: boolean
  readonly sftSteps: number
  readonly judgeSteps: number
  readonly steps: number
  /** Held-out problems of the exams. */
  readonly exam: number
}

export const flags: FlagsOf<Flags> = {
  sftSteps: count('SFT steps of the policy’s cold start', 1500),
  judgeSteps: count('steps of each reward model', 200),
  steps: count('GRPO steps against each reward model', 200),
  exam: count('held-out problems of the exams', 128, { min: 1 }),
  ...common,
}

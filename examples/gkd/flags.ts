/** The command line of gkd. */
import { common, type CommonValues, count, type FlagsOf } from '../cli/flags.ts'

export interface Flags extends CommonValues {
  readonly seed: number
  readonly resume: boolean
  readonly teacherSteps: number
  readonly startSteps: number
  readonly steps: number
  /** Training problems that the teacher writes a trace for. */
  readonly problems: number
  /** Held-out problems of the exam at the end. */
  readonly exam: number
}

export const flags: FlagsOf<Flags> = {
  teacherSteps: count('SFT steps of the teacher, on traces of an oracle', 800),
  startSteps: count('SFT steps on the traces of the teacher that all students begin with', 100),
  steps: count('further steps of each student', 500),
  problems: count('problems that the teacher writes a trace for', 256, { min: 1 }),
  exam: count('held-out problems of the exam at the end', 128, { min: 1 }),
  ...common,
}

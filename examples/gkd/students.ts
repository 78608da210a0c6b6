/** The ways to learn from a teacher: each a step, all with one optimizer, one batch size and one beginning. */
import {
  type Demonstration,
  distillStep,
  epochs,
  forwardKl,
  generalizedJsd,
  gkdStep,
  type HostKey,
  type Learner,
  miniLlmStep,
  type RunError,
  sftStep,
  type Stepped,
  type TeacherModel,
} from '@adjoint/rl'
import type { TransformerParams } from '@adjoint/nn'
import type { Device } from '@adjoint/tensor'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Opt, optimizer, policyOf, ROWS, sampling, small } from './setting.ts'

/** A step of training, by its key and its number. */
export type Step = (
  state: Learner<TransformerParams, Opt>,
  key: HostKey,
  number: number,
) => TaskEither<RunError, Stepped<Learner<TransformerParams, Opt>>>

/** What all students are given. */
export interface Lessons {
  readonly teacher: TeacherModel<TransformerParams>
  /** What the teacher wrote: a small set, read over and over. */
  readonly traces: readonly Demonstration[]
  /** And what it writes to as many new problems as an on-policy student meets: read once. */
  readonly fresh: readonly Demonstration[]
  /** Of the order in which it is read. */
  readonly key: HostKey
  readonly device: Device
}

/** The students by name; a program is compiled when its student is asked for. */
export const studentsOf = ({ teacher, traces, fresh, key, device }: Lessons): Readonly<Record<string, () => Step>> => {
  const alone = { policy: policyOf(small), optimizer, device }
  const student = { ...alone, teacher }
  const batch = epochs(traces, { rows: ROWS, key })
  const fixed = { ...student, batch }
  const jsd = generalizedJsd(0.5)
  return {
    sft: () => sftStep({ ...alone, batch }),
    'forward-kl': () => distillStep({ ...fixed, divergence: forwardKl }),
    jsd: () => distillStep({ ...fixed, divergence: jsd }),
    'gkd-half': () => gkdStep({ ...fixed, sampling, divergence: jsd, lambda: 0.5 }),
    'gkd-own': () => gkdStep({ ...fixed, sampling, divergence: jsd, lambda: 1 }),
    'policy-gradient': () => miniLlmStep({ ...student, sampling }),
    // The control: is it the new problems, or that the texts are its own?
    'sft-fresh': () => sftStep({ ...alone, batch: epochs(fresh, { rows: ROWS, key }) }),
  }
}

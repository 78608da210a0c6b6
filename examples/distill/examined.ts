/** Exams: the same held-out problems for every model, with how far pass@1 may be off; and what a log says of them. */
import { linesOf } from '@adjoint/report'
import {
  type ChainSum,
  type Evaluated,
  type EvaluateConfig,
  evaluationRecord,
  evaluator,
  type LogRecord,
  type PhaseStep,
  type RunError,
  sampleRecords,
} from '@adjoint/rl'
import type { Tree } from '@adjoint/tensor'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { interval } from '../cli/interval.ts'
import { correct, EXAM_SEED, SAMPLES } from '../grpo/job.ts'
import { exam } from './setting.ts'

/** Lines of a log, as a step of a phase gives them. */
export type Lines = NonNullable<PhaseStep<Tree>['records']>

/** Whom to examine, and with how many problems. */
export type ExamConfig<P extends Tree> = Omit<EvaluateConfig<ChainSum, P>, 'task' | 'samples' | 'seed'> & {
  /** Problems whose completions are logged as well. */
  readonly shown: number
}

/** An exam, compiled once: the lines of it, after so many steps of training. */
export const examining = <P extends Tree>({ shown, ...sitting }: ExamConfig<P>) => {
  const sit = evaluator({ ...sitting, task: exam, samples: SAMPLES, seed: EXAM_SEED })
  const completions = sampleRecords(exam, { group: SAMPLES, shown })
  const between = interval(SAMPLES)
  return (params: P, done = 0): TE.TaskEither<RunError, Lines> =>
    TE.map(({ evaluation, samples }: Evaluated<ChainSum>): Lines => {
      const figures = { ...evaluation, ...between(samples.map(correct)) }
      return [
        evaluationRecord({ problems: sitting.count, done })(figures),
        ...completions(samples.map((sample) => ({ sample }))),
      ]
    })(sit(params))
}

/** A row of the table. */
export interface Row {
  readonly model: string
  readonly parameters: number
  readonly passAt1: number
  /** 95 % of it, by drawing the problems anew. */
  readonly interval: readonly [low: number, high: number]
  readonly consAt8: number
  readonly passAt8: number
  /** Tokens, the end included. */
  readonly meanLength: number
}

/** The row of the exam that a phase of this name has left in a log. */
export const rowOf = (model: string, parameters: number, log: readonly LogRecord[], phase: string): Row => {
  const line = linesOf(log, 'evaluation', phase).at(-1)
  const at = (field: string): number => Number(line?.[field] ?? NaN)
  return {
    ...{ model, parameters, passAt1: at('passAt1'), interval: [at('passAt1Low'), at('passAt1High')] },
    ...{ consAt8: at('consAtK'), passAt8: at('passAtK'), meanLength: at('meanLength') },
  }
}

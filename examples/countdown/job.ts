/** The job as phases of a run: SFT on the oracle's traces, an exam, GRPO with short exams on the way, the exam again. */
import { type TransformerParams } from '@adjoint/nn'
import {
  type Countdown,
  type Evaluated,
  evaluator,
  grpoStep,
  type Learner,
  type LogRecord,
  type Phase,
  sftStep,
  traces,
  evaluationRecord,
  sampleRecords,
} from '@adjoint/rl'
import { linesOf } from '@adjoint/report'
import type { Device } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { phase } from '../cli/stage.ts'
import { grpo, grpoOptimizer, policy, sft, sftOptimizer, SHORT, SHOWN, sitting, task } from './setting.ts'

/** Both halves have the same kind of optimizer. */
export type Learning = Learner<TransformerParams, ReturnType<ReturnType<typeof sftOptimizer>['init']>>

/** How long the parts of a job are. */
export interface Length {
  readonly sftSteps: number
  readonly steps: number
  /** Held-out problems of the exams before and after GRPO. */
  readonly exam: number
}

const shown = sampleRecords(task, { group: sitting.samples, shown: SHOWN })

/** What an exam leaves in the log: its figures, and the completions to its first problems. */
const recordsOf = ({ evaluation, samples }: Evaluated<Countdown>, problems: number, done: number) => [
  evaluationRecord({ problems, done })(evaluation),
  ...shown(samples.map((sample) => ({ sample }))),
]

/** The phases on a device. Compiled programs live in the closures: make them once. */
export const phasesOf = (device: Device, { sftSteps, steps, exam }: Length): readonly Phase<Learning>[] => {
  const optimizer = grpoOptimizer(steps)
  const imitate = sftStep({
    policy,
    optimizer: sftOptimizer(sftSteps),
    batch: traces(task, sft),
    device,
  })
  const improve = grpoStep({ ...grpo, optimizer, device })
  const long = evaluator({ ...sitting, count: exam, device })
  const short = evaluator({ ...sitting, count: SHORT.problems, device })
  const examine = (name: string): Phase<Learning> =>
    phase(name, 1, (state) =>
      TE.map((result: Evaluated<Countdown>) => ({ state, metrics: {}, records: recordsOf(result, exam, 0) }))(
        long(state.params),
      ),
    )
  return [
    phase('sft', sftSteps, (state, { key, step }) => imitate(state, key, step)),
    examine('sft-exam'),
    {
      name: 'grpo',
      steps,
      enter: ({ params }) => ({ params, opt: optimizer.init(params) }),
      advance: ({ params, opt }, { step, key }) =>
        pipe(
          improve({ params, opt, reference: null }, key),
          TE.bindTo('stepped'),
          TE.bind('records', ({ stepped }) =>
            (step + 1) % SHORT.every === 0 && step + 1 < steps
              ? TE.map((r: Evaluated<Countdown>) => recordsOf(r, SHORT.problems, step + 1).slice(0, 1))(
                  short(stepped.state.params),
                )
              : TE.right([]),
          ),
          TE.map(({ stepped: { state, metrics, times }, records }) => ({
            state: { params: state.params, opt: state.opt },
            metrics,
            times,
            records,
          })),
        ),
    },
    examine('grpo-exam'),
  ]
}

/** The figures of one exam. */
export interface Figures {
  readonly passAt1: number
  readonly passAt8: number
  readonly formatRate: number
  readonly meanLength: number
}

/** What a run came to, out of its log. */
export const figuresOf = (records: readonly LogRecord[], name: string): Figures => {
  const line = linesOf(records, 'evaluation', name).at(-1)
  const at = (field: string): number => Number(line?.[field] ?? NaN)
  return {
    passAt1: at('passAt1'),
    passAt8: at('passAtK'),
    formatRate: at('formatRate'),
    meanLength: at('meanLength'),
  }
}

/** The job as four phases of a run: SFT, exam, GRPO (with short exams on the way), exam. */
import type { FloatDType, TransformerParams } from '@adjoint/nn'
import { tree, type Device, type Tree } from '@adjoint/tensor'
import {
  absenceRecord,
  type Chain,
  type Evaluated,
  evaluationRecord,
  evaluator,
  group,
  type GrpoState,
  grpoStep,
  outcome,
  type Phase,
  relabelled,
  sampleRecords,
  sftStep,
  syncReference,
  traces,
} from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Control, relabels } from '../cli/controls.ts'
import {
  exam as sitting,
  EXAM_EVERY,
  grpo,
  grpoOptimizer,
  grpoRate,
  MAX_TOKENS,
  policy,
  rewards,
  sft,
  sftOptimizer,
  SHORT_EXAM,
  task,
} from './setting.ts'

/** The state of the run: parameters in the dtype that they are stored as, and what the optimizer keeps of them. */
export type Learning = GrpoState<TransformerParams, Tree>

const SHOWN = 8
const evaluationLine = ({ evaluation }: Evaluated<Chain>, problems: number, done: number) =>
  evaluationRecord({ problems, done })(evaluation)

export interface JobConfig {
  readonly device: Device
  readonly steps: number
  readonly sftSteps: number
  /** Held-out problems of the exams after SFT and after GRPO. */
  readonly exam: number
  readonly micro: number
  readonly dtype: FloatDType
  readonly control: Control | null
}

/** The phases of the job on a device. Compiled programs live in the closures: make them once. */
export const phasesOf = ({
  device,
  steps,
  sftSteps,
  exam,
  micro,
  dtype,
  control,
}: JobConfig): readonly Phase<Learning>[] => {
  const optimizer = grpoOptimizer(dtype, steps)
  const demonstrate = sftStep({
    policy,
    optimizer: sftOptimizer(dtype),
    batch: traces(task, { rows: sft.rows, thinkShare: sft.thinkShare }),
    microBatch: Math.ceil(sft.rows / micro),
    device,
  })
  const improve = grpoStep({
    ...grpo,
    task,
    policy,
    maxTokens: MAX_TOKENS,
    rewards,
    optimizer,
    device,
    microBatch: Math.ceil((grpo.prompts * grpo.group) / micro),
    entropies: 1,
    credit: control === null ? outcome(group()) : relabelled(relabels[control])(outcome(group())),
  })
  const examine = (count: number) => evaluator({ ...sitting, task, policy, count, device })
  const [long, short] = [examine(exam), examine(Math.min(exam, SHORT_EXAM))]

  // The reference measures how far the policy goes; beta is 0, and it stays where GRPO begins.
  const sync = syncReference({ every: Infinity, alpha: 1 }, device)

  const examined = sampleRecords(task, { group: sitting.samples, shown: SHOWN })
  const learnt = sampleRecords(task, { group: grpo.group, shown: 1, text: policy.text })

  const exams = (name: string): Phase<Learning> => ({
    name,
    steps: 1,
    enter: (state) => state,
    advance: (state) =>
      pipe(
        long(state.params),
        TE.map((result) => ({
          state,
          metrics: {},
          records: [evaluationLine(result, exam, 0), ...examined(result.samples.map((sample) => ({ sample })))],
        })),
      ),
  })

  return [
    {
      name: 'sft',
      steps: sftSteps,
      enter: (state) => state,
      advance: (state, { key }) =>
        pipe(
          demonstrate(state, key),
          TE.map((stepped) => ({
            state: { ...stepped.state, reference: null },
            metrics: { ...stepped.metrics, learning_rate: sft.learningRate },
          })),
        ),
    },
    exams('sft-exam'),
    {
      name: 'grpo',
      steps,
      // New masters, of the parameters as they are stored: those are the policy that was examined.
      enter: ({ params }) => ({ params, opt: optimizer.init(params), reference: params }),
      advance: (state, { step, key }) =>
        pipe(
          sync(state, step),
          TE.flatMap((from) => improve(from, key)),
          TE.bindTo('stepped'),
          TE.bind('result', ({ stepped }) =>
            (step + 1) % EXAM_EVERY === 0 && step + 1 < steps
              ? TE.map((r: Evaluated<Chain>) => [evaluationLine(r, Math.min(exam, SHORT_EXAM), step + 1)])(
                  short(stepped.state.params),
                )
              : TE.right([]),
          ),
          TE.map(({ stepped, result }) => ({
            state: stepped.state,
            metrics: { ...stepped.metrics, learning_rate: grpoRate(steps, step) },
            times: stepped.times,
            records: [...result, ...stepped.absences.map(absenceRecord), ...learnt(stepped.graded, stepped.ids)],
          })),
        ),
    },
    exams('grpo-exam'),
  ]
}

/** Number of parameters, and the bytes that they take. */
export const sizeOf = (params: Learning['params']): { readonly params: number; readonly paramBytes: number } => {
  const leaves = tree.leaves(params).map(({ shape, dtype }) => ({ size: shape.reduce((a, b) => a * b, 1), dtype }))
  return {
    params: leaves.reduce((n, { size }) => n + size, 0),
    paramBytes: leaves.reduce((n, { size, dtype }) => n + size * (dtype === 'f16' || dtype === 'bf16' ? 2 : 4), 0),
  }
}

/** The job as phases of a run: an exam, GRPO with short exams on the way, the exam again. */
import { type Adapter, adam, chain, clipByGlobalNorm, type GradientTransformation, opaque } from '@adjoint/nn'
import {
  absenceRecord,
  accuracy,
  chainSum,
  type ChainSum,
  type Evaluated,
  evaluationRecord,
  evaluator,
  group,
  GRPO_OBJECTIVE,
  type Learner,
  type LogitPolicy,
  named,
  grpoStep,
  outcome,
  type Phase,
  relabelled,
  sampleRecords,
} from '@adjoint/rl'
import type { Device, Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Control, relabels } from '../cli/controls.ts'
import { interval } from '../cli/interval.ts'
import { phase } from '../cli/stage.ts'

/** Sums of two or three digits: at the edge of what SmolLM2-135M says, which is right in one of ten tries, and in one of three problems within eight. */
export const task = chainSum({ terms: { min: 2, max: 3 }, digits: { min: 1, max: 1 } })

/** Whether the number that a completion ends with is the right one. */
export const correct = accuracy(task.verify, task.answerIn)

/**
 * Right, and nothing else. With a tenth for coming to an end beside it, the policy learned within ten steps to say one digit and stop: sure of
 * the tenth, and no longer right in more than a guess.
 */
const rewards = [named('correct', correct)]

/** What a run goes on with. */
export type Learning = Learner<Adapter, Tree>

/** How long it is, and how much of it goes through the model at once. */
export interface JobConfig {
  readonly device: Device
  readonly policy: LogitPolicy<Adapter>
  readonly steps: number
  readonly prompts: number
  readonly group: number
  readonly micro: number
  readonly maxTokens: number
  readonly learningRate: number
  /** Held-out problems of the exams before and after, 8 samples each; a quarter of them on the way. */
  readonly exam: number
  readonly control: Control | null
}

/** Samples of each held-out problem. */
export const SAMPLES = 8
/** Chooses the held-out problems: all runs are asked the same. */
export const EXAM_SEED = 20251127
const EVERY = 10
const SHOWN = 4

export const optimizerOf = ({ learningRate }: Pick<JobConfig, 'learningRate'>): GradientTransformation =>
  opaque(chain(clipByGlobalNorm(1), adam({ learningRate, b2: 0.99 })))

/** The phases of the job on a device. Compiled programs live in the closures: make them once. */
export const phasesOf = (config: JobConfig): readonly Phase<Learning>[] => {
  const { device, policy, steps, prompts, micro, maxTokens, exam, control } = config
  const drawing = { task, policy, maxTokens, temperature: 1, device } as const
  const improve = grpoStep({
    ...drawing,
    prompts,
    group: config.group,
    rewards,
    optimizer: optimizerOf(config),
    microBatch: micro,
    entropies: 1,
    credit: control === null ? outcome(group()) : relabelled(relabels[control])(outcome(group())),
    objective: GRPO_OBJECTIVE,
  })
  const sitting = (count: number) => evaluator({ ...drawing, count, samples: SAMPLES, seed: EXAM_SEED, rows: 64 })
  const [long, short] = [sitting(exam), sitting(Math.ceil(exam / 4))]
  const examined = sampleRecords(task, { group: SAMPLES, shown: SHOWN })
  const learnt = sampleRecords(task, { group: config.group, shown: 1, text: policy.text })
  const between = interval(SAMPLES)
  const lineOf = ({ evaluation, samples }: Evaluated<ChainSum>, problems: number, done: number) =>
    evaluationRecord({ problems, done })({ ...evaluation, ...between(samples.map(correct)) })
  const examine = (name: string): Phase<Learning> =>
    phase(name, 1, (state) =>
      TE.map((result: Evaluated<ChainSum>) => ({
        state,
        metrics: {},
        records: [lineOf(result, exam, 0), ...examined(result.samples.map((sample) => ({ sample })))],
      }))(long(state.params)),
    )
  return [
    examine('before'),
    phase('grpo', steps, ({ params, opt }, { step, key }) =>
      pipe(
        improve({ params, opt, reference: null }, key),
        TE.bindTo('stepped'),
        TE.bind('lines', ({ stepped }) =>
          (step + 1) % EVERY === 0 && step + 1 < steps
            ? TE.map((r: Evaluated<ChainSum>) => [lineOf(r, Math.ceil(exam / 4), step + 1)])(
                short(stepped.state.params),
              )
            : TE.right([]),
        ),
        TE.map(({ stepped: { state, metrics, times, graded, ids, absences }, lines }) => ({
          state: { params: state.params, opt: state.opt },
          metrics,
          times,
          records: [...lines, ...absences.map(absenceRecord), ...learnt(graded, ids)],
        })),
      ),
    ),
    examine('after'),
  ]
}

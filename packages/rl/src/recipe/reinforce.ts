/** GRPO as a stage: of some model, on a task, for some rewards. */
import type { GradientTransformation, LearningRate } from '@adjoint/nn'
import type { Tree } from '@adjoint/tensor'
import { type OptionNames, optionsOf } from '@adjoint/tensor/ir'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { sampleRecords } from '../evaluate/record.ts'
import { GRPO_OPTIONS, type GrpoConfig, type GrpoState, grpoStep } from '../learn/grpo.ts'
import { controller } from '../objective/control.ts'
import { absenceRecord } from '../reward/absence.ts'
import type { Json } from '../run/log.ts'
import { demandExam, type Exam, examiner, examPhases, type Line, withReports } from './exam.ts'
import { type Rate, rateAt, scheduleOf } from './rate.ts'
import type { RecipeStage } from './recipe.ts'
import { staged } from './staged.ts'
import { modelOf, ON_MODEL_OPTIONS, type OnModel, type R1State, settingsOf, withModel } from './state.ts'

/** How to reinforce: what a step of GRPO takes, and the stage around it. */
export interface ReinforceConfig<Problem, P extends Tree, O extends Tree>
  extends Omit<GrpoConfig<Problem, P, O>, 'device' | 'optimizer'>, OnModel<P> {
  readonly name: string
  readonly steps: number
  readonly learningRate: Rate
  /** From a learning rate, so that the stage can log it. What else it depends on belongs into `settings`. */
  readonly optimizer: (learningRate: LearningRate) => GradientTransformation<O>
  /** A short exam each so many steps: the curve. */
  readonly watch?: { readonly every: number; readonly exam: Exam<Problem> }
  /** Groups of each step in the log. Default 1. */
  readonly shown?: number
  /** Whether the log has the log-probabilities of their tokens. Default false. */
  readonly logProbs?: boolean
  /** Whether the log has their tokens, with the log-probability, entropy and advantage of each. Default false. */
  readonly tokens?: boolean
  /** On held-out problems, when the steps are done. */
  readonly exam?: Exam<Problem>
  /** More for the first line of the log: what results depend on, and functions hide. */
  readonly settings?: { readonly [key: string]: Json }
}

const { device: _, ...GRPO } = GRPO_OPTIONS

/** @internal */
export const REINFORCE_OPTIONS: OptionNames<ReinforceConfig<never, never, never>> = {
  ...GRPO,
  ...ON_MODEL_OPTIONS,
  ...{
    name: true,
    steps: true,
    learningRate: true,
    watch: true,
    shown: true,
    logProbs: true,
    tokens: true,
    exam: true,
    settings: true,
  },
}

/**
 * A stage of GRPO: what `reasoningRl` and `allRewardsRl` are. The reference is the model as the stage found it.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, group, GRPO_OBJECTIVE, mod10Chain, named, outcome, reinforce, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const stage = reinforce({
 *   name: 'student-rl',
 *   from: 'student',
 *   to: 'student-rl',
 *   task: mod10Chain,
 *   policy: transformerPolicy(model, mod10Chain.vocabulary),
 *   steps: 100,
 *   prompts: 16,
 *   group: 16,
 *   maxTokens: 12,
 *   temperature: 1,
 *   rewards: [named('correct', accuracy(mod10Chain.verify))],
 *   credit: outcome(group()),
 *   objective: GRPO_OBJECTIVE,
 *   learningRate: { from: 1e-4, to: 2e-5 },
 *   optimizer: (learningRate) => adam({ learningRate }),
 * })
 * ```
 */
export const reinforce = <Problem, P extends Tree, O extends Tree>(
  given: ReinforceConfig<Problem, P, O>,
): RecipeStage<R1State<P>> => {
  const config = optionsOf('reinforce', given, REINFORCE_OPTIONS)
  const {
    name,
    from,
    to,
    policy,
    steps,
    learningRate,
    watch,
    exam,
    shown = 1,
    logProbs,
    tokens = false,
    ...others
  } = config
  if (exam !== undefined) demandExam('reinforce, exam', exam)
  if (watch !== undefined)
    demandExam('reinforce, watch', optionsOf('reinforce, watch', watch, { every: true, exam: true }).exam)
  const { settings, optimizer: optimizerOf, ...learning } = others
  const { task } = learning
  const updates = steps * (config.iterations ?? 1) * (config.minibatches ?? 1)
  const optimizer = optimizerOf(scheduleOf(learningRate, updates))
  return staged<R1State<P>, GrpoState<P, O>>({
    name,
    settings: settingsOf({ ...config, ...(settings && { settings }) }),
    begin: (state) => {
      const params = modelOf(from, state)
      const control = config.control === undefined ? null : controller(config.control).init
      return { params, opt: optimizer.init(params), reference: params, control }
    },
    reads: () => null,
    phases: (_, { device }) => {
      const entropies = config.entropies ?? (tokens ? shown : 0)
      const improve = grpoStep({ ...learning, entropies, policy, optimizer, device })
      const examined = { name: to, policy, device }
      // Its completions would stand among those that were trained on.
      const glance = watch === undefined ? null : examiner({ ...watch.exam, shown: 0 }, examined)
      const show = sampleRecords(task, {
        ...{ group: config.group, shown },
        ...(logProbs === undefined ? {} : { logProbs }),
        ...(tokens ? { text: policy.text } : {}),
      })
      return [
        {
          name,
          steps,
          enter: (state) => state,
          advance: (state, { step, key }) =>
            pipe(
              TE.Do,
              TE.bind('stepped', () => improve(state, key)),
              TE.bind('glanced', ({ stepped }) =>
                glance !== null && (step + 1) % watch!.every === 0 && step + 1 < steps
                  ? glance(stepped.state.params, step + 1)
                  : TE.right<never, readonly Line[]>([]),
              ),
              TE.map(({ stepped, glanced }) => ({
                state: stepped.state,
                metrics: { ...stepped.metrics, learning_rate: rateAt(learningRate, steps, step) },
                times: stepped.times,
                records: [...glanced, ...stepped.absences.map(absenceRecord), ...show(stepped.graded, stepped.ids)],
              })),
            ),
        },
        ...examPhases<Problem, P, GrpoState<P, O>>(exam, examined, {
          paramsOf: ({ params }) => params,
          done: steps,
        }),
      ]
    },
    end: (state, { tree: { params }, stage, records }) =>
      TE.right(pipe(state, withModel(to, params), withReports(stage, records))),
  })
}

/** Supervised fine-tuning as a stage: of some model, on demonstrations that a function of the state gives. */
import type { GradientTransformation, LearningRate } from '@adjoint/nn'
import type { Tree } from '@adjoint/tensor'
import { type OptionNames, optionsOf } from '@adjoint/tensor/ir'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Demonstration } from '../policy/batch.ts'
import type { Json } from '../run/log.ts'
import { sftStep } from '../learn/sft.ts'
import type { Learner } from '../learn/update.ts'
import type { LogitPolicy } from '../policy/policy.ts'
import type { HostKey } from '../run/keys.ts'
import { demandExam, type Exam, examPhases, withReports } from './exam.ts'
import { type Rate, rateAt, scheduleOf } from './rate.ts'
import type { RecipeStage } from './recipe.ts'
import { staged, stageKey } from './staged.ts'
import { modelOf, ON_MODEL_OPTIONS, type OnModel, type R1State, settingsOf, withModel } from './state.ts'

/** How to fine-tune. */
export interface SuperviseConfig<Problem, P extends Tree, O extends Tree> extends OnModel<P> {
  readonly policy: LogitPolicy<P>
  readonly name: string
  readonly steps: number
  readonly learningRate: Rate
  /** From a learning rate, so that the stage can log it. What else it depends on belongs into `settings`. */
  readonly optimizer: (learningRate: LearningRate) => GradientTransformation<O>
  /** Tokens of a row; shorter ones are padded. Default: the model's context. */
  readonly width?: number
  /** On held-out problems, when the steps are done. */
  readonly exam?: Exam<Problem>
  /** More for the first line of the log: what results depend on, and functions hide. */
  readonly settings?: { readonly [key: string]: Json }
}

/** @internal */
export const SUPERVISE_OPTIONS: OptionNames<SuperviseConfig<never, never, never>> = {
  ...ON_MODEL_OPTIONS,
  ...{ name: true, steps: true, learningRate: true, optimizer: true },
  ...{ width: true, exam: true, settings: true },
}

/** The demonstrations of a step, from its key and its number. */
export type Batches = (key: HostKey, step: number) => readonly Demonstration[]

/** Where demonstrations come from. */
export interface DemonstrationSource<P extends Tree> {
  /** What an error calls them. */
  readonly name: string
  /** Out of the state at the start of the stage, and a key for all of it. */
  readonly batch: (state: R1State<P>, key: HostKey) => Batches
  /** The data of the state that `batch` depends on. */
  readonly reads: (state: R1State<P>) => Json
}

/**
 * A stage of SFT on demonstrations from anywhere: what `coldStart`, `supervised` and `distillation` are made of.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { mod10Chain, supervise, traces, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const stage = supervise({
 *   name: 'warm-up',
 *   from: 'base',
 *   to: 'policy',
 *   policy: transformerPolicy(model, mod10Chain.vocabulary),
 *   steps: 10,
 *   learningRate: { from: 1e-3, to: 1e-4 },
 *   optimizer: (learningRate) => adam({ learningRate }),
 * })({ name: 'the warm-up', batch: () => traces(mod10Chain, { rows: 4, thinkShare: 1 }), reads: () => null })
 * ```
 */
export const supervise = <Problem, P extends Tree, O extends Tree>(given: SuperviseConfig<Problem, P, O>) => {
  const config = optionsOf('supervise', given, SUPERVISE_OPTIONS)
  if (config.exam !== undefined) demandExam('supervise, exam', config.exam)
  return ({ name: what, batch, reads }: DemonstrationSource<P>): RecipeStage<R1State<P>> => {
    const { name, from, to, policy, steps, learningRate, exam, width } = config
    const optimizer = config.optimizer(scheduleOf(learningRate, steps))
    return staged<R1State<P>, Learner<P, O>>({
      name,
      settings: settingsOf(config),
      begin: (state) => {
        const params = modelOf(from, state)
        return { params, opt: optimizer.init(params) }
      },
      reads,
      phases: (state, env) => {
        const { device } = env
        const demonstrate = sftStep({
          policy,
          optimizer,
          batch: batch(state, stageKey(env)),
          device,
          ...(width === undefined ? {} : { width }),
        })
        return [
          {
            name,
            steps,
            enter: (learner) => learner,
            advance: (learner, { step, key }) =>
              pipe(
                demonstrate(learner, key, step),
                TE.mapLeft((error) => (error._tag === 'EmptyDataset' ? { ...error, name: what } : error)),
                TE.map(({ state: next, metrics }) => ({
                  state: next,
                  metrics: { ...metrics, learning_rate: rateAt(learningRate, steps, step) },
                })),
              ),
          },
          ...examPhases<Problem, P, Learner<P, O>>(
            exam,
            { name: to, policy, device },
            { paramsOf: ({ params }) => params, done: steps },
          ),
        ]
      },
      end: (state, { tree: { params }, stage, records }) =>
        TE.right(pipe(state, withModel(to, params), withReports(stage, records))),
    })
  }
}

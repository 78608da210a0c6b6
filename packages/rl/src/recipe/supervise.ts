/** Supervised fine-tuning as a stage: of some model, on demonstrations that a function of the state gives. */
import type { GradientTransformation, LearningRate } from '@adjoint/nn'
import type { Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Demonstration } from '../batch.ts'
import type { Json } from '../log.ts'
import { type Learner, sftStep } from '../sft.ts'
import { dice, type HostKey } from '../task/key.ts'
import type { Vocabulary } from '../task/vocabulary.ts'
import { type Exam, examPhases, withReports } from './exam.ts'
import { type Rate, rateAt, scheduleOf } from './rate.ts'
import type { RecipeStage } from './recipe.ts'
import { staged } from './staged.ts'
import { modelOf, type OnModel, plain, type R1State, withModel } from './state.ts'

/** How to fine-tune. */
export interface SuperviseConfig<Problem, O extends Tree> extends OnModel {
  readonly name: string
  readonly steps: number
  /** Demonstrations of a step. */
  readonly rows: number
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

/** Where demonstrations come from. */
export interface Source {
  readonly vocabulary: Vocabulary
  /** The demonstrations of a step, out of the state at the start of the stage. */
  readonly batch: (state: R1State) => (key: HostKey) => readonly Demonstration[]
  /** The data of the state that `batch` depends on. */
  readonly reads: (state: R1State) => Json
}

/**
 * `rows` demonstrations out of a set, each drawn with replacement (where R1 makes two epochs); none of an empty set.
 *
 * @example
 * ```ts
 * import { drawn, hostKey } from '@adjoint/rl'
 * const set = [{ prompt: '1+1=', completion: '<think></think><answer>2</answer>' }]
 * drawn(2)(set)(hostKey(0)) // the same one twice
 * ```
 */
export const drawn =
  (rows: number) =>
  (set: readonly Demonstration[]) =>
  (key: HostKey): readonly Demonstration[] => {
    if (set.length === 0) return []
    const roll = dice(key)
    return Array.from({ length: rows }, () => set[roll(set.length)]!)
  }

/**
 * A stage of SFT on demonstrations from anywhere: what `coldStart`, `supervised` and `distillation` are made of.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { drawn, mod10Chain, supervise } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const set = [{ prompt: '3+8*2-9*5=', completion: '<think>1235</think><answer>5</answer>' }]
 * const stage = supervise({
 *   name: 'one-trace',
 *   from: 'base',
 *   to: 'policy',
 *   model,
 *   steps: 10,
 *   rows: 4,
 *   learningRate: { from: 1e-3, to: 1e-4 },
 *   optimizer: (learningRate) => adam({ learningRate }),
 * })({ vocabulary: mod10Chain.vocabulary, batch: () => drawn(4)(set), reads: () => null })
 * ```
 */
export const supervise =
  <Problem, O extends Tree>(config: SuperviseConfig<Problem, O>) =>
  ({ vocabulary, batch, reads }: Source): RecipeStage<R1State> => {
    const { name, from, to, model, steps, learningRate, exam, settings = {}, width } = config
    const optimizer = config.optimizer(scheduleOf(learningRate, steps))
    return staged<R1State, Learner<O>>({
      name,
      settings: {
        ...plain(config),
        vocabulary: vocabulary.tokens,
        ...settings,
      },
      begin: (state) => {
        const params = modelOf(from, state)
        return { params, opt: optimizer.init(params) }
      },
      reads,
      phases: (state, { device }) => {
        const demonstrate = sftStep({
          model,
          vocabulary,
          optimizer,
          batch: batch(state),
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
                demonstrate(learner, key),
                TE.map(({ state: next, metrics }) => ({
                  state: next,
                  metrics: { ...metrics, learning_rate: rateAt(learningRate, steps, step) },
                })),
              ),
          },
          ...examPhases<Problem, Learner<O>>(
            exam,
            { name: to, model, device },
            { paramsOf: ({ params }) => params, done: steps },
          ),
        ]
      },
      end: (state, { tree: { params }, stage, records }) =>
        TE.right(pipe(state, withModel(to, params), withReports(stage, records))),
    })
  }

/**
 * Group relative policy optimization (DeepSeekMath, Shao et al. 2024, algorithm 1) as the composition of two functions:
 * collect experience under the policy, then learn from it. All variants are choices of the parts of either.
 */
import type { Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type CollectConfig, collector } from '../experience/collect.ts'
import type { RunError } from '../run/errors.ts'
import type { Experience } from '../experience/experience.ts'
import { type GrpoState, type LearnConfig, type Learned, learner, requireSplit } from './learn.ts'
import type { Metrics } from '../run/metrics.ts'
import type { Breakdown } from '../reward/named.ts'
import type { Sample } from '../reward/reward.ts'
import type { HostKey } from '../run/keys.ts'

/** Everything that a step of GRPO depends on, besides its state and its key. */
export interface GrpoConfig<Problem, O extends Tree> extends CollectConfig<Problem>, LearnConfig<Problem, O> {
  /** What becomes of the experience before it is learnt from: `dropTruncated`, say. Default: nothing. */
  readonly refine?: (experience: Experience<Problem>) => Experience<Problem>
}

/** One completion as the log keeps it. */
export interface GradedSample<Problem> {
  readonly sample: Sample<Problem>
  readonly reward: Breakdown
  /** Of its tokens, their mean. */
  readonly advantage: number
}

/** What a step gives. Times are in ms. */
export interface GrpoStepped<Problem, O extends Tree> {
  readonly state: GrpoState<O>
  readonly metrics: Metrics
  readonly graded: readonly GradedSample<Problem>[]
  /** The groups that were learnt from: which draws of the run they were. */
  readonly ids: readonly string[]
  readonly times: {
    readonly rollout: number
    readonly reward: number
    readonly train: number
    readonly step_time: number
  }
}

/** @internal Completions with what they got, for the log. */
export const gradedOf = <Problem>(
  { samples, breakdowns }: Experience<Problem>,
  { advantages }: Pick<Learned<Tree>, 'advantages'>,
): readonly GradedSample<Problem>[] =>
  samples.map((sample, row) => ({ sample, reward: breakdowns[row]!, advantage: advantages[row]! }))

/**
 * A step of GRPO, compiled once: `(state, key) -> state, metrics, graded completions, times`. The problems, the draws and
 * the minibatches of a step follow from its key alone. The memory of `params` and `opt` is reused for those returned.
 *
 * Metrics have TRL's names. Left: as {@link collector} and {@link learner}.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, format, group, GRPO_OBJECTIVE, grpoStep, hostKey, mod10Chain, named, outcome } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (isRight(device)) {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const optimizer = adam({ learningRate: 1e-4 })
 *   const step = grpoStep({
 *     task: mod10Chain,
 *     model,
 *     prompts: 2,
 *     group: 4,
 *     maxTokens: 10,
 *     temperature: 1,
 *     rewards: [named('correct', accuracy(mod10Chain.verify)), named('format', format, 0.1)],
 *     credit: outcome(group()),
 *     objective: GRPO_OBJECTIVE,
 *     optimizer,
 *     device: device.right,
 *   })
 *   const params = model.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params), reference: null }, hostKey(0))()
 * }
 * ```
 */
export const grpoStep = <Problem, O extends Tree>(config: GrpoConfig<Problem, O>) => {
  const { refine = (experience: Experience<Problem>): Experience<Problem> => experience } = config
  requireSplit('grpoStep', config.prompts * config.group, config.minibatches ?? 1)
  const collect = collector(config)
  const learn = learner(config)
  return (state: GrpoState<O>, key: HostKey): TE.TaskEither<RunError, GrpoStepped<Problem, O>> =>
    pipe(
      collect(state.params, key),
      TE.flatMap(({ experience, metrics, times }) => {
        const started = performance.now()
        return pipe(
          learn(state, refine(experience), key),
          TE.map((learned): GrpoStepped<Problem, O> => {
            const train = performance.now() - started
            return {
              state: learned.state,
              metrics: { ...metrics, ...learned.metrics },
              graded: gradedOf(experience, learned),
              ids: experience.ids,
              times: { ...times, train, step_time: times.rollout + times.reward + train },
            }
          }),
        )
      }),
    )
}

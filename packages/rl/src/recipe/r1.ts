/**
 * DeepSeek-R1's recipe (section 2.3, figure 2) as a composition of stages. Each constructor here is one of the generic
 * stages under the name and with the models that the paper gives it.
 *
 * Where it departs from the paper: the stages are of one task and one kind of reward model, so the 200k samples that are no
 * reasoning have no place here; and the student learns from traces of the model before its last stage, as R1's did, unless
 * the recipe is told to sample again (a recipe is a list).
 */
import type { Tree } from '@adjoint/tensor'
import { type OptionNames, optionsOf } from '@adjoint/tensor/ir'
import { epochs } from '../distill/source.ts'
import type { Recipe, RecipeStage } from './recipe.ts'
import { reinforce, REINFORCE_OPTIONS, type ReinforceConfig } from './reinforce.ts'
import { SAMPLE_OPTIONS, type SampleConfig, sampleTraces } from './sample.ts'
import { type R1State, tracesOf } from './state.ts'
import { type Batches, supervise, SUPERVISE_OPTIONS, type SuperviseConfig } from './supervise.ts'

/** The name of a stage and those of its models may be left out: they are R1's. */
export type NamedByR1<C extends { readonly name: string }> = Omit<C, 'name' | 'from' | 'to'> & {
  readonly [K in 'name' | 'from' | 'to']?: string
}

/** SFT on given demonstrations. */
export interface ColdStartConfig<Problem, P extends Tree, O extends Tree> extends NamedByR1<
  SuperviseConfig<Problem, P, O>
> {
  /** An oracle's, say; what they depend on belongs into `settings`. */
  readonly batch: Batches
}

const COLD_START_OPTIONS: OptionNames<ColdStartConfig<never, never, never>> = { ...SUPERVISE_OPTIONS, batch: true }

/** SFT on sampled traces. */
export interface TracesConfig<Problem, P extends Tree, O extends Tree> extends NamedByR1<
  SuperviseConfig<Problem, P, O>
> {
  /** Name of the traces. Default 'kept'. */
  readonly traces?: string
  /** Demonstrations of a step; the traces are gone through epoch by epoch, each time in another order. */
  readonly rows: number
}

const TRACES_OPTIONS: OptionNames<TracesConfig<never, never, never>> = {
  ...SUPERVISE_OPTIONS,
  traces: true,
  rows: true,
}

/**
 * Cold start (2.3.1): SFT of the base on a few long chains of thought, here an oracle's.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { coldStart, mod10Chain, traces, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const oracle = { rows: 64, thinkShare: 0.5 }
 * const stage = coldStart({
 *   batch: traces(mod10Chain, oracle),
 *   settings: { oracle },
 *   policy: transformerPolicy(model, mod10Chain.vocabulary),
 *   steps: 1000,
 *   learningRate: 1e-3,
 *   optimizer: (learningRate) => adam({ learningRate }),
 * })
 * ```
 */
export const coldStart = <Problem, P extends Tree, O extends Tree>(
  given: ColdStartConfig<Problem, P, O>,
): RecipeStage<R1State<P>> => {
  const { batch, ...config } = optionsOf('coldStart', given, COLD_START_OPTIONS)
  return supervise<Problem, P, O>({ name: 'cold-start', from: 'base', to: 'policy', ...config })({
    name: 'the cold start',
    batch: () => batch,
    reads: () => null,
  })
}

const onPolicy = <Problem, P extends Tree, O extends Tree>(
  op: string,
  name: string,
  config: NamedByR1<ReinforceConfig<Problem, P, O>>,
): RecipeStage<R1State<P>> =>
  reinforce<Problem, P, O>({ name, from: 'policy', to: 'policy', ...optionsOf(op, config, REINFORCE_OPTIONS) })

/**
 * Reasoning-oriented RL (2.3.2): GRPO of the policy, where rules can tell what is right. The language reward is one of
 * `rewards`.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, format, group, GRPO_OBJECTIVE, mod10Chain, named, outcome, reasoningRl, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const stage = reasoningRl({
 *   task: mod10Chain,
 *   policy: transformerPolicy(model, mod10Chain.vocabulary),
 *   steps: 100,
 *   prompts: 16,
 *   group: 16,
 *   maxTokens: 12,
 *   temperature: 1,
 *   rewards: [named('correct', accuracy(mod10Chain.verify)), named('format', format, 0.1)],
 *   credit: outcome(group()),
 *   objective: GRPO_OBJECTIVE,
 *   learningRate: { from: 1e-4, to: 2e-5 },
 *   optimizer: (learningRate) => adam({ learningRate }),
 * })
 * ```
 */
export const reasoningRl = <Problem, P extends Tree, O extends Tree>(
  config: NamedByR1<ReinforceConfig<Problem, P, O>>,
): RecipeStage<R1State<P>> => onPolicy('reasoningRl', 'reasoning-rl', config)

/**
 * Rejection sampling (2.3.3): traces of the policy, those that are fit to learn from.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { accuracy, mod10Chain, rejectionSampling, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const correct = accuracy(mod10Chain.verify)
 * const stage = rejectionSampling({
 *   task: mod10Chain,
 *   policy: transformerPolicy(model, mod10Chain.vocabulary),
 *   count: 2048,
 *   group: 4,
 *   maxTokens: 12,
 *   temperature: 1,
 *   accept: { correct: (sample) => correct(sample) === 1 },
 *   perProblem: 1,
 * })
 * ```
 */
export const rejectionSampling = <Problem, P extends Tree>(
  config: NamedByR1<SampleConfig<Problem, P>>,
): RecipeStage<R1State<P>> =>
  sampleTraces<Problem, P>({
    ...{ name: 'rejection-sampling', from: 'policy', to: 'kept' },
    ...optionsOf<NamedByR1<SampleConfig<Problem, P>>>('rejectionSampling', config, SAMPLE_OPTIONS),
  })

const onTraces = <Problem, P extends Tree, O extends Tree>(
  defaults: { readonly name: string; readonly from: string; readonly to: string },
  given: TracesConfig<Problem, P, O>,
): RecipeStage<R1State<P>> => {
  const { traces = 'kept', rows, ...config } = optionsOf(defaults.name, given, TRACES_OPTIONS)
  return supervise<Problem, P, O>({
    ...defaults,
    ...config,
    settings: { traces, rows, ...config.settings },
  })({
    name: `the set of traces '${traces}'`,
    batch: (state, key) => epochs(tracesOf(traces, state), { rows, key }),
    reads: (state) => tracesOf(traces, state).map(({ prompt, completion }) => [prompt, completion]),
  })
}

/**
 * Supervised fine-tuning (2.3.3): the base again, on the sampled traces; what it learns is the policy from here on. Left
 * EmptyDataset where there are none.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { mod10Chain, supervised, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const stage = supervised({
 *   policy: transformerPolicy(model, mod10Chain.vocabulary),
 *   steps: 1000,
 *   rows: 64,
 *   learningRate: 1e-3,
 *   optimizer: (learningRate) => adam({ learningRate }),
 * })
 * ```
 */
export const supervised = <Problem, P extends Tree, O extends Tree>(
  config: TracesConfig<Problem, P, O>,
): RecipeStage<R1State<P>> => onTraces({ name: 'supervised', from: 'base', to: 'policy' }, config)

/**
 * RL for all scenarios (2.3.4): GRPO of the policy on all rewards, learned ones among them. As {@link reasoningRl} but for
 * its name.
 *
 * @example
 * ```ts
 * import { allRewardsRl } from '@adjoint/rl'
 * const stageOf: typeof allRewardsRl = (config) => allRewardsRl({ ...config, name: 'all-rewards-rl' })
 * ```
 */
export const allRewardsRl = <Problem, P extends Tree, O extends Tree>(
  config: NamedByR1<ReinforceConfig<Problem, P, O>>,
): RecipeStage<R1State<P>> => onPolicy('allRewardsRl', 'all-rewards-rl', config)

/**
 * Distillation (2.4): SFT of the student, a smaller model, on the sampled traces. Left EmptyDataset where there are none.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { distillation, mod10Chain, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const stage = distillation({
 *   policy: transformerPolicy(model, mod10Chain.vocabulary),
 *   steps: 1000,
 *   rows: 64,
 *   learningRate: 1e-3,
 *   optimizer: (learningRate) => adam({ learningRate }),
 * })
 * ```
 */
export const distillation = <Problem, P extends Tree, O extends Tree>(
  config: TracesConfig<Problem, P, O>,
): RecipeStage<R1State<P>> => onTraces({ name: 'distillation', from: 'student', to: 'student' }, config)

/** All of R1-Zero's stages: R1's without the cold start. */
export interface R1ZeroConfig<Problem, P extends Tree, O extends Tree> {
  readonly reasoningRl: NamedByR1<ReinforceConfig<Problem, P, O>>
  readonly rejectionSampling: NamedByR1<SampleConfig<Problem, P>>
  readonly supervised: TracesConfig<Problem, P, O>
  readonly allRewardsRl: NamedByR1<ReinforceConfig<Problem, P, O>>
  readonly distillation: TracesConfig<Problem, P, O>
}

const R1_ZERO_OPTIONS: OptionNames<R1ZeroConfig<never, never, never>> = {
  ...{ reasoningRl: true, rejectionSampling: true, supervised: true, allRewardsRl: true, distillation: true },
}

/** All of R1's stages. One type of optimizer state serves all; `opaque` makes different ones the same. */
export interface R1Config<Problem, P extends Tree, O extends Tree> extends R1ZeroConfig<Problem, P, O> {
  readonly coldStart: ColdStartConfig<Problem, P, O>
}

/**
 * R1-Zero (2.2): reinforcement of the base itself, and what R1 does after it. The paper's R1-Zero ends after the first
 * stage: take as many of the list as you like.
 *
 * @example
 * ```ts
 * import { r1Zero } from '@adjoint/rl'
 * const asInThePaper: typeof r1Zero = (config) => r1Zero(config).slice(0, 1)
 * ```
 */
export const r1Zero = <Problem, P extends Tree, O extends Tree>(
  given: R1ZeroConfig<Problem, P, O>,
): Recipe<R1State<P>> => {
  const config = optionsOf('r1Zero', given, R1_ZERO_OPTIONS)
  return [
    reasoningRl(config.reasoningRl), //             policy = GRPO(policy), rules and language
    rejectionSampling(config.rejectionSampling), // traces = those of the policy that are right
    supervised(config.supervised), //               policy = SFT(base, traces)
    allRewardsRl(config.allRewardsRl), //           policy = GRPO(policy), all rewards: this is R1
    distillation(config.distillation), //           student = SFT(student, traces)
  ]
}

/**
 * R1 (2.3, figure 2): a cold start, and then as R1-Zero.
 *
 * @example
 * ```ts
 * import { perform, r1, type R1Config, r1Start, type RecipeEnv } from '@adjoint/rl'
 * import type { Tree } from '@adjoint/tensor'
 * const make =
 *   <Problem, P extends Tree, O extends Tree>(config: R1Config<Problem, P, O>, env: RecipeEnv) =>
 *   (base: P, student: P) =>
 *     perform(r1(config))(env)(r1Start({ base, student }))
 * ```
 */
export const r1 = <Problem, P extends Tree, O extends Tree>(given: R1Config<Problem, P, O>): Recipe<R1State<P>> => {
  const { coldStart: begin, ...config } = optionsOf('r1', given, { ...R1_ZERO_OPTIONS, coldStart: true })
  return [
    coldStart(begin), // policy = SFT(base, a few long chains of thought)
    ...r1Zero(config),
  ]
}

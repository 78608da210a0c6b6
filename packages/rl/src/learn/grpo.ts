/**
 * Group relative policy optimization (DeepSeekMath, Shao et al. 2024, algorithm 1), from top to bottom on one page: a step
 * samples groups of completions and rewards them (`collector`), then learns from them (`learner`). All variants are choices of
 * its parts: how credit is assigned, the ratio, the clip, the KL term, how tokens are aggregated.
 *
 * Where it departs from the algorithm: the old policy is the sampler, whose log-probabilities came with the tokens, unless a
 * correction tells the two apart; then the old policy is the learner at the start of the batch, and the correction weighs
 * each token for having come from another.
 */
import type { Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type OptionNames, optionsFor, optionsOf } from '@adjoint/tensor/ir'
import type { Credit } from '../credit/credit.ts'
import { assign, requireCredit, requireReference } from '../credit/demands.ts'
import { COLLECT_OPTIONS, type CollectConfig } from '../experience/collect.ts'
import type { Experience } from '../experience/experience.ts'
import { demandMicroBatch, tokensIn } from '../experience/rows.ts'
import { type AsyncSource, sampler, type Source } from '../experience/source.ts'
import { requireObjective } from '../objective/require.ts'
import type { Coefficients, Controls } from '../objective/control.ts'
import { onDevice, readEach } from '../run/device.ts'
import { demandCounts, demandWhole, type RunError } from '../run/errors.ts'
import { type HostKey, stream } from '../run/keys.ts'
import { meanOf, type Metrics } from '../run/metrics.ts'
import { deal, partsOfBatch } from './batch.ts'
import { requireExperience, requireOwnMemory, requireSplit, requireVariety } from './require.ts'
import { OBJECTIVE_UPDATE_OPTIONS, objectiveUpdate, type ObjectiveUpdate, stepMetrics } from './objective-update.ts'
import { entropies, scorer } from './scorer.ts'
import { type GrpoStepped, stepped, type Told } from './stepped.ts'
import { requireCoefficients, steering } from './steering.ts'
import type { Learner } from './update.ts'
import { curriedTwin, tasked, twin } from '../or-throw.ts'

/** How to learn. */
export interface LearnConfig<Problem, P extends Tree, O extends Tree> extends ObjectiveUpdate<P, O> {
  readonly credit: Credit<Problem>
  /** Passes over a batch, mu. Default 1. */
  readonly iterations?: number
  /** Updates in a pass; divides the completions of a batch. Default 1. */
  readonly minibatches?: number
  /**
   * Completions that go through the model at once. An update adds up the gradients of its parts, so its memory is that of one
   * part, and its result that of the whole. Default: all of a minibatch.
   */
  readonly microBatch?: number
  /** Coefficients that follow what is measured, in place of the objective's own. The state begins with `controller(control).init`. */
  readonly control?: Controls
  /**
   * Of so many groups, the first of a batch, the entropy at each token goes to the log (see `GradedSample`): one more pass of their
   * completions through the model. Default 0.
   */
  readonly entropies?: number
}

/** @internal */
export const LEARN_OPTIONS: OptionNames<LearnConfig<never, never, never>> = {
  ...OBJECTIVE_UPDATE_OPTIONS,
  ...{ credit: true, iterations: true, minibatches: true, microBatch: true, control: true, entropies: true },
}

/** Parameters, optimizer state, the reference policy (null where nothing asks for one), and what is controlled. */
export type GrpoState<P extends Tree, O extends Tree> = Learner<P, O> & {
  readonly reference: P | null
  /** Null or left out where no coefficient follows what is measured. */
  readonly control?: Coefficients | null
}

/** What learning gives. */
export interface Learned<P extends Tree, O extends Tree> extends Told {
  readonly state: GrpoState<P, O>
  /** Means over the updates, by their tokens; those under `sampling/` are of the first one. */
  readonly metrics: Metrics
}

/**
 * Learning from experience, compiled once: `(state, experience, key) -> state, metrics, advantages`. The order of minibatches, and
 * what a credit draws, follow from the key. The memory of `params` and `opt` is reused for those returned. Left: DeviceFailed.
 * Throws where the completions do not split into the minibatches, or a part asks for a reference that is not there.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, collector, group, GRPO_OBJECTIVE, hostKey, learner, mod10Chain, named, outcome, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const policy = transformerPolicy(model, mod10Chain.vocabulary)
 *   const shared = { policy, maxTokens: 10, temperature: 1, device: device.right }
 *   const rewards = [named('correct', accuracy(mod10Chain.verify))]
 *   const collect = collector({ ...shared, task: mod10Chain, prompts: 2, group: 4, rewards })
 *   const optimizer = adam({ learningRate: 1e-4 })
 *   const learn = learner({ ...shared, credit: outcome(group()), objective: GRPO_OBJECTIVE, optimizer })
 *   const params = model.init(random.key(0))
 *   const collected = await collect(params, hostKey(1))()
 *   if (collected._tag === 'Right') {
 *     const state = { params, opt: optimizer.init(params), reference: null }
 *     await learn(state, collected.right.experience, hostKey(2))()
 *   }
 * }
 * ```
 */
export const learner = <Problem, P extends Tree, O extends Tree>(given: LearnConfig<Problem, P, O>) => {
  const config = optionsOf('learner', given, LEARN_OPTIONS)
  const { iterations = 1, minibatches = 1, microBatch, correction, device } = config
  requireCredit('learner', config)
  requireObjective('learner', config.objective)
  demandCounts('learner', { iterations, minibatches })
  demandMicroBatch('learner', microBatch)
  demandWhole('learner', { entropies: config.entropies ?? 0 })
  const creditOf = assign('learner', config.credit)
  const logpUnder = scorer(config)
  const entropiesUnder = entropies(config, config.entropies ?? 0)
  const { update, unpack } = objectiveUpdate(config)
  const steer = steering(config.control, device)

  return (
    state: GrpoState<P, O>,
    experience: Experience<Problem>,
    key: HostKey,
  ): TE.TaskEither<RunError, Learned<P, O>> => {
    const rows = experience.samples.length
    requireSplit('learner', rows, minibatches)
    requireExperience('learner', experience, config)
    requireOwnMemory('learner', state)
    requireCredit('learner', { ...config, group: experience.group })
    requireReference('learner', config, state.reference)
    const coefficients = requireCoefficients('learner', config.control, state.control)
    return onDevice(async () => {
      // pi_ref and pi_old of the tokens that were sampled; beta and the weight of the entropy, where they follow a target
      const [refLogp, oldLogp, followed, known] = await Promise.all([
        state.reference === null ? null : logpUnder(state.reference, experience),
        correction === undefined ? experience.samplerLogp : logpUnder(state.params, experience),
        steer.read(coefficients),
        entropiesUnder(state.params, experience),
      ])

      // A: how much better than expected each completion was, or each of its tokens
      const kl = refLogp === null ? null : divergences(experience, oldLogp, refLogp)
      const advantages = creditOf({ ...experience, kl }, stream('credit')(key))

      // mu passes over the batch, each a gradient step on J for each of its minibatches
      const partsOf = partsOfBatch(experience, { oldLogp, refLogp, advantages })
      let current: Learner<P, O> = { params: state.params, opt: state.opt }
      const updates = []
      for (let pass = 0; pass < iterations; pass++) {
        for (const some of deal(rows, minibatches, pass, stream('minibatches')(key))) {
          const { learner: next, measured } = update(
            current,
            partsOf(some, microBatch).map((part) => ({ ...part, ...coefficients })),
          )
          updates.push({ measured, tokens: tokensIn(experience.mask, some, rows) })
          current = next
        }
      }

      const values = await readEach(
        device,
        updates.map((u) => u.measured),
      )
      const metrics = stepMetrics(updates.map(({ tokens }, i) => ({ metrics: unpack(values[i]!), tokens })))
      const next = steer.next(coefficients, { kl: metrics['kl'], entropy: metrics['entropy'] })
      return {
        state: {
          ...state,
          ...current,
          ...(state.control === null || state.control === undefined ? {} : { control: next }),
        },
        metrics: { ...metrics, ...steer.metrics(followed) },
        advantages: advantages.map((a) => (typeof a === 'number' ? a : meanOf(a))),
        tokenAdvantages: advantages.map((a) => (typeof a === 'number' ? null : a)),
        entropies: known,
      }
    })
  }
}

/**
 * {@link learner} for scripts: the learner awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, collectorAsync, hostKey, learnerAsync, mod10Chain, named, presets, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * const [shared, optimizer] = [{ policy, maxTokens: 10, temperature: 1, device }, adam({ learningRate: 1e-4 })]
 * const rewards = [named('correct', accuracy(mod10Chain.verify))]
 * const collect = collectorAsync({ ...shared, task: mod10Chain, prompts: 2, group: 4, rewards })
 * const learn = learnerAsync({ ...shared, ...presets.dapo, optimizer })
 * const params = model.init(random.key(0))
 * const { experience } = await collect(params, hostKey(1))
 * const { metrics } = await learn({ params, opt: optimizer.init(params), reference: null }, experience, hostKey(2))
 * console.log(metrics['entropy'])
 * ```
 */
export const learnerAsync = /* @__PURE__ */ curriedTwin(learner)

/** Everything that a step of GRPO depends on, besides its state and its key. */
export interface GrpoConfig<Problem, P extends Tree, O extends Tree>
  extends CollectConfig<Problem, P>, Omit<LearnConfig<Problem, P, O>, keyof CollectConfig<Problem, P>> {
  /** What becomes of the experience before it is learnt from: `dropTruncated`, say. Default: nothing. */
  readonly refine?: (experience: Experience<Problem>) => Experience<Problem>
}

/** What {@link grpoFrom} takes beside its source. */
export type GrpoFromConfig<Problem, P extends Tree, O extends Tree> = LearnConfig<Problem, P, O> &
  Pick<GrpoConfig<Problem, P, O>, 'refine'>

/** @internal */
export const GRPO_OPTIONS: OptionNames<GrpoConfig<never, never, never>> = {
  ...COLLECT_OPTIONS,
  ...LEARN_OPTIONS,
  refine: true,
}

const FROM_OPTIONS: OptionNames<GrpoFromConfig<never, never, never>> = { ...LEARN_OPTIONS, refine: true }

/** The state of a step that learns from a source: the learner, how many steps it has made, and the source's own state. */
export interface SourcedState<P extends Tree, O extends Tree, S> {
  readonly learner: GrpoState<P, O>
  readonly version: number
  readonly source: S
}

/**
 * A step of GRPO on experience from anywhere, compiled once: `(state, key) -> state, metrics, graded completions, times`. The source
 * is given the policy as it stands and says what to learn from; its state goes with the learner's, so a checkpoint of both
 * goes on as if nothing had happened. Metrics: those of the source and of {@link learner}, and `staleness`, how many steps ago
 * the mean group was sampled. Left: as the source and {@link learner}.
 *
 * @example
 * ```ts
 * import { type CollectConfig, grpoFrom, type LearnConfig, replay, sampler } from '@adjoint/rl'
 * const stepOf = (collect: CollectConfig<string, null>, learn: LearnConfig<string, null, null>) =>
 *   grpoFrom(replay({ capacity: 4, groups: 8 })(sampler(collect)), learn)
 * ```
 */
export const grpoFrom = <Problem, P extends Tree, O extends Tree, S>(
  source: Source<P, S, Problem>,
  given: GrpoFromConfig<Problem, P, O>,
) => {
  const config = optionsOf('grpoFrom', given, FROM_OPTIONS)
  const { refine = (experience: Experience<Problem>): Experience<Problem> => experience } = config
  const learn = learner(optionsFor<LearnConfig<Problem, P, O>>(LEARN_OPTIONS, config))
  return (
    sourced: SourcedState<P, O, S>,
    key: HostKey,
  ): TE.TaskEither<RunError, GrpoStepped<Problem, SourcedState<P, O, S>>> => {
    const { learner: state, version, source: held } = sourced
    return pipe(
      source(held, { params: state.params, version }, key),
      TE.flatMap(([collected, next]) => {
        const started = performance.now()
        // What is learnt from: rows, advantages and ids belong to it, and not to all that was collected.
        const experience = refine(collected.experience)
        return pipe(
          learn(state, experience, key),
          TE.map((learned) => ({
            ...stepped({ ...collected, experience }, learned, performance.now() - started),
            metrics: {
              ...collected.metrics,
              ...learned.metrics,
              staleness: meanOf(experience.versions.map((made) => version - made)),
            },
            state: { learner: learned.state, version: version + 1, source: next },
          })),
        )
      }),
    )
  }
}

/**
 * {@link grpoFrom} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong. The source may be an `async`
 * function; what that throws is thrown as it is.
 *
 * @example
 * ```ts
 * import { type AsyncSource, grpoFromAsync, type LearnConfig, replayAsync } from '@adjoint/rl'
 * const stepOf = <S>(source: AsyncSource<null, S, string>, learn: LearnConfig<string, null, null>) =>
 *   grpoFromAsync(replayAsync({ capacity: 4, groups: 8 })(source), learn)
 * ```
 */
export const grpoFromAsync = <Problem, P extends Tree, O extends Tree, S>(
  source: AsyncSource<P, S, Problem>,
  given: GrpoFromConfig<Problem, P, O>,
) => twin(grpoFrom(tasked('grpoFromAsync: the source')(source), given))

/**
 * A step of GRPO, compiled once: `(state, key) -> state, metrics, graded completions, times`. The problems, the draws and
 * the minibatches of a step follow from its key alone. The memory of `params` and `opt` is reused for those returned.
 *
 * Metrics have TRL's names. Left: as {@link collector} and {@link learner}. What cannot work is refused when the step is
 * made: a credit that could say nothing ({@link requireCredit}), an objective that is none ({@link requireObjective}), two
 * rewards of one name, completions that do not split into the minibatches.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, format, group, GRPO_OBJECTIVE, grpoStep, hostKey, mod10Chain, named, outcome, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const optimizer = adam({ learningRate: 1e-4 })
 *   const step = grpoStep({
 *     task: mod10Chain,
 *     policy: transformerPolicy(model, mod10Chain.vocabulary),
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
export const grpoStep = <Problem, P extends Tree, O extends Tree>(given: GrpoConfig<Problem, P, O>) => {
  const config = optionsOf('grpoStep', given, GRPO_OPTIONS)

  requireCredit('grpoStep', config)
  requireObjective('grpoStep', config.objective)
  requireSplit('grpoStep', config.prompts * config.group, config.minibatches ?? 1)
  requireVariety('grpoStep', config)
  const step = grpoFrom(
    sampler(optionsFor<CollectConfig<Problem, P>>(COLLECT_OPTIONS, config)),
    optionsFor<GrpoFromConfig<Problem, P, O>>(FROM_OPTIONS, config),
  )
  return (state: GrpoState<P, O>, key: HostKey): TE.TaskEither<RunError, GrpoStepped<Problem, GrpoState<P, O>>> => {
    requireReference('grpoStep', config, state.reference)
    requireCoefficients('grpoStep', config.control, state.control)
    return pipe(
      step({ learner: state, version: 0, source: null }, key),
      TE.map(({ metrics: { staleness: _, ...metrics }, ...made }) => ({ ...made, metrics, state: made.state.learner })),
    )
  }
}

/**
 * {@link grpoStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, grpoStepAsync, hostKey, mod10Chain, named, presets, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * const sampling = { task: mod10Chain, policy, prompts: 2, group: 4, maxTokens: 10, temperature: 1 }
 * const rewards = [named('correct', accuracy(mod10Chain.verify))]
 * const optimizer = adam({ learningRate: 1e-4 })
 * const step = grpoStepAsync({ ...presets.dapo, ...sampling, rewards, optimizer, device })
 * const params = model.init(random.key(0))
 * const { state, metrics } = await step({ params, opt: optimizer.init(params), reference: null }, hostKey(0))
 * console.log(metrics['entropy'])
 * ```
 */
export const grpoStepAsync = /* @__PURE__ */ curriedTwin(grpoStep)

/** Per token, row by row, as long as each completion is: `log pi_old - log pi_ref`. */
const divergences = (
  { samples }: Experience<unknown>,
  logp: Float32Array,
  refLogp: Float32Array,
): readonly (readonly number[])[] => {
  const columns = refLogp.length / Math.max(1, samples.length)
  return samples.map(({ length }, row) =>
    Array.from({ length }, (_, t) => logp[row * columns + t]! - refLogp[row * columns + t]!),
  )
}

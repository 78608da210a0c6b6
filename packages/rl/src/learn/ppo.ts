/**
 * Proximal policy optimization with a critic (Schulman et al. 2017, algorithm 1; for language models Ziegler et al. 2019 and
 * Ouyang et al. 2022), from top to bottom: a step samples completions and rewards them (`collector`), asks the critic what it
 * expected of each token, credits tokens with what came beyond that (`gae`), and makes passes of minibatch updates on
 *
 *   loss = -J + c L_V
 *
 * with J of `objective` and L_V of `valueLoss`. A token earns `-beta log(pi / pi_ref)`, and the last of a completion its
 * reward.
 */
import type { GradientTransformation } from '@adjoint/nn'
import { add, jit, mul, type Scalar, slice, stopGradient, type Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type OptionNames, optionsFor, optionsOf } from '@adjoint/tensor/ir'
import { type CriticCredit, estimator } from '../credit/actor-critic.ts'
import { requireReference, requireRewards } from '../credit/demands.ts'
import { COLLECT_OPTIONS, type CollectConfig, collector } from '../experience/collect.ts'
import type { Experience } from '../experience/experience.ts'
import { demandMicroBatch, floatRows, partsOf, sampledParts, tokensIn } from '../experience/rows.ts'
import type { Coefficients, Controls } from '../objective/control.ts'
import { requireObjective } from '../objective/require.ts'
import { type Expected, type ValueConfig, valueLoss } from '../objective/value.ts'
import type { Scored } from '../policy/score.ts'
import { onDevice, readEach } from '../run/device.ts'
import { demandCounts, demandWhole, type RunError } from '../run/errors.ts'
import { type HostKey, stream } from '../run/keys.ts'
import { meanOf } from '../run/metrics.ts'
import { type Computed, deal, type Part, partsOfBatch } from './batch.ts'
import { type Critic, requireCritic } from './critic.ts'
import { LEARN_OPTIONS, type LearnConfig } from './grpo.ts'
import { OBJECTIVE_MEASURES, objectiveLoss, stepMetrics } from './objective-update.ts'
import { requireOwnMemory, requireSplit } from './require.ts'
import { entropies, scorer } from './scorer.ts'
import { type GrpoStepped, stepped } from './stepped.ts'
import { requireCoefficients, steering } from './steering.ts'
import { type Learner, type Optimizer, updateOf } from './update.ts'
import { curriedTwin } from '../or-throw.ts'

/** Everything that a step of PPO depends on, besides its state and its key. */
export interface PpoConfig<Problem, P extends Tree, V extends Tree, O extends Tree, C extends Tree>
  extends
    CollectConfig<Problem, P>,
    CriticCredit,
    Omit<LearnConfig<Problem, P, O>, keyof CollectConfig<Problem, P> | 'credit' | 'correction'> {
  readonly critic: Critic<NoInfer<P>, V>
  readonly criticOptimizer: GradientTransformation<C>
  /** Of the divergence from the reference, in the reward: beta. Default 0. */
  readonly beta?: number
  /** c. Default 0.1, as TRL's. */
  readonly valueCoefficient?: number
  /** Default: clipped at 0.2, the mean over tokens. */
  readonly value?: ValueConfig
  /** Coefficients that follow what is measured: `kl` is beta above, `entropy` the objective's bonus. */
  readonly control?: Controls
  /** What becomes of the experience before it is learnt from: `dropTruncated`, say. Default: nothing. */
  readonly refine?: (experience: Experience<Problem>) => Experience<Problem>
}

const { credit: _, correction: __, ...LEARN } = LEARN_OPTIONS
const PPO_OPTIONS: OptionNames<PpoConfig<never, never, never, never, never>> = {
  ...COLLECT_OPTIONS,
  ...LEARN,
  ...{ gae: true, truncation: true, whiten: true, refine: true },
  ...{ critic: true, criticOptimizer: true, beta: true, valueCoefficient: true, value: true },
}

/** Policy, critic, the state of their optimizers, the reference (null where nothing asks for one), and what is controlled. */
export type PpoState<P extends Tree, V extends Tree, O extends Tree, C extends Tree> = Learner<P, O> & {
  readonly critic: Learner<V, C>
  readonly reference: P | null
  /** `controller(control).init` at the start; null where nothing is controlled. */
  readonly control: Coefficients | null
}

/** Both sets of parameters, or both states of their optimizers. */
type Both<X extends Tree, Y extends Tree> = { readonly policy: X; readonly critic: Y }

/** Some rows of a batch as an update reads them. */
type PpoPart = Part & Pick<Expected, 'oldValues' | 'returns'> & { readonly entropyBonus: Scalar | null }

const MEASURES = { ...OBJECTIVE_MEASURES, 'loss/value_avg': 'sum', 'val/clipfrac_avg': 'sum' } as const

const bothOptimizers = <P extends Tree, V extends Tree, O extends Tree, C extends Tree>(
  policy: Optimizer<P, O>,
  critic: Optimizer<V, C>,
): Optimizer<Both<P, V>, Both<O, C>> => ({
  update: (gradients, state, params) => {
    const [ofPolicy, nextPolicy] = policy.update(gradients.policy, state.policy, params.policy)
    const [ofCritic, nextCritic] = critic.update(gradients.critic, state.critic, params.critic)
    return [
      { policy: ofPolicy, critic: ofCritic },
      { policy: nextPolicy, critic: nextCritic },
    ]
  },
})

/**
 * A step of PPO, compiled once: `(state, key) -> state, metrics, graded completions, times`. All randomness follows from the
 * key. The memory of both learners is reused for those returned. A completion whose reward is absent is not learnt from; one
 * that was cut at `maxTokens` has what its reward says, and nothing after it. With `truncation: 'bootstrap'` it goes on in what
 * the critic expects: a reward that it gets at the cut then comes on top, and can make it pay never to end, so `gate` rewards on
 * `terminated`. The state's `control` begins as `controller(config.control).init`.
 *
 * Metrics: those of `grpoStep`, and `loss/value_avg`, `val/clipfrac_avg`, `explained_variance` (of the returns by the
 * critic before it learnt from them), and with a reference `objective/kl`, nats a token, and `objective/kl_coef`. Left: as
 * `collector`, DeviceFailed. Throws where completions do not split into minibatches, gamma, lambda or `truncation` is none, or
 * a reference or a coefficient is missing.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, GRPO_OBJECTIVE, hostKey, mod10Chain, named, ownCritic, ppoStep, tokenMean, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const [critic, optimizer] = [ownCritic(model), adam({ learningRate: 1e-3 })]
 *   const step = ppoStep({
 *     task: mod10Chain,
 *     policy: transformerPolicy(model, mod10Chain.vocabulary),
 *     critic,
 *     prompts: 8,
 *     group: 1,
 *     maxTokens: 10,
 *     temperature: 1,
 *     rewards: [named('correct', accuracy(mod10Chain.verify))],
 *     objective: { ...GRPO_OBJECTIVE, aggregate: tokenMean },
 *     iterations: 2,
 *     minibatches: 2,
 *     optimizer,
 *     criticOptimizer: optimizer,
 *     device: device.right,
 *   })
 *   const [params, expecting] = [model.init(random.key(0)), critic.init(random.key(1))]
 *   const learners = { params, opt: optimizer.init(params), critic: { params: expecting, opt: optimizer.init(expecting) } }
 *   await step({ ...learners, reference: null, control: null }, hostKey(0))()
 * }
 * ```
 */
export const ppoStep = <Problem, P extends Tree, V extends Tree, O extends Tree, C extends Tree>(
  given: PpoConfig<Problem, P, V, O, C>,
) => {
  const config = optionsOf('ppoStep', given, PPO_OPTIONS)

  const { critic, maxTokens, iterations = 1, minibatches = 1, microBatch, device } = config
  const { beta: fixed = 0, valueCoefficient = 0.1, control } = config
  const { refine = (experience: Experience<Problem>): Experience<Problem> => experience } = config
  requireObjective('ppoStep', config.objective)
  demandCounts('ppoStep', { iterations, minibatches })
  demandMicroBatch('ppoStep', microBatch)
  requireSplit('ppoStep', config.prompts * config.group, minibatches)
  requireRewards('ppoStep', 'total', config.rewards)
  requireCritic('ppoStep', config)
  const estimate = estimator(config)
  const collect = collector(optionsFor<CollectConfig<Problem, P>>(COLLECT_OPTIONS, config))
  const logpUnder = scorer(config)
  demandWhole('ppoStep', { entropies: config.entropies ?? 0 })
  const entropiesUnder = entropies(config, config.entropies ?? 0)
  const expects = critic.values(maxTokens)
  const valuesUnder = jit((params: V, policy: P, sequences: Scored) => expects(params, policy, sequences), { device })
  const [policyLoss, criticLoss] = [objectiveLoss(config), valueLoss(config.value)]
  const { update, unpack } = updateOf({
    loss: (params: Both<P, V>, part: PpoPart) => {
      const [loss, measured] = policyLoss(params.policy, part)
      const said = expects(params.critic, params.policy, part)
      const { loss: distance, clipped } = criticLoss(part)(slice([0, 0], part.mask.shape)(said))
      return [
        add(loss, mul(distance, valueCoefficient)),
        { ...measured, 'loss/value_avg': stopGradient(distance), 'val/clipfrac_avg': clipped },
      ] as const
    },
    measures: MEASURES,
    optimizer: bothOptimizers<P, V, O, C>(config.optimizer, config.criticOptimizer),
    device,
  })
  const steer = steering(control, device)

  const valuesOf = async (state: PpoState<P, V, O, C>, experience: Experience<Problem>): Promise<Float32Array> => {
    const parts = sampledParts(experience, [...experience.samples.keys()], microBatch)
    const said = await readEach(
      device,
      parts.map(({ tokens, starts }) => valuesUnder(state.critic.params, state.params, { tokens, starts })),
    )
    return Float32Array.from(said.flatMap((part) => [...part]))
  }

  const learn = (state: PpoState<P, V, O, C>, given: Experience<Problem>, key: HostKey) =>
    onDevice(async () => {
      const coefficients = requireCoefficients('ppoStep', control, state.control)
      const [values, refLogp, followed, known] = await Promise.all([
        valuesOf(state, given),
        state.reference === null ? null : logpUnder(state.reference, given),
        steer.read(coefficients),
        entropiesUnder(state.params, given),
      ])
      const beta = followed.beta ?? fixed
      const oldLogp = given.samplerLogp
      const kl = refLogp === null ? null : oldLogp.map((l, i) => l - refLogp[i]!)
      // A_t and R_t of every token
      const { mask, advantages, returns, metrics } = estimate(given, { values, kl, beta })
      const experience = { ...given, mask }
      // mu passes over the batch, each a gradient step of both for each of its minibatches
      const partsOfStep = ppoParts(experience, { oldLogp, refLogp, advantages }, { values, returns })
      let current: Learner<Both<P, V>, Both<O, C>> = {
        params: { policy: state.params, critic: state.critic.params },
        opt: { policy: state.opt, critic: state.critic.opt },
      }
      const updates = []
      for (let pass = 0; pass < iterations; pass++) {
        for (const some of deal(given.samples.length, minibatches, pass, stream('minibatches')(key))) {
          const parts = partsOfStep(some, microBatch, coefficients.entropyBonus)
          const { learner: next, measured } = update(current, parts)
          updates.push({ measured, tokens: tokensIn(mask, some, given.samples.length) })
          current = next
        }
      }
      const read = await readEach(
        device,
        updates.map((u) => u.measured),
      )
      const measured = stepMetrics(updates.map(({ tokens }, i) => ({ metrics: unpack(read[i]!), tokens })))
      const next = steer.next(coefficients, { kl: metrics['objective/kl'], entropy: measured['entropy'] })
      return {
        state: {
          params: current.params.policy,
          opt: current.opt.policy,
          critic: { params: current.params.critic, opt: current.opt.critic },
          reference: state.reference,
          control: state.control === null ? null : next,
        },
        metrics: { ...measured, ...metrics, ...steer.metrics(followed) },
        advantages: advantages.map(meanOf),
        tokenAdvantages: advantages,
        entropies: known,
      }
    })

  return (
    state: PpoState<P, V, O, C>,
    key: HostKey,
  ): TE.TaskEither<RunError, GrpoStepped<Problem, PpoState<P, V, O, C>>> => {
    const { objective } = config
    requireReference('ppoStep', { ...config, objective: { beta: objective.beta || fixed } }, state.reference)
    requireCoefficients('ppoStep', control, state.control)
    requireOwnMemory('ppoStep', state)
    return pipe(
      collect(state.params, key),
      TE.flatMap((collected) => {
        const started = performance.now()
        const experience = refine(collected.experience)
        requireSplit('ppoStep', experience.samples.length, minibatches)
        return pipe(
          learn(state, experience, key),
          TE.map((learned) => ({
            ...stepped({ ...collected, experience }, learned, performance.now() - started),
            state: learned.state,
            metrics: { ...collected.metrics, ...learned.metrics },
          })),
        )
      }),
    )
  }
}

/**
 * {@link ppoStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, GRPO_OBJECTIVE, hostKey, mod10Chain, named, ownCritic, ppoStepAsync, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const [critic, optimizer] = [ownCritic(model), adam({ learningRate: 1e-3 })]
 * const step = ppoStepAsync({
 *   ...{ task: mod10Chain, policy: transformerPolicy(model, mod10Chain.vocabulary), critic },
 *   ...{ prompts: 8, group: 1, maxTokens: 10, temperature: 1, objective: GRPO_OBJECTIVE },
 *   rewards: [named('correct', accuracy(mod10Chain.verify))],
 *   ...{ optimizer, criticOptimizer: optimizer, device },
 * })
 * const [params, expecting] = [model.init(random.key(0)), critic.init(random.key(1))]
 * const learners = { params, opt: optimizer.init(params), critic: { params: expecting, opt: optimizer.init(expecting) } }
 * const { metrics } = await step({ ...learners, reference: null, control: null }, hostKey(0))
 * console.log(metrics['explained_variance'])
 * ```
 */
export const ppoStepAsync = /* @__PURE__ */ curriedTwin(ppoStep)

/** Rows of a batch as parts, with what the critic said of them and what came. */
const ppoParts = (
  experience: Experience<unknown>,
  computed: Computed,
  { values, returns }: { readonly values: Float32Array; readonly returns: Float32Array },
) => {
  const total = experience.samples.length
  const partsOfPolicy = partsOfBatch(experience, computed)
  const columns = experience.mask.length / Math.max(1, total)
  const before = experience.mask.map((_, i) => values[i + Math.floor(i / columns)]!)
  return (chosen: readonly number[], size: number | undefined, entropyBonus: Scalar | null): readonly PpoPart[] => {
    const cut = partsOf(chosen, size)
    return partsOfPolicy(chosen, size).map((part, i) => ({
      ...part,
      oldValues: floatRows(before, cut[i]!, total),
      returns: floatRows(returns, cut[i]!, total),
      entropyBonus,
    }))
  }
}

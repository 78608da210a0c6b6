/**
 * Group relative policy optimization (DeepSeekMath, Shao et al. 2024, algorithm 1): sample G completions to each prompt of
 * a batch, reward them, take advantages within groups, and make `iterations` passes of minibatch updates over the batch.
 *
 * It departs from the algorithm where practice does: the old policy is the sampler itself, whose log-probabilities came
 * with the tokens; the reference is fixed; and the parts of the objective are free (see {@link ObjectiveConfig}).
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  applyUpdates,
  type Floats,
  globalNorm,
  type GradientTransformation,
  type Integers,
  type TransformerParams,
} from '@adjoint/nn'
import {
  abs,
  exp,
  gt,
  jit,
  max,
  min,
  type Scalar,
  stopGradient,
  sub,
  take,
  tensor,
  type Tree,
  where,
} from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Advantage, Groups } from './advantage.ts'
import { tokenMean, totalsOf } from './aggregate.ts'
import { onDevice, packMetrics, readOn, unpackMetrics } from './device.ts'
import type { RunError } from './errors.ts'
import { completionMetrics, type Metrics, rewardMetrics, updateMetrics } from './metrics.ts'
import { objective, type ObjectiveConfig, objectiveMetrics } from './objective.ts'
import { type Breakdown, type NamedReward, scoreSamples } from './reward/named.ts'
import type { Sample } from './reward/reward.ts'
import { grouped, type Rollout, roller, type RolloutConfig } from './rollout.ts'
import { scoreCompletions } from './score.ts'
import type { Learner } from './sft.ts'
import { dice, foldIn, type HostKey } from './task/key.ts'
import { problem } from './task/task.ts'

/** Everything that a step of GRPO depends on, besides its state and its key. */
export interface GrpoConfig<Problem, O extends Tree> extends RolloutConfig<Problem> {
  /** Prompts of a batch. */
  readonly prompts: number
  readonly rewards: readonly NamedReward<Problem>[]
  readonly advantage: Advantage
  readonly objective: ObjectiveConfig
  readonly optimizer: GradientTransformation<O>
  /** Passes over a batch, mu. Default 1. */
  readonly iterations?: number
  /** Updates in a pass; divides prompts times group. Default 1. */
  readonly minibatches?: number
  /**
   * Rewards as training sees them, from those that the log shows: the identity, unless an experiment (a control with
   * shuffled or random rewards) says otherwise.
   */
  readonly relabel?: (rewards: Groups, key: HostKey) => Groups
}

/** Parameters, optimizer state, and the reference policy (null where beta is 0). */
export type GrpoState<O extends Tree> = {
  readonly params: TransformerParams
  readonly opt: O
  readonly reference: TransformerParams | null
}

/** One completion as the log keeps it. */
export interface GradedSample<Problem> {
  readonly sample: Sample<Problem>
  readonly reward: Breakdown
  readonly advantage: number
}

/** What a step gives. Times are in ms. */
export interface GrpoStepped<Problem, O extends Tree> {
  readonly state: GrpoState<O>
  readonly metrics: Metrics
  readonly graded: readonly GradedSample<Problem>[]
  readonly times: {
    readonly rollout: number
    readonly reward: number
    readonly train: number
    readonly step_time: number
  }
}

/** What an update reads of a batch; rows are completions. */
type Batch = {
  readonly tokens: Integers
  readonly starts: Integers | null
  readonly mask: Floats
  readonly oldLogp: Floats
  readonly refLogp: Floats | null
  readonly advantages: Floats
}

const UPDATE_METRICS = [
  'clip_ratio/high',
  'clip_ratio/low',
  'clip_ratio/region',
  'entropy',
  'grad_norm',
  'kl',
  'policy_loss',
  'sampling/importance_sampling_ratio/max',
  'sampling/importance_sampling_ratio/mean',
  'sampling/importance_sampling_ratio/min',
  'sampling/sampling_logp_difference/max',
  'sampling/sampling_logp_difference/mean',
] as const

/** How far the learner's log-probabilities are from the sampler's: before the first update, numerics alone. */
const samplingMetrics = (logp: Floats, { mask, oldLogp }: Batch): Readonly<Record<string, Scalar>> => {
  const kept = gt(mask, 0)
  const difference: Floats = where(kept, stopGradient(sub(logp, oldLogp)), 0)
  const ratio: Floats = exp(difference)
  const totals = totalsOf(mask)
  return {
    'sampling/sampling_logp_difference/mean': tokenMean(abs(difference), mask, totals),
    'sampling/sampling_logp_difference/max': max()(abs(difference)),
    'sampling/importance_sampling_ratio/mean': tokenMean(ratio, mask, totals),
    'sampling/importance_sampling_ratio/min': min()(ratio),
    'sampling/importance_sampling_ratio/max': max()(ratio),
  }
}

/** The rows of each minibatch in a pass: all of them, once, in an order that follows from the key. */
const deal = (rows: number, minibatches: number, key: HostKey): readonly (readonly number[])[] => {
  const order = Array.from({ length: rows }, (_, i) => i)
  const roll = dice(key)
  for (let i = rows - 1; i > 0; i--) {
    const j = roll(i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return grouped(order, rows / minibatches)
}

const pick = (batch: Batch, rows: Integers): Batch => {
  const of = take(0)
  return {
    tokens: of(batch.tokens, rows),
    starts: batch.starts === null ? null : of(batch.starts, rows),
    mask: of(batch.mask, rows),
    oldLogp: of(batch.oldLogp, rows),
    refLogp: batch.refLogp === null ? null : of(batch.refLogp, rows),
    advantages: of(batch.advantages, rows),
  }
}

/** The update as a pure function of learner and batch: new learner, and what it measured, packed. */
const updateOf = <Problem, O extends Tree>(config: GrpoConfig<Problem, O>) => {
  const { model, maxTokens, temperature, optimizer } = config
  const score = scoreCompletions(model, { completion: maxTokens, temperature })
  const loss = valueAndGrad(
    (params: TransformerParams, batch: Batch) => {
      const { logp, entropy } = score(params)(batch)
      const rollouts = { ...batch, weights: null, totals: null }
      return [
        objective(config.objective)(rollouts)(logp, entropy),
        {
          ...objectiveMetrics(config.objective)(rollouts)(logp, entropy),
          ...samplingMetrics(logp, batch),
        },
      ] as const
    },
    { hasAux: true },
  )
  return (learner: Learner<O>, batch: Batch, rows: Integers | null) => {
    const [[, aux], grads] = loss(learner.params, rows === null ? batch : pick(batch, rows))
    const [updates, opt] = optimizer.update(grads, learner.opt, learner.params)
    return {
      learner: { params: applyUpdates(learner.params, updates), opt },
      metrics: packMetrics({ ...aux, grad_norm: globalNorm(grads) }),
    }
  }
}

const identity = (rewards: Groups): Groups => rewards

/**
 * A step of GRPO, compiled once: `(state, key) -> state, metrics, graded completions, times`. The problems, the draws and
 * the minibatches of a step follow from its key alone. The memory of `params` and `opt` is reused for those returned.
 *
 * Metrics have TRL's names: of rewards, completions and updates (means over the step's updates; those under `sampling/` of
 * its first one, where learner and sampler are one policy). Left: UnknownToken, SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, format, group, GRPO_OBJECTIVE, grpoStep, hostKey, mod10Chain, named } from '@adjoint/rl'
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
 *     advantage: group(),
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
  const { task, device, model, maxTokens, temperature } = config
  const { iterations = 1, minibatches = 1, relabel = identity } = config
  const rows = config.prompts * config.group
  if (rows % minibatches !== 0)
    throw new RangeError(
      `grpoStep: ${rows} completions do not split into ${minibatches} minibatches. Choose a number that divides them.`,
    )
  const roll = roller(config)
  const score = scoreCompletions(model, { completion: maxTokens, temperature })
  const referenceLogp = jit(
    (params: TransformerParams, batch: { tokens: Integers; starts: Integers | null }) => score(params)(batch).logp,
    {
      device,
    },
  )
  const update = jit(updateOf(config), { donate: [0], device })

  const reward = async (rollout: Rollout<Problem>, key: HostKey) => {
    const breakdowns = await scoreSamples(config.rewards)(rollout.samples)
    const totals = grouped(
      breakdowns.map((b) => b.total),
      config.group,
    )
    return { breakdowns, totals, advantages: config.advantage(relabel(totals, key)).flat() }
  }

  const learn = (
    state: GrpoState<O>,
    { prompts, generation }: Rollout<Problem>,
    advantages: readonly number[],
    key: HostKey,
  ): { readonly state: GrpoState<O>; readonly updates: readonly Floats[] } => {
    const scored = { tokens: generation.tokens, starts: prompts.starts ?? null }
    if (config.objective.beta !== 0 && state.reference === null)
      throw new Error(
        'grpoStep: beta is not 0, but the state has no reference. Put the reference policy into the state.',
      )
    const batch: Batch = {
      ...scored,
      mask: generation.mask,
      oldLogp: generation.logp,
      refLogp: state.reference === null ? null : referenceLogp(state.reference, scored),
      advantages: tensor(Float32Array.from(advantages), [rows, 1]),
    }
    let learner: Learner<O> = { params: state.params, opt: state.opt }
    const updates: Floats[] = []
    for (let pass = 0; pass < iterations; pass++) {
      for (const part of deal(rows, minibatches, foldIn(key, pass))) {
        const chosen = minibatches === 1 ? null : tensor(Int32Array.from(part), [part.length])
        const next = update(learner, batch, chosen)
        learner = next.learner
        updates.push(next.metrics)
      }
    }
    return { state: { ...learner, reference: state.reference }, updates }
  }

  const readUpdates = (updates: readonly Floats[]): TE.TaskEither<RunError, Metrics> =>
    pipe(
      updates,
      TE.traverseSeqArray(readOn(device)),
      TE.map((vectors) => {
        const each = vectors.map((v) => unpackMetrics(UPDATE_METRICS, v))
        const first = Object.entries(each[0] ?? {}).filter(([name]) => name.startsWith('sampling/'))
        return { ...updateMetrics(each), ...Object.fromEntries(first) }
      }),
    )

  return (state: GrpoState<O>, key: HostKey): TE.TaskEither<RunError, GrpoStepped<Problem, O>> => {
    const asked = Array.from({ length: config.prompts }, (_, i) => problem(task, 'train')(foldIn(foldIn(key, 0), i)))
    const clock = [performance.now()]
    const lap = <A>(value: A): A => (clock.push(performance.now()), value)
    return pipe(
      roll(state.params, asked, foldIn(key, 1)),
      TE.map(lap),
      TE.flatMap((rollout) =>
        pipe(
          TE.fromTask<Awaited<ReturnType<typeof reward>>, RunError>(() => reward(rollout, foldIn(key, 2))),
          TE.map(lap),
          TE.flatMap(({ breakdowns, totals, advantages }) =>
            pipe(
              onDevice(() => Promise.resolve(learn(state, rollout, advantages, foldIn(key, 3)))),
              TE.flatMap((learned) =>
                pipe(
                  readUpdates(learned.updates),
                  TE.map(lap),
                  TE.map((measured): GrpoStepped<Problem, O> => {
                    const [start, rolled, rewarded, trained] = clock as [number, number, number, number]
                    return {
                      state: learned.state,
                      metrics: {
                        ...rewardMetrics(totals, breakdowns),
                        ...completionMetrics(rollout.samples),
                        ...measured,
                      },
                      graded: rollout.samples.map((sample, i) => ({
                        sample,
                        reward: breakdowns[i]!,
                        advantage: advantages[i]!,
                      })),
                      times: {
                        rollout: rolled - start,
                        reward: rewarded - rolled,
                        train: trained - rewarded,
                        step_time: trained - start,
                      },
                    }
                  }),
                ),
              ),
            ),
          ),
        ),
      ),
    )
  }
}

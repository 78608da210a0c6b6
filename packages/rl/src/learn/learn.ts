/**
 * Learning from experience: score it under the policy and its reference, assign credit, and make `iterations` passes of
 * minibatch updates (DeepSeekMath, Shao et al. 2024, algorithm 1, lines 8 to 11).
 *
 * Where it departs from the algorithm: the old policy is the sampler, whose log-probabilities came with the tokens, unless
 * a correction tells the two apart; then the old policy is the learner at the start of the batch, and the correction
 * weighs each token for having come from another.
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  applyUpdates,
  type Floats,
  globalNorm,
  type GradientTransformation,
  type Integers,
  type Transformer,
  type TransformerParams,
} from '@adjoint/nn'
import {
  abs,
  type Device,
  gt,
  jit,
  max,
  min,
  readAsync,
  type Scalar,
  stopGradient,
  take,
  tensor,
  type Tree,
  where,
} from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { tokenMean, totalsOf } from '../objective/aggregate.ts'
import type { Correction } from '../objective/correction.ts'
import type { Credit } from '../credit/credit.ts'
import { onDevice, packMetrics, readOn, unpackMetrics } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import type { Experience } from '../experience/experience.ts'
import { type Metrics, updateMetrics } from '../run/metrics.ts'
import { objective, type ObjectiveConfig, objectiveMetrics } from '../objective/objective.ts'
import { logRatioOf, ratioOf } from '../objective/ratio.ts'
import { grouped } from '../policy/rollout.ts'
import { type Scored, scoreCompletions } from '../policy/score.ts'
import type { Learner } from './sft.ts'
import { dice, foldIn, type HostKey } from '../run/keys.ts'

/** How to learn. */
export interface LearnConfig<Problem, O extends Tree> {
  readonly model: Transformer
  /** Columns of completions, N. */
  readonly maxTokens: number
  /** The temperature of sampling: what is scored is the distribution that was sampled from. */
  readonly temperature: number
  readonly credit: Credit<Problem>
  readonly objective: ObjectiveConfig
  readonly optimizer: GradientTransformation<O>
  /** Passes over a batch, mu. Default 1. */
  readonly iterations?: number
  /** Updates in a pass; divides the completions of a batch. Default 1. */
  readonly minibatches?: number
  /**
   * Weighs tokens for having been sampled by another policy than the learner (another engine, an older one). Default: none,
   * and the ratio of the objective is to the sampler.
   */
  readonly correction?: Correction
  readonly device: Device
}

/** Parameters, optimizer state, and the reference policy (null where nothing asks for one). */
export type GrpoState<O extends Tree> = {
  readonly params: TransformerParams
  readonly opt: O
  readonly reference: TransformerParams | null
}

/** What learning gives. */
export interface Learned<O extends Tree> {
  readonly state: GrpoState<O>
  /** Means over the updates; those under `sampling/` are of the first one. */
  readonly metrics: Metrics
  /** One a row: its advantage, or the mean over its tokens. */
  readonly advantages: readonly number[]
}

/** What an update reads of a batch; rows are completions. */
type Batch = {
  readonly tokens: Integers
  readonly starts: Integers | null
  readonly mask: Floats
  readonly samplerLogp: Floats
  readonly oldLogp: Floats
  readonly refLogp: Floats | null
  readonly weights: Floats | null
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

/** How far the learner's log-probabilities are from the sampler's: numerics alone, where the two are one policy. */
const samplingMetrics = (logp: Floats, { mask, samplerLogp }: Batch): Readonly<Record<string, Scalar>> => {
  const kept = gt(mask, 0)
  const difference: Floats = where(kept, stopGradient(logRatioOf(logp, samplerLogp)), 0)
  const ratio = ratioOf(difference)
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
    samplerLogp: of(batch.samplerLogp, rows),
    oldLogp: of(batch.oldLogp, rows),
    refLogp: batch.refLogp === null ? null : of(batch.refLogp, rows),
    weights: batch.weights === null ? null : of(batch.weights, rows),
    advantages: of(batch.advantages, rows),
  }
}

/** The update as a pure function of learner and batch: new learner, and what it measured, packed. */
const updateOf = <Problem, O extends Tree>(config: LearnConfig<Problem, O>) => {
  const { model, maxTokens, temperature, optimizer } = config
  const score = scoreCompletions(model, { completion: maxTokens, temperature })
  const loss = valueAndGrad(
    (params: TransformerParams, batch: Batch) => {
      const { logp, entropy } = score(params)(batch)
      const rollouts = { ...batch, totals: null }
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

/** @internal */
export const requireSplit = (op: string, rows: number, minibatches: number): void => {
  if (rows % minibatches === 0) return
  throw new RangeError(
    `${op}: ${rows} completions do not split into ${minibatches} minibatches. Choose a number that divides them.`,
  )
}

/** Per token, row by row, as long as each completion is: `log pi - log pi_ref`. */
const divergences = (
  { samples }: Experience<unknown>,
  logp: ArrayLike<number>,
  refLogp: ArrayLike<number>,
): readonly (readonly number[])[] => {
  const columns = refLogp.length / Math.max(1, samples.length)
  return samples.map(({ length }, row) =>
    Array.from({ length }, (_, t) => logp[row * columns + t]! - refLogp[row * columns + t]!),
  )
}

/** One column where every row has one number, else one a token, 0 after the end. */
const advantageTensor = (credits: readonly (number | readonly number[])[], columns: number): Floats => {
  const rows = credits.length
  if (credits.every((c) => typeof c === 'number')) return tensor(Float32Array.from(credits), [rows, 1])
  const data = new Float32Array(rows * columns)
  credits.forEach((credit, row) => {
    if (typeof credit === 'number') data.fill(credit, row * columns, (row + 1) * columns)
    else data.set(credit, row * columns)
  })
  return tensor(data, [rows, columns])
}

const meanOf = (credit: number | readonly number[]): number =>
  typeof credit === 'number' ? credit : credit.reduce((s, x) => s + x, 0) / Math.max(1, credit.length)

/**
 * A learner, compiled once: `(state, experience, key) -> state, metrics, advantages`. The order of minibatches, and what a
 * credit draws, follow from the key. The memory of `params` and `opt` is reused for those returned. Left: DeviceFailed.
 * Throws where the completions do not split into the minibatches, or a part asks for a reference that is not there.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { accuracy, collector, group, GRPO_OBJECTIVE, hostKey, learner, mod10Chain, named, outcome } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (isRight(device)) {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const shared = { model, maxTokens: 10, temperature: 1, device: device.right }
 *   const rewards = [named('correct', accuracy(mod10Chain.verify))]
 *   const collect = collector({ ...shared, task: mod10Chain, prompts: 2, group: 4, rewards })
 *   const optimizer = adam({ learningRate: 1e-4 })
 *   const learn = learner({ ...shared, credit: outcome(group()), objective: GRPO_OBJECTIVE, optimizer })
 *   const params = model.init(random.key(0))
 *   const collected = await collect(params, hostKey(1))()
 *   if (isRight(collected)) {
 *     const state = { params, opt: optimizer.init(params), reference: null }
 *     await learn(state, collected.right.experience, hostKey(2))()
 *   }
 * }
 * ```
 */
export const learner = <Problem, O extends Tree>(config: LearnConfig<Problem, O>) => {
  const { model, maxTokens, temperature, device, correction } = config
  const { iterations = 1, minibatches = 1 } = config
  const score = scoreCompletions(model, { completion: maxTokens, temperature })
  const logpUnder = jit((params: TransformerParams, scored: Scored) => score(params)(scored).logp, { device })
  const update = jit(updateOf(config), { donate: [0], device })

  const batchOf = async (
    state: GrpoState<O>,
    experience: Experience<Problem>,
    key: HostKey,
  ): Promise<{ readonly batch: Batch; readonly advantages: readonly number[] }> => {
    const rows = experience.samples.length
    const square = (data: Float32Array): Floats => tensor(data, [rows, maxTokens])
    const scored: Scored = {
      tokens: tensor(experience.tokens, [rows, experience.width + maxTokens]),
      starts: experience.starts === null ? null : tensor(experience.starts, [rows]),
    }
    const mask = square(experience.mask)
    const samplerLogp = square(experience.samplerLogp)
    const oldLogp = correction === undefined ? samplerLogp : logpUnder(state.params, scored)
    const refLogp = state.reference === null ? null : logpUnder(state.reference, scored)
    const kl =
      refLogp === null
        ? null
        : divergences(experience, await readAsync(oldLogp, device), await readAsync(refLogp, device))
    const credits = config.credit({ ...experience, kl }, key)
    const given = advantageTensor(credits, maxTokens)
    return {
      batch: {
        ...scored,
        mask,
        samplerLogp,
        oldLogp,
        refLogp,
        weights: correction === undefined ? null : correction(oldLogp, samplerLogp, mask, given),
        advantages: given,
      },
      advantages: credits.map(meanOf),
    }
  }

  const passes = (state: GrpoState<O>, batch: Batch, key: HostKey) => {
    const rows = batch.tokens.shape[0]!
    let current: Learner<O> = { params: state.params, opt: state.opt }
    const updates: Floats[] = []
    for (let pass = 0; pass < iterations; pass++) {
      for (const part of deal(rows, minibatches, foldIn(key, pass))) {
        const next = update(current, batch, minibatches === 1 ? null : tensor(Int32Array.from(part), [part.length]))
        current = next.learner
        updates.push(next.metrics)
      }
    }
    return { state: { ...current, reference: state.reference }, updates }
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

  return (state: GrpoState<O>, experience: Experience<Problem>, key: HostKey): TE.TaskEither<RunError, Learned<O>> => {
    requireSplit('learner', experience.samples.length, minibatches)
    if (config.objective.beta !== 0 && state.reference === null)
      throw new Error(
        'learner: beta is not 0, but the state has no reference. Put the reference policy into the state.',
      )
    return pipe(
      onDevice(async () => {
        const { batch, advantages } = await batchOf(state, experience, foldIn(key, 2))
        return { advantages, ...passes(state, batch, foldIn(key, 3)) }
      }),
      TE.flatMap(({ updates, ...learned }) =>
        pipe(
          readUpdates(updates),
          TE.map((metrics) => ({ ...learned, metrics })),
        ),
      ),
    )
  }
}

/** A gradient step on the policy objective: the loss of a part of a batch, and what the log says of it. */
import { type Floats, type GradientTransformation } from '@adjoint/nn'
import { abs, type Device, gt, max, min, type Scalar, stopGradient, type Tree, where } from '@adjoint/tensor'
import type { OptionNames } from '@adjoint/tensor/ir'
import { tokenMean, totalsOf } from '../objective/aggregate.ts'
import type { Coefficients } from '../objective/control.ts'
import type { Correction } from '../objective/correction.ts'
import { objective, type ObjectiveConfig, objectiveMetrics } from '../objective/objective.ts'
import { logRatioOf, ratioOf } from '../objective/ratio.ts'
import type { Policy } from '../policy/policy.ts'
import { type Metrics, updateMetrics } from '../run/metrics.ts'
import type { Fold } from '../run/packing.ts'
import type { Part } from './batch.ts'
import { updateOf } from './update.ts'

/** What a gradient step on the objective is made of. */
export interface ObjectiveUpdate<P extends Tree, O extends Tree> {
  readonly policy: Policy<P>
  /** Columns of completions, N. */
  readonly maxTokens: number
  /** The temperature of sampling: what is scored is the distribution that was sampled from. */
  readonly temperature: number
  readonly objective: ObjectiveConfig
  /**
   * Weighs tokens for having been sampled by another policy than the learner (another engine, an older one). Default: none,
   * and the ratio of the objective is to the sampler.
   */
  readonly correction?: Correction
  readonly optimizer: GradientTransformation<O>
  readonly device: Device
}

/** @internal */
export const OBJECTIVE_UPDATE_OPTIONS: OptionNames<ObjectiveUpdate<never, never>> = {
  ...{
    policy: true,
    maxTokens: true,
    temperature: true,
    objective: true,
    correction: true,
    optimizer: true,
    device: true,
  },
}

/** @internal How what {@link objectiveLoss} measures of parts makes that of the whole. */
export const OBJECTIVE_MEASURES = {
  'clip_ratio/high': 'sum',
  'clip_ratio/low': 'sum',
  'clip_ratio/region': 'sum',
  entropy: 'sum',
  kl: 'sum',
  policy_loss: 'sum',
  'sampling/importance_sampling_ratio/max': 'max',
  'sampling/importance_sampling_ratio/mean': 'sum',
  'sampling/importance_sampling_ratio/min': 'min',
  'sampling/sampling_logp_difference/max': 'max',
  'sampling/sampling_logp_difference/mean': 'sum',
} as const satisfies Readonly<Record<string, Fold>>

/** How far the learner's log-probabilities are from the sampler's: numerics alone, where the two are one policy. */
const samplingMetrics = (logp: Floats, { mask, samplerLogp, totals }: Part) => {
  const kept = gt(mask, 0)
  const difference: Floats = where(kept, stopGradient(logRatioOf(logp, samplerLogp)), 0)
  const ratio = ratioOf(difference)
  const mean = (x: Floats): Scalar => tokenMean(x, mask, totals ?? totalsOf(mask))
  return {
    'sampling/sampling_logp_difference/mean': mean(abs(difference)),
    'sampling/sampling_logp_difference/max': max()(abs(difference)),
    'sampling/importance_sampling_ratio/mean': mean(ratio),
    // Of no tokens they are infinite, which any other part of the batch replaces.
    'sampling/importance_sampling_ratio/min': min()(where(kept, ratio, Infinity)),
    'sampling/importance_sampling_ratio/max': max()(where(kept, ratio, -Infinity)),
  }
}

/** @internal The loss of a part of a batch and what is measured of it, as a function of the policy's parameters. */
export const objectiveLoss = <P extends Tree>(config: Omit<ObjectiveUpdate<P, Tree>, 'optimizer' | 'device'>) => {
  const { policy, maxTokens, temperature, correction } = config
  const score = policy.score({ completion: maxTokens, temperature })
  return (params: P, part: Part & Partial<Coefficients>) => {
    const { mask, samplerLogp, oldLogp, advantages } = part
    const { logp, entropy } = score(params, part)
    const weights = correction === undefined ? null : correction(oldLogp, samplerLogp, mask, advantages)
    const rollouts = { ...part, weights }
    return [
      objective(config.objective)(rollouts)(logp, entropy),
      { ...objectiveMetrics(config.objective)(rollouts)(logp, entropy), ...samplingMetrics(logp, part) },
    ] as const
  }
}

/** @internal A gradient step on the objective, by one part of a batch or by several. */
export const objectiveUpdate = <P extends Tree, O extends Tree>(config: ObjectiveUpdate<P, O>) => {
  const { optimizer, device } = config
  return updateOf({ loss: objectiveLoss(config), measures: OBJECTIVE_MEASURES, optimizer, device })
}

/** @internal What an update measured, and how many tokens it learnt from. */
export interface Measured {
  readonly metrics: Metrics
  readonly tokens: number
}

/** @internal The metrics of a step from those of its updates: means by tokens; those under `sampling/` are of the first update. */
export const stepMetrics = (updates: readonly Measured[]): Metrics => {
  // The extremes over no token at all are those of a ratio of 1.
  const first = Object.entries(updates[0]?.metrics ?? {})
    .filter(([name]) => name.startsWith('sampling/'))
    .map(([name, x]) => [name, Math.abs(x) === Infinity ? 1 : x] as const)
  return {
    ...updateMetrics(
      updates.map((u) => u.metrics),
      updates.map((u) => u.tokens),
    ),
    ...Object.fromEntries(first),
  }
}

/** Published variants as choices in each part: what a preset does not name is {@link GRPO_OBJECTIVE}'s. */
import { drGrpo as centred, group, reinforcePlusPlus as batchZScore, rloo as leaveOneOut } from '../credit/advantage.ts'
import { gdpo as normalisedApart } from '../credit/gdpo.ts'
import { constant, tokenMean } from './aggregate.ts'
import { cispo as clippedWeight, dppo as variation, lowHigh, sapo as softGate, symmetric, unclipped } from './clip.ts'
import { byReward, type Credit, outcome } from '../credit/credit.ts'
import { k1 } from './kl.ts'
import { GRPO_OBJECTIVE, type ObjectiveConfig } from './objective.ts'
import { geometric, sequenceRatio } from './ratio.ts'

/** Credit and an objective that belong together: `grpoStep({ ...presets.dapo, .. })`. */
export interface Preset {
  readonly credit: Credit<unknown>
  readonly objective: ObjectiveConfig
}

const preset = (credit: Credit<unknown>, parts: Partial<ObjectiveConfig>): Preset => ({
  credit,
  objective: { ...GRPO_OBJECTIVE, ...parts },
})

/**
 * Presets by name.
 *
 * - `grpo`: DeepSeekMath's (Shao et al. 2024, section 4.2), epsilon 0.2 and beta 0.04.
 * - `r1`: DeepSeek-R1's published setting, epsilon 10 and beta 0.001 (with groups of 16).
 * - `drGrpo(maxLength)`: without the two normalisations (Liu et al. 2025); needs the longest completion, in tokens.
 * - `dapo`: clips higher and weighs tokens alike (Yu et al. 2025), its sampling and length rules aside.
 * - `gspo`: one ratio a sequence (Zheng et al. 2025, epsilons of section 5.1).
 * - `gmpo`: the geometric mean of token ratios, clipped in log space (Zhao et al. 2025).
 * - `cispo`: clips the weight, never the gradient (MiniMax-M1, 2025), at the ratio 5 of ScaleRL (Khatri et al. 2025).
 * - `sapo`: a smooth gate in place of the clip (Gao et al. 2025).
 * - `dppo`: leaves out tokens whose probability has moved by more than 0.15 (Qi et al. 2026), tokens weighed alike.
 * - `rloo`: REINFORCE with the leave-one-out baseline (Ahmadian et al. 2024); its KL belongs into the reward (`klInReward`).
 * - `reinforcePlusPlus`: normalised over the batch (Hu 2025); its KL belongs into the reward (`returnsToGo`).
 * - `gdpo(weights)`: each reward normalised by itself (Liu et al. 2026), by name.
 *
 * @example
 * ```ts
 * import { presets } from '@adjoint/rl'
 * const { credit, objective } = presets.dapo
 * const constantLength = presets.drGrpo(512)
 * ```
 */
export const presets = {
  grpo: preset(outcome(group()), { beta: 0.04 }),
  r1: preset(outcome(group()), { clip: symmetric(10), beta: 0.001 }),
  /** Takes the longest completion, in tokens: the constant that sums are divided by. */
  drGrpo: (maxLength: number) => preset(outcome(centred), { aggregate: constant(maxLength) }),
  dapo: preset(outcome(group()), { clip: lowHigh({ low: 0.2, high: 0.28 }), aggregate: tokenMean }),
  gspo: preset(outcome(group()), { ratio: sequenceRatio, clip: lowHigh({ low: 3e-4, high: 4e-4 }) }),
  gmpo: preset(outcome(group()), { ratio: geometric({ low: 0.4, high: 0.4 }), clip: unclipped }),
  cispo: preset(outcome(group()), { clip: clippedWeight(4), aggregate: tokenMean }),
  sapo: preset(outcome(group()), { clip: softGate(1, 1.05) }),
  dppo: preset(outcome(group()), { clip: variation(0.15), aggregate: tokenMean }),
  rloo: preset(outcome(leaveOneOut), { clip: unclipped, kl: k1 }),
  reinforcePlusPlus: preset(outcome(batchZScore()), { kl: k1, aggregate: tokenMean }),
  /** Takes the weight of each reward, by name. */
  gdpo: (weights: Readonly<Record<string, number>>) => preset(byReward(normalisedApart(weights)), {}),
}

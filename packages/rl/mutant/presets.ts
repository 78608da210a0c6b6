/** Published variants as choices in each part. */
import { type Advantage, drGrpo as centred, group, rloo as leaveOneOut } from './advantage.ts'
import { constant, sequenceMean, tokenMean } from './aggregate.ts'
import { lowHigh, symmetric, unclipped } from './clip.ts'
import { k1, k3 } from './kl.ts'
import type { ObjectiveConfig } from './objective.ts'
import { sequenceRatio, tokenRatio } from './ratio.ts'

/** An advantage and an objective that belong together. */
export interface Preset {
  readonly advantage: Advantage
  readonly objective: ObjectiveConfig
}

/**
 * Presets by name. `grpo` is DeepSeekMath's (Shao et al. 2024); `r1` has the published setting of DeepSeek-R1's
 * supplement, epsilon 10 and beta 0.001; `drGrpo` takes out both normalisations (Liu et al. 2025) and needs the longest
 * completion; `dapo` clips higher and weighs tokens alike (Yu et al. 2025), its sampling and length rules aside; `gspo`
 * has one ratio a sequence (Zheng et al. 2025, epsilons of section 5.1); `rloo` is REINFORCE with the leave-one-out
 * baseline (Ahmadian et al. 2024).
 *
 * @example
 * ```ts
 * import { presets } from '@adjoint/rl'
 * const { advantage, objective } = presets.dapo
 * const { objective: constantLength } = presets.drGrpo(512)
 * ```
 */
export const presets = {
  grpo: {
    advantage: group(),
    objective: {
      ratio: tokenRatio,
      clip: symmetric(0.2),
      kl: k3,
      beta: 0.04,
      aggregate: sequenceMean,
      entropyBonus: 0,
    },
  },
  r1: {
    advantage: group(),
    objective: {
      ratio: tokenRatio,
      clip: symmetric(10),
      kl: k3,
      beta: 0.001,
      aggregate: sequenceMean,
      entropyBonus: 0,
    },
  },
  /** Takes the longest completion, in tokens: the constant that sums are divided by. */
  drGrpo: (maxLength: number): Preset => ({
    advantage: centred,
    objective: {
      ratio: tokenRatio,
      clip: symmetric(0.2),
      kl: k3,
      beta: 0,
      aggregate: constant(maxLength),
      entropyBonus: 0,
    },
  }),
  dapo: {
    advantage: group(),
    objective: {
      ratio: tokenRatio,
      clip: lowHigh({ low: 0.2, high: 0.28 }),
      kl: k3,
      beta: 0,
      aggregate: tokenMean,
      entropyBonus: 0,
    },
  },
  gspo: {
    advantage: group(),
    objective: {
      ratio: sequenceRatio,
      clip: lowHigh({ low: 3e-4, high: 4e-4 }),
      kl: k3,
      beta: 0,
      aggregate: sequenceMean,
      entropyBonus: 0,
    },
  },
  rloo: {
    advantage: leaveOneOut,
    objective: { ratio: tokenRatio, clip: unclipped, kl: k1, beta: 0, aggregate: sequenceMean, entropyBonus: 0 },
  },
} as const satisfies Record<string, Preset | ((maxLength: number) => Preset)>

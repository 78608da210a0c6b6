/** The setting that all variants share: one task, one policy from one cold start, one optimizer, one exam. */
import { adam, chain, clipByGlobalNorm } from '@adjoint/nn'
import { MAX_TOKENS, model, policy, rewards, task } from '../r1-mini/setting.ts'

// The task, the policy and the rewards of the main job.
export { MAX_TOKENS, model, policy, rewards, task }

/** The cold start: half of the traces think, half answer directly. */
export const sft = { rows: 64, thinkShare: 0.5 } as const
export const sftOptimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 }))

/** What a step samples. */
export const sampling = {
  task,
  policy,
  rewards,
  prompts: 8,
  group: 16,
  maxTokens: MAX_TOKENS,
  temperature: 1,
} as const
/** Four updates a batch: from the second on the policy is not the sampler, and ratios and clips have something to do. */
export const MINIBATCHES = 4
export const optimizer = chain(clipByGlobalNorm(0.2), adam({ learningRate: 1e-4 }))
export type Opt = ReturnType<typeof optimizer.init>

/** Held-out problems: all runs sit the same exams. */
export const sitting = { task, policy, seed: 20250122, samples: 16, temperature: 1, maxTokens: MAX_TOKENS } as const
/** A short exam on the way: so many problems, 4 samples each, once each so many steps. */
export const SHORT = { problems: 64, samples: 4, every: 5 } as const

/** The setting: one cold start that half thinks and half guesses, one reward, and as many sampled completions for each way to learn. */
import { adam, chain, clipByGlobalNorm } from '@adjoint/nn'
import { dpo as dpoLoss, group, GRPO_OBJECTIVE, outcome } from '@adjoint/rl'
import { MAX_TOKENS, model, policy, rewards, task } from '../r1-mini/setting.ts'

// The task, the policy and the rewards of the main job.
export { MAX_TOKENS, model, policy, task }

const optimizerOf = (clip: number, learningRate: number) => chain(clipByGlobalNorm(clip), adam({ learningRate }))
export type Opt = ReturnType<ReturnType<typeof optimizerOf>['init']>

/** Half of the traces of the cold start think. */
export const sft = { rows: 64, thinkShare: 0.5, optimizer: optimizerOf(1, 1e-3) } as const

/** What every step samples, and what it is worth. */
export const sampling = {
  task,
  policy,
  prompts: 16,
  group: 16,
  maxTokens: MAX_TOKENS,
  temperature: 1,
  rewards,
} as const

export const grpo = {
  credit: outcome(group()),
  objective: GRPO_OBJECTIVE,
  optimizer: optimizerOf(0.2, 1e-4),
} as const

/** Four pairs of a group at most: 64 of a step, as many rows as SFT has twice. */
export const dpo = {
  loss: dpoLoss({ beta: 0.1 }),
  optimizer: optimizerOf(1, 1e-4),
} as const
export const PAIRS_OF_GROUP = 4
export const PAIRS = sampling.prompts * PAIRS_OF_GROUP

/** Held-out problems: all policies sit the same exam. */
export const sitting = { task, policy, seed: 20250122, samples: 16, temperature: 1, maxTokens: MAX_TOKENS } as const
/** A short one on the way: so many problems, once each so many steps. */
export const SHORT = { problems: 64, every: 10 } as const

/** A run small enough for a thousand steps in a minute: one layer, two prompts a step, four completions each. */
import { adam, chain, clipByGlobalNorm, transformer } from '@adjoint/nn'
import { accuracy, group, GRPO_OBJECTIVE, mod10Chain, outcome, rewarded } from '@adjoint/rl'

export const task = mod10Chain

const PROMPT = 11 // <bos>, five digits, four operators, =
export const MAX_TOKENS = 12

export const model = transformer({
  vocab: task.vocabulary.size,
  width: 32,
  layers: 1,
  heads: 2,
  context: PROMPT + MAX_TOKENS,
})

/** Enough of a cold start for some completions to be right. */
export const SFT_STEPS = 100
export const sft = { rows: 32, thinkShare: 1 } as const
export const CHECKPOINT_EVERY = 10

export const grpo = {
  prompts: 2,
  group: 4,
  maxTokens: MAX_TOKENS,
  temperature: 1,
  credit: outcome(group()),
  objective: GRPO_OBJECTIVE,
  // A group that lost all but one of its rewards teaches nothing: another one takes its place.
  keep: rewarded,
} as const

/** Both phases have the same optimizer. */
export const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 }))

export const correct = accuracy(task.verify)

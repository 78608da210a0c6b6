/** A run small enough for a thousand steps in a minute: one layer, two prompts a step, four completions each. */
import { adam, chain, clipByGlobalNorm, transformer } from '@adjoint/nn'
import { accuracy, group, GRPO_OBJECTIVE, mod10Chains, outcome, rewarded, transformerPolicy } from '@adjoint/rl'

/** Chains of three digits: learnt in seconds. */
export const task = mod10Chains(3)

const PROMPT = 7 // <bos>, three digits, two operators, =
/** A completion in the template has 8 tokens; one to spare. */
export const MAX_TOKENS = 9

export const model = transformer({
  vocab: task.vocabulary.size,
  width: 32,
  layers: 1,
  heads: 2,
  context: PROMPT + MAX_TOKENS,
})

/** What the loops know of the model. */
export const policy = transformerPolicy(model, task.vocabulary)

/** A cold start after which about a third of the answers are right. */
export const SFT_STEPS = 300
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

export const sftOptimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 3e-3 }))
export const grpoOptimizer = chain(clipByGlobalNorm(0.5), adam({ learningRate: 1e-4 }))

export const correct = accuracy(task.verify)

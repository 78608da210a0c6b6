/** The setting that all variants share: one task, one policy from one cold start, one optimizer, one exam. */
import { adam, chain, clipByGlobalNorm, transformer } from '@adjoint/nn'
import { accuracy, format, mod10Chain, named } from '@adjoint/rl'

/** Left-to-right chains of five digits modulo 10. */
export const task = mod10Chain

const PROMPT = 11 // <bos>, five digits, four operators, =
/** A thinking completion has 10 tokens, a direct one 6; two to spare. */
export const MAX_TOKENS = 12

/** Two pre-norm layers, about 100 thousand parameters. */
export const model = transformer({
  vocab: task.vocabulary.size,
  width: 64,
  layers: 2,
  heads: 4,
  context: PROMPT + MAX_TOKENS,
})

/** Correct, and a little for the template. */
export const rewards = [named('correct', accuracy(task.verify)), named('format', format, 0.1)]

/** The cold start: half of the traces think, half answer directly. */
export const sft = { rows: 64, thinkShare: 0.5 } as const
export const sftOptimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 }))

/** What a step samples. */
export const sampling = {
  task,
  model,
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
export const sitting = { task, model, seed: 20250122, samples: 16, temperature: 1, maxTokens: MAX_TOKENS } as const
/** A short exam on the way: so many problems, 4 samples each, once each so many steps. */
export const SHORT = { problems: 64, samples: 4, every: 5 } as const

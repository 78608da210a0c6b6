/** The setting: one cold start that half thinks and half guesses, one reward, and as many sampled completions for each way to learn. */
import { adam, chain, clipByGlobalNorm, transformer } from '@adjoint/nn'
import { accuracy, dpo as dpoLoss, format, group, GRPO_OBJECTIVE, mod10Chain, named, outcome } from '@adjoint/rl'

/** Left-to-right chains of five digits modulo 10. */
export const task = mod10Chain
const PROMPT = 11 // <bos>, five digits, four operators, =
/** A thinking completion in the template has 10 tokens, a direct one 6; two to spare. */
export const MAX_TOKENS = 12

/** Two pre-norm layers, about 100 thousand parameters. */
export const model = transformer({
  vocab: task.vocabulary.size,
  width: 64,
  layers: 2,
  heads: 4,
  context: PROMPT + MAX_TOKENS,
})

const optimizerOf = (clip: number, learningRate: number) => chain(clipByGlobalNorm(clip), adam({ learningRate }))
export type Opt = ReturnType<ReturnType<typeof optimizerOf>['init']>

/** Half of the traces of the cold start think. */
export const sft = { rows: 64, thinkShare: 0.5, optimizer: optimizerOf(1, 1e-3) } as const

/** What every step samples, and what it is worth. */
export const sampling = {
  task,
  model,
  prompts: 16,
  group: 16,
  maxTokens: MAX_TOKENS,
  temperature: 1,
  rewards: [named('correct', accuracy(task.verify)), named('format', format, 0.1)],
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
export const sitting = { task, model, seed: 20250122, samples: 16, temperature: 1, maxTokens: MAX_TOKENS } as const
/** A short one on the way: so many problems, once each so many steps. */
export const SHORT = { problems: 64, every: 10 } as const

/** The setting: a teacher of two layers that thinks, and students of one layer that learn from it. */
import { adam, chain, clipByGlobalNorm, type Transformer, transformer } from '@adjoint/nn'
import { mod10Chain, transformerPolicy } from '@adjoint/rl'

/** Left-to-right chains of five digits modulo 10. */
export const task = mod10Chain
const PROMPT = 11 // <bos>, five digits, four operators, =
/** A thinking completion has 10 tokens; two to spare. */
export const MAX_TOKENS = 12

const shape = { vocab: task.vocabulary.size, heads: 4, context: PROMPT + MAX_TOKENS } as const
/** About 100 thousand parameters. */
export const large = transformer({ ...shape, width: 64, layers: 2 })
/** About 53 thousand. */
export const small = transformer({ ...shape, width: 64, layers: 1 })

/** What the loops know of a model. */
export const policyOf = (model: Transformer) => transformerPolicy(model, task.vocabulary)

export const ROWS = 64
export const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 }))
export type Opt = ReturnType<typeof optimizer.init>

/** What a student writes in a step, where it learns from that. */
export const sampling = { task, prompts: ROWS, maxTokens: MAX_TOKENS, temperature: 1 } as const
/** Held-out problems: all models sit the same exam. */
export const sitting = { task, seed: 20250122, samples: 16, temperature: 1, maxTokens: MAX_TOKENS } as const
/** A short one on the way: so many problems, once each so many steps. */
export const SHORT = { problems: 64, every: 50 } as const

/**
 * What all runs share: a task whose completions differ in length, one policy from one cold start, and steps in which the terms of GRPO
 * have something to do. Eight updates a batch let the policy leave the one that sampled; a learning rate of 7e-4 lets it go far.
 */
import { adam, chain, clipByGlobalNorm, transformer } from '@adjoint/nn'
import {
  accuracy,
  type Chain,
  type CharacterTask,
  format,
  GRPO_OBJECTIVE,
  mod10Chains,
  named,
  transformerPolicy,
} from '@adjoint/rl'

const chains = mod10Chains(3)

/** How often an oracle goes through its thought, once to four times: as good as drawn, and the same for the same problem. */
const rounds = ([a = 0, b = 0, c = 0]: readonly number[]): number => 1 + ((7 * a + 3 * b + c) % 4)

/** Chains of three digits whose traces say the thought over and over: a policy that learns from them ends when it likes. */
export const task: CharacterTask<Chain> = {
  ...chains,
  name: 'rounds',
  trace: (problem) => {
    const { think, answer } = chains.trace(problem)
    return { think: think.repeat(rounds(problem.digits)), answer }
  },
}

const PROMPT = 7 // <bos>, three digits, two operators, =
/** A trace has 6 tokens without a thought, and 8 to 14 with one. */
export const MAX_TOKENS = 16

export const model = transformer({
  vocab: task.vocabulary.size,
  width: 48,
  layers: 2,
  heads: 4,
  context: PROMPT + MAX_TOKENS,
})
export const policy = transformerPolicy(model, task.vocabulary)

/** Correct, and a little for the template. */
export const rewards = [named('correct', accuracy(task.verify)), named('format', format, 0.1)]

export const sft = { rows: 32, thinkShare: 0.6 } as const
export const sftOptimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 3e-3 }))

/** A step of GRPO: 128 completions, eight updates on all of them. */
export const grpo = {
  prompts: 16,
  group: 8,
  iterations: 8,
  temperature: 1,
  maxTokens: MAX_TOKENS,
} as const
/** No bound on the norm of gradients: what holds the policy is the objective. */
export const optimizer = adam({ learningRate: 7e-4 })
export type Opt = ReturnType<typeof optimizer.init>

/** DeepSeekMath's objective, with its beta. */
export const objective = { ...GRPO_OBJECTIVE, beta: 0.04 }

/** Held-out problems: all runs sit the same exam. */
export const sitting = { task, policy, samples: 8, temperature: 1, maxTokens: MAX_TOKENS, seed: 1 } as const

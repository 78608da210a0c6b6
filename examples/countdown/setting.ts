/** The setting: countdown with three small numbers, and a policy that learns it in a few minutes on one core. */
import { adam, chain, clipByGlobalNorm, linearSchedule, transformer } from '@adjoint/nn'
import { accuracy, countdown, format, group, GRPO_OBJECTIVE, named, outcome, transformerPolicy } from '@adjoint/rl'

/** Three numbers from 1 to 12 and a target up to 60: `4,7,12=16?`, by `<think>12+4=16</think><answer>12+4</answer>`. */
export const task = countdown({ numbers: { min: 3, max: 3 }, largest: 12, target: 60 })

const PROMPT = 13 // <bos>, three numbers, two commas, =, the target, ?
/** The longest trace has 31 tokens and ends with one more. */
export const MAX_TOKENS = 34

/** Two pre-norm layers, about 100 thousand parameters. */
export const model = transformer({
  vocab: task.vocabulary.size,
  width: 64,
  layers: 2,
  heads: 4,
  context: PROMPT + MAX_TOKENS,
})

/** What the loops know of the model. */
export const policy = transformerPolicy(model, task.vocabulary)

/** TinyZero's rewards: right, and a little for the template. */
export const rewards = [named('correct', accuracy(task.verify)), named('format', format, 0.1)]

/** The cold start shows what a solution looks like; of the search that found it, it shows nothing. */
export const sft = { rows: 64, thinkShare: 1 } as const
export const sftOptimizer = (steps: number) =>
  chain(
    clipByGlobalNorm(1),
    adam({ learningRate: linearSchedule({ from: 2e-3, to: 2e-4, steps: Math.max(1, steps) }) }),
  )

/** GRPO without a KL term, as in the demonstration. */
export const grpo = {
  task,
  policy,
  rewards,
  prompts: 16,
  group: 16,
  maxTokens: MAX_TOKENS,
  temperature: 1,
  promptWidth: PROMPT,
  credit: outcome(group()),
  objective: GRPO_OBJECTIVE,
} as const
export const grpoOptimizer = (steps: number) =>
  chain(
    clipByGlobalNorm(0.2),
    adam({ learningRate: linearSchedule({ from: 4e-4, to: 1e-4, steps: Math.max(1, steps) }) }),
  )

/** Held-out problems: all runs sit the same exam, before and after; a short one on the way. */
export const sitting = {
  task,
  policy,
  seed: 20250124,
  samples: 8,
  temperature: 1,
  maxTokens: MAX_TOKENS,
  promptWidth: PROMPT,
} as const
export const SHORT = { problems: 32, every: 10 } as const
/** Completions that are shown after the table. */
export const SHOWN = 5

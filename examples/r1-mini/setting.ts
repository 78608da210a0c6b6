/** The setting of the demonstration: what DeepSeek-R1 does, small enough for one core and a few minutes. */
import {
  adam,
  chain,
  clipByGlobalNorm,
  type FloatDType,
  type GradientTransformation,
  linearSchedule,
  opaque,
  transformer,
  withMasters,
} from '@adjoint/nn'
import type { Tree } from '@adjoint/tensor'
import { accuracy, format, GRPO_OBJECTIVE, mod10Chain, named, transformerPolicy } from '@adjoint/rl'

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

/** What the loops know of the model. */
export const policy = transformerPolicy(model, task.vocabulary)

/** Correct, and a little for the template. */
export const rewards = [named('correct', accuracy(task.verify)), named('format', format, 0.1)]

export const sft = {
  rows: 64,
  /** Half of the traces think, half answer directly with an empty think block. */
  thinkShare: 0.5,
  learningRate: 1e-3,
} as const

export const grpo = {
  prompts: 16,
  group: 16,
  temperature: 1,
  objective: GRPO_OBJECTIVE,
} as const
/** Its learning rate falls on a line over the steps: what the last steps learn from noise is small. */
const rates = { from: 1e-4, to: 2e-5 } as const

/**
 * An optimizer of parameters stored as `dtype`: of those in two bytes it keeps f32 masters, for most steps are smaller than what a
 * parameter can be moved by (bf16 has 8 bits, and Adam's step of 1e-4 is a rounding of anything above .03).
 */
const storedAs =
  (dtype: FloatDType) =>
  <S extends Tree>(optimizer: GradientTransformation<S>): GradientTransformation =>
    dtype === 'f32' ? opaque(optimizer) : opaque(withMasters(optimizer))

export const sftOptimizer = (dtype: FloatDType) =>
  storedAs(dtype)(chain(clipByGlobalNorm(1), adam({ learningRate: sft.learningRate })))

/**
 * The norm of a gradient is about 0.5, and several times that where a rare token was rewarded by chance: Adam does not mind
 * the scale, and the clip keeps such a step from standing out.
 */
export const grpoOptimizer = (dtype: FloatDType, steps: number) =>
  storedAs(dtype)(
    chain(clipByGlobalNorm(0.2), adam({ learningRate: linearSchedule({ ...rates, steps: Math.max(1, steps) }) })),
  )

/** The learning rate of GRPO's step number `step`, for the log. */
export const grpoRate = (steps: number, step: number): number =>
  rates.from + ((rates.to - rates.from) * step) / Math.max(1, steps)

/** Held-out problems: all runs sit the same exams. */
export const exam = { seed: 20250122, samples: 16, temperature: 1, maxTokens: MAX_TOKENS } as const
/** Problems of a short exam during GRPO, or fewer where the long ones have fewer. */
export const SHORT_EXAM = 64
/** GRPO steps between two short exams. */
export const EXAM_EVERY = 10

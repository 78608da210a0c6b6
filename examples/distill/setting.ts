/** The setting: which problems are learnt from and which are asked in exams, the students, and how they learn. */
import { type GradientTransformation, llama, qwen3, type Transformer, transformer } from '@adjoint/nn'
import { type ChainSum, named, splitOf, type Task } from '@adjoint/rl'
import { warmAdamW } from '../cli/warm-adamw.ts'
import { correct, task } from '../grpo/job.ts'

/** What exams ask: the held-out problems of `grpo`, which its adapters never saw as they stand; another order of their numbers they may have. */
export const exam = task

/** The same numbers in every order that can be written: the first has no minus before it. */
const orders = (terms: readonly number[]): readonly (readonly number[])[] =>
  terms.length <= 1
    ? [terms]
    : terms.flatMap((term, i) => orders(terms.filter((_, j) => j !== i)).map((rest) => [term, ...rest]))
const written = ({ terms }: ChainSum): readonly ChainSum[] =>
  orders(terms)
    .filter(([first]) => first! > 0 || Object.is(first, 0))
    .map((order) => ({ terms: order }))

/**
 * What is learnt from: the training problems of `grpo`, without those that are a held-out problem in another order. There are but some
 * thousand sums of such numbers: who has learnt that 4 + 3 is 7 need not compute 3 + 4.
 */
export const learning: Task<ChainSum> = {
  ...task,
  split: (problem) => (written(problem).some((same) => splitOf(exam)(same) === 'heldOut') ? 'heldOut' : 'train'),
}

/** How many of these there are, all distinct: no more can be asked. */
export const LEARNABLE = 2894

/** The rewards of RL alone: those that the teacher learnt from. */
export const rewards = [named('correct', correct)] as const

/** What a trace must be to be learnt from. */
export const accept = { correct: (sample: Parameters<typeof correct>[0]): boolean => correct(sample) === 1 } as const

export const KINDS = ['llama', 'qwen3'] as const
export type Kind = (typeof KINDS)[number]

/** How large students are. */
export interface Size {
  /** A multiple of 32, 64 or more. */
  readonly width: number
  readonly layers: number
}

/** A student. As in the published ones, heads of Qwen 3 are twice as wide as a share of its width. */
export const studentOf = (kind: Kind, { width, layers }: Size, vocab: number, context: number): Transformer => {
  const heads = Math.max(2, width / 64)
  const sizes = { vocab, width, layers, heads, kvHeads: heads / 2, hidden: 3 * width, context, tiedHead: true }
  return transformer(kind === 'llama' ? llama(sizes) : qwen3({ ...sizes, headDim: (2 * width) / heads }))
}

/** The optimizer of students. */
export const optimizerOf = (learningRate: number, steps: number): GradientTransformation =>
  warmAdamW(learningRate, steps, 0.99)

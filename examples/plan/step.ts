/**
 * One step of GRPO as programs that are compiled and not run: what it keeps, the most that it needs, and what it computes. Parameters
 * are expressions, of which the shapes alone are looked at: nothing of the model's size is ever allocated.
 */
import { castFloats, extend, initCache, type Integers, transformer, type TransformerParams } from '@adjoint/nn'
import {
  jit,
  type Peak,
  type Program,
  random,
  roofline,
  scalar,
  type Tensor,
  tree,
  type Tree,
  zeros,
} from '@adjoint/tensor'
import { type LearningConfig, learningOf } from './learning.ts'

/** What is to be planned. */
export interface StepConfig extends LearningConfig {
  /** Prompts of a step, and completions to each. */
  readonly batch: number
  readonly group: number
}

/** Bytes of what lives from step to step, and of what a step needs beside. */
export interface StepPlan {
  readonly parameters: number
  readonly trained: number
  readonly bytes: {
    readonly weights: number
    /** The adapter; 0 where the model itself is trained. */
    readonly adapter: number
    readonly optimizer: number
    /** Gradients of what is trained, all at one time; they are among `learning`. */
    readonly gradients: number
    /** Keys and values of all completions. */
    readonly cache: number
    /** Intermediates of a pass over `micro` rows, forward and backward, its gradients among them. */
    readonly learning: number
    /** Intermediates of drawing one token of each completion. */
    readonly drawing: number
    /** The most at one time while it learns: what is kept, and `learning`. */
    readonly training: number
    /** The most at one time: while it learns, or while it draws. */
    readonly peak: number
  }
  /** Operations of a step. */
  readonly flops: { readonly drawing: number; readonly learning: number }
  /** The least seconds of a step on a machine: the sum over kernels of the roofline. */
  readonly seconds: (peak: Peak) => number
}

const bytesOf = (values: Tree): number =>
  tree.leaves(values).reduce((n, x) => n + x.shape.reduce((a, b) => a * b, widthOf(x)), 0)
const widthOf = ({ dtype }: Tensor): number => (dtype === 'f16' || dtype === 'bf16' ? 2 : dtype === 'bool' ? 1 : 4)

const arenaOf = ({ slabs }: Program): number => slabs.reduce((a, b) => a + b, 0)
const compiled = (program: Program | null): Program => {
  if (program === null) throw new RangeError('plan: the reference device has no programs. Choose another.')
  return program
}

/** The plan of a step. */
export const planStep = (given: StepConfig): StepPlan => {
  const { config, method, batch, group, micro, sequence, dtype, device } = given
  const model = transformer({ ...config, context: Math.max(sequence, 1) })
  const params = castFloats(dtype)(model.init(random.key(0)))
  const learned = learningOf(given, params)
  const learns = compiled(learned.program())

  const rows = batch * group
  const cache = initCache(model.config)({ batch: rows, length: sequence })
  const draw = jit(
    (of: TransformerParams, memory: typeof cache, last: Integers, first: Tensor<readonly [], 'i32'>) => {
      const [hidden, longer] = extend(model)(of, memory, { first })(last)
      return [model.head(of)(hidden), longer] as const
    },
    { donate: [1], device },
  )
  const drawn = compiled(draw.program(params, cache, zeros([rows, 1], 'i32'), scalar(0, 'i32')))

  const passes = Math.ceil(rows / micro)
  const sum = (program: Program, peak: Peak, of: 'flops' | 'least'): number =>
    roofline(peak)(program).reduce((n, step) => n + step[of], 0)
  const any: Peak = { flops: 1, bandwidth: 1 }
  const [weights, adapter, optimizerBytes] = [
    bytesOf(params),
    method === 'lora' ? bytesOf(learned.trained) : 0,
    bytesOf(learned.state),
  ]
  const [learning, drawing, cacheBytes] = [arenaOf(learns), arenaOf(drawn), bytesOf(cache)]
  const training = weights + adapter + optimizerBytes + learning
  return {
    parameters: tree.size(params),
    trained: tree.size(learned.trained),
    bytes: {
      weights,
      adapter,
      optimizer: optimizerBytes,
      gradients: bytesOf(learned.trained),
      cache: cacheBytes,
      learning,
      drawing,
      training,
      peak: Math.max(training, weights + adapter + optimizerBytes + drawing + cacheBytes),
    },
    flops: { drawing: sequence * sum(drawn, any, 'flops'), learning: passes * sum(learns, any, 'flops') },
    seconds: (peak) => (sequence * sum(drawn, peak, 'least') + passes * sum(learns, peak, 'least')) / 1000,
  }
}

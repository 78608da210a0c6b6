/**
 * One step of GRPO as programs that are compiled and not run: what it keeps, the most that it needs, and what it computes. Parameters
 * are expressions, of which the shapes alone are looked at: nothing of the model's size is ever allocated.
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  adamW,
  applyUpdates,
  castFloats,
  type FloatDType,
  type GradientTransformation,
  type Integers,
  initCache,
  extend,
  lora,
  projections,
  transformer,
  type TransformerConfig,
  type TransformerParams,
  withMasters,
} from '@adjoint/nn'
import { scoreCompletions } from '@adjoint/rl'
import {
  type Device,
  jit,
  mean,
  mul,
  neg,
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

/** What is to be planned. */
export interface StepConfig {
  readonly config: TransformerConfig
  readonly method: 'full' | 'lora'
  readonly rank: number
  /** Prompts of a step, and completions to each. */
  readonly batch: number
  readonly group: number
  /** Rows that go through the model at once when it learns. */
  readonly micro: number
  /** Tokens of a prompt and its completion, half of them the completion's. */
  readonly sequence: number
  /** How the parameters of the model are stored; an adapter and the optimizer are f32. */
  readonly dtype: FloatDType
  readonly checkpoint: boolean
  readonly device: Device
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
    /** The most at one time. */
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

/** A step of learning: what it trains, what its optimizer keeps, and its program. */
interface Learning {
  readonly trained: Tree
  readonly state: Tree
  readonly program: Program
}

/** Targets of an adapter: every matrix of the blocks. */
const TARGETS = /^blocks\./

/** The plan of a step. */
export const planStep = (given: StepConfig): StepPlan => {
  const { config, method, rank, batch, group, micro, sequence, dtype, checkpoint, device } = given
  const model = transformer({ ...config, context: Math.max(sequence, 1) }, { checkpoint })
  const params = castFloats(dtype)(model.init(random.key(0)))
  const { init, adapt } = lora({ rank, targets: TARGETS, split: projections(model.config) })
  const score = scoreCompletions(model, { completion: Math.ceil(sequence / 2), temperature: 1 })
  const optimizer = adamW({ learningRate: 1e-5 })

  const tokens = zeros([micro, sequence], 'i32')
  const advantages = zeros([micro, 1])
  const lossOf = (of: TransformerParams, ids: Integers, weights: typeof advantages) =>
    neg(mean()(mul(score(of)({ tokens: ids, starts: null }).logp, weights)))

  /** A step that trains `trained`, of which, and of what stays as it is, the model's parameters are made. */
  const stepOf = <T extends Tree, O extends Tree, B extends Tree>(
    { init: begin, update }: GradientTransformation<O>,
    trained: T,
    base: B,
    paramsOf: (own: T, of: B) => TransformerParams,
  ): Learning => {
    const state = begin(trained)
    const step = jit(
      (own: T, opt: O, of: B, ids: Integers, weights: typeof advantages) => {
        const [loss, grads] = valueAndGrad((x: T) => lossOf(paramsOf(x, of), ids, weights))(own)
        const [updates, next] = update(grads, opt, own)
        return [applyUpdates(own, updates), next, loss] as const
      },
      { donate: [0, 1], device },
    )
    return { trained, state, program: compiled(step.program(trained, state, base, tokens, advantages)) }
  }
  const full = (): Learning =>
    dtype === 'f32'
      ? stepOf(optimizer, params, null, (own) => own)
      : stepOf(withMasters(optimizer), params, null, (own) => own)
  const adapted = (): Learning =>
    stepOf(optimizer, init(params)(random.key(1)), params, (own, base) => adapt(base, own))
  const learned = method === 'full' ? full() : adapted()

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
  const [learning, drawing, cacheBytes] = [arenaOf(learned.program), arenaOf(drawn), bytesOf(cache)]
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
      peak: weights + adapter + optimizerBytes + Math.max(learning, drawing + cacheBytes),
    },
    flops: { drawing: sequence * sum(drawn, any, 'flops'), learning: passes * sum(learned.program, any, 'flops') },
    seconds: (peak) => (sequence * sum(drawn, peak, 'least') + passes * sum(learned.program, peak, 'least')) / 1000,
  }
}

/**
 * The step of learning that is planned: one pass of `micro` rows, forward and backward, and what the optimizer makes of it. Its parameters may
 * be expressions, to plan with, of which the shapes alone are looked at; or a model's own, to run it.
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  adamW,
  applyUpdates,
  type FloatDType,
  type GradientTransformation,
  type Integers,
  lora,
  opaque,
  projections,
  transformer,
  type TransformerConfig,
  type TransformerParams,
  withMasters,
  withStateDType,
} from '@adjoint/nn'
import { scoreCompletions } from '@adjoint/rl'
import {
  type Device,
  jit,
  mean,
  mul,
  neg,
  ones,
  type Program,
  random,
  readAsync,
  realizeAsync,
  type Scalar,
  tensor,
  type Tensor,
  type Tree,
} from '@adjoint/tensor'
import { performance } from 'node:perf_hooks'

/** What learns, and how. */
export interface LearningConfig {
  readonly config: TransformerConfig
  readonly method: 'full' | 'lora'
  readonly rank: number
  /** Rows that go through the model at once. */
  readonly micro: number
  /** Tokens of a prompt and its completion, half of them the completion's. */
  readonly sequence: number
  /** How the parameters of the model are stored; an adapter is f32, and what is trained of fewer bits has f32 masters. */
  readonly dtype: FloatDType
  /** How the optimizer's moments are stored. */
  readonly states: FloatDType
  readonly checkpoint: boolean
  readonly device: Device
}

/** A step that was made: the loss before it, and how long it took. */
export interface Made {
  readonly loss: number
  readonly seconds: number
}

/** A step: what it trains, what its optimizer keeps, and itself. */
export interface Learning {
  readonly trained: Tree
  readonly state: Tree
  /** Its program, compiled and not run; null on the reference device. */
  readonly program: () => Program | null
  /** Makes some steps on tokens that mean nothing. Where the model's own parameters are trained, those are gone then. */
  readonly run: (steps: number) => Promise<readonly Made[]>
}

/** Targets of an adapter: every matrix of the blocks. */
const TARGETS = /^blocks\./

/** bf16 tells 2^-9 of a number apart: of a mean of squares that loses 1 in 100 a step nothing is lost by that, of 1 in 1000 all. */
const B2 = 0.99

/** AdamW, with what it keeps stored as asked. */
const optimizerOf = ({ states, dtype, method }: LearningConfig): GradientTransformation => {
  const optimizer = opaque(withStateDType(states, adamW({ learningRate: 1e-5, b2: B2 })))
  return method === 'full' && dtype !== 'f32' ? opaque(withMasters(optimizer)) : optimizer
}

/** Between tokens that follow one another: a prime, so that they are many. */
const STRIDE = 7919

type Weights = Tensor<readonly number[], 'f32'>

/** The step of a model's parameters. */
export const learningOf = (given: LearningConfig, params: TransformerParams): Learning => {
  const { config, method, rank, micro, sequence, checkpoint, device } = given
  const model = transformer({ ...config, context: Math.max(sequence, 1) }, { checkpoint })
  const score = scoreCompletions(model, { completion: Math.ceil(sequence / 2), temperature: 1 })
  const optimizer = optimizerOf(given)
  const lossOf = (of: TransformerParams, tokens: Integers, advantages: Weights): Scalar =>
    neg(mean()(mul(score(of)({ tokens, starts: null }).logp, advantages)))

  /** A step that trains `trained`, of which, and of `base`, the model's parameters are made. */
  const training = <T extends Tree, B extends Tree>(
    trained: T,
    base: B,
    paramsOf: (own: T, base: B) => TransformerParams,
  ): Learning => {
    const state = optimizer.init(trained)
    const step = jit(
      (own: T, state: Tree, of: B, tokens: Integers, advantages: Weights) => {
        const [loss, grads] = valueAndGrad((x: T) => lossOf(paramsOf(x, of), tokens, advantages))(own)
        const [updates, next] = optimizer.update(grads, state, own)
        return [applyUpdates(own, updates), next, loss] as const
      },
      { donate: [0, 1], device },
    )
    const ids = Int32Array.from({ length: micro * sequence }, (_, i) => (i * STRIDE) % model.config.vocab)
    const tokens = tensor(ids, [micro, sequence], 'i32')
    const advantages: Weights = ones([micro, 1])
    return {
      trained,
      state,
      program: () => step.program(trained, state, base, tokens, advantages),
      run: async (steps) => {
        let now = await realizeAsync({ own: trained, state }, device)
        const made: Made[] = []
        while (made.length < steps) {
          const begun = performance.now()
          const [own, state, loss] = step(now.own, now.state, base, tokens, advantages)
          now = { own, state }
          made.push({ loss: (await readAsync(loss))[0]!, seconds: (performance.now() - begun) / 1000 })
        }
        return made
      },
    }
  }
  if (method === 'full') return training(params, null, (own) => own)
  const { init, adapt } = lora({ rank, targets: TARGETS, split: projections(model.config) })
  return training(init(params)(random.key(1)), params, (own, base) => adapt(base, own))
}

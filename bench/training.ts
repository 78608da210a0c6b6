/** A step of training, as the benchmarks take it: forward, backward, and AdamW over all parameters. */
import { valueAndGrad } from '@adjoint/autograd'
import { adamW, applyUpdates, crossEntropy, type Integers, type Transformer, type TransformerParams } from '@adjoint/nn'

const optimizer = adamW({ learningRate: 1e-3, b1: 0.9, b2: 0.95, eps: 1e-8, weightDecay: 0.1 })

export const initState = (params: TransformerParams) => optimizer.init(params)
export type State = ReturnType<typeof initState>

export const lossOf = (model: Transformer) => (params: TransformerParams, x: Integers, y: Integers) =>
  crossEntropy(model.apply(params)(x), y)

/** The loss before the step, and parameters and state after it. */
export const stepOf = (model: Transformer) => (params: TransformerParams, state: State, x: Integers, y: Integers) => {
  const [value, grads] = valueAndGrad(lossOf(model))(params, x, y)
  const [updates, next] = optimizer.update(grads, state, params)
  return [value, applyUpdates(params, updates), next] as const
}

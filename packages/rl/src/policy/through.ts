/** Policies of other parameters: those that are trained, of which those that a model takes are made. */
import type { Tree } from '@adjoint/tensor'
import type { LogitPolicy } from './policy.ts'

/**
 * A policy whose parameters are a Q, from one whose parameters are a P and a function from Q to P, which is differentiated through.
 * What the function closes over is read and not trained: with `(adapter) => adapt(base, adapter)` a learner, its optimizer and its
 * checkpoints hold an adapter alone (`lora`), whatever the loop. The policy without an adapter is the base: as a reference, `{}` is
 * the base itself, and no second copy of it. Let the base be on the device (`realizeAsync`).
 *
 * @example
 * ```ts
 * import { adamW, type Adapter, lora, projections, transformer } from '@adjoint/nn'
 * import { mod10Chain, policyThrough, transformerPolicy } from '@adjoint/rl'
 * import { random, realizeAsync } from '@adjoint/tensor'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const base = await realizeAsync(model.init(random.key(0)))
 * const { init, adapt } = lora({ rank: 4, targets: ['q', 'v'], split: projections(model.config) })
 * const policy = policyThrough((adapter: Adapter) => adapt(base, adapter), transformerPolicy(model, mod10Chain.vocabulary))
 * const params = init(base)(random.key(1))
 * const state = { params, opt: adamW({ learningRate: 1e-3 }).init(params), reference: {} } // of a step of GRPO
 * ```
 */
export const policyThrough = <Q extends Tree, P extends Tree>(
  paramsOf: (params: Q) => P,
  { text, context, vocab, config, score, logits, generate }: LogitPolicy<P>,
): LogitPolicy<Q> => ({
  text,
  context,
  vocab,
  ...(config !== undefined && { config }),
  score: (options) => {
    const of = score(options)
    return (params, sequences) => of(paramsOf(params), sequences)
  },
  logits: (completion) => {
    const of = logits(completion)
    return (params, sequences) => of(paramsOf(params), sequences)
  },
  generate: (options) => {
    const of = generate(options)
    return (params, prompts, key) => of(paramsOf(params), prompts, key)
  },
})

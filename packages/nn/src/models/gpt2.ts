/** GPT-2's architecture: LayerNorm with bias, learned positions, tanh-GELU, biases everywhere, a head tied to the embedding. */
import { optionsOf } from '@adjoint/tensor/ir'
import type { TransformerConfig } from '../transformer.ts'

/** Sizes of a GPT-2. */
export type Gpt2Config = Pick<TransformerConfig, 'vocab' | 'width' | 'layers' | 'heads' | 'context'> &
  Partial<Pick<TransformerConfig, 'hidden' | 'tiedHead' | 'normEps'>>

/**
 * The configuration of a GPT-2. Source: Radford et al., Language models are unsupervised multitask learners (2019).
 *
 * @example
 * ```ts
 * import { gpt2, transformer } from '@adjoint/nn'
 * import { random, tree } from '@adjoint/tensor'
 * const model = transformer(gpt2({ vocab: 64, width: 128, layers: 4, heads: 4, context: 64 }))
 * console.log(tree.size(model.init(random.key(0)))) // 809728
 * ```
 */
export const gpt2 = (given: Gpt2Config): TransformerConfig => {
  const sizes = optionsOf('gpt2', given, {
    vocab: true,
    width: true,
    layers: true,
    heads: true,
    context: true,
    hidden: true,
    tiedHead: true,
    normEps: true,
  })
  return {
    tiedHead: true,
    normEps: 1e-5,
    ...sizes,
    norm: 'layer',
    positions: 'learned',
    mlp: 'gelu',
    bias: true,
  }
}

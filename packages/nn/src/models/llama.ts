/** Llama's architecture: RMSNorm, rotary positions, SwiGLU, grouped key-value heads, no biases. */
import { optionsOf } from '@adjoint/tensor/ir'
import type { TransformerConfig } from '../transformer.ts'

/** Sizes of a Llama, or of one of its kin. */
export type LlamaConfig = Pick<TransformerConfig, 'vocab' | 'width' | 'layers' | 'heads' | 'context'> &
  Partial<
    Pick<TransformerConfig, 'kvHeads' | 'headDim' | 'hidden' | 'tiedHead' | 'normEps' | 'ropeTheta' | 'ropeScaling'>
  >

/** The sizes of a model of this family, checked, with what all of it have alike. */
export const llamaLike = (op: string, given: LlamaConfig): TransformerConfig => {
  const sizes = optionsOf(op, given, {
    vocab: true,
    width: true,
    layers: true,
    heads: true,
    context: true,
    kvHeads: true,
    headDim: true,
    hidden: true,
    tiedHead: true,
    normEps: true,
    ropeTheta: true,
    ropeScaling: true,
  })
  return {
    tiedHead: false,
    ...sizes,
    norm: 'rms',
    positions: 'rope',
    mlp: 'swiglu',
    bias: false,
  }
}

/**
 * The configuration of a Llama; the head is its own matrix unless `tiedHead`. Source: Touvron et al. (arXiv:2302.13971),
 * section 2.2, with the grouped heads of Llama 2 (arXiv:2307.09288) and the frequencies of Llama 3.1 (`ropeScaling`).
 *
 * @example
 * ```ts
 * import { llama, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const model = transformer(llama({ vocab: 512, width: 64, layers: 5, heads: 8, kvHeads: 4, hidden: 172, context: 512 }))
 * console.log(model.init(random.key(0)).blocks.length) // 5
 * ```
 */
export const llama = (given: LlamaConfig): TransformerConfig => llamaLike('llama', given)

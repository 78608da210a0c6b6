/** The architectures of Qwen 2, 2.5 and 3: Llama's, with biases where queries, keys and values are made, or with norms there. */
import type { TransformerConfig } from '../transformer.ts'
import { type LlamaConfig, llamaLike } from './llama.ts'

/**
 * The configuration of a Qwen 2 or 2.5: a Llama whose projection into heads has a bias. Source: Yang et al., Qwen2 technical report
 * (arXiv:2407.10671), section 2.2.1.
 *
 * @example
 * ```ts
 * import { qwen2, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const model = transformer(qwen2({ vocab: 64, width: 32, layers: 2, heads: 4, kvHeads: 2, context: 128 }))
 * const [block] = model.init(random.key(0)).blocks
 * console.log(block?.attention.qkv.bias?.shape, block?.attention.out.bias) // [64] null
 * ```
 */
export const qwen2 = (given: LlamaConfig): TransformerConfig => ({
  normEps: 1e-6,
  ...llamaLike('qwen2', given),
  bias: 'qkv',
})

/**
 * The configuration of a Qwen 3: a Llama whose queries and keys go through an RMSNorm over a head's features. Heads are often wider
 * than width / heads: give `headDim`. Source: Yang et al., Qwen3 technical report (arXiv:2505.09388), section 2.
 *
 * @example
 * ```ts
 * import { qwen3, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const model = transformer(qwen3({ vocab: 64, width: 32, layers: 2, heads: 4, kvHeads: 2, headDim: 16, context: 128 }))
 * const [block] = model.init(random.key(0)).blocks
 * console.log(block?.attention.qkNorm?.queries.scale.shape, block?.attention.qkv.weight.shape) // [16] [32, 128]
 * ```
 */
export const qwen3 = (given: LlamaConfig): TransformerConfig => ({
  normEps: 1e-6,
  ...llamaLike('qwen3', given),
  qkNorm: true,
})

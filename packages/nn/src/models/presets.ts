/** Configurations of published models, as their `config.json` on the Hugging Face hub has them: to plan with, without their files. */
import type { TransformerConfig } from '../transformer.ts'
import { llama } from './llama.ts'
import { qwen2, qwen3 } from './qwen.ts'

/**
 * Configurations of published models by their names on the Hugging Face hub. Their weights come by `loadModel`; nothing of the size of
 * `context` is made before sequences are that long.
 *
 * @example
 * ```ts
 * import { presets, transformer } from '@adjoint/nn'
 * import { random, tree } from '@adjoint/tensor'
 * // nothing is drawn: the tree is expressions
 * console.log(tree.size(transformer(presets['SmolLM2-135M']).init(random.key(0)))) // 134515008
 * ```
 */
export const presets = {
  'SmolLM2-135M': llama({
    vocab: 49_152,
    width: 576,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    hidden: 1536,
    context: 8192,
    tiedHead: true,
    normEps: 1e-5,
    ropeTheta: 100_000,
  }),
  'Qwen2.5-0.5B': qwen2({
    vocab: 151_936,
    width: 896,
    layers: 24,
    heads: 14,
    kvHeads: 2,
    hidden: 4864,
    context: 32_768,
    tiedHead: true,
    normEps: 1e-6,
    ropeTheta: 1_000_000,
  }),
  'Qwen2.5-1.5B': qwen2({
    vocab: 151_936,
    width: 1536,
    layers: 28,
    heads: 12,
    kvHeads: 2,
    hidden: 8960,
    context: 131_072,
    tiedHead: true,
    normEps: 1e-6,
    ropeTheta: 1_000_000,
  }),
  'Qwen3-0.6B': qwen3({
    vocab: 151_936,
    width: 1024,
    layers: 28,
    heads: 16,
    kvHeads: 8,
    headDim: 128,
    hidden: 3072,
    context: 40_960,
    tiedHead: true,
    normEps: 1e-6,
    ropeTheta: 1_000_000,
  }),
  'Llama-3.2-1B': llama({
    vocab: 128_256,
    width: 2048,
    layers: 16,
    heads: 32,
    kvHeads: 8,
    headDim: 64,
    hidden: 8192,
    context: 131_072,
    tiedHead: true,
    normEps: 1e-5,
    ropeTheta: 500_000,
    ropeScaling: { type: 'llama3', factor: 32, low: 1, high: 4, original: 8192 },
  }),
} as const satisfies Readonly<Record<string, TransformerConfig>>

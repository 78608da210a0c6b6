/** The pre-norm block: each half reads a normalised copy of the stream and adds its result to it. */
import { add, random, type TreeRecord } from '@adjoint/tensor'
import { flow } from 'fp-ts/lib/function.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandFunction, demandParams } from './demands.ts'
import type { KeysValues } from './attend.ts'
import {
  type AttentionConfig,
  attentionOver,
  type AttentionParams,
  type AttentionPlace,
  initAttention,
  type Recall,
} from './attention.ts'
import type { Floats, Key, Layer } from './layer.ts'
import { initMlp, mlp, type MlpConfig, type MlpParams } from './mlp.ts'
import type { NormKind, NormParams } from './norm.ts'
import type { Rows } from './rows.ts'

/** The parts of a block. */
export interface BlockConfig {
  readonly norm: NormKind
  readonly attention: AttentionConfig
  readonly mlp: MlpConfig
  readonly activation: Layer
}

/** Parameters of the two halves, and of the norm before each. */
export interface BlockParams extends TreeRecord {
  readonly norm1: NormParams
  readonly attention: AttentionParams
  readonly norm2: NormParams
  readonly mlp: MlpParams
}

/**
 * Draws both halves. Throws as `initAttention`.
 *
 * @example
 * ```ts
 * import { initBlock, initRmsNorm, rmsNorm } from '@adjoint/nn'
 * import { gelu, random } from '@adjoint/tensor'
 * const config = {
 *   norm: { init: () => initRmsNorm({ width: 8 }), apply: rmsNorm({}) },
 *   attention: { width: 8, heads: 2, kvHeads: 1 },
 *   mlp: { width: 8, hidden: 32, gated: false },
 *   activation: gelu,
 * }
 * console.log(Object.keys(initBlock(config)(random.key(0)))) // norm1 attention norm2 mlp
 * ```
 */
export const initBlock = (options: BlockConfig): ((key: Key) => BlockParams) => {
  const {
    norm,
    attention,
    mlp: feed,
  } = optionsOf('initBlock', options, { norm: true, attention: true, mlp: true, activation: true })

  const [initMixer, initFeed] = [initAttention(attention), initMlp(feed)]
  return (key) => {
    const [first, second] = random.split(key, 2)
    return { norm1: norm.init(), attention: initMixer(first), norm2: norm.init(), mlp: initFeed(second) }
  }
}

/**
 * `x + f(x)`: what f computes is added to the stream. Source: He et al. (arXiv:1512.03385), eq. 1.
 *
 * @example
 * ```ts
 * import { residual } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(residual((x) => x)(ones([2])))) // Float32Array [2, 2]
 * ```
 */
export const residual = (f: Layer): Layer => {
  demandFunction('residual', 'its argument', f, 'Give a layer: residual(linear(params))(x).')
  return (x) => add(x, f(x))
}

/**
 * The block over what `recall` returns: x [B, T, C] -> [B, T, C] with that memory (see `attentionOver`).
 *
 * @example
 * ```ts
 * import { blockOver, initBlock, initRmsNorm, place, rmsNorm } from '@adjoint/nn'
 * import { gelu, ones, random } from '@adjoint/tensor'
 * const config = {
 *   norm: { init: () => initRmsNorm({ width: 8 }), apply: rmsNorm({}) },
 *   attention: { width: 8, heads: 2, kvHeads: 1 },
 *   mlp: { width: 8, hidden: 32, gated: false },
 *   activation: gelu,
 * }
 * const at = { rotate: <X>(x: X) => x, visible: place({ queries: 5 }).visible }
 * const [y, memory] = blockOver(config)(initBlock(config)(random.key(0)), at, (fresh) => fresh)(ones([1, 5, 8]))
 * console.log(y.shape, memory.values.shape) // [1, 5, 8] [1, 1, 5, 4]
 * ```
 */
export const blockOver = (given: BlockConfig) => {
  const config = optionsOf('blockOver', given, { norm: true, attention: true, mlp: true, activation: true })
  return <R extends Rows>(params: BlockParams, at: AttentionPlace, recall: Recall<R>) => {
    demandParams('block', params, ['norm1', 'attention', 'norm2', 'mlp'], 'initBlock(config)(key)')
    return (x: Floats): readonly [Floats, KeysValues<R>] => {
      const norm = config.norm.apply
      const mix = flow(norm(params.norm1), attentionOver(config.attention)(params.attention, at, recall))
      const feed = residual(flow(norm(params.norm2), mlp(config.activation)(params.mlp)))
      const [mixed, memory] = mix(x)
      return [feed(add(x, mixed)), memory]
    }
  }
}

/**
 * `x <- x + attention(norm(x))`, then `x <- x + mlp(norm(x))`; x [B, T, C], same shape out. Source: Xiong et al., On layer
 * normalization in the transformer architecture (arXiv:2002.04745), figure 1b.
 *
 * @example
 * ```ts
 * import { block, initBlock, initRmsNorm, place, rmsNorm } from '@adjoint/nn'
 * import { gelu, ones, random } from '@adjoint/tensor'
 * const config = {
 *   norm: { init: () => initRmsNorm({ width: 8 }), apply: rmsNorm({}) },
 *   attention: { width: 8, heads: 2, kvHeads: 1 },
 *   mlp: { width: 8, hidden: 32, gated: false },
 *   activation: gelu,
 * }
 * const params = initBlock(config)(random.key(0))
 * const layer = block(config)(params, { rotate: (x) => x, visible: place({ queries: 5 }).visible })
 * console.log(layer(ones([1, 5, 8])).shape) // [1, 5, 8]
 * ```
 */
export const block = (config: BlockConfig) => {
  const over = blockOver(config)
  return (params: BlockParams, at: AttentionPlace): Layer =>
    (x) =>
      over(params, at, (fresh) => fresh)(x)[0]
}

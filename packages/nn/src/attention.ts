/**
 * Multi-head causal attention with grouped key-value heads (GQA; MHA where their number is that of the query heads, MQA
 * where it is 1). One dot projects queries, keys and values.
 */
import {
  arange,
  expandDims,
  lt,
  random,
  reshape,
  type Shape,
  ShapeError,
  slice,
  type Tensor,
  transpose,
  tree,
  TreeError,
  type TreeRecord,
  where,
} from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { attend, type KeysValues } from './attend.ts'
import { demandFields, demandKey, demandParams, demandSizes, demandTensors } from './demands.ts'
import type { FanIn, FanOut, HasLast, WithLast } from './dims.ts'
import type { Initializer } from './init.ts'
import type { Floats, Key, Layer } from './layer.ts'
import { initLinear, linear, type LinearParams } from './linear.ts'
import type { NormKind, NormParams } from './norm.ts'
import type { Rows } from './rows.ts'
import type { Visible } from './visibility.ts'

/** Sizes of attention. */
export interface AttentionConfig<Width extends number = number> {
  /** Features of the input and the output, C. */
  readonly width: Width
  /** Query heads, H. */
  readonly heads: number
  /** Key-value heads, KV; divides H. */
  readonly kvHeads: number
  /** Features of a head, D. Default: C / H. */
  readonly headDim?: number
  /** Whether both projections have a bias, or that into heads alone. Default true. */
  readonly bias?: boolean | 'qkv'
  /** A norm of D features that each query and each key goes through before it is turned (Qwen3's). Default: none. */
  readonly qkNorm?: NormKind
  /** Draws the projection into heads. */
  readonly init?: Initializer
  /** Draws the projection out of heads. */
  readonly outInit?: Initializer
}

/** `qkv`, of shape `[C, (H + 2 KV) D]`: query heads, then key heads, then value heads; `out`, of shape `[H D, C]`. */
export interface AttentionParams<
  Qkv extends LinearParams = LinearParams,
  Out extends LinearParams = LinearParams,
> extends TreeRecord {
  readonly qkv: Qkv
  readonly out: Out
  /** Gains [D] of the norms of queries and keys, shared by their heads; null where there are none. */
  readonly qkNorm: QkNormParams | null
}

/** Parameters of the norm of queries, and of that of keys. */
export interface QkNormParams extends TreeRecord {
  readonly queries: NormParams
  readonly keys: NormParams
}

/** From the keys and values of the new columns to those that are looked at: the identity, or an append to a cache. */
export type Recall<R extends Rows = Floats> = (fresh: KeysValues<Floats>) => KeysValues<R>

/** How the batch is placed: what turns queries and keys [B, T, heads, D], and what is visible (see `Placement`). */
export interface AttentionPlace {
  readonly rotate: Layer
  readonly visible: Visible
}

/** Features of a head. */
export const headDimOf = ({ width, heads, headDim = width / heads }: AttentionConfig): number => headDim

/**
 * Draws both projections. A width that is a literal or a name (`dim`) is kept in their types. Throws ShapeError where heads cannot be
 * grouped or the width cannot be divided, RangeError for sizes that are none, TypeError without a key.
 *
 * @example
 * ```ts
 * import { initAttention, sizesOf } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const { qkv } = initAttention({ width: 16, heads: 4, kvHeads: 2 })(random.key(0))
 * console.log(sizesOf(qkv.weight)) // [16, 32]: 4 + 2 + 2 heads of 4 features
 * ```
 */
export const initAttention = <Width extends number>(given: AttentionConfig<Width>) => {
  const config = optionsOf('initAttention', given, {
    width: true,
    heads: true,
    kvHeads: true,
    headDim: true,
    bias: true,
    qkNorm: true,
    init: true,
    outInit: true,
  })

  const { width, heads, kvHeads, bias = true, qkNorm } = config
  demandSizes('attention', { width, heads, kvHeads })
  const dim = headDimOf(config)
  if (heads % kvHeads !== 0 || !Number.isInteger(dim))
    throw new ShapeError({
      op: 'attention',
      operands: [],
      rule: `width ${width} with ${heads} heads and ${kvHeads} key-value heads: heads must divide the width, and key-value heads the heads`,
      fix: 'Change one of width, heads, kvHeads, or give headDim',
    })
  return (
    key: Key,
  ): AttentionParams<
    LinearParams<Tensor<readonly [Width, number], 'f32'>>,
    LinearParams<Tensor<readonly [number, Width], 'f32'>>
  > => {
    demandKey('initAttention', key)
    const [first, second] = random.split(key, 2)
    const into = { in: width, out: (heads + 2 * kvHeads) * dim, bias: bias !== false }
    const back = { in: heads * dim, out: width, bias: bias === true }
    return {
      qkv: initLinear({ ...into, ...(config.init && { init: config.init }) })(first),
      out: initLinear({ ...back, ...(config.outInit && { init: config.outInit }) })(second),
      qkNorm: qkNorm === undefined ? null : { queries: qkNorm.init(), keys: qkNorm.init() },
    }
  }
}

/**
 * The norm of queries and keys [B, T, H + KV, D] as one layer: which gain a head has is index arithmetic, so that both are
 * one row kernel.
 */
const headNorm = ({ heads, kvHeads, qkNorm }: AttentionConfig): ((params: QkNormParams | null) => Layer) => {
  const demand = (params: QkNormParams | null): void => {
    if ((params === null) === (qkNorm === undefined)) return
    throw new TreeError(
      `attention: the parameters have ${params === null ? 'no' : 'a'} norm of queries and keys, and the configuration ${params === null ? 'one' : 'none'}. Give the parameters of this configuration.`,
    )
  }
  return (params) => {
    demand(params)
    if (params === null || qkNorm === undefined) return (x) => x
    const isQuery = expandDims(-1)(lt(arange(heads + kvHeads), heads)) // [H + KV, 1]
    return qkNorm.apply(tree.map((q, k) => where(isQuery, q, k), params.queries, params.keys))
  }
}

/**
 * Attention of x [B, T, C] over what `recall` returns; the result is [B, T, C] with that memory, which is the next cache
 * where `recall` appends to one. The dimensions of x are carried as `linear` carries them.
 *
 * @example
 * ```ts
 * import { attentionOver, initAttention, place } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const config = { width: 16, heads: 4, kvHeads: 2 }
 * const at = { rotate: <X>(x: X) => x, visible: place({ queries: 5 }).visible }
 * const over = attentionOver(config)(initAttention(config)(random.key(0)), at, (fresh) => fresh)
 * const [y, { keys }] = over(ones([1, 5, 16]))
 * console.log(y.shape, keys.shape) // [1, 5, 16] [1, 2, 5, 4]
 * ```
 */
export const attentionOver = (given: AttentionConfig) => {
  const config = optionsOf('attentionOver', given, {
    width: true,
    heads: true,
    kvHeads: true,
    headDim: true,
    bias: true,
    qkNorm: true,
    init: true,
    outInit: true,
  })
  const normed = headNorm(config)
  return <R extends Rows, P extends AttentionParams>(params: P, at: AttentionPlace, recall: Recall<R>) => {
    demandParams('attention', params, ['qkv', 'out', 'qkNorm'], 'initAttention(config)(key)')
    demandFields(
      'attention',
      'the place',
      at,
      ['rotate', 'visible'],
      'Write attention(config)(params, { rotate, visible })(x).',
    )
    const { qkv, out, qkNorm }: AttentionParams = params
    const { rotate, visible } = at
    return <S extends Shape>(
      given: Tensor<S, 'f32'> & HasLast<'attention', S, FanIn<P['qkv']['weight']>>,
    ): readonly [Tensor<WithLast<S, FanOut<P['out']['weight']>>, 'f32'>, KeysValues<R>] => {
      const x: Floats = given
      demandTensors('attention', { x })
      const { heads: H, kvHeads: KV } = config
      const D = headDimOf(config)
      const [B, T] = x.shape as readonly [number, number, number]
      const projected: Floats = linear(qkv)(x) // [B, T, (H + 2 KV) D]
      const columns = (from: number, to: number): Floats =>
        reshape([B, T, to - from, D])(slice([0, 0, from * D], [B, T, to * D])(projected))
      const turned = rotate(normed(qkNorm)(columns(0, H + KV))) // queries and keys: [B, T, H + KV, D]
      const heads = (from: number, to: number): Floats => slice([0, 0, from], [B, T, to])(turned)
      const byHead = transpose([0, 2, 1, 3]) // [B, T, KV, D] -> [B, KV, T, D]
      const queries: Floats = transpose([0, 2, 3, 1, 4])(reshape([B, T, KV, H / KV, D])(heads(0, H))) // [B, KV, G, T, D]
      const memory = recall({ keys: byHead(heads(H, H + KV)), values: byHead(columns(H + KV, H + 2 * KV)) })
      const mixed = attend(visible)(queries, memory)
      const joined: Floats = reshape([B, T, H * D])(transpose([0, 3, 1, 2, 4])(mixed)) // [B, T, KV, G, D] -> [B, T, H D]
      return [typed(linear(out)(joined)), memory]
    }
  }
}

/**
 * Causal self-attention, x [B, T, C] -> [B, T, C]. The dimensions of x are carried as `linear` carries them; another width than that of
 * the parameters does not compile where both are known, and throws ShapeError else.
 *
 * @example
 * ```ts
 * import { attention, initAttention, place } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const config = { width: 16, heads: 4, kvHeads: 2 }
 * const params = initAttention(config)(random.key(0))
 * const layer = attention(config)(params, { rotate: (x) => x, visible: place({ queries: 5 }).visible })
 * console.log(layer(ones([2, 5, 16])).shape) // [2, 5, 16]
 * ```
 */
export const attention = (config: AttentionConfig) => {
  const over = attentionOver(config)
  return <P extends AttentionParams>(params: P, at: AttentionPlace) =>
    <S extends Shape>(
      x: Tensor<S, 'f32'> & HasLast<'attention', S, FanIn<P['qkv']['weight']>>,
    ): Tensor<WithLast<S, FanOut<P['out']['weight']>>, 'f32'> =>
      over(params, at, (fresh) => fresh)(x)[0]
}

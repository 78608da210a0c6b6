/**
 * Multi-head causal attention with grouped key-value heads (GQA; MHA where their number is that of the query heads, MQA
 * where it is 1). One dot projects queries, keys and values; the heads that share keys are rows of the same dot, so keys
 * are never repeated; the mask and the softmax are one row kernel between two dots.
 */
import {
  add,
  and,
  broadcastTo,
  div,
  exp,
  gt,
  matmul,
  max,
  mul,
  ne,
  random,
  reshape,
  ShapeError,
  slice,
  softmax,
  stopGradient,
  sub,
  sum,
  transpose,
  type TreeRecord,
  where,
} from '@adjoint/tensor'
import { demandKey, demandSizes } from './demands.ts'
import type { Initializer } from './init.ts'
import type { Booleans, Floats, Key, Layer } from './layer.ts'
import { initLinear, linear, type LinearParams } from './linear.ts'

/** Sizes of attention. */
export interface AttentionConfig {
  /** Features of the input and the output, C. */
  readonly width: number
  /** Query heads, H. */
  readonly heads: number
  /** Key-value heads, KV; divides H. */
  readonly kvHeads: number
  /** Features of a head, D. Default: C / H. */
  readonly headDim?: number
  /** Whether both projections have a bias. Default true. */
  readonly bias?: boolean
  /** Draws the projection into heads. */
  readonly init?: Initializer
  /** Draws the projection out of heads. */
  readonly outInit?: Initializer
}

/** `qkv`, of shape `[C, (H + 2 KV) D]`: query heads, then key heads, then value heads; `out`, of shape `[H D, C]`. */
export interface AttentionParams extends TreeRecord {
  readonly qkv: LinearParams
  readonly out: LinearParams
}

/** Keys [B, KV, S, D] and values [B, KV, S, E] of the columns that queries may look at; in layers E = D. */
export interface KeysValues extends TreeRecord {
  readonly keys: Floats
  readonly values: Floats
}

/** From the keys and values of the new columns to those that are looked at: the identity, or an append to a cache. */
export type Recall = (fresh: KeysValues) => KeysValues

/** How the batch is placed: what turns queries and keys [B, T, heads, D], and what is visible (see `Placement`). */
export interface AttentionPlace {
  readonly rotate: Layer
  readonly visible: Booleans
}

/** Features of a head. */
export const headDimOf = ({ width, heads, headDim = width / heads }: AttentionConfig): number => headDim

/**
 * Draws both projections. Throws ShapeError where heads cannot be grouped or the width cannot be divided, RangeError for
 * sizes that are none, TypeError without a key.
 *
 * @example
 * ```ts
 * import { initAttention } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const { qkv } = initAttention({ width: 16, heads: 4, kvHeads: 2 })(random.key(0))
 * console.log(qkv.weight.shape) // [16, 32]: 4 + 2 + 2 heads of 4 features
 * ```
 */
export const initAttention = (config: AttentionConfig): ((key: Key) => AttentionParams) => {
  const { width, heads, kvHeads, bias = true } = config
  demandSizes('attention', { width, heads, kvHeads })
  const dim = headDimOf(config)
  if (heads % kvHeads !== 0 || !Number.isInteger(dim))
    throw new ShapeError({
      op: 'attention',
      operands: [],
      rule: `width ${width} with ${heads} heads and ${kvHeads} key-value heads: heads must divide the width, and key-value heads the heads`,
      fix: 'Change one of width, heads, kvHeads, or give headDim',
    })
  return (key) => {
    demandKey('initAttention', key)
    const [first, second] = random.split(key, 2)
    return {
      qkv: initLinear({ in: width, out: (heads + 2 * kvHeads) * dim, bias, ...(config.init && { init: config.init }) })(
        first,
      ),
      out: initLinear({ in: heads * dim, out: width, bias, ...(config.outInit && { init: config.outInit }) })(second),
    }
  }
}

// Large and finite, where -Infinity - -Infinity would be NaN: exp(-1e30) is exactly 0.
const HIDDEN = -1e30

/**
 * Softmax over the visible scores of each row. It differs from `softmax` of masked scores where a row sees nothing: there
 * the largest score would be the hidden one and all weights alike; here they are all 0, with no gradient, since what is
 * hidden is hidden after the largest score is subtracted.
 */
const visibleSoftmax = (visible: Booleans, scores: Floats): Floats => {
  const row = { axis: -1, keepDims: true } as const
  const largest: Floats = stopGradient(max(row)(where(visible, scores, HIDDEN)))
  const weights: Floats = exp(where(visible, sub(scores, largest), HIDDEN))
  const total: Floats = sum(row)(weights) // at least 1 where anything is visible
  return div(weights, where(gt(total, 0), total, 1))
}

/** What attention scores are beside the products of queries and keys. */
export interface AttendConfig {
  /** What the products are multiplied by. Default: 1 / sqrt(D). One that is learned multiplies the queries instead. */
  readonly scale?: number
  /**
   * Added to the scaled products, and broadcast to them, [B, KV, G, T, S]: positions as distances (ALiBi), a learned
   * preference, a mask. A key whose bias is -Infinity is hidden, and gets no gradient.
   */
  readonly bias?: Floats
}

/**
 * Softmax attention, `softmax(scale q k^T + bias) v` over visible keys: queries [B, KV, G, T, D], keys [B, KV, S, D] and
 * values [B, KV, S, E] -> [B, KV, G, T, E]. Weights of hidden keys are exactly 0; a row that sees none gives 0, and no
 * gradient. Where nothing is hidden, `visible` is null. Throws ShapeError where the parts do not fit together.
 * Source: Vaswani et al. (arXiv:1706.03762), eq. 1;
 * groups: Ainslie et al. (arXiv:2305.13245); biases: Press et al. (arXiv:2108.12409).
 *
 * @example
 * ```ts
 * import { attend, place } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * // one row, 2 key-value heads, 3 query heads for each, 5 columns, 4 features
 * const memory = { keys: ones([1, 2, 5, 4]), values: ones([1, 2, 5, 4]) }
 * console.log(attend(place({ queries: 5 }).visible)(ones([1, 2, 3, 5, 4]), memory).shape) // [1, 2, 3, 5, 4]
 * ```
 *
 * @example
 * ```ts
 * import { attend } from '@adjoint/nn'
 * import { ones, readAsync, tensor } from '@adjoint/tensor'
 * // one query over two keys of 4 features, whose values have 2; the second is preferred by log 3
 * const bias = tensor([0, Math.log(3)])
 * const memory = { keys: ones([1, 1, 2, 4]), values: tensor([1, 0, 0, 1], [1, 1, 2, 2]) }
 * console.log(await readAsync(attend(null, { scale: 1, bias })(ones([1, 1, 1, 1, 4]), memory))) // 0.25 0.75
 * ```
 */
export const attend =
  (visible: Booleans | null, { scale, bias }: AttendConfig = {}) =>
  (queries: Floats, { keys, values }: KeysValues): Floats => {
    demandParts(queries, keys, values)
    const [B, KV, G, T, D] = queries.shape as readonly [number, number, number, number, number]
    const [S, E] = [values.shape[2]!, values.shape[3]!]
    const rows: Floats = reshape([B, KV, G * T, D])(queries) // the heads of a group are rows over the same keys
    const products: Floats = matmul(rows, transpose([0, 1, 3, 2])(keys)) // [B, KV, G T, S]
    const scaled: Floats = mul(reshape([B, KV, G, T, S])(products), scale ?? 1 / Math.sqrt(D))
    const { shown, scores } = biased(visible, scaled, bias)
    const weights: Floats = shown === null ? softmax(-1)(scores) : visibleSoftmax(shown, scores)
    const mixed: Floats = matmul(reshape([B, KV, G * T, S])(weights), values) // [B, KV, G T, E]
    return reshape([B, KV, G, T, E])(mixed)
  }

const demandParts = (queries: Floats, keys: Floats, values: Floats): void => {
  const [[B, KV, , , D], [kB, kKV, S, kD], [vB, vKV, vS]] = [queries.shape, keys.shape, values.shape]
  const ranks = queries.shape.length === 5 && keys.shape.length === 4 && values.shape.length === 4
  if (ranks && B === kB && B === vB && KV === kKV && KV === vKV && D === kD && S === vS) return
  throw new ShapeError({
    op: 'attend',
    operands: [queries, keys, values],
    rule: 'queries are [B, KV, G, T, D], keys [B, KV, S, D] and values [B, KV, S, E]',
    fix: 'Bring heads before columns with transpose, and the query heads that share keys into an axis of their own with reshape',
  })
}

/** The scores with their bias, and which of them are shown: all, where that is null. */
const biased = (
  visible: Booleans | null,
  scores: Floats,
  bias: Floats | undefined,
): { readonly shown: Booleans | null; readonly scores: Floats } => {
  if (bias === undefined) return { shown: visible, scores }
  const everywhere: Floats = broadcastTo(scores.shape)(bias)
  // What is infinitely far below all others is hidden, and not computed with: -Infinity - -Infinity would be NaN.
  const counts: Booleans = ne(everywhere, -Infinity)
  return {
    shown: visible === null ? counts : and(visible, counts),
    scores: add(scores, where(counts, everywhere, 0)),
  }
}

/**
 * Attention of x [B, T, C] over what `recall` returns; the result is [B, T, C] with that memory, which is the next cache
 * where `recall` appends to one.
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
export const attentionOver =
  (config: AttentionConfig) =>
  ({ qkv, out }: AttentionParams, { rotate, visible }: AttentionPlace, recall: Recall) =>
  (x: Floats): readonly [Floats, KeysValues] => {
    const { heads: H, kvHeads: KV } = config
    const D = headDimOf(config)
    const [B, T] = x.shape as readonly [number, number, number]
    const projected: Floats = linear(qkv)(x) // [B, T, (H + 2 KV) D]
    const columns = (from: number, to: number): Floats =>
      reshape([B, T, to - from, D])(slice([0, 0, from * D], [B, T, to * D])(projected))
    const turned = rotate(columns(0, H + KV)) // queries and keys: [B, T, H + KV, D]
    const heads = (from: number, to: number): Floats => slice([0, 0, from], [B, T, to])(turned)
    const byHead = transpose([0, 2, 1, 3]) // [B, T, KV, D] -> [B, KV, T, D]
    const queries: Floats = transpose([0, 2, 3, 1, 4])(reshape([B, T, KV, H / KV, D])(heads(0, H))) // [B, KV, G, T, D]
    const memory = recall({ keys: byHead(heads(H, H + KV)), values: byHead(columns(H + KV, H + 2 * KV)) })
    const mixed = attend(visible)(queries, memory)
    const joined: Floats = reshape([B, T, H * D])(transpose([0, 3, 1, 2, 4])(mixed)) // [B, T, KV, G, D] -> [B, T, H D]
    return [linear(out)(joined), memory]
  }

/**
 * Causal self-attention, x [B, T, C] -> [B, T, C].
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
export const attention =
  (config: AttentionConfig) =>
  (params: AttentionParams, at: AttentionPlace): Layer =>
  (x) =>
    attentionOver(config)(params, at, (fresh) => fresh)(x)[0]

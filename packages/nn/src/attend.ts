/**
 * Attention of heads: queries over keys and values. The heads that share keys are rows of the same dot, so keys are never
 * repeated; the mask and the softmax are one row kernel between two dots. Where there are many queries they are taken by chunks
 * (attend-chunks.ts).
 */
import {
  add,
  and,
  broadcastTo,
  div,
  exp,
  gt,
  isTensor,
  matmul,
  max,
  mul,
  ne,
  reshape,
  ShapeError,
  softmax,
  stopGradient,
  sub,
  sum,
  transpose,
  type TreeRecord,
  where,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { attendChunks, chunksOf } from './attend-chunks.ts'
import { demandFields, demandSizes, demandTensors } from './demands.ts'
import type { Booleans, Floats } from './layer.ts'
import { type FloatRows, floatRows, type Rows } from './rows.ts'
import { demandVisible, HIDDEN, maskOf, type Visible } from './visibility.ts'

/**
 * Keys [B, KV, S, D] and values [B, KV, S, E] of the columns that queries may look at; in layers E = D. They may be kept in two
 * bytes an element or one (a cache of long sequences), and are computed with as f32.
 */
export interface KeysValues<R extends Rows = FloatRows> extends TreeRecord {
  readonly keys: R
  readonly values: R
}

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
  /**
   * Queries looked at together. Scores are then [B, KV, G, chunk, S] at a time, forward and backward, and memory grows with T + S
   * rather than with T S; the backward pass computes them again. Default: all where T or S is at most 256, else max(16, 128 / G).
   */
  readonly chunk?: number
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
export const attend = (visible: Visible, options: AttendConfig = {}) => {
  const { scale, bias, chunk } = optionsOf('attend', options, { scale: true, bias: true, chunk: true })
  return (queries: Floats, memory: KeysValues<Rows>): Floats => {
    demandTensors('attend', { queries })
    demandFields(
      'attend',
      'the memory',
      memory,
      ['keys', 'values'],
      'Write attend(visible)(queries, { keys, values }).',
    )
    const [keys, values] = [floatRows(memory.keys), floatRows(memory.values)]
    demandParts(queries, keys, values)
    if (chunk !== undefined) demandSizes('attend', { chunk })
    const [B, KV, G, T, D] = queries.shape as readonly [number, number, number, number, number]
    const [S, E] = [values.shape[2]!, values.shape[3]!]
    demandVisible(visible, [B, T, S])
    const factor = scale ?? 1 / Math.sqrt(D)
    const everywhere: Floats | undefined = bias === undefined ? undefined : broadcastTo([B, KV, G, T, S])(bias)
    const chunks = chunksOf([G, T, S], visible, chunk)
    if (chunks !== null) return attendChunks(chunks, visible, factor)(queries, keys, values, bias ?? null)
    const rows: Floats = reshape([B, KV, G * T, D])(queries) // the heads of a group are rows over the same keys
    const products: Floats = matmul(rows, transpose([0, 1, 3, 2])(keys)) // [B, KV, G T, S]
    const scaled: Floats = mul(reshape([B, KV, G, T, S])(products), factor)
    const mask = visible === null || isTensor(visible) ? visible : maskOf(visible)
    const { shown, scores } = biased(mask, scaled, everywhere)
    const weights: Floats = shown === null ? softmax(-1)(scores) : visibleSoftmax(shown, scores)
    const mixed: Floats = matmul(reshape([B, KV, G * T, S])(weights), values) // [B, KV, G T, E]
    return reshape([B, KV, G, T, E])(mixed)
  }
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
  everywhere: Floats | undefined,
): { readonly shown: Booleans | null; readonly scores: Floats } => {
  if (everywhere === undefined) return { shown: visible, scores }
  // What is infinitely far below all others is hidden, and not computed with: -Infinity - -Infinity would be NaN.
  const counts: Booleans = ne(everywhere, -Infinity)
  return {
    shown: visible === null ? counts : and(visible, counts),
    scores: add(scores, where(counts, everywhere, 0)),
  }
}

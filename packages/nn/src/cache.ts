/**
 * The key-value cache: what attention has computed for the columns so far, so that a new token costs one row of every dot.
 * It is a plain tree; appending returns a new one, which a compiled step writes in place where the old one is donated.
 */
import { and, ge, le, scalar, type Scalar, ShapeError, where } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandFields } from './demands.ts'
import type { KeysValues } from './attend.ts'
import type { Recall } from './attention.ts'
import type { Floats, Integers } from './layer.ts'
import { place } from './placement.ts'
import { emptyRows, rowCount, type Rows, type RowsDType, writeRows } from './rows.ts'
import type { BatchOptions, Transformer, TransformerConfig, TransformerParams } from './transformer.ts'

/** Keys and values of each layer, [B, KV, S, D]. */
export type Cache = readonly KeysValues<Rows>[]

/**
 * How a cache keeps its numbers, computed with as f32. Those of two bytes are rounded as they are written; of `i8` each row of a head has
 * a scale, and its elements a byte each: 1 + 4 / D bytes in place of 4 (see `Int8Rows`).
 */
export type CacheDType = RowsDType

/** Size of a cache. */
export interface CacheConfig {
  readonly batch: number
  /** Columns it has room for, S; at most the context. */
  readonly length: number
  /** Default f32. */
  readonly dtype?: CacheDType
}

/**
 * An empty cache. Throws ShapeError where `length` exceeds the context, or where `i8` is asked for and D is no multiple of 4.
 *
 * @example
 * ```ts
 * import { initCache, transformer } from '@adjoint/nn'
 * import { tree } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 32, layers: 2, heads: 4, context: 16 })
 * const [first] = initCache(model.config)({ batch: 3, length: 16, dtype: 'f16' })
 * console.log(tree.leaves(first ?? []).map(({ shape, dtype }) => `${dtype} ${shape}`)) // keys and values: 'f16 3,4,16,8'
 * ```
 */
export const initCache = (config: Required<TransformerConfig>) => {
  demandFields(
    'initCache',
    'the configuration',
    config,
    ['layers', 'kvHeads', 'headDim', 'context'],
    'Give model.config, and then { batch, length }.',
  )
  const { layers, kvHeads, headDim, context } = config
  return (given: CacheConfig): Cache => {
    const { batch, length, dtype = 'f32' } = optionsOf('initCache', given, { batch: true, length: true, dtype: true })
    if (length > context)
      throw new ShapeError({
        op: 'initCache',
        operands: [],
        rule: `a cache of ${length} columns is longer than the context of ${context}`,
        fix: 'Generate fewer tokens, shorten the prompts, or configure a longer context',
      })
    const room = (): Rows => emptyRows('initCache', [batch, kvHeads, length, headDim], dtype)
    return Array.from({ length: layers }, () => ({ keys: room(), values: room() }))
  }
}

/**
 * A layer's memory with new columns from column `first` on; moved back where they would not fit.
 *
 * @example
 * ```ts
 * import { append } from '@adjoint/nn'
 * import { isTensor, ones, scalar, zeros } from '@adjoint/tensor'
 * const memory = { keys: zeros([1, 2, 8, 4]), values: zeros([1, 2, 8, 4]) }
 * const next = append(memory, scalar(3, 'i32'))({ keys: ones([1, 2, 1, 4]), values: ones([1, 2, 1, 4]) })
 * console.log(isTensor(next.keys) && next.keys.shape) // [1, 2, 8, 4]
 * ```
 */
export const append = (memory: KeysValues<Rows>, first: Scalar<'i32'>): Recall<Rows> => {
  demandFields(
    'append',
    'the memory',
    memory,
    ['keys', 'values'],
    'Give one layer of what initCache makes, and the first column.',
  )
  return (fresh) => {
    demandFields('append', 'its argument', fresh, ['keys', 'values'], 'Give the keys and values of a layer.')
    return {
      keys: writeRows(memory.keys, first, fresh.keys),
      values: writeRows(memory.values, first, fresh.values),
    }
  }
}

const requireColumns = (op: string, tokens: Integers, length: number): void => {
  if (tokens.shape[1]! <= length) return
  throw new ShapeError({
    op,
    operands: [tokens],
    rule: `${tokens.shape[1]!} columns of tokens do not fit into a cache of ${length}`,
    fix: 'Read fewer tokens, or begin with a longer cache',
  })
}

/**
 * Reads prompts: tokens [B, T] from column 0 into a cache of `length` columns. Returns the hidden stream [B, T, C] (feed
 * what is needed of it to `model.head`) and the cache, in `dtype` (default f32). Attention runs over the T columns alone, before
 * they are rounded. Throws ShapeError for more
 * columns than the cache has, or a cache longer than the context.
 *
 * @example
 * ```ts
 * import { prefill, transformer } from '@adjoint/nn'
 * import { random, tensor } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 32, layers: 2, heads: 4, context: 16 })
 * const params = model.init(random.key(0))
 * const [hidden, cache] = prefill(model)(params, { length: 16 })(tensor([1, 5, 2], [1, 3], 'i32'))
 * console.log(hidden.shape, cache.length) // [1, 3, 32] 2
 * ```
 */
export const prefill =
  (model: Transformer) =>
  (params: TransformerParams, options: BatchOptions & { readonly length: number; readonly dtype?: CacheDType }) =>
  (tokens: Integers): readonly [hidden: Floats, cache: Cache] => {
    const { length, dtype, ...padding } = optionsOf('prefill', options, { length: true, starts: true, dtype: true })
    const [batch, queries] = tokens.shape as readonly [number, number]
    const empty = initCache(model.config)({ batch, length, ...(dtype !== undefined && { dtype }) })
    requireColumns('prefill', tokens, length)
    const [hidden, fresh] = model.over(params, place({ queries, ...padding }), () => (own) => own)(tokens)
    return [hidden, empty.map((memory, i) => append(memory, scalar(0, 'i32'))(fresh[i]!))]
  }

/**
 * Reads further tokens [B, T] at columns `first` to `first + T - 1`, a position known only on the device, and returns the
 * hidden stream [B, T, C] and the longer cache. Equal to a full forward over all columns so far. Where the columns do not fit
 * into the cache, which only the device knows, the stream is NaN, and so are logits of it. Throws ShapeError for more columns
 * than the cache has.
 *
 * @example
 * ```ts
 * import { extend, prefill, transformer } from '@adjoint/nn'
 * import { random, scalar, tensor } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 32, layers: 2, heads: 4, context: 16 })
 * const params = model.init(random.key(0))
 * const [, cache] = prefill(model)(params, { length: 16 })(tensor([1, 5, 2], [1, 3], 'i32'))
 * const [hidden] = extend(model)(params, cache, { first: scalar(3, 'i32') })(tensor([7], [1, 1], 'i32'))
 * console.log(model.head(params)(hidden).shape) // [1, 1, 21]
 * ```
 */
export const extend =
  (model: Transformer) =>
  (params: TransformerParams, cache: Cache, options: BatchOptions & { readonly first: Scalar<'i32'> }) =>
  (tokens: Integers): readonly [hidden: Floats, cache: Cache] => {
    const [queries, keys] = [tokens.shape[1]!, cache[0] === undefined ? 0 : rowCount(cache[0].keys)]
    requireColumns('extend', tokens, keys)
    const at = place({ queries, keys, ...optionsOf('extend', options, { first: true, starts: true }) })
    const [hidden, longer] = model.over(params, at, (layer) => append(cache[layer]!, options.first))(tokens)
    const fits = and(ge(options.first, 0), le(options.first, keys - queries))
    return [where(fits, hidden, NaN), longer]
  }

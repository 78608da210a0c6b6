/** Lookup tables: a row for each token, or for each position. */
import { lt, matmul, take, transpose, where } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandKey, demandSizes, demandTensors } from './demands.ts'
import { demandIds } from './ids.ts'
import { type Initializer, normalInit } from './init.ts'
import type { Floats, Integers, Key, Layer } from './layer.ts'

/** Rows and their width. */
export interface EmbeddingConfig {
  readonly rows: number
  readonly width: number
  /** Default: normal with standard deviation 0.02, as in GPT-2. */
  readonly init?: Initializer
}

/**
 * Draws a table [rows, width]. Throws RangeError for sizes that are none, TypeError without a key.
 *
 * @example
 * ```ts
 * import { initEmbedding } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(initEmbedding({ rows: 10, width: 4 })(random.key(0)).shape) // [10, 4]
 * ```
 */
export const initEmbedding = (options: EmbeddingConfig) => {
  const {
    rows,
    width,
    init = normalInit(0.02),
  } = optionsOf('initEmbedding', options, { rows: true, width: true, init: true })

  demandSizes('initEmbedding', { rows, width })
  return (key: Key): Floats => {
    demandKey('initEmbedding', key)
    return init(key, [rows, width])
  }
}

/**
 * The rows of a table at `ids`, ids [...] -> [..., width]. An id outside the table, negative ones included, is a RangeError
 * where the ids are host data, and reads NaN where only a program knows them.
 *
 * @example
 * ```ts
 * import { embedding, initEmbedding } from '@adjoint/nn'
 * import { random, tensor } from '@adjoint/tensor'
 * const table = initEmbedding({ rows: 10, width: 4 })(random.key(0))
 * console.log(embedding(table)(tensor([3, 1, 4], [1, 3], 'i32')).shape) // [1, 3, 4]
 * ```
 */
export const embedding = (table: Floats) => {
  demandTensors('embedding', { table })
  return (ids: Integers): Floats => {
    demandTensors('embedding', { ids })
    const rows = table.shape[0]!
    const known = demandIds('embedding', ids, rows, 'Encode with the vocabulary of this table.')
    // A negative position would count from the end.
    return take(0)(table, known ? ids : where(lt(ids, 0), rows, ids))
  }
}

/**
 * The logits of every row, `x E^T`, x [..., width] -> [..., rows]: the output head that shares the embedding's table.
 * Source: Press and Wolf, Using the output embedding to improve language models (arXiv:1608.05859).
 *
 * @example
 * ```ts
 * import { initEmbedding, unembed } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const table = initEmbedding({ rows: 10, width: 4 })(random.key(0))
 * console.log(unembed(table)(ones([1, 3, 4])).shape) // [1, 3, 10]
 * ```
 */
export const unembed = (table: Floats): Layer => {
  demandTensors('unembed', { table })
  return (x) => {
    demandTensors('unembed', { x })
    return matmul(x, transpose([1, 0])(table))
  }
}

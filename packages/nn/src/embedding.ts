/** Lookup tables: a row for each token, or for each position. */
import { lt, matmul, type Shape, take, type Tensor, transpose, where } from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandDrawn, demandKey, demandSizes, demandTensors } from './demands.ts'
import type { After, FanIn, FanOut, HasLast, WithLast } from './dims.ts'
import { demandIds } from './ids.ts'
import { type Initializer, normalInit } from './init.ts'
import type { Floats, Integers, Key } from './layer.ts'

/** Rows and their width. */
export interface EmbeddingConfig<Rows extends number = number, Width extends number = number> {
  readonly rows: Rows
  readonly width: Width
  /** Default: normal with standard deviation 0.02, as in GPT-2. */
  readonly init?: Initializer
}

/**
 * Draws a table [rows, width]. Sizes that are literals or names (`dim`) are kept in its type. Throws RangeError for sizes that are none,
 * TypeError without a key, ShapeError where `init` draws another shape.
 *
 * @example
 * ```ts
 * import { initEmbedding } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(initEmbedding({ rows: 10, width: 4 })(random.key(0)).shape) // [10, 4]
 * ```
 */
export const initEmbedding = <Rows extends number, Width extends number>(options: EmbeddingConfig<Rows, Width>) => {
  const {
    rows,
    width,
    init = normalInit(0.02),
  } = optionsOf('initEmbedding', options, { rows: true, width: true, init: true })

  demandSizes('initEmbedding', { rows, width })
  return (key: Key): Tensor<readonly [Rows, Width], 'f32'> => {
    demandKey('initEmbedding', key)
    const table = init(key, [rows, width])
    demandDrawn('initEmbedding', table, { rows, width })
    return typed(table)
  }
}

const rowsAt = (table: Floats, ids: Integers): Floats => {
  const rows = table.shape[0]!
  const known = demandIds('embedding', ids, rows, 'Encode with the vocabulary of this table.')
  // A negative position would count from the end.
  return take(0)(table, known ? ids : where(lt(ids, 0), rows, ids))
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
export const embedding = <T extends Floats>(table: T) => {
  demandTensors('embedding', { table })
  return <S extends Shape>(ids: Tensor<S, 'i32'>): Tensor<After<S, FanOut<T>>, 'f32'> => {
    demandTensors('embedding', { ids })
    return typed(rowsAt(table, ids))
  }
}

const logitsAt = (table: Floats, x: Floats): Floats => matmul(x, transpose([1, 0])(table))

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
export const unembed = <T extends Floats>(table: T) => {
  demandTensors('unembed', { table })
  return <S extends Shape>(
    x: Tensor<S, 'f32'> & HasLast<'unembed', S, FanOut<T>>,
  ): Tensor<WithLast<S, FanIn<T>>, 'f32'> => {
    demandTensors('unembed', { x })
    return typed(logitsAt(table, x))
  }
}

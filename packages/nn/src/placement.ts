/**
 * Where the rows of a batch stand: which rows of a table of positions are theirs, and which keys each of them may see.
 * Masks are comparisons of counters (visibility.ts), computed where they are used and never stored.
 *
 * A batch is a rectangle of columns. Sequences of different lengths are padded on the LEFT: row b's own tokens begin at
 * column `starts[b]` and end at the last column, so that one column is the next one for all rows, and appending to a cache
 * writes one column. Positions count from a row's own start; columns before it are seen by nothing that counts.
 */
import { add, arange, expandDims, maximum, type Scalar, slice, sub, take } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import type { Floats, Integers } from './layer.ts'
import type { Visibility } from './visibility.ts'

/** Rows and visibility of a batch of queries. */
export interface Placement {
  /** Rows of a table [context, W] at the positions of the queries: [T, W], or [B, T, W] where rows differ. */
  readonly rows: (table: Floats) => Floats
  /** Which keys each query may see: `maskOf` it is the mask. */
  readonly visible: Visibility
}

/** What is known of a batch's columns. */
export interface Columns {
  /** Number of query columns, T. */
  readonly queries: number
  /** Number of key columns, S, from column 0. Default: T. */
  readonly keys?: number
  /** The first query's column. Default: 0. */
  readonly first?: Scalar<'i32'>
  /** `[B]`: the column at which each row begins. Default: all at 0. */
  readonly starts?: Integers
}

/**
 * Causal placement: query column t sees key columns s <= t that are not padding.
 *
 * @example
 * ```ts
 * import { maskOf, place } from '@adjoint/nn'
 * import { readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(maskOf(place({ queries: 2 }).visible))) // [1, 0, 1, 1]: a triangle
 * ```
 */
export const place = (options: Columns): Placement => {
  const {
    queries,
    keys = queries,
    first,
    starts,
  } = optionsOf('place', options, { queries: true, keys: true, first: true, starts: true })

  const own: Integers = arange(queries)
  const column: Integers = first === undefined ? own : add(own, first) // [T]
  const visible = { queries, keys, first: first ?? null, causal: true, starts: starts ?? null, segments: null }
  if (starts === undefined)
    return {
      // A slice where the columns are known: its gradient is a sum over the batch, not a scatter.
      rows: (table) => (first === undefined ? slice([0], [queries])(table) : take(0)(table, column)),
      visible,
    }
  const position: Integers = maximum(sub(column, expandDims(-1)(starts)), 0) // [B, T]
  return { rows: (table) => take(0)(table, position), visible }
}

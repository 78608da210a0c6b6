/** Order along an axis: sorting is stable, and NaN comes last. */
import type { DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Check, HasAxis, Ok, WithAxis } from '../base/shape-type.ts'
import { normalizeAxis, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { demandTensor } from './align.ts'

/** Largest first where `descending`; default smallest first. */
export interface SortConfig {
  readonly descending?: boolean
}

const orderOf = (op: string, x: Expr, axis: number, descending: boolean): Expr => {
  demandTensor(op, x)
  return raw.argsort(x, normalizeAxis(op, axis, x.shape.length, x), descending)
}

/**
 * The elements of each line along `axis` (default: the last) in order, NaN last. The gradient goes back to where each element came from.
 * Throws ShapeError for an axis out of range.
 *
 * @example
 * ```ts
 * import { readAsync, sort, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(sort(-1)(tensor([3, 1, 2])))) // 1 2 3
 * ```
 */
export const sort =
  <const A extends number = -1>(axis?: A, { descending = false }: SortConfig = {}) =>
  <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<HasAxis<S, A>>): Tensor<S, D> => {
    demandTensor('sort', x)
    const a = normalizeAxis('sort', axis ?? -1, x.shape.length, x)
    return typed(raw.takeAlongAxis(x, orderOf('sort', x, a, descending), a, 'nearest'))
  }

/** The positions that put each line along `axis` (default: the last) in order; equal elements keep theirs, NaN last. Throws as `sort`. */
export const argsort =
  <const A extends number = -1>(axis?: A, { descending = false }: SortConfig = {}) =>
  <S extends Shape>(x: Tensor<S> & Check<HasAxis<S, A>>): Tensor<S, 'i32'> =>
    typed(orderOf('argsort', x, axis ?? -1, descending))

/** The largest elements of each line, and where they stand. */
export interface TopK<S extends Shape, D extends DType> {
  readonly values: Tensor<S, D>
  readonly indices: Tensor<S, 'i32'>
}

/**
 * The k largest elements along the last axis, largest first, and their positions; of equals the first come first.
 * [.., n] -> [.., k]. Throws ShapeError where k > n.
 *
 * @example
 * ```ts
 * import { readAsync, tensor, topK } from '@adjoint/tensor'
 * const { values, indices } = topK(2)(tensor([3, 9, 4]))
 * console.log(await readAsync(values), await readAsync(indices)) // 9 4, 1 2
 * ```
 */
export const topK =
  <const K extends number>(k: K) =>
  <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<WithAxis<S, -1, K>>): TopK<Ok<WithAxis<S, -1, K>>, D> => {
    demandTensor('topK', x)
    const axis = normalizeAxis('topK', -1, x.shape.length, x)
    const n = x.shape[axis]!
    if (!Number.isInteger(k) || k < 0 || k > n)
      throw new ShapeError({
        op: 'topK',
        operands: [x],
        rule: `${k} of ${n} elements`,
        fix: 'Pass an integer k from 0 to the size of the last axis',
      })
    const order = orderOf('topK', x, axis, true)
    const head = raw.slice(
      order,
      x.shape.map(() => 0),
      x.shape.with(axis, k),
    )
    return { values: typed(raw.takeAlongAxis(x, head, axis, 'nearest')), indices: typed(head) }
  }

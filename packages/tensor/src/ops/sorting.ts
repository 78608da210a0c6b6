/** Order along an axis: sorting is stable, and NaN comes last. */
import type { Computed, DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Check, HasAxis, Ok, WithAxis } from '../base/shape-type.ts'
import { normalizeAxis, sameShape, showShape, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { demandTensor } from './align.ts'
import { optionsOf } from '../graph/options.ts'

/** Largest first where `descending`; default smallest first. */
export interface SortConfig {
  readonly descending?: boolean
}

/** The operands in the order of the first, and the positions that put them there. */
const sorted = (op: string, operands: readonly Expr[], axis: number, descending: boolean): readonly Expr[] => {
  const key = operands[0]!
  for (const x of operands) demandTensor(op, x)
  const other = operands.find((x) => !sameShape(x.shape, key.shape))
  if (other !== undefined)
    throw new ShapeError({
      op,
      operands,
      rule: `${showShape(other.shape)} cannot take the order of ${showShape(key.shape)}: the shapes differ`,
      fix: 'Bring all to the shape of the first with broadcastTo, or sort positions (argsort) and take slices',
    })
  return raw.sort(operands, normalizeAxis(op, axis, key.shape.length, key), descending)
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
export const sort = <const A extends number = -1>(axis?: A, config: SortConfig = {}) => {
  const { descending = false } = optionsOf('sort', config, { descending: true })
  return <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<HasAxis<S, A>>): Tensor<S, Computed<D>> =>
    typed(sorted('sort', [x], axis ?? -1, descending)[0]!)
}

/**
 * Several tensors of one shape, each line along `axis` (default: the last) in the order of the first's: equal elements of
 * the first keep theirs, and its NaN come last. One order is computed for all, and every gradient goes back by it. For slices of
 * any shape rather than elements, `take` them at `argsort` of a vector. Throws ShapeError for an axis out of range, or where
 * the shapes differ.
 *
 * @example
 * ```ts
 * import { readAsync, sortBy, tensor } from '@adjoint/tensor'
 * const [price, stock] = sortBy(0)(tensor([30, 10, 20]), tensor([1, 2, 3], 'i32'))
 * console.log(await readAsync(price), await readAsync(stock)) // 10 20 30, 2 3 1
 * ```
 */
export const sortBy = <const A extends number = -1>(axis?: A, config: SortConfig = {}) => {
  const { descending = false } = optionsOf('sortBy', config, { descending: true })
  return <S extends Shape, D extends DType, const O extends readonly Tensor[]>(
    key: Tensor<S, D> & Check<HasAxis<S, A>>,
    ...others: O
  ): readonly [Tensor<S, D>, ...O] => {
    const operands: readonly Expr[] = [key, ...others]
    // the results have the shapes and dtypes of the operands, one by one
    return sorted('sortBy', operands, axis ?? -1, descending).slice(0, -1) as unknown as readonly [Tensor<S, D>, ...O]
  }
}

/** The positions that put each line along `axis` (default: the last) in order; equal elements keep theirs, NaN last. Throws as `sort`. */
export const argsort = <const A extends number = -1>(axis?: A, config: SortConfig = {}) => {
  const { descending = false } = optionsOf('argsort', config, { descending: true })
  return <S extends Shape>(x: Tensor<S> & Check<HasAxis<S, A>>): Tensor<S, 'i32'> =>
    typed(sorted('argsort', [x], axis ?? -1, descending)[1]!)
}

/** The largest elements of each line, and where they stand. */
export interface TopK<S extends Shape, D extends DType> {
  readonly values: Tensor<S, D>
  readonly indices: Tensor<S, 'i32'>
}

/**
 * The k largest elements of each line along `axis` (default: the last), largest first, NaN after all numbers, and their
 * positions; of equals the first come first. The axis of n becomes one of k. Both come of one order, by which the gradient
 * of the values goes back. Throws ShapeError for an axis out of range, or where k > n.
 *
 * @example
 * ```ts
 * import { readAsync, tensor, topK } from '@adjoint/tensor'
 * const { values, indices } = topK(2)(tensor([3, 9, 4]))
 * console.log(await readAsync(values), await readAsync(indices)) // 9 4, 1 2
 * ```
 */
export const topK =
  <const K extends number, const A extends number = -1>(k: K, axis?: A) =>
  <S extends Shape, D extends DType>(
    x: Tensor<S, D> & Check<WithAxis<S, A, K>>,
  ): TopK<Ok<WithAxis<S, A, K>>, Computed<D>> => {
    demandTensor('topK', x)
    const a = normalizeAxis('topK', axis ?? -1, x.shape.length, x)
    const n = x.shape[a]!
    if (!Number.isInteger(k) || k < 0 || k > n)
      throw new ShapeError({
        op: 'topK',
        operands: [x],
        rule: `${k} of ${n} elements`,
        fix: `Pass an integer k from 0 to the size of axis ${a}`,
      })
    const [values, indices] = sorted('topK', [x], a, true)
    const first = (y: Expr): Expr => raw.sliceAxis(y, a, 0, k)
    return { values: typed(first(values!)), indices: typed(first(indices!)) }
  }

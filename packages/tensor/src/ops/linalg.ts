/** Products of matrices and what goes with them. Every product is one `dot`; none multiplies and sums. */
import type { Computed, DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Check, CommonDType, MatMul, Ok, SameDType } from '../base/shape-type.ts'
import { broadcastShapes, normalizeAxis, sizeOf, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { demandOneComputed, demandTensor, element, expand } from './align.ts'
import { type OptionNames, optionsOf } from '../graph/options.ts'

const matmulOf = (op: string, x: Expr, y: Expr): Expr => {
  demandOneComputed(op, [x, y])
  const wrong = (rule: string, fix: string): ShapeError => new ShapeError({ op, operands: [x, y], rule, fix })
  if (x.shape.length === 0 || y.shape.length === 0) throw wrong('an operand is a scalar', 'Scale with mul')
  // a vector is a row on the left and a column on the right; its axis goes again
  if (x.shape.length === 1) {
    const out = matmulOf(op, raw.reshape(x, [1, ...x.shape]), y)
    return raw.reshape(out, y.shape.length === 1 ? [] : [...out.shape.slice(0, -2), ...out.shape.slice(-1)])
  }
  if (y.shape.length === 1) {
    const out = matmulOf(op, x, raw.reshape(y, [...y.shape, 1]))
    return raw.reshape(out, out.shape.slice(0, -1))
  }
  const [m, k] = [x.shape.at(-2)!, x.shape.at(-1)!]
  const [k2, n] = [y.shape.at(-2)!, y.shape.at(-1)!]
  if (k !== k2)
    throw wrong(
      `inner sizes ${k} and ${k2} differ; [.., m, k] x [.., k, n] -> [.., m, n]`,
      'Transpose an operand, or check which axis is contracted',
    )
  const lead = x.shape.slice(0, -2)
  // [.., m, k] x [k, n]: all rows are rows of one matrix, so one dot without batch
  if (y.shape.length === 2) {
    if (lead.length === 0) return raw.dot(x, y)
    return raw.reshape(raw.dot(raw.reshape(x, [sizeOf(lead) * m, k]), y), [...lead, m, n])
  }
  const batch = broadcastShapes(lead, y.shape.slice(0, -2))
  if (batch === null) throw wrong('the leading axes do not broadcast', 'Batch sizes must be equal or 1, from the right')
  return raw.dot(expand(x, [...batch, m, k]), expand(y, [...batch, k, n]))
}

/**
 * The matrix product over the last axis of x and the second last of y: [.., m, k] x [.., k, n] -> [.., m, n]. Leading axes
 * broadcast; a matrix y is shared by all of them at no cost. A vector stands for a row (left) or a column (right), as in NumPy.
 * Throws ShapeError where the inner sizes differ, DTypeError where the dtypes do.
 *
 * @example
 * ```ts
 * import { matmul, readAsync, tensor } from '@adjoint/tensor'
 * const a = tensor([1, 2, 3, 4, 5, 6], [2, 3])
 * const b = tensor([1, 0, 0, 1, 1, 1], [3, 2])
 * console.log(await readAsync(matmul(a, b))) // 4 5 10 11
 * ```
 */
export const matmul = <A extends Shape, B extends Shape, D extends DType, E extends DType>(
  x: Tensor<A, D>,
  y: Tensor<B, E> & Check<MatMul<A, B>> & Check<SameDType<Computed<D>, Computed<E>>>,
): Tensor<Ok<MatMul<A, B>>, CommonDType<Computed<D>, Computed<E>>> => typed(matmulOf('matmul', x, y))

/** The shape of NumPy's dot: leading axes of both operands, one after the other. */
export type Dot<A extends Shape, B extends Shape> = number extends B['length']
  ? Shape
  : B extends readonly [Shape[number], Shape[number], Shape[number], ...Shape]
    ? Shape
    : MatMul<A, B>

/**
 * The sum product over the last axis of x and the second last of y (the only one of a vector), as NumPy's dot: leading axes
 * do not broadcast but stand beside each other. Of two vectors it is the inner product. Throws as `matmul`.
 */
export const dot = <A extends Shape, B extends Shape, D extends DType, E extends DType>(
  x: Tensor<A, D>,
  y: Tensor<B, E> & Check<Dot<A, B>> & Check<SameDType<Computed<D>, Computed<E>>>,
): Tensor<Ok<Dot<A, B>>, CommonDType<Computed<D>, Computed<E>>> => {
  demandOneComputed('dot', [x, y])
  const shape: Shape = y.shape
  if (shape.length <= 2) return typed(matmulOf('dot', x, y))
  // [b.., k, n] -> [k, b.. n]: one matrix, so that one product makes x.shape[:-1] ++ b ++ [n]
  const contracted = shape.length - 2
  const lead: Shape = [...shape.slice(0, -2), shape.at(-1)!]
  const order = [contracted, ...shape.map((_, i) => i).filter((i) => i !== contracted)]
  const product = matmulOf('dot', x, raw.reshape(raw.transpose(y, order), [shape[contracted]!, sizeOf(lead)]))
  return typed(raw.reshape(product, [...product.shape.slice(0, -1), ...lead]))
}

/** x_i y_j of two vectors: [m], [n] -> [m, n]. Throws ShapeError for other ranks. */
export const outer = <M extends number, N extends number, D extends DType>(
  x: Tensor<readonly [M], D>,
  y: Tensor<readonly [N], D>,
): Tensor<readonly [M, N], Computed<D>> => {
  demandOneComputed('outer', [x, y])
  const ranks: readonly Shape[] = [x.shape, y.shape]
  if (ranks.some((s) => s.length !== 1))
    throw new ShapeError({
      op: 'outer',
      operands: [x, y],
      rule: 'both operands are vectors',
      fix: 'Flatten with reshape([-1]), or use matmul',
    })
  const shape = [x.shape[0], y.shape[0]]
  const column = raw.broadcastTo(raw.reshape(x, [x.shape[0], 1]), shape)
  return typed(raw.mul(column, raw.broadcastTo(raw.reshape(y, [1, y.shape[0]]), shape)))
}

/** Which diagonal: column = row + offset, of the matrices over axes `axis1` (rows) and `axis2` (columns). */
export interface DiagonalConfig {
  readonly offset?: number
  readonly axis1?: number
  readonly axis2?: number
}
const diagonalOptions: OptionNames<DiagonalConfig> = { offset: true, axis1: true, axis2: true }

/**
 * The diagonal of the matrices over two axes (default: the first two, as in NumPy), as a new last axis.
 * [n, m, ..] -> [.., min(n, m)]. Throws ShapeError for rank below 2.
 *
 * @example
 * ```ts
 * import { diagonal, readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([[1, 2, 3], [4, 5, 6]])
 * console.log(await readAsync(diagonal()(x))) // 1 5
 * console.log(await readAsync(diagonal({ offset: 1 })(x))) // 2 6
 * ```
 */
export const diagonal = (config: DiagonalConfig = {}) => {
  const { offset = 0, axis1 = 0, axis2 = 1 } = optionsOf('diagonal', config, diagonalOptions)
  return <D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D> => {
    demandTensor('diagonal', x)
    const rank = x.shape.length
    const row = normalizeAxis('diagonal', axis1, rank, x)
    const column = normalizeAxis('diagonal', axis2, rank, x)
    element('diagonal', offset, 'i32', [x])
    if (row === column)
      throw new ShapeError({
        op: 'diagonal',
        operands: [x],
        rule: 'a diagonal runs over two different axes',
        fix: 'Pass distinct axis1 and axis2',
      })
    const rest = x.shape.map((_, i) => i).filter((i) => i !== row && i !== column)
    const m = raw.transpose(x, [...rest, row, column])
    const lead = m.shape.slice(0, -2)
    const from = [...lead.map(() => 0), Math.max(0, -offset), Math.max(0, offset)]
    const length = Math.max(0, Math.min(x.shape[row]! - from.at(-2)!, x.shape[column]! - from.at(-1)!))
    if (length === 0) return typed(raw.fill([...lead, 0], x.dtype, 0))
    // the square [n, n] of the diagonal, flat and padded by n, is [n, n + 1], whose first column is the diagonal
    const square = raw.slice(m, from, [...lead, from.at(-2)! + length, from.at(-1)! + length])
    const flat = raw.reshape(square, [...lead, length * length])
    const none = lead.map(() => 0)
    const skewed = raw.reshape(raw.pad(flat, [...none, 0], [...none, length]), [...lead, length, length + 1])
    return typed(raw.reshape(raw.slice(skewed, [...none, 0, 0], [...lead, length, 1]), [...lead, length]))
  }
}

/** The sum of `diagonal(config)(x)`. */
export const trace = (config: DiagonalConfig = {}) => {
  const taken = diagonal(optionsOf('trace', config, diagonalOptions))
  return <D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D> => {
    const d = taken(x)
    return typed(raw.reduceSum(d, [d.shape.length - 1]))
  }
}

/** Elements of the last two axes where `keep` holds for column - row; 0 elsewhere. */
const band =
  (op: string, keep: (row: Expr, column: Expr) => Expr, k: number) =>
  <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => {
    demandTensor(op, x)
    const rank = x.shape.length
    if (rank < 2)
      throw new ShapeError({
        op,
        operands: [x],
        rule: 'a triangle needs two axes',
        fix: 'Reshape the operand to rows and columns',
      })
    const row = raw.add(raw.iota(x.shape, rank - 2, 'i32'), raw.fill(x.shape, 'i32', element(op, k, 'i32', [x])))
    const inside = keep(row, raw.iota(x.shape, rank - 1, 'i32'))
    return typed(raw.where(inside, x, raw.fill(x.shape, x.dtype, 0)))
  }

/** The lower triangles over the last two axes: x where column <= row + k, else 0. Throws ShapeError for rank below 2. */
export const tril = (k = 0): (<S extends Shape, D extends DType>(x: Tensor<S, D>) => Tensor<S, D>) =>
  band('tril', raw.ge, k)
/** The upper triangles over the last two axes: x where column >= row + k, else 0. Throws ShapeError for rank below 2. */
export const triu = (k = 0): (<S extends Shape, D extends DType>(x: Tensor<S, D>) => Tensor<S, D>) =>
  band('triu', raw.le, k)

/**
 * Linear algebra over the last two axes: [.., m, n] is a stack of matrices, and leading axes of two operands broadcast. Every
 * factorization is a loop of the program, compiled once whatever the size.
 */
import type { Computed, DType } from '../../base/dtype.ts'
import { ShapeError } from '../../base/errors.ts'
import { broadcastShapes, type Shape } from '../../base/shape.ts'
import type { Expr } from '../../graph/expr.ts'
import { type Tensor, typed } from '../../graph/tensor.ts'
import * as raw from '../../primitives/index.ts'
import { demandTensor, expand, oneDType } from '../align.ts'
import * as cholesky_ from './cholesky.ts'
import * as determinant from './determinant.ts'
import { demandMatrices, demandSquare, identityLike } from './matrices.ts'
import * as qr_ from './qr.ts'
import * as solve_ from './solve.ts'
import * as triangular from './triangular.ts'
import { optionsOf } from '../../graph/options.ts'

/**
 * The lower factor L of A = L L^T with a positive diagonal, [.., n, n] -> [.., n, n]. Of A the symmetric part (A + A^T) / 2 is taken, as in
 * JAX, so that its gradient is symmetric. Where A is not positive definite the lower triangle is NaN. Throws ShapeError where A is not
 * square, DTypeError for integers. Derivative: Murray 2016 (arXiv:1602.07527).
 *
 * @example
 * ```ts
 * import { linalg, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(linalg.cholesky(tensor([[4, 2], [2, 5]])))) // 2 0 1 2
 * ```
 */
export const cholesky = <S extends Shape, D extends DType>(a: Tensor<S, D>): Tensor<S, Computed<D>> =>
  typed(cholesky_.cholesky(square('cholesky', a)))

/** Which triangle of the matrices is read, and how. */
export interface TriangularConfig {
  /** The lower triangle, else the upper one. Default false, as in JAX. */
  readonly lower?: boolean
  /** Solves A^T x = b. Default false. */
  readonly transpose?: boolean
  /** The diagonal counts as ones, and is not read. Default false. */
  readonly unitDiagonal?: boolean
}

/**
 * x of A x = b for triangular A, by substitution: [.., n, n] and [.., n, k] -> [.., n, k], or a vector b [n] -> [.., n]. Leading axes
 * broadcast. What is outside of the triangle is not read, and gets no gradient. Where a diagonal element is 0 the result is infinite or
 * NaN. Throws ShapeError where the shapes do not fit, DTypeError for integers or two dtypes.
 *
 * @example
 * ```ts
 * import { linalg, readAsync, tensor } from '@adjoint/tensor'
 * const l = tensor([[2, 0], [1, 4]])
 * console.log(await readAsync(linalg.triangularSolve({ lower: true })(l, tensor([2, 9])))) // 1 2
 * ```
 */
export const triangularSolve = (config: TriangularConfig = {}) => {
  const {
    lower = false,
    transpose = false,
    unitDiagonal = false,
  } = optionsOf('triangularSolve', config, { lower: true, transpose: true, unitDiagonal: true })
  return <D extends DType>(a: Tensor<Shape, D>, b: Tensor<Shape, D>): Tensor<Shape, Computed<D>> =>
    solving('triangularSolve', a, b, (x, y) => triangular.triangularSolve(x, y, { lower, transpose, unitDiagonal }))
}

/**
 * x of A x = b, by elimination with exchange of rows: [.., n, n] and [.., n, k] -> [.., n, k], or a vector b [n] -> [.., n], as in NumPy.
 * Leading axes broadcast. Where A is singular the result is infinite or NaN, as in JAX. Throws ShapeError where the shapes do not
 * fit, DTypeError for integers or two dtypes.
 *
 * @example
 * ```ts
 * import { linalg, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(linalg.solve(tensor([[0, 2], [1, 1]]), tensor([4, 5])))) // 3 2
 * ```
 */
export const solve = <D extends DType>(a: Tensor<Shape, D>, b: Tensor<Shape, D>): Tensor<Shape, Computed<D>> =>
  solving('solve', a, b, (x, y) => solve_.solve(x, y, { transpose: false }))

/**
 * The inverse, [.., n, n] -> [.., n, n]; infinite or NaN where there is none. To solve a system use `solve`, which is cheaper and more
 * exact. Throws as `cholesky`.
 *
 * @example
 * ```ts
 * import { linalg, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(linalg.inv(tensor([[0, 2], [4, 0]])))) // 0 0.25 0.5 0
 * ```
 */
export const inv = <S extends Shape, D extends DType>(given: Tensor<S, D>): Tensor<S, Computed<D>> => {
  const a = square('inv', given)
  return typed(solve_.solve(a, identityLike(a), { transpose: false }))
}

/**
 * The determinant, [.., n, n] -> [..]; 1 of a matrix of no rows. Its gradient is the transposed adjugate, of singular matrices too. It
 * leaves the range of f32 soon: see `slogdet`. Throws as `cholesky`.
 *
 * @example
 * ```ts
 * import { linalg, readAsync, tensor } from '@adjoint/tensor'
 * const a = tensor([[1, 2], [3, 4]])
 * console.log(await readAsync(linalg.det(a))) // -2
 * const { sign, logabsdet } = linalg.slogdet(a)
 * console.log(await readAsync(sign), await readAsync(logabsdet)) // -1, 0.6931
 * ```
 */
export const det = <D extends DType>(a: Tensor<Shape, D>): Tensor<Shape, Computed<D>> =>
  typed(determinant.det(square('det', a)))

/** A determinant as sign exp(logabsdet). */
export interface SignAndLog<D extends DType = DType> {
  /** -1, 0 or 1; [..]. */
  readonly sign: Tensor<Shape, D>
  /** The natural logarithm of its size; [..]. */
  readonly logabsdet: Tensor<Shape, D>
}
/**
 * The sign of the determinant and the logarithm of its size, [.., n, n] -> [..] each: 0 and -Infinity where A is singular, as in
 * NumPy. The gradient of the logarithm is A^-T. Throws as `cholesky`.
 */
export const slogdet = <D extends DType>(a: Tensor<Shape, D>): SignAndLog<Computed<D>> => {
  const [sign, logabsdet] = determinant.signAndLog(square('slogdet', a))
  return { sign: typed(sign), logabsdet: typed(logabsdet) }
}

/** The factors of A = Q R. */
export interface OrthogonalFactors<D extends DType = DType> {
  /** Orthonormal columns, [.., m, k]. */
  readonly q: Tensor<Shape, D>
  /** Upper triangular, [.., k, n]. */
  readonly r: Tensor<Shape, D>
}
/**
 * A = Q R with orthonormal columns of Q and R upper triangular, k the smaller of m and n: [.., m, n] -> [.., m, k] and [.., k, n], with
 * the signs of LAPACK, and so of NumPy and JAX. The gradient wants the first k columns to be independent. Throws ShapeError
 * for rank below 2, DTypeError for integers.
 *
 * @example
 * ```ts
 * import { linalg, readAsync, tensor } from '@adjoint/tensor'
 * const { q, r } = linalg.qr(tensor([[3, 1], [4, 2]]))
 * console.log(await readAsync(q)) // -0.6 -0.8 -0.8 0.6
 * console.log(await readAsync(r)) // -5 -2.2 0 0.4
 * ```
 */
export const qr = <D extends DType>(given: Tensor<Shape, D>): OrthogonalFactors<Computed<D>> => {
  demandTensor('linalg.qr', given)
  const a = raw.computed(given)
  demandMatrices('linalg.qr', [a], a)
  const [q, r] = qr_.factorsOf(a)
  return { q: typed(q), r: typed(r) }
}

/** Square matrices, as they are computed with. */
const square = (name: string, given: Expr): Expr => {
  demandTensor(`linalg.${name}`, given, 'a')
  const a = raw.computed(given)
  demandSquare(`linalg.${name}`, [a], a)
  return a
}

/** `solved` of operands with equal leading axes, where b may be one vector. */
const solving = <D extends DType>(
  name: string,
  matrices: Expr,
  given: Expr,
  solved: (a: Expr, b: Expr) => Expr,
): Tensor<Shape, D> => {
  const a = square(name, matrices)
  demandTensor(`linalg.${name}`, given, 'b')
  const b = raw.computed(given)
  oneDType(`linalg.${name}`, [a, b])
  if (b.shape.length === 1) {
    const x: Tensor<Shape, D> = solving(name, a, raw.reshape(b, [...b.shape, 1]), solved)
    return typed(raw.reshape(x, x.shape.slice(0, -1)))
  }
  const [n, k] = [a.shape.at(-1)!, b.shape.at(-1)!]
  const lead = b.shape.length < 2 ? null : broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2))
  if (lead === null || b.shape.at(-2) !== n)
    throw new ShapeError({
      op: `linalg.${name}`,
      operands: [a, b],
      rule: `takes a vector [${n}] or right-hand sides [.., ${n}, k], whose leading axes broadcast with those of the matrices`,
      fix: 'A stack of vectors [.., n] becomes columns by expandDims(-1)',
    })
  return typed(solved(expand(a, [...lead, n, n]), expand(b, [...lead, n, k])))
}

/** The factor of Cholesky. Derivative: Murray 2016, "Differentiation of the Cholesky decomposition" (arXiv:1602.07527), equation 10. */
import { apply, type Expr, type Primitive } from '../../graph/expr.ts'
import { single } from '../../graph/single.ts'
import { type Tensor, typed } from '../../graph/tensor.ts'
import * as raw from '../../primitives/index.ts'
import { expand } from '../align.ts'
import { scan } from '../control-flow.ts'
import {
  blockOf,
  demandSquare,
  diagonalOf,
  eachMatrix,
  identityLike,
  lowerOf,
  product,
  sizesOf,
  spreadOver,
  stacked,
  transposed,
  unstacked,
  withBlock,
} from './matrices.ts'
import { triangularSolve } from './triangular.ts'

const symmetric = (a: Expr): Expr => {
  const sum = raw.add(a, transposed(a))
  return raw.mul(sum, raw.fillLike(sum, 0.5))
}

/**
 * U = L^T of a stack [s, n, n], row by row: with what the rows above account for taken off, row j of A is u_jj times row j of U. A
 * pivot that is not positive has no root. What is below the diagonal is never read, and left as it comes.
 */
const factored = (a: Expr): Expr => {
  const [s, n] = a.shape as readonly [number, number, number]
  const round = (u: Tensor, [j, row]: readonly Tensor[]): readonly [Tensor, null] => {
    const column = blockOf(u, [0, j!], [s, n, 1])
    const rest = raw.sub(raw.reshape(row!, [s, 1, n]), product(transposed(column), u))
    const square = blockOf(rest, [0, j!], [s, 1, 1])
    const positive = raw.gt(square, raw.fillLike(square, 0))
    const pivot = expand(raw.sqrt(raw.where(positive, square, raw.fillLike(square, NaN))), [s, 1, n])
    const index = raw.iota([s, 1, n], 2, 'i32')
    const at = expand(j!, index.shape)
    const made = raw.where(raw.eq(index, at), pivot, raw.div(rest, pivot))
    return [typed(withBlock(u, made, [j!, 0])), null]
  }
  const rows = [raw.iota([n], 0, 'i32'), raw.moveAxis(a, 1, 0)].map((x): Tensor => typed(x))
  return scan(round)(typed(raw.fillLike(a, 0)), rows)[0]
}

export const choleskyP: Primitive<null> = single({
  name: 'cholesky',
  shape: (args) => {
    demandSquare('cholesky', args, args[0]!)
    return { shape: args[0]!.shape, dtype: args[0]!.dtype }
  },
  // (S + S^T) / 2 of S = L^-T P L^-1, P the lower triangle of L^T dL with half its diagonal
  vjp: (ct, l) => {
    const inner = lowerOf(product(transposed(l), ct)) // what is above the diagonal of ct meets the zeros of L^T
    const half = raw.mul(identityLike(inner), raw.fillLike(inner, 0.5))
    const p = raw.sub(inner, raw.mul(inner, half))
    const down = { lower: true, transpose: true, unitDiagonal: false }
    const left = triangularSolve(l, p, down)
    return [symmetric(transposed(triangularSolve(l, transposed(left), down)))]
  },
  batch: ([a]) => cholesky(a!),
  lower: {
    kind: 'composite',
    expand: ([a]) => {
      if (a!.shape.includes(0)) return a!
      const u = factored(symmetric(stacked(a!)))
      // a pivot without a root makes all later ones NaN, the last among them
      const pivots = diagonalOf(u)
      const last = raw.reshape(raw.sliceAxis(pivots, 1, u.shape[1]! - 1, u.shape[1]!), [u.shape[0]!])
      const failed = spreadOver(raw.isnan(last), u)
      return unstacked(lowerOf(raw.where(failed, raw.fillLike(u, NaN), transposed(u))), a!)
    },
  },
  evaluate: ([a], out) => {
    const { n } = sizesOf(out)
    const l = new Float64Array(a!.data.length)
    eachMatrix(a!, (from) => {
      let failed = false
      for (let j = 0; j < n; j++)
        for (let i = j; i < n; i++) {
          let rest = (a!.data[from + i * n + j]! + a!.data[from + j * n + i]!) / 2
          for (let k = 0; k < j; k++) rest -= l[from + i * n + k]! * l[from + j * n + k]!
          failed ||= i === j && !(rest > 0)
          l[from + i * n + j] = i === j ? Math.sqrt(rest) : rest / l[from + j * n + j]!
        }
      if (failed) for (let i = 0; i < n; i++) l.fill(NaN, from + i * n, from + i * n + i + 1)
    })
    return l
  },
})
/** L, lower with a positive diagonal, of A = L L^T: [.., n, n] of which (A + A^T) / 2 is taken. */
export const cholesky = (a: Expr): Expr => apply(choleskyP, [a], null)

/**
 * Systems of triangular matrices, solved by substitution. Derivatives: Giles 2008, "An extended collection of matrix derivative
 * results for forward and reverse mode algorithmic differentiation", section 2.3.1.
 */
import { apply, type Expr, type Primitive, type Value } from '../../graph/expr.ts'
import { single } from '../../graph/single.ts'
import { type Tensor, typed } from '../../graph/tensor.ts'
import * as raw from '../../primitives/index.ts'
import { align } from '../../primitives/broadcast.ts'
import { expand } from '../align.ts'
import { scan } from '../control-flow.ts'
import {
  blockOf,
  demandSides,
  eachMatrix,
  lowerOf,
  product,
  sizesOf,
  stacked,
  transposed,
  unstacked,
  upperOf,
  withBlock,
  withDiagonal,
} from './matrices.ts'

export interface TriangularParams {
  /** Whether the lower triangle is read, or the upper one. */
  readonly lower: boolean
  /** Whether the matrix is to be transposed first. */
  readonly transpose: boolean
  /** Whether the diagonal counts as ones. */
  readonly unitDiagonal: boolean
}

/** L^-1 b for a stack [s, n, n], of which what is above the diagonal is not read, row by row from the first. */
const substituted = (l: Expr, b: Expr, unit: boolean): Expr => {
  const [s, n, k] = b.shape as readonly [number, number, number]
  if (s === 0 || n === 0 || k === 0) return b
  const round = (x: Tensor, [i, row, side]: readonly Tensor[]): readonly [Tensor, null] => {
    const before = raw.lt(raw.iota([s, n], 1, 'i32'), expand(i!, [s, n]))
    const known = raw.where(before, row!, raw.fillLike(row!, 0))
    const rest = raw.sub(raw.reshape(side!, [s, 1, k]), product(raw.reshape(known, [s, 1, n]), x))
    const pivot = raw.reshape(blockOf(row!, [i!], [s, 1]), [s, 1, 1])
    const solved = unit ? rest : raw.div(rest, expand(pivot, [s, 1, k]))
    return [typed(withBlock(x, solved, [i!, 0])), null]
  }
  const rows = [raw.iota([n], 0, 'i32'), raw.moveAxis(l, 1, 0), raw.moveAxis(b, 1, 0)].map((x): Tensor => typed(x))
  return scan(round)(typed(raw.fillLike(b, 0)), rows)[0]
}

const bothReversed = (x: Expr): Expr => raw.flip(x, [x.shape.length - 2, x.shape.length - 1])

export const triangularSolveP: Primitive<TriangularParams> = single({
  name: 'triangularSolve',
  shape: (args) => {
    demandSides('triangularSolve', args)
    return { shape: args[1]!.shape, dtype: args[1]!.dtype }
  },
  // with op(A) X = B: dB = op(A)^-T dX, and d op(A) = -dB X^T, of which the triangle counts
  vjp: (ct, x, params) => {
    const a = x.node.args[0]!
    const side = triangularSolve(a, ct, { ...params, transpose: !params.transpose })
    const of = raw.neg(params.transpose ? product(x, transposed(side)) : product(side, transposed(x)))
    const triangle = params.lower ? lowerOf(of) : upperOf(of)
    return [params.unitDiagonal ? withDiagonal(triangle, 0) : triangle, side]
  },
  batch: (args, batched, size, params) => apply(triangularSolveP, align(args, batched, size), params),
  lower: {
    kind: 'composite',
    expand: ([a, b], { lower, transpose, unitDiagonal }) => {
      const [matrix, side] = [transpose ? transposed(stacked(a!)) : stacked(a!), stacked(b!)]
      // an upper triangle is a lower one, read from the last row and column
      const x =
        lower === transpose
          ? raw.flip(substituted(bothReversed(matrix), raw.flip(side, [1]), unitDiagonal), [1])
          : substituted(matrix, side, unitDiagonal)
      return unstacked(x, b!)
    },
  },
  evaluate: ([a, b], _, params) => solvedValues(a!, b!, params),
})
/** op(A)^-1 B for A [.., n, n] and B [.., n, k]. */
export const triangularSolve = (a: Expr, b: Expr, params: TriangularParams): Expr =>
  apply(triangularSolveP, [a, b], params)

/** The meaning of `triangularSolve`. */
export const solvedValues = (
  a: Value,
  b: Value,
  { lower, transpose, unitDiagonal }: TriangularParams,
): Float64Array => {
  const { m: n, n: k } = sizesOf(b)
  const x = Float64Array.from(b.data)
  eachMatrix(a, (from, index) => {
    const at = (i: number, j: number): number => a.data[from + (transpose ? j * n + i : i * n + j)]!
    const start = index * n * k
    for (let step = 0; step < n; step++) {
      const i = lower === transpose ? n - 1 - step : step
      for (let c = 0; c < k; c++) {
        let rest = x[start + i * k + c]!
        for (let t = 0; t < step; t++) {
          const j = lower === transpose ? n - 1 - t : t
          rest -= at(i, j) * x[start + j * k + c]!
        }
        x[start + i * k + c] = unitDiagonal ? rest : rest / at(i, i)
      }
    }
  })
  return x
}

/** General systems, by the factors of elimination. Derivative: Giles 2008, section 2.3.1 (see triangular.ts). */
import { apply, type Expr, type Primitive } from '../../graph/expr.ts'
import { single } from '../../graph/single.ts'
import * as raw from '../../primitives/index.ts'
import { align } from '../../primitives/broadcast.ts'
import { expand } from '../align.ts'
import { factorsOf, factorValues } from './lu.ts'
import { demandSides, product, sizesOf, transposed } from './matrices.ts'
import { solvedValues, triangularSolve } from './triangular.ts'

const LOWER = { lower: true, unitDiagonal: true } as const
const UPPER = { lower: false, unitDiagonal: false } as const

export interface SolveParams {
  /** Whether the matrix is to be transposed first. */
  readonly transpose: boolean
}
export const solveP: Primitive<SolveParams> = single({
  name: 'solve',
  shape: (args) => {
    demandSides('solve', args)
    return { shape: args[1]!.shape, dtype: args[1]!.dtype }
  },
  // with op(A) X = B: dB = op(A)^-T dX, d op(A) = -dB X^T
  vjp: (ct, x, { transpose }) => {
    const side = solve(x.node.args[0]!, ct, { transpose: !transpose })
    return [raw.neg(transpose ? product(x, transposed(side)) : product(side, transposed(x))), side]
  },
  batch: (args, batched, size, params) => apply(solveP, align(args, batched, size), params),
  lower: {
    kind: 'composite',
    // A = P^T L U
    expand: ([a, b], { transpose }) => {
      if (b!.shape.includes(0)) return b!
      const { lu, order } = factorsOf(a!)
      const axis = b!.shape.length - 2
      const rows = expand(raw.reshape(order, [...order.shape, 1]), b!.shape)
      if (!transpose) {
        const inner = triangularSolve(lu, raw.permuteAlongAxis(b!, rows, axis), { ...LOWER, transpose: false })
        return triangularSolve(lu, inner, { ...UPPER, transpose: false })
      }
      const inner = triangularSolve(lu, b!, { ...UPPER, transpose: true })
      const moved = triangularSolve(lu, inner, { ...LOWER, transpose: true })
      return raw.putAlongAxis(raw.fillLike(moved, 0), rows, moved, axis)
    },
  },
  evaluate: ([a, b], out, { transpose }) => {
    const { lu, order: rows } = factorValues(a!)
    const packed = { ...a!, data: lu }
    const { m: n, n: k } = sizesOf(out)
    const moved = new Float64Array(b!.data.length)
    const rowAt = (i: number): number => Math.floor(i / (n * k)) * n * k + rows[Math.floor(i / k)]! * k + (i % k)
    if (!transpose) {
      moved.forEach((_, i) => (moved[i] = b!.data[rowAt(i)]!))
      const inner = solvedValues(packed, { ...b!, data: moved }, { ...LOWER, transpose: false })
      return solvedValues(packed, { ...b!, data: inner }, { ...UPPER, transpose: false })
    }
    const inner = solvedValues(packed, b!, { ...UPPER, transpose: true })
    solvedValues(packed, { ...b!, data: inner }, { ...LOWER, transpose: true }).forEach((v, i) => (moved[rowAt(i)] = v))
    return moved
  },
})
/** op(A)^-1 B for A [.., n, n] and B [.., n, k]. */
export const solve = (a: Expr, b: Expr, params: SolveParams): Expr => apply(solveP, [a, b], params)

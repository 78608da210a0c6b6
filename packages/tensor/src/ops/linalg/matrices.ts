/** What the factorizations share: stacks of matrices [.., m, n], their triangles and diagonals, and what they demand. */
import { normalizeAxis, sameShape, sizeOf, type Shape } from '../../base/shape.ts'
import type { Aval, Expr, Value } from '../../graph/expr.ts'
import { floats } from '../../primitives/operands.ts'
import * as demands from '../../primitives/operands.ts'
import * as raw from '../../primitives/index.ts'

/** The leading axes of a stack of matrices, and the sizes of one. */
export const sizesOf = ({ shape }: Aval): { readonly lead: Shape; readonly m: number; readonly n: number } => ({
  lead: shape.slice(0, -2),
  m: shape.at(-2)!,
  n: shape.at(-1)!,
})
/** One leading axis instead of all. */
export const stacked = (x: Expr): Expr => {
  const { lead, m, n } = sizesOf(x)
  return lead.length === 1 ? x : raw.reshape(x, [sizeOf(lead), m, n])
}
/** The leading axes of `like` instead of the one. */
export const unstacked = (x: Expr, like: Aval): Expr => {
  const shape = [...sizesOf(like).lead, ...x.shape.slice(1)]
  return sameShape(x.shape, shape) ? x : raw.reshape(x, shape)
}

export const demandMatrices = (op: string, args: readonly Aval[], x: Aval): void => {
  demands.demandDType(op, args, x, floats)
  demands.demandShape(
    x.shape.length >= 2,
    op,
    args,
    'takes matrices [.., m, n]',
    'Reshape the operand to rows and columns',
  )
}
export const demandSquare = (op: string, args: readonly Aval[], x: Aval): void => {
  demandMatrices(op, args, x)
  const { m, n } = sizesOf(x)
  demands.demandShape(m === n, op, args, `takes square matrices, not [${m}, ${n}]`, 'Slice or pad it to a square')
}
/** Right-hand sides [.., n, k] of square matrices [.., n, n]. */
export const demandSides = (op: string, args: readonly Aval[]): void => {
  const [a, b] = [args[0]!, args[1]!]
  demandSquare(op, args, a)
  demands.demandSameDType(op, args, a, b)
  demands.demandShape(
    b.shape.length === a.shape.length && sameShape(a.shape.slice(0, -1), b.shape.slice(0, -1)),
    op,
    args,
    'the right-hand sides [.., n, k] need the rows and the leading axes of the matrices [.., n, n]',
    'Reshape or broadcast them.',
  )
}

const rowOf = (x: Aval): Expr => raw.iota(x.shape, normalizeAxis('row', -2, x.shape.length, x), 'i32')
const columnOf = (x: Aval): Expr => raw.iota(x.shape, normalizeAxis('column', -1, x.shape.length, x), 'i32')
const kept = (x: Expr, keep: Expr): Expr => raw.where(keep, x, raw.fillLike(x, 0))
/** Elements on and below the diagonal. */
export const lowerOf = (x: Expr): Expr => kept(x, raw.ge(rowOf(x), columnOf(x)))
/** Elements below the diagonal. */
export const strictLowerOf = (x: Expr): Expr => kept(x, raw.gt(rowOf(x), columnOf(x)))
/** Elements on and above the diagonal. */
export const upperOf = (x: Expr): Expr => kept(x, raw.le(rowOf(x), columnOf(x)))
const onDiagonal = (x: Aval): Expr => raw.eq(rowOf(x), columnOf(x))
/** [.., n, n] -> [.., n] */
export const diagonalOf = (x: Expr): Expr => raw.reduceSum(kept(x, onDiagonal(x)), [x.shape.length - 1])
/** Identities of the shape of x, whose matrices may be no squares. */
export const identityLike = (x: Aval): Expr => raw.cast(x.dtype, onDiagonal(x))
/** x with `value` on its diagonals. */
export const withDiagonal = (x: Expr, value: number): Expr => raw.where(onDiagonal(x), raw.fillLike(x, value), x)

export const transposed = raw.matrixTranspose
export const product = (x: Expr, y: Expr): Expr => raw.dot(x, y)
/** x [..] over two new last axes, of the shape of `like`. */
export const spreadOver = (x: Expr, like: Aval): Expr => raw.broadcastTo(raw.reshape(x, [...x.shape, 1, 1]), like.shape)

/** Where a block of a stack begins, from its first matrix on: at numbers, and at positions that the rounds of a loop are at. */
const startsOf = (starts: readonly (number | Expr)[]): readonly Expr[] =>
  [0, ...starts].map((s) => (typeof s === 'number' ? raw.fill([], 'i32', s) : s))
/** The block of `sizes` that begins at `starts` in each matrix of a stack. */
export const blockOf = (x: Expr, starts: readonly (number | Expr)[], sizes: Shape): Expr =>
  raw.dynamicSlice(x, startsOf(starts), sizes)
/** A stack with another block. */
export const withBlock = (x: Expr, block: Expr, starts: readonly (number | Expr)[]): Expr =>
  raw.dynamicUpdateSlice(x, block, startsOf(starts))

/** Calls with the position of each matrix of a stack of values. */
export const eachMatrix = (x: Value, visit: (offset: number, index: number) => void): void => {
  const { lead, m, n } = sizesOf(x)
  for (let i = 0; i < sizeOf(lead); i++) visit(i * m * n, i)
}

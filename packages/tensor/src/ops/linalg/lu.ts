/**
 * Gaussian elimination with exchange of rows: P A = L U, and what follows from it. Derivatives: Giles 2008 ("An extended
 * collection of matrix derivative results"), sections 2.2 and 2.3; of the factors, from d L = L tril(F), d U = triu(F) U with
 * F = L^-1 P dA U^-1.
 */
import { applyAll, type Expr, type Primitive, type Value } from '../../graph/expr.ts'
import { type Tensor, typed } from '../../graph/tensor.ts'
import { isFloat } from '../../base/dtype.ts'
import * as raw from '../../primitives/index.ts'
import { expand } from '../align.ts'
import { scan } from '../control-flow.ts'
import {
  blockOf,
  demandSquare,
  eachMatrix,
  product,
  sizesOf,
  stacked,
  strictLowerOf,
  transposed,
  upperOf,
  withDiagonal,
} from './matrices.ts'
import { triangularSolve } from './triangular.ts'

/** Parts of a factorization: L below the diagonal and U from it on, where each row came from, and how often rows were exchanged. */
export interface Factors {
  readonly lu: Expr
  readonly order: Expr
  readonly exchanges: Expr
}

/** Of a stack [s, n, n]: in round k the largest of column k from row k on becomes the pivot, and what it accounts for is taken off. */
const eliminated = (a: Expr): readonly Expr[] => {
  const [s, n] = a.shape as readonly [number, number, number]
  const grid = [s, n, n]
  const [row, column] = [raw.iota(grid, 1, 'i32'), raw.iota(grid, 2, 'i32')]
  const index = raw.iota([s, n], 1, 'i32')
  const over = (x: Expr): Expr => expand(raw.reshape(x, [s, 1]), [s, n])
  const round = (carry: readonly Tensor[], k: Tensor): readonly [readonly Tensor[], null] => {
    const [m, order, exchanges] = carry as readonly [Tensor, Tensor, Tensor]
    const at = expand(k, [s, n])
    const below = raw.reshape(blockOf(m, [0, k], [s, n, 1]), [s, n])
    const size = raw.where(raw.ge(index, at), raw.abs(below), raw.fillLike(below, -1))
    const largest = raw.eq(size, over(raw.reduceMax(size, [1])))
    const found = raw.reduceMin(raw.where(largest, index, raw.fillLike(index, n)), [1])
    const here = expand(k, [s])
    // a NaN equals nothing
    const from = raw.where(raw.eq(found, raw.fillLike(found, n)), here, found)
    const exchange = raw.where(raw.eq(index, over(from)), at, index)
    const source = raw.where(raw.eq(index, at), over(from), exchange)
    const rows = expand(raw.reshape(source, [s, n, 1]), grid)
    const moved = raw.takeAlongAxis(m, rows, 1, 'nearest')
    const pivotRow = blockOf(moved, [k, 0], [s, 1, n])
    const pivot = expand(blockOf(moved, [k, k], [s, 1, 1]), [s, n, 1])
    const own = blockOf(moved, [0, k], [s, n, 1])
    // where the pivot is 0, all below it is
    const quotient = raw.where(raw.eq(pivot, raw.fillLike(pivot, 0)), own, raw.div(own, pivot))
    const factor = expand(quotient, grid)
    const kk = expand(k, grid)
    const rest = raw.sub(moved, raw.mul(factor, expand(pivotRow, grid)))
    const later = raw.where(raw.gt(column, kk), rest, raw.where(raw.eq(column, kk), factor, moved))
    return [
      [
        typed(raw.where(raw.gt(row, kk), later, moved)),
        typed(raw.takeAlongAxis(order, source, 1, 'nearest')),
        typed(raw.add(exchanges, raw.cast('i32', raw.ne(from, here)))),
      ],
      null,
    ]
  }
  const init = [a, index, raw.fill([s], 'i32', 0)].map((x): Tensor => typed(x))
  return scan(round)(init, typed(raw.iota([n], 0, 'i32')))[0]
}

export const luP: Primitive<null> = {
  name: 'lu',
  outs: (args) => {
    const a = args[0]!
    demandSquare('lu', args, a)
    return [
      { shape: a.shape, dtype: a.dtype },
      { shape: a.shape.slice(0, -1), dtype: 'i32' },
      { shape: a.shape.slice(0, -2), dtype: 'i32' },
    ]
  },
  vjp: ([ct], [lu, order]) => {
    if (ct === null || ct === undefined || !isFloat(lu!.dtype)) return [null]
    const [l, u] = [withDiagonal(strictLowerOf(lu!), 1), upperOf(lu!)]
    const f = raw.add(
      strictLowerOf(product(transposed(l), strictLowerOf(ct))),
      upperOf(product(upperOf(ct), transposed(u))),
    )
    const left = triangularSolve(lu!, f, { lower: true, transpose: true, unitDiagonal: true })
    // X U^-T = (U^-1 X^T)^T
    const ofRows = transposed(
      triangularSolve(lu!, transposed(left), { lower: false, transpose: false, unitDiagonal: false }),
    )
    const at = expand(raw.reshape(order!, [...order!.shape, 1]), ofRows.shape)
    return [raw.putAlongAxis(raw.fillLike(ofRows, 0), at, ofRows, ofRows.shape.length - 2)]
  },
  batch: ([a]) => applyAll(luP, [a!], null),
  lower: {
    kind: 'composite',
    expand: ([a], _) => {
      const { lead, n } = sizesOf(a!)
      if (a!.shape.includes(0)) return [a!, raw.fill([...lead, n], 'i32', 0), raw.fill(lead, 'i32', 0)]
      const [lu, order, exchanges] = eliminated(stacked(a!))
      return [raw.reshape(lu!, a!.shape), raw.reshape(order!, [...lead, n]), raw.reshape(exchanges!, lead)]
    },
  },
  evaluate: ([a]) => {
    const { lu, order, exchanges } = factorValues(a!)
    return [lu, order, exchanges]
  },
}
/** The factors of stacks of square matrices. */
export const factorsOf = (a: Expr): Factors => {
  const [lu, order, exchanges] = applyAll(luP, [a], null)
  return { lu: lu!, order: order!, exchanges: exchanges! }
}

/** The meaning of the factorization. */
export const factorValues = (a: Value): Readonly<Record<keyof Factors, Float64Array>> => {
  const { n } = sizesOf(a)
  const lu = Float64Array.from(a.data)
  const order: number[] = []
  const exchanges: number[] = []
  eachMatrix(a, (from) => {
    const rows = Array.from({ length: n }, (_, i) => i)
    let count = 0
    for (let k = 0; k < n; k++) {
      let best = k
      for (let i = k + 1; i < n; i++) if (Math.abs(lu[from + i * n + k]!) > Math.abs(lu[from + best * n + k]!)) best = i
      if (best !== k) {
        count++
        ;[rows[k], rows[best]] = [rows[best]!, rows[k]!]
        for (let j = 0; j < n; j++) {
          const [x, y] = [from + k * n + j, from + best * n + j]
          ;[lu[x], lu[y]] = [lu[y]!, lu[x]!]
        }
      }
      const pivot = lu[from + k * n + k]!
      for (let i = k + 1; i < n; i++) {
        if (pivot !== 0) lu[from + i * n + k]! /= pivot
        for (let j = k + 1; j < n; j++) lu[from + i * n + j]! -= lu[from + i * n + k]! * lu[from + k * n + j]!
      }
    }
    order.push(...rows)
    exchanges.push(count)
  })
  return { lu, order: Float64Array.from(order), exchanges: Float64Array.from(exchanges) }
}

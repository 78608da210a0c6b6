/**
 * Determinants. The derivative is the transposed adjugate (Jacobi; Giles 2008, section 2.2.4), det(A) A^-T where A has an inverse;
 * it is computed of the factors in a form that holds of singular matrices too, after JAX's `_cofactor_solve`.
 */
import { apply, type Expr, type Primitive } from '../../graph/expr.ts'
import { single } from '../../graph/single.ts'
import { sizeOf } from '../../base/shape.ts'
import * as raw from '../../primitives/index.ts'
import { expand } from '../align.ts'
import { type Factors, factorsOf, factorValues } from './lu.ts'
import { demandSquare, diagonalOf, identityLike, sizesOf, spreadOver, transposed } from './matrices.ts'
import { triangularSolve } from './triangular.ts'

/** (-1)^exchanges */
const signOf = ({ lu, exchanges }: Factors): Expr => {
  const odd = raw.eq(raw.and(exchanges, raw.fillLike(exchanges, 1)), raw.fillLike(exchanges, 1))
  const one = raw.fill(exchanges.shape, lu.dtype, 1)
  return raw.where(odd, raw.fillLike(one, -1), one)
}
const productOf = (x: Expr): Expr => raw.reduceProd(x, [x.shape.length - 1])

/**
 * adj(A) = det(A) A^-1. With x = L^-1 P and p the product of all pivots but the last, row n of U Y = det(A) x says y_n = p x_n, up to
 * the sign, for any last pivot, 0 included; so that one is replaced by 1 and p x_n stands on the right. Where another pivot is 0, two are
 * (their column has nothing left), and the adjugate is 0.
 */
const adjugate = (a: Expr): Expr => {
  const { lead, n } = sizesOf(a)
  if (a.shape.includes(0)) return a
  const factors = factorsOf(a)
  const { lu, order } = factors
  const pivots = diagonalOf(lu)
  const axis = pivots.shape.length - 1
  const first = raw.sliceAxis(pivots, axis, 0, n - 1)
  const none = raw.gt(
    raw.reduceSum(raw.cast('i32', raw.eq(first, raw.fillLike(first, 0))), [axis]),
    raw.fill(lead, 'i32', 0),
  )
  const partial = raw.mul(productOf(first), signOf(factors))
  const whole = raw.mul(partial, raw.reshape(raw.sliceAxis(pivots, axis, n - 1, n), lead))
  // row i of P has its 1 in column order_i
  const rows = expand(raw.reshape(order, [...lead, n, 1]), a.shape)
  const exchange = raw.cast(a.dtype, raw.eq(rows, raw.iota(a.shape, a.shape.length - 1, 'i32')))
  const x = triangularSolve(lu, exchange, { lower: true, transpose: false, unitDiagonal: true })
  const row = raw.iota(a.shape, a.shape.length - 2, 'i32')
  const isLast = raw.eq(row, raw.fillLike(row, n - 1))
  const side = raw.mul(x, raw.where(isLast, spreadOver(partial, a), spreadOver(whole, a)))
  const corner = raw.and(isLast, raw.eq(raw.iota(a.shape, a.shape.length - 1, 'i32'), raw.fillLike(row, n - 1)))
  // not solved by pivots of 0, whose quotients would be NaN: by ones, of a side that is 0 (so are both products)
  const absent = spreadOver(none, a)
  const u = raw.where(
    raw.or(corner, raw.and(absent, raw.eq(identityLike(a), raw.fillLike(a, 1)))),
    raw.fillLike(lu, 1),
    lu,
  )
  return triangularSolve(u, side, { lower: false, transpose: false, unitDiagonal: false })
}

export const detP: Primitive<null> = single({
  name: 'det',
  shape: (args) => {
    demandSquare('det', args, args[0]!)
    return { shape: args[0]!.shape.slice(0, -2), dtype: args[0]!.dtype }
  },
  vjp: (ct, out) => {
    const a = out.node.args[0]!
    return [raw.mul(spreadOver(ct, a), transposed(adjugate(a)))]
  },
  batch: ([a]) => det(a!),
  lower: {
    kind: 'composite',
    expand: ([a]) => {
      const { lead, n } = sizesOf(a!)
      if (n === 0) return raw.fill(lead, a!.dtype, 1)
      const factors = factorsOf(a!)
      return raw.mul(productOf(diagonalOf(factors.lu)), signOf(factors))
    },
  },
  evaluate: ([a], out) => {
    const { n } = sizesOf(a!)
    const { lu, exchanges } = factorValues(a!)
    return Float64Array.from({ length: sizeOf(out.shape) }, (_, s) => {
      let product = exchanges[s]! % 2 === 0 ? 1 : -1
      for (let i = 0; i < n; i++) product *= lu[(s * n + i) * n + i]!
      return product
    })
  },
})
/** [.., n, n] -> [..] */
export const det = (a: Expr): Expr => apply(detP, [a], null)

/** The sign of the determinant, and the logarithm of its size. */
export const signAndLog = (a: Expr): readonly [Expr, Expr] => {
  const { lead, n } = sizesOf(a)
  if (n === 0) return [raw.fill(lead, a.dtype, 1), raw.fill(lead, a.dtype, 0)]
  const factors = factorsOf(a)
  const pivots = diagonalOf(factors.lu)
  const sign = raw.mul(productOf(raw.sign(pivots)), signOf(factors))
  return [sign, raw.reduceSum(raw.log(raw.abs(pivots)), [pivots.shape.length - 1])]
}

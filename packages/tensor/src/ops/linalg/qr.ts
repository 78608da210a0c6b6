/**
 * Orthogonal factors, by the reflections of Householder, with the signs of LAPACK (geqrf). Derivative: Seeger et al. 2017,
 * "Auto-differentiating linear algebra" (arXiv:1710.08717), section 4.3; of wide matrices that of their first square.
 */
import { applyAll, type Expr, type Primitive, type Value } from '../../graph/expr.ts'
import { type Tensor, typed } from '../../graph/tensor.ts'
import * as raw from '../../primitives/index.ts'
import { expand } from '../align.ts'
import { scan } from '../control-flow.ts'
import {
  blockOf,
  demandMatrices,
  eachMatrix,
  identityLike,
  product,
  sizesOf,
  stacked,
  strictLowerOf,
  lowerOf,
  transposed,
  unstacked,
  upperOf,
} from './matrices.ts'
import { triangularSolve } from './triangular.ts'

/** x - u u^T x for vectors u [s, m] and a stack x [s, m, n]. */
const reflected = (u: Expr, x: Expr): Expr => {
  const [s, m] = u.shape as readonly [number, number]
  const shares = product(raw.reshape(u, [s, 1, m]), x)
  return raw.sub(x, raw.mul(expand(raw.reshape(u, [s, m, 1]), x.shape), expand(shares, x.shape)))
}

/** u with (I - u u^T) x = beta e_j for the part of x from j on, beta of the other sign than x_j; 0 where nothing is below x_j. */
const reflector = (column: Expr, j: Expr): Expr => {
  const index = raw.iota(column.shape, 1, 'i32')
  const at = expand(j, column.shape)
  const [zero, own] = [raw.fillLike(column, 0), raw.eq(index, at)]
  const part = raw.where(raw.ge(index, at), column, zero)
  const whole = (x: Expr): Expr => expand(raw.reshape(x, [column.shape[0]!, 1]), column.shape)
  // in units of the largest, so that no square leaves the range
  const largest = whole(raw.reduceMax(raw.abs(part), [1]))
  const x = raw.div(part, raw.where(raw.eq(largest, zero), raw.fillLike(largest, 1), largest))
  const below = raw.where(own, zero, x)
  const tail = raw.reduceSum(raw.mul(below, below), [1])
  const head = raw.reduceSum(raw.where(own, x, zero), [1])
  const length = raw.sqrt(raw.add(raw.mul(head, head), tail))
  const first = raw.where(raw.lt(head, raw.fillLike(head, 0)), raw.sub(head, length), raw.add(head, length))
  const flat = raw.eq(tail, raw.fillLike(tail, 0))
  const size = raw.where(flat, raw.fillLike(tail, 1), raw.add(raw.mul(first, first), tail))
  const v = raw.where(own, whole(first), below)
  const u = raw.mul(v, whole(raw.sqrt(raw.div(raw.fillLike(size, 2), size))))
  return raw.where(whole(flat), zero, u)
}

/** Q [s, m, k] and R [s, k, n] of a stack [s, m, n], k the smaller of m and n. */
const factored = (a: Expr): readonly [Expr, Expr] => {
  const [s, m, n] = a.shape as readonly [number, number, number]
  const k = Math.min(m, n)
  const down = (r: Tensor, j: Tensor): readonly [Tensor, Tensor] => {
    const u = reflector(raw.reshape(blockOf(r, [0, j], [s, m, 1]), [s, m]), j)
    return [typed(reflected(u, r)), typed(u)]
  }
  const [r, us] = scan(down)(typed(a), typed(raw.iota([k], 0, 'i32')))
  const up = (q: Tensor, u: Tensor): readonly [Tensor, null] => [typed(reflected(u, q)), null]
  const start = identityLike({ shape: [s, m, k], dtype: a.dtype })
  const [q] = scan(up, { reverse: true })(typed(start), us)
  return [q, upperOf(raw.sliceAxis(r, 1, 0, k))]
}

export const qrP: Primitive<null> = {
  name: 'qr',
  outs: (args) => {
    const a = args[0]!
    demandMatrices('qr', args, a)
    const { lead, m, n } = sizesOf(a)
    const k = Math.min(m, n)
    return [
      { shape: [...lead, m, k], dtype: a.dtype },
      { shape: [...lead, k, n], dtype: a.dtype },
    ]
  },
  vjp: ([ctQ, ctR], [q, r], [a]) => {
    const { m, n } = sizesOf(a!)
    const dQ = ctQ ?? raw.fillLike(q!, 0)
    const dR = upperOf(ctR ?? raw.fillLike(r!, 0))
    if (m >= n) return [tallCotangent(q!, r!, dQ, dR)]
    // A = [X Y], R = [U V]: X = Q U as above, V = Q^T Y
    const axis = a!.shape.length - 1
    const [y, dV] = [raw.sliceAxis(a!, axis, m, n), raw.sliceAxis(dR, axis, m, n)]
    const dX = tallCotangent(
      q!,
      raw.sliceAxis(r!, axis, 0, m),
      raw.add(dQ, product(y, transposed(dV))),
      raw.sliceAxis(dR, axis, 0, m),
    )
    return [raw.concat([dX, product(q!, dV)], axis)]
  },
  batch: ([a]) => applyAll(qrP, [a!], null),
  lower: {
    kind: 'composite',
    expand: ([a]) => {
      if (a!.shape.includes(0)) {
        const [q, r] = qrP.outs([a!], null)
        return [identityLike(q!), raw.fill(r!.shape, r!.dtype, 0)]
      }
      const [q, r] = factored(stacked(a!))
      return [unstacked(q, a!), unstacked(r, a!)]
    },
  },
  evaluate: ([a]) => factorValues(a!),
}
/** (dQ + Q S) R^-T, S the symmetric matrix whose lower triangle is that of R dR^T - dQ^T Q. */
const tallCotangent = (q: Expr, r: Expr, dQ: Expr, dR: Expr): Expr => {
  const inner = raw.sub(product(r, transposed(dR)), product(transposed(dQ), q))
  const both = raw.add(lowerOf(inner), transposed(strictLowerOf(inner)))
  const side = raw.add(dQ, product(q, both))
  return transposed(triangularSolve(r, transposed(side), { lower: false, transpose: false, unitDiagonal: false }))
}

/** The meaning of the factorization. */
const factorValues = (a: Value): readonly [Float64Array, Float64Array] => {
  const { lead, m, n } = sizesOf(a)
  const k = Math.min(m, n)
  const count = lead.reduce((p, d) => p * d, 1)
  const [q, r] = [new Float64Array(count * m * k), new Float64Array(count * k * n)]
  const reflect = (u: Float64Array, x: Float64Array, from: number, columns: number): void => {
    for (let c = 0; c < columns; c++) {
      let share = 0
      for (let i = 0; i < m; i++) share += u[i]! * x[from + i * columns + c]!
      for (let i = 0; i < m; i++) x[from + i * columns + c]! -= u[i]! * share
    }
  }
  const visit = (from: number, index: number): void => {
    const rest = a.data.slice(from, from + m * n)
    const us: Float64Array[] = []
    for (let j = 0; j < k; j++) {
      const u = new Float64Array(m)
      let tail = 0
      for (let i = j; i < m; i++) {
        u[i] = rest[i * n + j]!
        if (i > j) tail += u[i]! ** 2
      }
      if (tail === 0) u.fill(0)
      else {
        u[j]! += (u[j]! < 0 ? -1 : 1) * Math.sqrt(u[j]! ** 2 + tail)
        const scale = Math.sqrt(2 / (u[j]! ** 2 + tail))
        for (let i = j; i < m; i++) u[i]! *= scale
      }
      us.push(u)
      reflect(u, rest, 0, n)
    }
    for (let i = 0; i < k; i++) {
      q[index * m * k + i * k + i] = 1
      for (let j = i; j < n; j++) r[index * k * n + i * n + j] = rest[i * n + j]!
    }
    for (const u of us.toReversed()) reflect(u, q, index * m * k, k)
  }
  eachMatrix(a, visit)
  return [q, r]
}
/** Q and R of [.., m, n]. */
export const factorsOf = (a: Expr): readonly [Expr, Expr] => {
  const [q, r] = applyAll(qrP, [a], null)
  return [q!, r!]
}

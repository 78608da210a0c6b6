/** Batched matrix product. Its adjoint is two of its own kind, never broadcast, multiply, sum. */
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { sameShape, sizeOf } from '../base/shape.ts'
import { align, reshape } from './broadcast.ts'
import { computed } from './cast.ts'
import { transpose } from './movement.ts'
import { demandDType, demandSameDType, demandShape, floats, range } from './operands.ts'

/** The last two axes exchanged. */
export const matrixTranspose = (x: Expr): Expr => {
  const rank = x.shape.length
  return transpose(x, [...range(rank - 2), rank - 1, rank - 2])
}

export const dotP: Primitive<null> = single({
  name: 'dot',
  shape: (args) => {
    const a = args[0]!
    const b = args[1]!
    const rank = a.shape.length
    demandSameDType('dot', args, a, b)
    demandDType('dot', args, a, floats)
    demandShape(
      rank >= 2 && b.shape.length === rank && sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2)),
      'dot',
      args,
      'both operands need rank 2 or more and the same leading axes',
      'Use matmul, which broadcasts them.',
    )
    demandShape(
      a.shape[rank - 1] === b.shape[rank - 2],
      'dot',
      args,
      `contracts the last axis of the first (${a.shape[rank - 1]!}) with the next to last of the second (${b.shape[rank - 2]!})`,
      'Transpose one operand so that these sizes agree.',
    )
    return { shape: [...a.shape.slice(0, -1), b.shape[rank - 1]!], dtype: a.dtype }
  },
  // d(ab) = da b + a db
  vjp: (ct, out) => [dot(ct, matrixTranspose(out.node.args[1]!)), dot(matrixTranspose(out.node.args[0]!), ct)],
  batch: ([a, b], batched, size) => {
    const [m, k] = a!.shape.slice(-2)
    if (batched[0] === true && batched[1] !== true && b!.shape.length === 2) {
      // a shared right operand: [B, m, k] is one matrix of B m rows
      return reshape(dot(reshape(a!, [size * m!, k!]), b!), [size, m!, b!.shape[1]!])
    }
    return apply(dotP, align([a!, b!], batched, size), null)
  },
  lower: { kind: 'dot' },
  evaluate: ([a, b], out) => {
    const rank = out.shape.length
    const m = out.shape[rank - 2]!
    const n = out.shape[rank - 1]!
    const k = a!.shape[rank - 1]!
    const c = new Float64Array(sizeOf(out.shape))
    for (let row = 0; row < c.length / Math.max(n, 1); row++) {
      const batch = Math.floor(row / m)
      for (let p = 0; p < k; p++) {
        const v = a!.data[row * k + p]!
        for (let j = 0; j < n; j++) c[row * n + j]! += v * b!.data[(batch * k + p) * n + j]!
      }
    }
    return c
  },
})
/** [...b, m, k] x [...b, k, n] -> [...b, m, n] */
export const dot = (a: Expr, b: Expr): Expr => apply(dotP, [computed(a), computed(b)], null)

/**
 * Sums over rounds of products, as one product after the loop. The weight of a recurrent cell has the gradient
 *
 *     sum_t a_t b_t = [a_0 a_1 ..] [b_0; b_1; ..],   a_t [m, k], b_t [k, n]
 *
 * where a_t is a state and b_t the cotangent of what the weight made of it. Added up in the loop, each round reads and writes
 * all of [m, n] for a product that is k deep; afterwards it is one that is T k deep, over rows that mostly lie in memory anyway.
 */
import { bytesOf } from '../base/aval.ts'
import type { Expr } from '../graph/expr.ts'
import { reshape } from '../primitives/broadcast.ts'
import { dot } from '../primitives/dot.ts'
import { transpose } from '../primitives/movement.ts'
import { range } from '../primitives/operands.ts'

/** What a round knows: values that lie in memory for all rounds, values that change from round to round, and whether more may be kept. */
export interface Known {
  readonly rows: ReadonlySet<Expr>
  readonly carried: ReadonlySet<Expr>
  readonly spare: boolean
}

/** A sum over rounds that can wait: its factors, and those of them that the loop is to write as rows. */
export interface Product {
  readonly factors: readonly [Expr, Expr]
  readonly write: readonly Expr[]
}

/** The factors of a round's addend, where both can be had after the loop; else null. */
export const productOf = (addend: Expr, { rows, carried, spare }: Known): Product | null => {
  const { prim, args } = addend.node
  if (prim.lower.kind !== 'dot') return null
  const [a, b] = [args[0]!, args[1]!]
  const from = [a, b].map((x) => originOf(x, rows, carried))
  if (from.includes('rounds')) return null
  const write = [a, b].filter((_, i) => from[i] === 'carries')
  // A row of what is written instead is no larger than the sum that each round would read and write.
  if (write.length > 0 && !(spare && write.every((x) => bytesOf(x) <= bytesOf(addend)))) return null
  return { factors: [a, b], write }
}

/** Whether a value follows from rows by elementwise operations and movement, hangs on what is carried, or is the same in all rounds. */
const originOf = (x: Expr, rows: ReadonlySet<Expr>, carried: ReadonlySet<Expr>): 'rows' | 'carries' | 'rounds' => {
  let [ofRows, ofCarries, computed] = [false, false, false]
  const seen = new Set<Expr>()
  const waiting = [x]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (seen.has(value)) continue
    seen.add(value)
    const { lower } = value.node.prim
    if (rows.has(value)) ofRows = true
    else if (carried.has(value)) ofCarries = true
    else {
      computed ||= lower.kind !== 'leaf' && lower.kind !== 'pointwise'
      waiting.push(...value.node.args)
    }
  }
  if (ofCarries) return 'carries'
  if (!ofRows) return 'rounds'
  return computed ? 'carries' : 'rows'
}

/** `sum_t a_t b_t`; a [T, ...b, m, k], b [T, ...b, k, n]. */
export const sumOfProducts = (a: Expr, b: Expr): Expr => {
  const rank = a.shape.length
  const [rounds, m, k, n] = [a.shape[0]!, a.shape[rank - 2]!, a.shape[rank - 1]!, b.shape[rank - 1]!]
  const lead = range(rank - 2).slice(1)
  const sizes = lead.map((axis) => a.shape[axis]!)
  return dot(
    reshape(transpose(a, [...lead, rank - 2, 0, rank - 1]), [...sizes, m, rounds * k]),
    reshape(transpose(b, [...lead, 0, rank - 2, rank - 1]), [...sizes, rounds * k, n]),
  )
}

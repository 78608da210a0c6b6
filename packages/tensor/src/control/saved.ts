/**
 * What a scan saves for its backward pass. That reads values of the forward pass; those that follow from others by elementwise
 * operations and movement can be made again, at the cost of loading what they are made of. Of all sets of values from which
 * the rest follows so, the one of the fewest bytes is saved: a minimum cut.
 *
 * Take h = dot(x, w), q = the first third of h, y = gelu(h + b), where the pullback reads q, h + b and y. Nothing gives h but
 * the product; from h follow all three, and their cut is {h}: one array instead of three.
 *
 * Every value is an edge of its bytes from its head to its tail; it is joined to what is made of it by edges that nothing can
 * cut. What is at hand is no part of the graph. Flow comes in at values that cannot be made again, and leaves where the
 * pullback reads. Source: Ford and Fulkerson, Maximal flow through a network (1956), augmented along shortest paths (Edmonds
 * and Karp, 1972); the same cut for activations: PyTorch's min-cut partitioner.
 */
import { bytesOf } from '../base/aval.ts'
import type { Expr } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { constant, ofAxis } from '../loops/ix.ts'
import { load } from '../loops/scalar.ts'
import { createNetwork } from './network.ts'

/** The fewest values, by bytes, from which and from what is at hand all that is read can be made by pointwise operations. */
export const valuesToSave = (read: readonly Expr[], atHand: ReadonlySet<Expr>): readonly Expr[] => {
  /** At hand, or made of that alone, or of nothing. */
  const free = new Set(atHand)
  for (const { outs, args } of toposort(read))
    for (const x of outs) if (canBeMade(x) && args.every((arg) => free.has(arg))) free.add(x)
  const values = new Set(read.filter((x) => !free.has(x)))
  // What is added to a set while it is walked is walked too.
  for (const x of values) if (canBeMade(x)) for (const arg of x.node.args) if (!free.has(arg)) values.add(arg)

  const network = createNetwork()
  const [source, sink] = [network.vertex(), network.vertex()]
  const ends = new Map([...values].map((x) => [x, { head: network.vertex(), tail: network.vertex() }]))
  for (const [x, { head, tail }] of ends) {
    network.join(head, tail, weightOf(x))
    if (!canBeMade(x)) network.join(source, head, Infinity)
    else
      for (const arg of new Set(x.node.args)) {
        const from = ends.get(arg)
        if (from !== undefined) network.join(from.tail, head, Infinity)
      }
  }
  for (const x of new Set(read)) {
    const end = ends.get(x)
    if (end !== undefined) network.join(end.tail, sink, Infinity)
  }
  // Of equal cuts the one next to what is read: less is to be made again.
  const below = network.belowCut(source, sink)
  return [...ends].flatMap(([x, { head, tail }]) => (below.has(tail) && !below.has(head) ? [x] : []))
}

const canBeMade = ({ node: { prim } }: Expr): boolean =>
  prim.lower.kind === 'pointwise' && prim.lower.stored === undefined

/** Bytes; a little more for what only moves another value, whose own store costs no copy. */
const weightOf = (x: Expr): number => 16 * bytesOf(x) + (isView(x) ? bytesOf(x) : 0)
const isView = (x: Expr): boolean => {
  const { prim, args, params } = x.node
  if (prim.lower.kind !== 'pointwise') return false
  const stubs = args.map((a) => load(0, constant(0), a.dtype))
  const index = x.shape.map((extent, id) => ofAxis({ id, extent }))
  return stubs.includes(prim.lower.at(index, (arg) => stubs[arg]!, x, params))
}

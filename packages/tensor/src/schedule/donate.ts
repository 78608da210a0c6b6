/** Which outputs may live in which donated inputs, and the order that makes it possible. */
import type { Expr } from '../expr.ts'
import { sameShape } from '../shape.ts'
import { type Fusion, storageOf } from './fuse.ts'
import { runsAfter } from './group.ts'
import type { Graph } from './program.ts'

/** The value an update finally writes into, through any chain of updates. */
const updated = (e: Expr): Expr => {
  let node = storageOf(e)
  while (node.prim.lower.kind === 'update') node = storageOf(node.args[0]!)
  return node
}

/** Output node -> donated input whose buffer it should take: an update takes its operand's, the rest go by shape and order. */
export const pairDonations = (graph: Graph): ReadonlyMap<Expr, Expr> => {
  const free = new Set(graph.inputs.filter((_, i) => graph.donated[i]!))
  const pairs = new Map<Expr, Expr>()
  const outputs = [...new Set(graph.outputs.map(storageOf))]
  for (const out of outputs) if (free.has(out)) free.delete(out)
  for (const out of outputs) {
    const operand = updated(out)
    if (operand !== out && free.delete(operand)) pairs.set(out, operand)
  }
  for (const out of outputs) {
    if (pairs.has(out) || out.prim.lower.kind === 'leaf') continue
    for (const input of free) {
      if (input.dtype !== out.dtype || !sameShape(input.shape, out.shape)) continue
      free.delete(input)
      pairs.set(out, input)
      break
    }
  }
  return pairs
}

/** Whoever overwrites a value runs after its other readers, wherever that closes no cycle. */
export const overwriteLast = ({ groups, owner }: Fusion, pairs: ReadonlyMap<Expr, Expr>): void => {
  const readersOf = (node: Expr): readonly (typeof groups)[number][] => groups.filter((g) => g.reads.has(node))
  const overwritten = new Map<Expr, Expr>(pairs)
  for (const g of groups)
    if (g.kind === 'update') overwritten.set(g.stores[0]!.node, storageOf(g.stores[0]!.node.args[0]!))
  for (const [out, old] of overwritten) {
    const writer = owner.get(out)
    if (writer === undefined) continue
    for (const reader of readersOf(old)) if (reader !== writer && !runsAfter(reader, writer)) writer.after.add(reader)
  }
}

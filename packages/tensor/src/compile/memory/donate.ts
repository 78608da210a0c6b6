/** Which outputs may live in which donated inputs, and the order that makes it possible. */
import { copyOf, type Expr, type Node } from '../../graph/expr.ts'
import { rewrite, toposort, withArgs } from '../../graph/walk.ts'
import { sameShape } from '../../base/shape.ts'
import { type Fusion, startOf, storageOf } from '../fuse/fuse.ts'
import type { Group } from '../fuse/group.ts'
import { runsAfter, waitFor } from '../fuse/precedence.ts'
import type { Computation } from '../../graph/device.ts'

/**
 * An update of zeros (or of any value made from nothing) has zeros of its own to write over, so that it neither copies what
 * others read nor makes them read from memory what they could compute; and so has a carry that starts from zeros.
 */
export const ownOperands = (roots: readonly Expr[]): readonly Expr[] => {
  const writes = ({ prim: { lower } }: Node): boolean => lower.kind === 'update' || lower.kind === 'loop'
  if (!toposort(roots).some(writes)) return roots
  return rewrite(roots, (node, args) => {
    const { lower } = node.prim
    const first = lower.kind === 'update' ? 0 : lower.kind === 'loop' ? lower.of(node.params).operands : args.length
    const end = lower.kind === 'update' ? 1 : args.length
    const made = (x: Expr): boolean => x.node.prim.lower.kind === 'pointwise' && x.node.args.length === 0
    return withArgs(
      node,
      args.map((x, i) => (i >= first && i < end && made(x) ? copyOf(x) : x)),
    )
  })
}

/** The value that a result finally writes into, through any chain of updates and loops. */
const updated = (e: Expr): Expr => {
  let value = storageOf(e)
  for (let start = startOf(value); start !== null; start = startOf(value)) value = start
  return value
}

/** Output node -> donated input whose buffer it should take: an update takes its operand's, the rest go by shape and order. */
export const pairDonations = (graph: Computation): ReadonlyMap<Expr, Expr> => {
  const free = new Set(graph.inputs.filter((_, i) => graph.donated[i]!))
  const pairs = new Map<Expr, Expr>()
  const outputs = [...new Set(graph.outputs.map(storageOf))]
  for (const out of outputs) if (free.has(out)) free.delete(out)
  for (const out of outputs) {
    const operand = updated(out)
    if (operand !== out && free.delete(operand)) pairs.set(out, operand)
  }
  for (const out of outputs) {
    if (pairs.has(out) || out.node.prim.lower.kind === 'leaf') continue
    for (const input of free) {
      if (input.dtype !== out.dtype || !sameShape(input.shape, out.shape)) continue
      free.delete(input)
      pairs.set(out, input)
      break
    }
  }
  return pairs
}

/**
 * The same inside a loop, where each carry has a place: the next value of carry i ends in the place of input `operands` + i.
 * One that several carries become is made in the place of that which it updates.
 */
export const pairCarries = ({ inputs, outputs }: Computation, operands: number): ReadonlyMap<Expr, Expr> => {
  const pairs = new Map<Expr, Expr>()
  outputs.map(storageOf).forEach((out, i) => {
    const carry = inputs[operands + i]!
    if (out.node.prim.lower.kind === 'leaf') return
    if (!pairs.has(out) || updated(out) === carry) pairs.set(out, carry)
  })
  return pairs
}

/**
 * Whoever overwrites a value runs after its other readers, wherever that closes no cycle. Of several updates of one value
 * (gradients scattered into the same zeros) only the last to run can write over it: these are left in any order.
 */
export const overwriteLast = ({ groups, owner }: Fusion, pairs: ReadonlyMap<Expr, Expr>): void => {
  const readersOf = new Map<Expr, Group[]>([...pairs.values()].map((old) => [old, []]))
  for (const g of groups)
    for (const { value } of g.stores) {
      const old = startOf(value)
      if (old !== null) readersOf.set(old, [])
    }
  if (readersOf.size === 0) return
  for (const g of groups) for (const value of g.reads.keys()) readersOf.get(value)?.push(g)
  const overwrites = (g: Group, old: Expr): boolean => g.stores.some(({ value }) => startOf(value) === old)
  const runLast = (writer: Group | undefined, readers: readonly Group[]): void => {
    if (writer === undefined) return
    for (const reader of readers) if (reader !== writer && !runsAfter(reader, writer)) waitFor(writer, reader)
  }
  for (const [out, old] of pairs) runLast(owner.get(out), readersOf.get(old) ?? [])
  for (const g of groups)
    for (const { value } of g.stores) {
      const old = startOf(value)
      if (old === null || pairs.get(value) === old) continue
      runLast(
        g,
        (readersOf.get(old) ?? []).filter((reader) => !overwrites(reader, old)),
      )
    }
}

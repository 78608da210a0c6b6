/**
 * Groups as they form: who reads what at which index, who stores it, and which groups could take a node up. The walk in
 * fuse.ts decides; this keeps the books, so that every decision sees all readers of a node.
 */
import { type Axis, constant, type Ix } from '../../loops/ix.ts'
import type { Access } from '../../graph/expr.ts'
import { load, type Scalar } from '../../loops/scalar.ts'
import type { Expr } from '../../graph/expr.ts'
import type { Cost } from './cost.ts'
import { bijectionAxes, type Group, indexKey, readAt, type ReadKind, rebase, refinement, runsAfter } from './group.ts'

/** A group that can compute a node, with the node's index in the group's axes. */
export interface Host {
  readonly group: Group
  readonly index: readonly Ix[]
  /** The axes that index runs over. */
  readonly axes: readonly Axis[]
}

type At = (index: readonly Ix[], arg: Access, out: Expr, params: unknown) => Scalar | readonly Ix[]

export interface Grouping {
  readonly groups: readonly Group[]
  /** The group that stores a node. */
  readonly owner: ReadonlyMap<Expr, Group>
  readonly readersOf: (node: Expr) => readonly Group[]
  readonly newGroup: (kind: Group['kind'], rows: readonly Axis[], cols: readonly Axis[]) => Group
  /** The group reads a node at an index. */
  readonly read: (group: Group, node: Expr, index: readonly Ix[], kind: ReadKind) => void
  /** The group computes a pointwise node at an index: it reads the arguments instead. */
  readonly inline: (group: Group, node: Expr, index: readonly Ix[], kind: ReadKind) => void
  /** The group reads what a rule of the node reads at an index. */
  readonly readThrough: (group: Group, node: Expr, at: At, index: readonly Ix[], kind: ReadKind) => void
  /** The group stores a node; its other readers load it. */
  readonly store: (group: Group, node: Expr, index: readonly Ix[]) => void
  /**
   * Readers that could compute the node themselves: they read it in their loop, at one index, once an element, and no
   * other reader runs before them. Their axes are cut finer where that makes the index plain.
   */
  readonly hosts: (node: Expr) => readonly Host[]
  /** Whether a group that takes up `node`, and reads its arguments in its place, still binds few enough buffers and stays small. */
  readonly roomFor: (group: Group, node: Expr, stores: 0 | 1) => boolean
}

/** Nodes in one kernel: what a shader compiler and a stack can hold. */
const LARGEST_KERNEL = 500

export const createGrouping = (bindings: number, costOf: (node: Expr) => Cost | undefined): Grouping => {
  const groups: Group[] = []
  const owner = new Map<Expr, Group>()
  const readers = new Map<Expr, Set<Group>>()
  const readersOf = (node: Expr): readonly Group[] => [...(readers.get(node) ?? [])]

  const newGroup: Grouping['newGroup'] = (kind, rows, cols) => {
    const group: Group = {
      id: groups.length,
      kind,
      rows,
      cols,
      stores: [],
      reductions: [],
      dot: null,
      reads: new Map(),
      computes: new Set(),
      after: new Set(),
    }
    groups.push(group)
    return group
  }

  const read: Grouping['read'] = (group, node, index, kind) => {
    const next = readAt(kind, index)
    const reads = group.reads.get(node) ?? []
    if (reads.some((r) => r.key === next.key)) return
    group.reads.set(node, [...reads, next])
    const known = readers.get(node)
    if (known === undefined) readers.set(node, new Set([group]))
    else known.add(group)
  }

  const inline: Grouping['inline'] = (group, node, index, kind) => {
    const { lower } = node.node.prim
    group.computes.add(node)
    if (lower.kind === 'pointwise') readThrough(group, node, lower.at, index, kind)
  }
  const readThrough: Grouping['readThrough'] = (group, node, at, index, kind) => {
    const stubs = new Map<string, Scalar>()
    at(
      index,
      (arg, argIndex) => {
        const from = node.node.args[arg]!
        read(group, from, argIndex, kind)
        const key = `${arg}:${indexKey(argIndex)}`
        const stub = stubs.get(key) ?? load(arg, constant(0), from.dtype)
        stubs.set(key, stub)
        return stub
      },
      node,
      node.node.params,
    )
  }

  const store: Grouping['store'] = (group, node, index) => {
    const axes = bijectionAxes(index, node.shape) ?? []
    group.stores.push({ node, index, scope: group.cols.some((c) => axes.includes(c)) ? 'full' : 'row' })
    owner.set(node, group)
    for (const reader of readersOf(node)) if (reader !== group) reader.after.add(group)
  }

  const hosts: Grouping['hosts'] = (node) => {
    const all = readersOf(node)
    return all.flatMap((group): readonly Host[] => {
      const reads = group.reads.get(node)!
      const only = reads.length === 1 ? reads[0]! : null
      if (only?.kind !== 'loop' || group.kind !== 'loop') return []
      if (!all.every((other) => other === group || !runsAfter(group, other))) return []
      const plain = bijectionAxes(only.index, node.shape)
      if (plain !== null) return [{ group, index: only.index, axes: plain }]
      const finer = group.dot === null ? refinement(group, only.index) : null
      if (finer === null) return []
      const index = only.index.map(finer.move)
      const axes = bijectionAxes(index, node.shape)
      if (axes === null) return []
      rebase(group, finer)
      return [{ group, index, axes }]
    })
  }
  const roomFor: Grouping['roomFor'] = (group, node, stores) => {
    const isLoad = (e: Expr): boolean => e !== node && !group.computes.has(e) && costOf(e)?.loads !== 0
    const loads = new Set([...node.node.args, ...group.reads.keys()].filter(isLoad))
    return group.computes.size < LARGEST_KERNEL && loads.size + group.stores.length + stores <= bindings
  }

  return { groups, owner, readersOf, newGroup, read, inline, readThrough, store, hosts, roomFor }
}

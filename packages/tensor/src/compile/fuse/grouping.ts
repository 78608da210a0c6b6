/**
 * Groups as they form: who reads what at which index, who stores it, and which groups could take a node up. The walk in
 * fuse.ts decides; this keeps the books, so that every decision sees all readers of a node.
 */
import { setAt } from '../../base/get-or-insert.ts'
import { refinement } from '../../loops/axes.ts'
import { type Axis, constant, type Ix } from '../../loops/ix.ts'
import type { Access } from '../../graph/expr.ts'
import { load, type Scalar } from '../../loops/scalar.ts'
import type { Expr } from '../../graph/expr.ts'
import type { Cost } from './cost.ts'
import { bijectionAxes, type Group, hasRead, isUpdate, type Read, type ReadKind, rebase, sameIndex } from './group.ts'
import { runsAfter, waitFor } from './precedence.ts'

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
  readonly readersOf: (value: Expr) => readonly Group[]
  readonly newGroup: (kind: Group['kind'], rows: readonly Axis[], cols: readonly Axis[]) => Group
  /** The group reads a node at an index. */
  readonly read: (group: Group, e: Expr, index: readonly Ix[], kind: ReadKind) => void
  /** The group computes a node: its own reads of it are no loads. */
  readonly compute: (group: Group, value: Expr) => void
  /** The group computes a pointwise node at an index: it reads the arguments instead. */
  readonly inline: (group: Group, x: Expr, index: readonly Ix[], kind: ReadKind) => void
  /** The group reads what a rule of the node reads at an index. */
  readonly readThrough: (group: Group, expr: Expr, at: At, index: readonly Ix[], kind: ReadKind) => void
  /** The group stores a node; its other readers load it. */
  readonly store: (group: Group, expr: Expr, index: readonly Ix[]) => void
  /**
   * Readers that could compute the node themselves: they read it in their loop, at one index, once an element, and no
   * other reader runs before them. Their axes are cut finer where that makes the index plain.
   */
  readonly hosts: (expr: Expr) => readonly Host[]
  /** Whether a group that takes up `node`, and reads its arguments in its place, still binds few enough buffers and stays small. */
  readonly roomFor: (group: Group, expr: Expr, stores: 0 | 1) => boolean
}

/** Whether it only writes elements of arrays that are there. */
const onlyUpdates = ({ stores }: Group): boolean => stores.every(({ value }) => isUpdate(value))

/** Nodes in one kernel: what a shader compiler and a stack can hold. */
const LARGEST_KERNEL = 500

export const createGrouping = (bindings: number, costOf: (x: Expr) => Cost | undefined): Grouping => {
  const groups: Group[] = []
  const owner = new Map<Expr, Group>()
  const readers = new Map<Expr, Set<Group>>()
  /** What each group reads and would have to bind, so that room is told without a look at all its reads. */
  const loadingOf = new Map<Group, Set<Expr>>()
  const readersOf = (value: Expr): readonly Group[] => [...(readers.get(value) ?? [])]

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
      height: 0,
    }
    groups.push(group)
    loadingOf.set(group, new Set())
    return group
  }

  /** Whether a value that a group reads has to be bound: it is not computed there, nor made of nothing. */
  const mayLoad = (group: Group, value: Expr): boolean => !group.computes.has(value) && costOf(value)?.loads !== 0
  const compute: Grouping['compute'] = (group, value) => {
    group.computes.add(value)
    loadingOf.get(group)!.delete(value)
  }

  const read: Grouping['read'] = (group, value, index, kind) => {
    add(group, value, { kind, index })
  }
  const add = (group: Group, value: Expr, next: Read): void => {
    const reads = group.reads.get(value)
    if (reads !== undefined && hasRead(reads, next)) return
    if (reads === undefined) group.reads.set(value, [next])
    else reads.push(next)
    if (mayLoad(group, value)) loadingOf.get(group)!.add(value)
    setAt(readers, value).add(group)
  }

  const inline: Grouping['inline'] = (group, value, index, kind) => {
    const { args, prim } = value.node
    compute(group, value)
    if (prim.lower.kind !== 'pointwise') return
    if (costOf(value)?.elementwise === true) {
      const next = { kind, index }
      for (const arg of args) add(group, arg, next)
    } else readThrough(group, value, prim.lower.at, index, kind)
  }
  /** What stands for a value of no axes in an index: one scalar for all groups, so that each sees where others read, too. */
  const positions = new Map<Expr, Scalar>()
  const readThrough: Grouping['readThrough'] = (group, value, at, index, kind) => {
    // One scalar for one element, so that an index that depends on it is one index.
    const stubs: { readonly arg: number; readonly index: readonly Ix[]; readonly stub: Scalar }[] = []
    at(
      index,
      (arg, argIndex) => {
        const from = value.node.args[arg]!
        const known = stubs.find((s) => s.arg === arg && sameIndex(s.index, argIndex))
        if (known !== undefined) return known.stub
        add(group, from, { kind, index: argIndex })
        const stub = positions.get(from) ?? load(arg, constant(0), from.dtype)
        if (argIndex.length === 0) positions.set(from, stub)
        stubs.push({ arg, index: argIndex, stub })
        return stub
      },
      value,
      value.node.params,
    )
  }

  const store: Grouping['store'] = (group, e, index) => {
    const axes = bijectionAxes(index, e.shape) ?? []
    group.stores.push({ value: e, index, scope: group.cols.some((c) => axes.includes(c)) ? 'full' : 'row' })
    owner.set(e, group)
    for (const reader of readersOf(e)) if (reader !== group) waitFor(reader, group)
  }

  const hosts: Grouping['hosts'] = (value) => {
    const all = readersOf(value)
    // What only goes into arrays is written there, once all is known, by the kernel that computes it (elementwise.ts).
    const able = all.filter((g) => g.kind === 'loop' && !onlyUpdates(g))
    return able.flatMap((group): readonly Host[] => {
      const reads = group.reads.get(value)!
      const only = reads.length === 1 ? reads[0]! : null
      if (only?.kind !== 'loop') return []
      if (!all.every((other) => other === group || !runsAfter(group, other))) return []
      const plain = bijectionAxes(only.index, value.shape)
      if (plain !== null) return [{ group, index: only.index, axes: plain }]
      const finer = group.dot === null ? refinement(group, only.index) : null
      if (finer === null) return []
      const index = only.index.map(finer.move)
      const axes = bijectionAxes(index, value.shape)
      if (axes === null) return []
      rebase(group, finer)
      return [{ group, index, axes }]
    })
  }
  const roomFor: Grouping['roomFor'] = (group, value, stores) => {
    if (group.computes.size >= LARGEST_KERNEL) return false
    const loading = loadingOf.get(group)!
    let loads = loading.size - (loading.has(value) ? 1 : 0)
    const { args } = value.node
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!
      if (args.indexOf(arg) === i && !loading.has(arg) && mayLoad(group, arg)) loads++
    }
    return loads + group.stores.length + stores <= bindings
  }

  return { groups, owner, readersOf, newGroup, read, compute, inline, readThrough, store, hosts, roomFor }
}

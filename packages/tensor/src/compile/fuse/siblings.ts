/**
 * Kernels over the same loops that read the same values become one kernel with several results: the gradients of a
 * norm's gain and bias, say. Only groups of which neither runs after the other; and not where both would leave something
 * large behind that no one kernel reads, since each would then be kept while the other is used.
 */
import { type Axis, flatten, type Ix, ofAxis, substitute } from '../../loops/ix.ts'
import type { Expr } from '../../graph/expr.ts'
import { sizeOf } from '../../base/shape.ts'
import { type Fusion, storageOf } from './fuse.ts'
import { count, extents, type Group, rebase, runsAfter } from './group.ts'
import { touched } from '../memory/memory.ts'
import type { Capabilities } from '../program.ts'

const loops = (axes: readonly Axis[]): readonly Axis[] => axes.filter((a) => a.extent !== 1)
const gridKey = (g: Group): string =>
  `${extents(loops(g.rows)).join()}|${extents(loops(g.cols)).join()}|${g.reductions.length > 0}`

/** A group's axes renamed to another's, position by position. */
const renaming = (from: Group, to: readonly Axis[]): ((ix: Ix) => Ix) => {
  const image = new Map([...loops(from.rows), ...loops(from.cols)].map((a, i) => [a.id, ofAxis(to[i]!)] as const))
  return (ix) =>
    substitute(
      ix,
      (a) => image.get(a.id) ?? ofAxis(a),
      (s) => s,
    )
}

/** Large values in memory that a group reads, each with the place it reads them at, in shared axes. */
const largeReads = (
  g: Group,
  owner: ReadonlyMap<Expr, Group>,
  move: (ix: Ix) => Ix,
): ReadonlyMap<Expr, ReadonlySet<string>> => {
  const found = new Map<Expr, Set<string>>()
  const grid = count(g.rows) * count(g.cols)
  for (const [value, reads] of g.reads) {
    const place = storageOf(value)
    const inMemory = place.node.prim.lower.kind === 'leaf' || (owner.has(place) && owner.get(place) !== g)
    if (!inMemory || 2 * sizeOf(value.shape) < grid) continue
    for (const r of reads)
      if (r.kind === 'loop')
        found.set(place, (found.get(place) ?? new Set()).add(move(flatten(r.index, value.shape)).key))
  }
  return found
}

/** Groups that read each value. */
type Readers = ReadonlyMap<Expr, ReadonlySet<Group>>
const readersIn = (groups: readonly Group[]): Readers => {
  const readers = new Map<Expr, Set<Group>>()
  for (const g of groups)
    for (const value of g.reads.keys())
      readers.set(storageOf(value), (readers.get(storageOf(value)) ?? new Set()).add(g))
  return readers
}

export const mergeSiblings = (
  capabilities: Capabilities,
  { groups, owner }: Fusion,
  results: ReadonlySet<Expr>,
): Fusion => {
  const owners = new Map(owner)
  const readers = readersIn(groups)
  /** What a group leaves in the arena that is as large as its loops. */
  const leaves = (g: Group): readonly Expr[] =>
    g.stores.flatMap(({ value: e }) =>
      !results.has(e) && 2 * sizeOf(e.shape) >= count(g.rows) * count(g.cols) ? [e] : [],
    )
  const together = (h: Group, g: Group): boolean =>
    leaves(h).every((x) =>
      leaves(g).every((y) => [...(readers.get(x) ?? [])].some((reader) => readers.get(y)?.has(reader) === true)),
    )
  const gone = new Set<Group>()
  const byGrid = new Map<string, Group[]>()
  for (const g of groups) {
    if (g.kind !== 'loop' || g.dot !== null) continue
    const key = gridKey(g)
    const same = byGrid.get(key) ?? []
    byGrid.set(key, same)
    const host = same.find((h) => mergeable(capabilities, owners, h, g) && together(h, g))
    if (host === undefined) same.push(g)
    else {
      absorb(host, g, groups, owners)
      gone.add(g)
    }
  }
  return { groups: groups.filter((g) => !gone.has(g)), owner: owners }
}

const mergeable = (capabilities: Capabilities, owner: ReadonlyMap<Expr, Group>, host: Group, g: Group): boolean => {
  const axes = [...loops(host.rows), ...loops(host.cols)]
  const theirs = largeReads(host, owner, (ix) => ix)
  const ours = largeReads(g, owner, renaming(g, axes))
  const shared = [...ours].some(([value, places]) => [...places].some((at) => theirs.get(value)?.has(at) === true))
  const bound = (h: Group): number => touched(h, owner).length + h.stores.length
  if (!shared || bound(host) + bound(g) > capabilities.bindings) return false
  return !runsAfter(host, g) && !runsAfter(g, host)
}

const absorb = (host: Group, g: Group, groups: readonly Group[], owner: Map<Expr, Group>): void => {
  rebase(g, { rows: host.rows, cols: host.cols, move: renaming(g, [...loops(host.rows), ...loops(host.cols)]) })
  host.stores.push(...g.stores)
  host.reductions.push(...g.reductions)
  for (const e of g.computes) host.computes.add(e)
  for (const { value: x } of g.stores) owner.set(x, host)
  for (const [expr, reads] of g.reads) {
    const known = host.reads.get(expr) ?? []
    host.reads.set(expr, [...known, ...reads.filter((r) => !known.some((k) => k.key === r.key))])
  }
  for (const before of g.after) host.after.add(before)
  for (const other of groups) if (other.after.delete(g)) other.after.add(host)
}

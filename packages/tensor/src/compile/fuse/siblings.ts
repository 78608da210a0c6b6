/**
 * Kernels over the same loops that read the same values become one kernel with several results: the gradients of a
 * norm's gain and bias, say. Only groups of which neither runs after the other; and not where both would leave something
 * large behind that no one kernel reads, since each would then be kept while the other is used.
 */
import { getOrInsert, setAt } from '../../base/get-or-insert.ts'
import { count, extents } from '../../loops/axes.ts'
import { type Axis, flatten, type Ix, ofAxis, substitute } from '../../loops/ix.ts'
import type { Expr } from '../../graph/expr.ts'
import { sizeOf } from '../../base/shape.ts'
import { type Fusion, isLeaf, storageOf } from './fuse.ts'
import { type Group, isUpdate } from './group.ts'
import { runsAfter } from './precedence.ts'
import type { Capabilities } from '../capabilities.ts'
import { absorb, buffersOf, inPlaceTogether, readersIn, waitingIn } from './absorb.ts'

const loops = (axes: readonly Axis[]): readonly Axis[] => axes.filter((a) => a.extent !== 1)
const loopsOf = (g: Group): readonly Axis[] => [...loops(g.rows), ...loops(g.cols)]
const gridKey = (g: Group): string =>
  `${extents(loops(g.rows)).join()}|${extents(loops(g.cols)).join()}|${g.reductions.length > 0}`

/** A group's axes renamed to others, position by position. */
const renaming = (from: Group, to: readonly Axis[]): ((ix: Ix) => Ix) => {
  const image = new Map(loopsOf(from).map((a, i) => [a.id, ofAxis(to[i]!)] as const))
  return (ix) =>
    substitute(
      ix,
      (a) => image.get(a.id) ?? ofAxis(a),
      (s) => s,
    )
}

/** What is read in memory, value by value: at which places. */
type Places = Map<Expr, Set<string>>

/** Large values in memory that a group reads, each with the places it reads them at, in axes that all of its grid share. */
const largeReads = (g: Group, owner: ReadonlyMap<Expr, Group>): Places => {
  const found: Places = new Map()
  const grid = count(g.rows) * count(g.cols)
  const move = renaming(
    g,
    loopsOf(g).map(({ extent }, id) => ({ id, extent })),
  )
  for (const [value, reads] of g.reads) {
    const place = storageOf(value)
    const inMemory = isLeaf(place) || (owner.has(place) && owner.get(place) !== g)
    if (!inMemory || 2 * sizeOf(value.shape) < grid) continue
    for (const r of reads) if (r.kind === 'loop') setAt(found, place).add(move(flatten(r.index, value.shape)).key)
  }
  return found
}

/** Groups of one grid, and which of them read a value at a place. */
interface Family {
  readonly members: Group[]
  readonly readers: Map<Expr, Map<string, Set<Group>>>
}
const enter = ({ readers }: Family, g: Group, reads: Places): void => {
  for (const [value, places] of reads) {
    const at = getOrInsert(readers, value, () => new Map<string, Set<Group>>())
    for (const place of places) setAt(at, place).add(g)
  }
}
/** The members that load something large that a group with these reads loads too, in their order. */
const sharing = ({ members, readers }: Family, reads: Places): readonly Group[] => {
  const found = new Set<Group>()
  for (const [value, places] of reads)
    for (const place of places) for (const g of readers.get(value)?.get(place) ?? []) found.add(g)
  return found.size === 0 ? [] : members.filter((g) => found.has(g))
}

export const mergeSiblings = (
  capabilities: Capabilities,
  { groups, owner }: Fusion,
  results: ReadonlySet<Expr>,
): Fusion => {
  const owners = new Map(owner)
  const readers = readersIn(groups)
  /** What a group leaves in the arena that is as large as its loops; what it writes into an array was there before. */
  const leaves = (g: Group): readonly Expr[] =>
    g.stores.flatMap(({ value: e }) =>
      !results.has(e) && !isUpdate(e) && 2 * sizeOf(e.shape) >= count(g.rows) * count(g.cols) ? [e] : [],
    )
  const together = (h: Group, g: Group): boolean =>
    leaves(h).every((x) =>
      leaves(g).every((y) => [...(readers.get(x) ?? [])].some((reader) => readers.get(y)?.has(reader) === true)),
    )
  const fits = (h: Group, g: Group): boolean => buffersOf([h, g], owners) <= capabilities.bindings
  const apart = (h: Group, g: Group): boolean => !runsAfter(h, g) && !runsAfter(g, h)

  const mayMerge = (h: Group, g: Group): boolean => fits(h, g) && together(h, g) && inPlaceTogether(h, g) && apart(h, g)

  const waiting = waitingIn(groups)
  const gone = new Set<Group>()
  const merge = (host: Group, g: Group): void => {
    absorb(host, g, { move: renaming(g, loopsOf(host)), scope: null }, waiting, owners)
    gone.add(g)
  }
  const families = new Map<string, Family>()
  for (const g of groups) {
    if (g.kind !== 'loop' || g.dot !== null) continue
    const family = getOrInsert(families, gridKey(g), () => ({ members: [], readers: new Map() }))
    const reads = largeReads(g, owners)
    const alike = sharing(family, reads)
    const host = alike.find((h) => mayMerge(h, g))
    enter(family, host ?? g, reads)
    if (host === undefined) {
      family.members.push(g)
      continue
    }
    merge(host, g)
    // What had nothing in common before may have it now.
    for (const other of alike) {
      if (other === host || !mayMerge(host, other)) continue
      enter(family, host, largeReads(other, owners))
      merge(host, other)
      family.members.splice(family.members.indexOf(other), 1)
    }
  }
  return { groups: groups.filter((g) => !gone.has(g)), owner: owners }
}

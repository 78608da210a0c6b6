/** One kernel does the work of two, and what must hold so that it may. */
import { setAt } from '../../base/get-or-insert.ts'
import { type Axis, div, flatten, type Ix, mod, ofAxis, substitute } from '../../loops/ix.ts'
import type { Expr } from '../../graph/expr.ts'
import { isLeaf, startOf, storageOf } from './fuse.ts'
import { distinct, type Group, isUpdate, type Read, rebase, type StoredMember } from './group.ts'
import { takeOverWaits } from './precedence.ts'

/** Buffers of a kernel that did the work of these groups: what they load of others, and what they store. */
export const buffersOf = (groups: readonly Group[], owner: ReadonlyMap<Expr, Group>): number => {
  const loads = new Set<Expr>()
  for (const g of groups)
    for (const [value, reads] of g.reads) {
      const place = storageOf(value)
      const maker = owner.get(place)
      const inMemory = isLeaf(place) || (maker !== undefined && !groups.includes(maker))
      if (inMemory && reads.some((r) => r.kind !== 'order')) loads.add(place)
    }
  return loads.size + groups.reduce((n, g) => n + g.stores.length, 0)
}

const overwritesWhatIsReadBy = (writer: Group, reader: Group): boolean =>
  writer.stores.some((s) => {
    const old = startOf(s.value)
    return (
      old !== null &&
      [...reader.reads].some(([value, of]) => storageOf(value) === old && of.some((r) => r.kind !== 'order'))
    )
  })
/** Whether neither writes into an array that the other reads: one kernel would have to copy it first. */
export const inPlaceTogether = (p: Group, q: Group): boolean =>
  !overwritesWhatIsReadBy(p, q) && !overwritesWhatIsReadBy(q, p)

/** How a group's work is done in the loops of another. */
export interface Seat {
  readonly move: (ix: Ix) => Ix
  /** Where its stores stand among the other's: where they stand in the group itself, if it has the same rows and columns. */
  readonly scope: StoredMember['scope'] | null
}

/** A value at an index, seen by another that runs over all of its elements, once each. */
export const sameElement = (axes: readonly Axis[], index: readonly Ix[], shape: readonly number[]): Seat['move'] => {
  const at = flatten(index, shape)
  const image = new Map<Axis, Ix>()
  let stride = 1
  for (const a of axes) {
    image.set(a, mod(div(at, stride), a.extent))
    stride *= a.extent
  }
  return (ix) =>
    substitute(
      ix,
      (a) => image.get(a) ?? ofAxis(a),
      (s) => s,
    )
}

/** Whether each read of what the host stores is of the element that it stores there. */
export const readsAtHand = (host: Group, g: Group, owner: ReadonlyMap<Expr, Group>, move: Seat['move']): boolean => {
  for (const [value, reads] of g.reads) {
    const place = storageOf(value)
    if (owner.get(place) !== host) continue
    const stored = host.stores.find((s) => s.value === place)!
    const at = flatten(stored.index, place.shape).key
    const here = (r: Read): boolean => r.kind === 'loop' && flatten(r.index.map(move), value.shape).key === at
    if (isUpdate(place) || !reads.every(here)) return false
  }
  return true
}

/** Groups that wait for each. */
export type Waiting = ReadonlyMap<Group, Set<Group>>
export const waitingIn = (groups: readonly Group[]): Waiting => {
  const waiting = new Map<Group, Set<Group>>(groups.map((g) => [g, new Set()]))
  for (const g of groups) for (const before of g.after) waiting.get(before)!.add(g)
  return waiting
}

/** Groups that read each value in memory, or run after it. */
export const readersIn = (groups: readonly Group[]): Map<Expr, Set<Group>> => {
  const readers = new Map<Expr, Set<Group>>()
  for (const g of groups)
    for (const value of g.reads.keys()) {
      setAt(readers, storageOf(value)).add(g)
    }
  return readers
}

/** `host` does what `g` did, which may have waited for it. */
export const absorb = (
  host: Group,
  g: Group,
  { move, scope }: Seat,
  waiting: Waiting,
  owner: Map<Expr, Group>,
): void => {
  rebase(g, { rows: host.rows, cols: host.cols, move })
  host.stores.push(...g.stores.map((s) => ({ ...s, scope: scope ?? s.scope })))
  // Consumers stand first, and the host knew nothing of what it takes up.
  host.reductions.unshift(...g.reductions)
  for (const e of g.computes) host.computes.add(e)
  for (const { value: x } of g.stores) owner.set(x, host)
  for (const [expr, reads] of g.reads) host.reads.set(expr, distinct([...(host.reads.get(expr) ?? []), ...reads]))
  for (const before of g.after) waiting.get(before)!.delete(g)
  g.after.delete(host)
  takeOverWaits(host, g, waiting.get(g)!)
  for (const before of g.after) waiting.get(before)!.add(host)
  for (const other of waiting.get(g)!) waiting.get(host)!.add(other)
}

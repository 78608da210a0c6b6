/**
 * A kernel that does no more than write elements of what another kernel makes, or loads, becomes one more store of that kernel.
 *
 * A round of a scan over layers computes h = x W and hands it on to its next kernel; for the backward pass it also writes h
 * into row i of a stack:
 *
 *     dot     over (m, n)   stores h at (m, n)
 *     update  over (p, q)   loads h at (p, q), stores it in the stack at (i, p, q)
 *
 * Both see each element of h once: p is m and q is n, and one kernel stores h at (m, n) and in the stack at (i, m, n). Where
 * nobody else reads h, it is not stored by itself. In a kernel of rows and columns the same goes for what is the same for a row.
 *
 * The kernel may start as soon as that which takes it up, so that no other waits longer for what it waits for itself.
 */
import type { Axis, Ix } from '../../loops/ix.ts'
import type { Expr } from '../../graph/expr.ts'
import type { Capabilities } from '../capabilities.ts'
import {
  absorb,
  buffersOf,
  forgetUnread,
  inPlaceTogether,
  inTime,
  readersIn,
  readsAtHand,
  sameElement,
  type Seat,
  takeOverReads,
  waitingIn,
} from './absorb.ts'
import { type Fusion, storageOf } from './fuse.ts'
import { bijectionAxes, covers, type Group, isUpdate, type StoredMember } from './group.ts'

const onlyUpdates = (g: Group): boolean =>
  g.kind === 'loop' && g.dot === null && g.reductions.length === 0 && g.stores.every(({ value }) => isUpdate(value))

/** Where a group sees a value in its loops: what it stores, and what it loads. */
const seenBy = (host: Group, value: Expr): readonly (readonly Ix[])[] => [
  ...host.stores.flatMap((s) => (s.value === value && !isUpdate(value) ? [s.index] : [])),
  ...(host.reads.get(value) ?? []).flatMap((r) => (r.kind === 'loop' ? [r.index] : [])),
]

const scopeOf = (host: Group, axes: readonly Axis[]): StoredMember['scope'] | null => {
  if (covers(axes, [...host.rows, ...host.cols])) return host.cols.length > 0 ? 'full' : 'row'
  return host.reductions.length > 0 && covers(axes, host.rows) ? 'row' : null
}

/** How the elements of a group lie among those of a host that sees a value they read; null where they do not. */
const seatIn = (host: Group, g: Group, owner: ReadonlyMap<Expr, Group>): Seat | null => {
  for (const [value, reads] of g.reads)
    for (const r of reads) {
      if (r.kind !== 'loop') continue
      const axes = bijectionAxes(r.index, value.shape)
      if (axes === null || !covers(axes, g.rows)) continue
      for (const index of seenBy(host, value)) {
        const scope = scopeOf(host, bijectionAxes(index, value.shape) ?? [])
        const move = scope === null ? null : sameElement(axes, index, value.shape)
        if (scope !== null && move !== null && readsAtHand(host, g, owner, move)) return { move, scope }
      }
    }
  return null
}

export const mergeElementwise = (
  capabilities: Capabilities,
  { groups, owner }: Fusion,
  results: ReadonlySet<Expr>,
): Fusion => {
  if (!groups.some(onlyUpdates)) return { groups, owner }
  const owners = new Map(owner)
  const readers = readersIn(groups)
  const waiting = waitingIn(groups)
  const fits = (host: Group, g: Group): boolean => buffersOf([host, g], owners) <= capabilities.bindings
  /** Groups that make what a group reads, and those that read it too. */
  const candidates = (g: Group): readonly Group[] => {
    const values = [...g.reads].flatMap(([value, of]) => (of.some((r) => r.kind === 'loop') ? [storageOf(value)] : []))
    const makers = values.flatMap((value) => owners.get(value) ?? [])
    const others = values.flatMap((value) => [...(readers.get(value) ?? [])])
    return [...new Set([...makers, ...others])].filter((host) => host !== g && host.kind === 'loop')
  }
  const gone = new Set<Group>()
  for (const g of groups) {
    if (!onlyUpdates(g)) continue
    for (const host of candidates(g)) {
      if (gone.has(host) || !inTime(host, g) || !fits(host, g) || !inPlaceTogether(host, g)) continue
      const seat = seatIn(host, g, owners)
      if (seat === null) continue
      absorb(host, g, seat, waiting, owners)
      gone.add(g)
      takeOverReads(host, g, readers)
      break
    }
  }
  const left = groups.filter((g) => !gone.has(g))
  forgetUnread(left, readers, owners, results)
  return { groups: left, owner: owners }
}

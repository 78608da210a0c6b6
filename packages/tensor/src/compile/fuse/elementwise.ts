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
import { readsAtHand, sameElement, type Seat } from './absorb.ts'
import { bijectionAxes, covers, type Group, isUpdate, type StoredMember } from './group.ts'
import { takeUp } from './take-up.ts'

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

export const mergeElementwise = takeUp({
  isHost: ({ kind }) => kind === 'loop',
  isGuest: onlyUpdates,
  seatIn,
  prepare: () => undefined,
})

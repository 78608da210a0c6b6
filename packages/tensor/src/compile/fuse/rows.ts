/**
 * A kernel that reduces the rows of a product becomes a part of the product's own kernel, on devices that have those rows whole
 * before they store them.
 *
 *     dot     over (m, n)       stores s = q k^T at (m, n)
 *     loop    rows i, cols j    loads s at (i, j): softmax over j
 *
 * Both see each element of s once: i is m and j is n. One kernel computes a row of s, its maximum, the sum of its exponentials,
 * and stores softmax; where nobody else reads s, it is never in memory. So are the norm after a projection and the sums of a norm's
 * or a softmax's backward pass.
 *
 * Such a kernel has all columns of its rows in one unit of work, so it takes rows enough to keep the device's threads busy.
 */
import type { Axis } from '../../loops/ix.ts'
import { count } from '../../loops/axes.ts'
import type { Expr } from '../../graph/expr.ts'
import type { Capabilities } from '../capabilities.ts'
import { readsAtHand, sameElement, type Seat } from './absorb.ts'
import { type Fusion, storageOf } from './fuse.ts'
import { bijectionAxes, covers, type DotMember, type Group } from './group.ts'
import { takeUp } from './take-up.ts'

/** Rows of one item of a batch: fewer are computed in other ways, which have no whole rows. */
const FEW = 8

/** Whether the innermost of the axes, which are innermost first, are the columns of a group, and the others its rows. */
const inRowsOf = (g: Group, axes: readonly Axis[]): boolean => {
  const inner = g.cols.filter((a) => a.extent !== 1).length
  return covers(axes.slice(0, inner), g.cols) && covers(axes.slice(inner), g.rows)
}

/** How the rows of a group lie in those of a dot; null where they do not. */
const seatIn = (host: Group, g: Group, owner: ReadonlyMap<Expr, Group>): Seat | null => {
  const n = host.dot?.n
  for (const [value, reads] of g.reads) {
    const stored = host.stores.find((s) => s.value === storageOf(value))
    if (stored === undefined || bijectionAxes(stored.index, stored.value.shape)?.[0] !== n) continue
    for (const r of reads) {
      const axes = r.kind === 'loop' ? bijectionAxes(r.index, value.shape) : null
      if (axes === null || !inRowsOf(g, axes) || count(g.cols) !== n?.extent) continue
      const move = sameElement(axes, stored.index, stored.value.shape)
      if (readsAtHand(host, g, owner, move)) return { move, scope: null }
    }
  }
  return null
}

export const mergeRows = (capabilities: Capabilities, fusion: Fusion, results: ReadonlySet<Expr>): Fusion => {
  const { dotRows } = capabilities
  if (dotRows === null) return fusion
  const [least, most] = dotRows.columns
  const hasRows = ({ batch, m, n, k }: DotMember): boolean =>
    m.extent >= FEW &&
    n.extent >= least &&
    n.extent <= most &&
    k.extent <= dotRows.terms &&
    count([...batch, m]) >= dotRows.rows
  return takeUp({
    isHost: ({ kind, dot }) => kind === 'loop' && dot !== null && hasRows(dot),
    isGuest: ({ kind, dot, reductions }) => kind === 'loop' && dot === null && reductions.length > 0,
    seatIn,
    prepare: inRowsAndColumns,
  })(capabilities, fusion, results)
}

/** A dot's loops as rows and columns, of which its stores are at every one. */
const inRowsAndColumns = (host: Group): void => {
  const { dot } = host
  if (dot === null || host.cols.length > 0) return
  host.rows = [...dot.batch, dot.m]
  host.cols = [dot.n]
  host.stores.splice(0, host.stores.length, ...host.stores.map((s) => ({ ...s, scope: 'full' }) as const))
}

/**
 * A kernel in the making: which nodes it computes over which axes, and what it reads. Local to scheduling.
 *
 * Softmax over the rows of x [32, 64] ends as the group
 *
 *     rows [i < 32]   cols [j < 64]
 *     stores      y at (i, j), scope full: once for every (i, j)
 *     reductions  s at (i), of its argument at (i, j); then m at (i), of its argument at (i, j) (made in the reverse order)
 *     reads       x in the loop at (i, j), and whatever was inlined on the way: exp(x - m) at (i, j), s and m at (i)
 *     computes    y, s, exp(x - m), m: so that of its reads only x is a load
 */
import type { Refinement } from '../../loops/axes.ts'
import { type Axis, flatten, type Ix } from '../../loops/ix.ts'
import type { Expr } from '../../graph/expr.ts'
import { sizeOf } from '../../base/shape.ts'

/** A node computed in a group, with its index in terms of the group's axes. */
export interface Member {
  readonly value: Expr
  readonly index: readonly Ix[]
}
export interface StoredMember extends Member {
  readonly scope: 'row' | 'full'
}
export interface ReducedMember extends Member {
  /** Index of the reduction's argument, over rows and columns. */
  readonly inner: readonly Ix[]
}
export interface DotMember extends Member {
  readonly batch: readonly Axis[]
  readonly m: Axis
  readonly n: Axis
  readonly k: Axis
}

/**
 * How a group reads a node: in its loops, as an operand inside a dot's k loop, to tell where an update writes, as a whole that
 * stands in memory (by the rounds of a loop, by a template), or only as something to run after.
 */
export type ReadKind = 'loop' | 'operand' | 'position' | 'whole' | 'order'
export interface Read {
  readonly kind: ReadKind
  readonly index: readonly Ix[]
}

export interface Group {
  readonly id: number
  /**
   * `rounds`: a loop of the program, whose body is a schedule of its own; all others are kernels, `template` one that is written by
   * hand, `ordered` an update that increases elements, one iteration after another.
   */
  readonly kind: 'loop' | 'running' | 'ordered' | 'template' | 'rounds'
  rows: readonly Axis[]
  cols: readonly Axis[]
  readonly stores: StoredMember[]
  readonly reductions: ReducedMember[]
  dot: DotMember | null
  /** Reads by node, deduplicated by index. */
  readonly reads: Map<Expr, Read[]>
  /** Nodes it computes itself, as values of its loops: their reads are no loads. */
  readonly computes: Set<Expr>
  /** Groups that run before this one, since it reads what they store; changed by precedence.ts alone. */
  readonly after: Set<Group>
  /** Greater than that of every group that runs after this one. */
  height: number
}

/** Whether it is an array of which a kernel writes some elements. */
export const isUpdate = ({ node: { prim } }: Expr): boolean => prim.lower.kind === 'update'

/** The axes an index visits exactly once each, covering an array of `shape`; null when it is no such bijection. */
export const bijectionAxes = (index: readonly Ix[], shape: readonly number[]): readonly Axis[] | null => {
  // The grid of an update may have other axes than what it writes into.
  if (index.length !== shape.length) return null
  const flat = flatten(index, shape)
  if (flat.constant !== 0) return null
  const axes: Axis[] = []
  let stride = 1
  for (const t of [...flat.terms].sort((p, q) => p.coef - q.coef)) {
    if (t.atom.kind !== 'axis' || t.coef !== stride) return null
    axes.push(t.atom.axis)
    stride *= t.atom.axis.extent
  }
  return stride === sizeOf(shape) ? axes : null
}

export const sameIndex = (p: readonly Ix[], q: readonly Ix[]): boolean =>
  p === q || (p.length === q.length && p.every((ix, i) => ix === q[i] || ix.key === q[i]!.key))
const sameRead = (p: Read, q: Read): boolean => p.kind === q.kind && sameIndex(p.index, q.index)
export const hasRead = (reads: readonly Read[], read: Read): boolean => reads.some((r) => sameRead(r, read))
/** Each read once. */
export const distinct = (reads: readonly Read[]): Read[] => {
  const kept: Read[] = []
  for (const r of reads) if (!hasRead(kept, r)) kept.push(r)
  return kept
}

/** Express a group's loops in other axes. */
export const rebase = (group: Group, { rows, cols, move }: Refinement): void => {
  const all = (index: readonly Ix[]): readonly Ix[] => index.map(move)
  group.rows = rows
  group.cols = cols
  group.stores.splice(0, group.stores.length, ...group.stores.map((s) => ({ ...s, index: all(s.index) })))
  group.reductions.splice(
    0,
    group.reductions.length,
    ...group.reductions.map((r) => ({ ...r, index: all(r.index), inner: all(r.inner) })),
  )
  for (const [value, reads] of group.reads)
    group.reads.set(value, distinct(reads.map((r) => ({ kind: r.kind, index: all(r.index) }))))
}

/** Whether `part` holds just the axes of `whole` that iterate more than once. */
export const covers = (part: readonly Axis[], whole: readonly Axis[]): boolean => {
  const ids = new Set(part.map((a) => a.id))
  const loops = whole.filter((a) => a.extent !== 1)
  return ids.size === loops.length && loops.every((a) => ids.has(a.id))
}

/** Whether a step may write over what it reads. */
import { flatten } from '../../loops/ix.ts'
import type { Expr } from '../../graph/expr.ts'
import { startOf, storageOf } from '../fuse/fuse.ts'
import type { Group, Read, StoredMember } from '../fuse/group.ts'

/** Whether what a group computes for `from` reads `target` from memory. */
const computedFrom = (group: Group, owner: ReadonlyMap<Expr, Group>, from: Expr, target: Expr): boolean => {
  const seen = new Set<Expr>([from])
  const stack = [from]
  for (let value = stack.pop(); value !== undefined; value = stack.pop())
    for (const arg of value.node.args) {
      const place = storageOf(arg)
      if (place === target) return true
      const inside = place.node.prim.lower.kind !== 'leaf' && (owner.get(place) ?? group) === group
      if (inside && !seen.has(place)) {
        seen.add(place)
        stack.push(place)
      }
    }
  return false
}

/**
 * Whether a store may overwrite `node`, which its group reads. An update may where the group reads nothing else of it: its
 * iterations write where they like; and so may a carry of a loop, over what it starts from, unless that is an operand of the
 * rounds as well. Else each iteration must read only the element that it is about to write. Values are
 * computed before any is stored, but row stores come before the full stores of the row, which must not miss what was there.
 */
export const mayOverwrite = (
  group: Group,
  owner: ReadonlyMap<Expr, Group>,
  store: StoredMember,
  value: Expr,
): boolean => {
  const reads: (readonly [Expr, readonly Read[]])[] = []
  for (const read of group.reads) if (storageOf(read[0]) === value) reads.push(read)
  if (group.kind === 'rounds') {
    const { node } = store.value
    const { lower } = node.prim
    const operands = lower.kind === 'loop' ? node.args.slice(0, lower.of(node.params).operands) : []
    return startOf(store.value) === value && !operands.some((x) => storageOf(x) === value)
  }
  const start = startOf(store.value)
  if (start !== null) return start === value && reads.every(([, of]) => of.every((r) => r.kind === 'order'))
  const later = store.scope === 'row' ? group.stores.filter((s) => s.scope === 'full') : []
  if (later.some((s) => computedFrom(group, owner, s.value, value))) return false
  const at = flatten(store.index, store.value.shape).key
  return reads.every(([n, of]) => of.every((r) => r.kind === 'loop' && flatten(r.index, n.shape).key === at))
}

/**
 * The order kernels run in: as early as their inputs allow (by depth), so that a gradient is consumed soon after it is
 * made and little has to be kept.
 */
import type { Group } from './group.ts'

export const inOrder = (groups: readonly Group[]): readonly Group[] => {
  const depth = new Map<Group, number>()
  const waiting = new Map<Group, number>()
  const next = new Map<Group, Group[]>()
  for (const g of groups) {
    waiting.set(g, g.after.size)
    for (const before of g.after) next.set(before, [...(next.get(before) ?? []), g])
  }
  const ready = groups.filter((g) => g.after.size === 0)
  const done: Group[] = []
  for (const g of ready) depth.set(g, 0)
  for (let g = ready.shift(); g !== undefined; g = ready.shift()) {
    done.push(g)
    for (const after of next.get(g) ?? []) {
      depth.set(after, Math.max(depth.get(after) ?? 0, depth.get(g)! + 1))
      const left = waiting.get(after)! - 1
      waiting.set(after, left)
      if (left === 0) ready.push(after)
    }
  }
  if (done.length !== groups.length) throw new Error('schedule: the kernels wait for one another in a cycle')
  // Groups were made consumers first: among equals the later-made one comes earlier in the program.
  return done.sort((p, q) => depth.get(p)! - depth.get(q)! || q.id - p.id)
}

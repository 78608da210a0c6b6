/**
 * Which group runs after which. A group waits for those whose stores it reads; whether it runs after another is then a
 * question of paths, asked for every value with several readers, so it must not walk over the whole program.
 *
 * Every group has a height, greater than that of any group that waits for it: along a path of waits heights only grow, so
 * that a search for a group never goes above it. Groups are made consumers first, and so a new one is mostly put on top:
 *
 *     loss   height 0
 *     dot 2  height 1    loss waits for it
 *     dot 1  height 2    dot 2 waits for it, and so does the gradient of its weights, of height 1
 *
 * "Does dot 2 run after the gradient?" is no without a look at anything: both have height 1.
 */
import type { Group } from './group.ts'

/** `group` runs after `before`. The one way to make it so: heights follow. */
export const waitFor = (group: Group, before: Group): void => {
  group.after.add(before)
  raise(before, group.height + 1)
}

/** Moves the waits of a group that is given up to the one that does its work. */
export const takeOverWaits = (host: Group, gone: Group, waiting: Iterable<Group>): void => {
  for (const before of gone.after) waitFor(host, before)
  for (const other of waiting) if (other.after.delete(gone)) waitFor(other, host)
}

const raise = (group: Group, height: number): void => {
  const stack = [{ group, height }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top.group.height >= top.height) continue
    top.group.height = top.height
    for (const before of top.group.after) stack.push({ group: before, height: top.height + 1 })
  }
}

/** Whether `from` runs after `to`, through any chain of waits. */
export const runsAfter = (from: Group, to: Group): boolean => {
  if (from === to) return true
  const seen = new Set<Group>([from])
  const stack = [from]
  for (let g = stack.pop(); g !== undefined; g = stack.pop()) {
    if (g.after.has(to)) return true
    const next = [...g.after].filter((before) => before.height < to.height && !seen.has(before))
    // The highest is looked at first: it is nearest to where the search goes.
    next.sort((p, q) => p.height - q.height)
    for (const before of next) {
      seen.add(before)
      stack.push(before)
    }
  }
  return false
}

/**
 * The order kernels run in, chosen so that little lives at one time. Any order that respects who reads whom is right; finding
 * the one of least memory is NP-hard, so a few are tried and the one with the lowest peak is kept:
 *
 *  - by depth: as early as the inputs allow;
 *  - deep first: a kernel is followed by what it makes possible, so that of independent chains one ends before the next
 *    begins, and micro-batches written out one after another need the memory of one;
 *  - wanted first: from the results down, each kernel just before it is needed.
 *
 * In the latter two, whatever frees as much as it takes runs at once: the gradient of a weight frees an activation.
 */
import type { Expr } from '../graph/expr.ts'
import type { Group } from './fuse/group.ts'

/** What a group does to the memory that the order decides about. */
export interface Traffic {
  /** Values of the arena that it reads. */
  readonly reads: readonly Expr[]
  /** Values of the arena that it writes. */
  readonly writes: readonly Expr[]
  /** Values that it writes over where it is the last to read them (what an update goes on from). */
  readonly over: readonly Expr[]
  /** Bytes that it needs besides while it runs (the rounds of a loop). */
  readonly scratch: number
}

export interface Ordering {
  readonly groups: readonly Group[]
  readonly trafficOf: (group: Group) => Traffic
  readonly bytesOf: (value: Expr) => number
}

type Order = readonly Group[]

export const inOrder = (ordering: Ordering): Order => {
  const net = network(ordering.groups)
  const early = byDepth(net)
  const candidates = [() => early, () => listed(ordering, net, null), () => listed(ordering, net, wanted(net))]
  let best: Order = early
  let least = Infinity
  for (const candidate of candidates) {
    const order = candidate()
    const peak = peakOf(ordering, order)
    if (peak < least) {
      best = order
      least = peak
    }
  }
  return best
}

/** Who waits for whom. */
interface Network {
  readonly groups: readonly Group[]
  readonly next: ReadonlyMap<Group, readonly Group[]>
  readonly depth: ReadonlyMap<Group, number>
}

// Groups were made consumers first: among equals the later-made one comes earlier in the program.
const byProgram = (p: Group, q: Group): number => q.id - p.id

const network = (groups: readonly Group[]): Network => {
  const next = new Map<Group, Group[]>(groups.map((g) => [g, []]))
  for (const g of groups) for (const before of g.after) next.get(before)!.push(g)
  const waiting = new Map(groups.map((g) => [g, g.after.size]))
  const starts = groups.filter((g) => g.after.size === 0).sort(byProgram)
  const depth = new Map<Group, number>(starts.map((g) => [g, 0]))
  const ready = [...starts]
  let done = 0
  for (let g = ready.pop(); g !== undefined; g = ready.pop()) {
    done++
    for (const after of next.get(g)!) {
      depth.set(after, Math.max(depth.get(after) ?? 0, depth.get(g)! + 1))
      const left = waiting.get(after)! - 1
      waiting.set(after, left)
      if (left === 0) ready.push(after)
    }
  }
  if (done !== groups.length) throw new Error('schedule: the kernels wait for one another in a cycle')
  return { groups, next, depth }
}

const byDepth = ({ groups, depth }: Network): Order =>
  [...groups].sort((p, q) => depth.get(p)! - depth.get(q)! || byProgram(p, q))

/** From the last kernels down: what a kernel waits for, the shallow first, and then itself. */
const wanted = ({ groups, next, depth }: Network): Order => {
  const seen = new Set<Group>()
  const order: Group[] = []
  const visit = (sink: Group): void => {
    const stack: { readonly group: Group; readonly waits: readonly Group[]; at: number }[] = []
    const enter = (group: Group): void => {
      seen.add(group)
      stack.push({
        group,
        waits: [...group.after].sort((p, q) => depth.get(p)! - depth.get(q)! || byProgram(p, q)),
        at: 0,
      })
    }
    enter(sink)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const before = top.waits[top.at++]
      if (before === undefined) {
        order.push(top.group)
        stack.pop()
      } else if (!seen.has(before)) enter(before)
    }
  }
  const sinks = groups
    .filter((g) => next.get(g)!.length === 0)
    .sort((p, q) => depth.get(p)! - depth.get(q)! || byProgram(p, q))
  for (const sink of sinks) visit(sink)
  return order
}

/** How the memory in use changes as groups run. */
const ledger = ({ groups, trafficOf, bytesOf }: Ordering) => {
  const readers = new Map<Expr, number>()
  for (const g of groups) for (const value of trafficOf(g).reads) readers.set(value, (readers.get(value) ?? 0) + 1)
  const written = (g: Group): number => trafficOf(g).writes.reduce((n, v) => n + bytesOf(v), 0)
  const freed = (g: Group): number =>
    trafficOf(g).reads.reduce((n, v) => n + (readers.get(v) === 1 ? bytesOf(v) : 0), 0) +
    trafficOf(g).writes.reduce((n, v) => n + (readers.has(v) ? 0 : bytesOf(v)), 0)
  const inPlace = (g: Group): number =>
    trafficOf(g).over.reduce((n, v) => n + (readers.get(v) === 1 ? bytesOf(v) : 0), 0)
  return {
    written,
    freed,
    /** Bytes that it writes where something lay that it frees. */
    inPlace,
    /** Marks a group as run; gives the values that one reader is left of. */
    run: (g: Group): readonly Expr[] =>
      trafficOf(g).reads.filter((value) => {
        const left = readers.get(value)! - 1
        readers.set(value, left)
        return left === 1
      }),
  }
}

const peakOf = (ordering: Ordering, order: Order): number => {
  const { written, freed, inPlace, run } = ledger(ordering)
  let live = 0
  let peak = 0
  for (const g of order) {
    const more = written(g)
    const less = freed(g)
    peak = Math.max(peak, live + ordering.trafficOf(g).scratch + more - inPlace(g))
    live += more - less
    run(g)
  }
  return peak
}

/**
 * Runs a list of groups, and before the next of them whatever frees at least what it takes. Without a list deep first: what a
 * group makes possible goes before whatever was possible already.
 */
const listed = (ordering: Ordering, { groups, next }: Network, list: Order | null): Order => {
  const { written, freed, run } = ledger(ordering)
  /** Fills and the like read nothing: they run just before the first that needs them, and nobody waits for them. */
  const onDemand = (g: Group): boolean => g.reads.size === 0 && next.get(g)!.length > 0
  const waiting = new Map(groups.map((g) => [g, [...g.after].filter((b) => !onDemand(b)).length]))
  const readersOf = new Map<Expr, Group[]>()
  for (const g of groups)
    for (const value of ordering.trafficOf(g).reads) {
      const known = readersOf.get(value)
      if (known === undefined) readersOf.set(value, [g])
      else known.push(g)
    }
  const done = new Set<Group>()
  const order: Group[] = []
  const frugal: Group[] = []
  const starts = groups.filter((g) => waiting.get(g) === 0).sort(byProgram)
  const stack = (list ?? starts).filter((g) => !onDemand(g)).reverse()
  const isReady = (g: Group): boolean => waiting.get(g) === 0 && !done.has(g)
  const isFrugal = (g: Group): boolean => isReady(g) && written(g) <= freed(g) && freed(g) > 0
  const execute = (g: Group): void => {
    for (const before of g.after) if (!done.has(before)) execute(before)
    done.add(g)
    order.push(g)
    const alone = run(g)
    const possible: Group[] = []
    for (const after of onDemand(g) ? [] : next.get(g)!) {
      const left = waiting.get(after)! - 1
      waiting.set(after, left)
      if (left === 0) possible.push(after)
    }
    if (list === null)
      stack.push(...possible.sort((p, q) => written(q) - freed(q) - (written(p) - freed(p)) || p.id - q.id))
    frugal.push(...possible.filter(isFrugal))
    for (const value of alone) frugal.push(...readersOf.get(value)!.filter(isFrugal))
  }
  for (let g = stack.pop(); g !== undefined; g = stack.pop()) {
    if (!isReady(g)) continue
    execute(g)
    for (let f = frugal.shift(); f !== undefined; f = frugal.shift()) if (isFrugal(f)) execute(f)
  }
  return order
}

/** Groups of one kind become a part of groups of another, each of the first that can take it up: the walk of elementwise.ts and of rows.ts. */
import type { Expr } from '../../graph/expr.ts'
import type { Capabilities } from '../capabilities.ts'
import { absorb, buffersOf, inPlaceTogether, readersIn, type Seat, waitingIn } from './absorb.ts'
import { type Fusion, storageOf } from './fuse.ts'
import { type Group, isUpdate } from './group.ts'
import { runsAfter } from './precedence.ts'

/** Who takes up whom. */
export interface TakingUp {
  readonly isHost: (g: Group) => boolean
  readonly isGuest: (g: Group) => boolean
  /** How a guest's loops lie in those of a host that makes what it reads, or reads the same; null where they do not. */
  readonly seatIn: (host: Group, guest: Group, owner: ReadonlyMap<Expr, Group>) => Seat | null
  /** Brings the host's loops into the form that the seat is in, before a guest is taken up. */
  readonly prepare: (host: Group) => void
}

/** Whether a group may run as soon as a host of which it reads something: all else that it waits for is there by then. */
const inTime = (host: Group, g: Group): boolean =>
  !runsAfter(host, g) && [...g.after].every((before) => before === host || runsAfter(host, before))

/** What a group read, the host reads now. */
const takeOverReads = (host: Group, g: Group, readers: ReadonlyMap<Expr, Set<Group>>): void => {
  for (const value of new Set([...g.reads.keys()].map(storageOf))) {
    const of = readers.get(value)!
    of.delete(g)
    of.add(host)
  }
}

/** What was stored only for groups that are now a part of the one that computes it is stored no longer. */
const forgetUnread = (
  groups: readonly Group[],
  readers: ReadonlyMap<Expr, ReadonlySet<Group>>,
  owner: Map<Expr, Group>,
  results: ReadonlySet<Expr>,
): void => {
  for (const host of groups) {
    const needed = host.stores.filter(
      ({ value }) => results.has(value) || isUpdate(value) || [...(readers.get(value) ?? [])].some((g) => g !== host),
    )
    if (host.kind !== 'loop' || needed.length === 0 || needed.length === host.stores.length) continue
    for (const s of host.stores) if (!needed.includes(s)) owner.delete(s.value)
    host.stores.splice(0, host.stores.length, ...needed)
  }
}

export const takeUp =
  ({ isHost, isGuest, seatIn, prepare }: TakingUp) =>
  (capabilities: Capabilities, { groups, owner }: Fusion, results: ReadonlySet<Expr>): Fusion => {
    if (!groups.some(isGuest) || !groups.some(isHost)) return { groups, owner }
    const owners = new Map(owner)
    const readers = readersIn(groups)
    const waiting = waitingIn(groups)
    const gone = new Set<Group>()
    /** Groups that make what a group reads, and those that read it too. */
    const hostsOf = (g: Group): readonly Group[] => {
      const values = [...g.reads].flatMap(([value, of]) =>
        of.some((r) => r.kind === 'loop') ? [storageOf(value)] : [],
      )
      const makers = values.flatMap((value) => owners.get(value) ?? [])
      const others = values.flatMap((value) => [...(readers.get(value) ?? [])])
      return [...new Set([...makers, ...others])].filter((host) => host !== g && !gone.has(host) && isHost(host))
    }
    const mayJoin = (host: Group, g: Group): boolean =>
      inTime(host, g) && buffersOf([host, g], owners) <= capabilities.bindings && inPlaceTogether(host, g)
    for (const guest of groups) {
      if (!isGuest(guest)) continue
      for (const host of hostsOf(guest)) {
        const seat = mayJoin(host, guest) ? seatIn(host, guest, owners) : null
        if (seat === null) continue
        prepare(host)
        absorb(host, guest, seat, waiting, owners)
        takeOverReads(host, guest, readers)
        gone.add(guest)
        break
      }
    }
    const left = groups.filter((g) => !gone.has(g))
    forgetUnread(left, readers, owners, results)
    return { groups: left, owner: owners }
  }

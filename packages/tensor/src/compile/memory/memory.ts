/**
 * Where every stored value lives. Intermediates share the arena by liveness; an output is written straight into its own
 * buffer, or into the donated input it replaces; a value may take the place of one that it is the last to read, where each
 * iteration reads only the element that it then writes. What cannot be done in place is copied.
 *
 * One question decides all of it: may this step write to that place? A place knows the values that were put there and
 * until when each of them is read (`mayWrite`).
 */
import type { Expr } from '../../graph/expr.ts'
import { bytesOf } from '../../base/aval.ts'
import { sizeOf } from '../../base/shape.ts'
import { packArena, type Range } from './arena.ts'
import { type Fusion, startOf, storageOf } from '../fuse/fuse.ts'
import { mayOverwrite } from './overwrite.ts'
import { type Assignment, inSequence } from './sequence.ts'
import { type Group, isUpdate, type StoredMember } from '../fuse/group.ts'
import type { Computation } from '../../graph/device.ts'
import type { ProgramBuffer } from '../../loops/program.ts'

export interface Copy {
  readonly from: number
  readonly to: number
  readonly bytes: number
}
export interface MemoryPlan {
  readonly buffers: readonly ProgramBuffer[]
  readonly bufferOf: ReadonlyMap<Expr, number>
  /** Bytes of the arena's slabs, and the most that lives in them at one time. */
  readonly slabs: readonly number[]
  readonly live: number
  /** The copies to make before a group's kernel (the operand of an update that lives on, what the carries of a loop start from). */
  readonly before: ReadonlyMap<Group, readonly Copy[]>
  /** Where the slabs lie that the rounds of a loop work in. */
  readonly scratch: ReadonlyMap<Group, readonly Range[]>
  /** Copies to make at the end. */
  readonly last: readonly Copy[]
  readonly outputs: readonly number[]
}

/** What a plan must know beside its graph. */
export interface Demands {
  readonly largestSlab: number
  /** Results, and the inputs whose places they should take. */
  readonly pairs: ReadonlyMap<Expr, Expr>
  /** Inside a loop: the input in whose place each result has to end. */
  readonly homes: readonly Expr[] | null
  /** Bytes of the slabs that a group needs besides, for itself (the rounds of a loop). */
  readonly scratch: (group: Group) => readonly number[]
}

/** Values in memory that a group touches: what it loads, and what it overwrites. */
export const touched = (group: Group, owner: ReadonlyMap<Expr, Group>): readonly Expr[] => {
  const found = new Set<Expr>()
  const overwritten = group.stores.flatMap(({ value }) => (isUpdate(value) ? [value.node.args[0]!] : []))
  for (const [value, reads] of group.reads) {
    const place = storageOf(value)
    if (reads.every((r) => r.kind === 'order') && !overwritten.includes(value)) continue
    if (place.node.prim.lower.kind === 'leaf' || (owner.has(place) && owner.get(place) !== group)) found.add(place)
  }
  return [...found]
}

/** A value in a place, and the last step that reads it there: Infinity where it is a result. */
interface Tenant {
  readonly value: Expr
  readonly until: number
}
interface Place {
  /** The numbered buffer; null in the arena, whose ranges are numbered at the end. */
  readonly buffer: number | null
  /** False for inputs that were not donated. */
  readonly writable: boolean
  readonly bytes: number
  readonly start: number
  readonly tenants: Tenant[]
}

type Move = Assignment<Place>

export const planMemory = (
  { largestSlab, pairs, homes, scratch }: Demands,
  graph: Computation,
  fusion: Fusion,
  groups: readonly Group[],
): MemoryPlan => {
  const { owner } = fusion
  const buffers: ProgramBuffer[] = []
  const placeOf = new Map<Expr, Place>()
  const arena: Place[] = []

  const lastUse = new Map<Expr, number>()
  const readsOf = new Map(groups.map((g) => [g, touched(g, owner)] as const))
  groups.forEach((g, i) => {
    for (const value of readsOf.get(g)!) lastUse.set(value, i)
  })
  const results = graph.outputs.map(storageOf)
  const isResult = new Set(results)
  const until = (value: Expr, written: number): number =>
    isResult.has(value) ? Infinity : (lastUse.get(value) ?? written)

  const inBuffer = (source: ProgramBuffer['source'], bytes: number, writable: boolean): Place => {
    const buffer = buffers.push({ source, bytes }) - 1
    return { buffer, writable, bytes, start: -1, tenants: [] }
  }
  const bytesInArena = (bytes: number, start: number): Place => {
    const place: Place = { buffer: null, writable: true, bytes, start, tenants: [] }
    arena.push(place)
    return place
  }
  const inArena = (value: Expr, start: number): Place => bytesInArena(bytesOf(value), start)
  const put = (value: Expr, place: Place, i: number): void => {
    placeOf.set(value, place)
    place.tenants.push({ value, until: until(value, i) })
  }
  graph.inputs.forEach((leaf, index) =>
    put(leaf, inBuffer({ kind: 'input', index }, bytesOf(leaf), graph.donated[index]!), -1),
  )

  const target = targets(graph, owner, groups, lastUse, (out) => {
    const donated = pairs.get(out)
    return donated === undefined ? inBuffer({ kind: 'output' }, bytesOf(out), true) : placeOf.get(donated)!
  })

  /** The result that a place waits for. */
  const reserved = new Map([...target].flatMap(([out, place]) => (isResult.has(out) ? [[place, out] as const] : [])))
  /** Whether step i may write to a place; `over`: whether it may write over a value that it is itself the last to read. */
  const mayWrite = (place: Place, i: number, over: (value: Expr) => boolean): boolean =>
    place.writable &&
    place.tenants.every((t) => t.until < i || (t.until === i && owner.get(t.value) !== groups[i] && over(t.value)))

  const before = new Map<Group, Move[]>()
  const working = new Map<Group, readonly Place[]>()
  groups.forEach((g, i) => {
    const reads = readsOf.get(g)!

    /** The place of what goes on from `operand`. */
    const placeOver = (stored: StoredMember, operand: Expr): Place => {
      const { value: e } = stored
      const from = placeOf.get(operand)!
      const stays = !isResult.has(e) || (reserved.get(from) ?? e) === e
      if (stays && mayWrite(from, i, (value) => value === operand && mayOverwrite(g, owner, stored, value))) return from
      const goal = target.get(e)
      // The copy writes the whole place before the kernel, or another copy, reads anything.
      const to = goal !== undefined && mayWrite(goal, i, () => false) ? goal : inArena(e, i)
      before.set(g, [...(before.get(g) ?? []), { from, to, bytes: bytesOf(e) }])
      return to
    }
    const placeStore = (stored: StoredMember): Place => {
      const { value: e } = stored
      const over = (value: Expr): boolean => mayOverwrite(g, owner, stored, value)
      const goal = target.get(e)
      if (goal !== undefined) return mayWrite(goal, i, over) ? goal : inArena(e, i)
      const reusable = reads.find((r) => {
        const place = placeOf.get(r)!
        const fits = r.dtype === e.dtype && sizeOf(r.shape) === sizeOf(e.shape)
        return fits && place.buffer === null && mayWrite(place, i, (value) => value === r && over(value))
      })
      return reusable === undefined ? inArena(e, i) : placeOf.get(reusable)!
    }
    for (const stored of g.stores) {
      const start = startOf(stored.value)
      put(stored.value, start === null ? placeStore(stored) : placeOver(stored, start), i)
    }
    working.set(
      g,
      scratch(g).map((bytes) => bytesInArena(bytes, i)),
    )
  })
  const end = groups.length
  /** Inside a loop: how all carries become what they are in the next round, at once. */
  const home = (out: Expr, i: number): Move => ({
    from: placeOf.get(out)!,
    to: placeOf.get(homes![i]!)!,
    bytes: bytesOf(out),
  })
  const moves = homes === null ? [] : inSequence(results.map(home), (bytes) => bytesInArena(bytes, end))

  const { slabs, ranges, live } = packArena(
    largestSlab,
    arena.map(({ bytes, start, tenants }) => ({
      bytes,
      start,
      end: Math.min(end, Math.max(start, ...tenants.map((t) => t.until))),
    })),
  )
  const slots = new Map(
    arena.map((place, i) => [place, buffers.push({ source: { kind: 'slot', ...ranges[i]! }, bytes: place.bytes }) - 1]),
  )
  const resolve = (place: Place): number => place.buffer ?? slots.get(place)!
  const resolved = ({ from, to, bytes }: Move): Copy => ({ from: resolve(from), to: resolve(to), bytes })

  // Results that did not end where they should, results that are leaves, and results asked for twice.
  const last: Copy[] = []
  const taken = new Set<number>()
  const outputs = (homes === null ? results : []).map((out) => {
    const place = placeOf.get(out)!
    const from = resolve(place)
    const goal = target.get(out)
    // A donated input that is itself a result stays where it is.
    const mine = out.node.prim.lower.kind === 'leaf' && place.writable
    const want = goal !== undefined ? resolve(goal) : mine ? from : null
    if (want === from && !taken.has(from)) {
      taken.add(from)
      return from
    }
    const free = want !== null && !taken.has(want)
    const to = free ? want : resolve(inBuffer({ kind: 'output' }, bytesOf(out), true))
    taken.add(to)
    last.push({ from, to, bytes: bytesOf(out) })
    return to
  })
  return {
    buffers,
    bufferOf: new Map([...placeOf].map(([value, place]) => [value, resolve(place)] as const)),
    slabs,
    live,
    before: new Map([...before].map(([g, copies]) => [g, copies.map(resolved)] as const)),
    scratch: new Map([...working].map(([g, places]) => [g, places.map((p) => ranges[arena.indexOf(p)]!)] as const)),
    // In any order: an input that is itself a result is never paired, so none of them reads what another writes.
    last: homes === null ? last : moves.map(resolved),
    outputs,
  }
}

/** The place each result should end in; an update, or a loop, hands its own down to what it may overwrite. */
const targets = (
  graph: Computation,
  owner: ReadonlyMap<Expr, Group>,
  groups: readonly Group[],
  lastUse: ReadonlyMap<Expr, number>,
  placeFor: (out: Expr) => Place,
): ReadonlyMap<Expr, Place> => {
  const target = new Map<Expr, Place>()
  for (const out of new Set(graph.outputs.map(storageOf))) if (owner.has(out)) target.set(out, placeFor(out))
  for (let i = groups.length - 1; i >= 0; i--) {
    const g = groups[i]!
    for (const stored of g.stores) {
      const operand = startOf(stored.value)
      if (operand === null) continue
      const end = target.get(stored.value)
      const last = owner.has(operand) && !target.has(operand) && lastUse.get(operand) === i
      if (end !== undefined && last && (g.kind !== 'rounds' || mayOverwrite(g, owner, stored, operand)))
        target.set(operand, end)
    }
  }
  return target
}

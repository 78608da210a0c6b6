/**
 * Where every stored value lives. Intermediates share slots by liveness; an output is written straight into its own
 * buffer, or into the donated input it replaces; an update writes over its operand when that dies there. What cannot be
 * done in place is copied.
 */
import { flatten } from '../codegen/ix.ts'
import { dtypes } from '../dtype.ts'
import type { Expr } from '../expr.ts'
import { sizeOf } from '../shape.ts'
import { type Fusion, storageOf } from './fuse.ts'
import type { Group, StoredMember } from './group.ts'
import type { Graph, ProgramBuffer } from './program.ts'
import { type Life, shareSlots } from './slots.ts'

export interface Copy {
  readonly from: number
  readonly to: number
  readonly bytes: number
}
export interface MemoryPlan {
  readonly buffers: readonly ProgramBuffer[]
  readonly bufferOf: ReadonlyMap<Expr, number>
  /** The copy to make before a group's kernel (the operand of an update that lives on). */
  readonly before: ReadonlyMap<Group, Copy>
  /** Copies to make at the end. */
  readonly last: readonly Copy[]
  readonly outputs: readonly number[]
}

const bytesOf = (e: Expr): number => Math.max(1, sizeOf(e.shape)) * dtypes[e.dtype].bytes

/** Values in memory that a group touches: what it loads, and what it overwrites. */
export const touched = (group: Group, owner: ReadonlyMap<Expr, Group>): readonly Expr[] => {
  const found = new Set<Expr>()
  for (const [node, reads] of group.reads) {
    const place = storageOf(node)
    const orderOnly = reads.every((r) => r.kind === 'order')
    const operand = group.kind === 'update' && group.stores[0]!.node.args[0] === node
    if (orderOnly && !operand) continue
    if (place.prim.lower.kind === 'leaf' || (owner.has(place) && owner.get(place) !== group)) found.add(place)
  }
  return [...found]
}

/** Whether what a group computes for `from` reads `target` from memory. */
const computedFrom = (group: Group, owner: ReadonlyMap<Expr, Group>, from: Expr, target: Expr): boolean => {
  const seen = new Set<Expr>([from])
  const stack = [from]
  for (let node = stack.pop(); node !== undefined; node = stack.pop())
    for (const arg of node.args) {
      const place = storageOf(arg)
      if (place === target) return true
      const inside = place.prim.lower.kind !== 'leaf' && (owner.get(place) ?? group) === group
      if (inside && !seen.has(place)) {
        seen.add(place)
        stack.push(place)
      }
    }
  return false
}

/**
 * Whether a store may overwrite `node`: each iteration reads only the element that it is about to write. Values are
 * computed before any is stored, but row stores come before the full stores of the row, which must not miss what was there.
 */
const mayOverwrite = (group: Group, owner: ReadonlyMap<Expr, Group>, store: StoredMember, node: Expr): boolean => {
  const later = store.scope === 'row' ? group.stores.filter((s) => s.scope === 'full') : []
  if (later.some((s) => computedFrom(group, owner, s.node, node))) return false
  const at = flatten(store.index, store.node.shape).key
  return [...group.reads].every(
    ([n, reads]) =>
      storageOf(n) !== node || reads.every((r) => r.kind === 'loop' && flatten(r.index, n.shape).key === at),
  )
}

/** Where a value is while the plan is made: in a numbered buffer, or for a while in some slot. */
type Place = { readonly buffer: number } | { readonly life: Life; readonly number: number }
const samePlace = (p: Place, q: Place): boolean =>
  'buffer' in p ? 'buffer' in q && p.buffer === q.buffer : 'life' in q && p.number === q.number

export const planMemory = (
  graph: Graph,
  fusion: Fusion,
  groups: readonly Group[],
  pairs: ReadonlyMap<Expr, Expr>,
): MemoryPlan => {
  const { owner } = fusion
  const buffers: ProgramBuffer[] = []
  const placeOf = new Map<Expr, Place>()
  const lives: Life[] = []
  const newBuffer = (source: ProgramBuffer['source'], bytes: number): Place => ({
    buffer: buffers.push({ source, bytes }) - 1,
  })
  graph.inputs.forEach((leaf, index) => placeOf.set(leaf, newBuffer({ kind: 'input', index }, bytesOf(leaf))))

  const lastUse = new Map<Expr, number>()
  groups.forEach((g, i) => {
    for (const node of touched(g, owner)) lastUse.set(node, i)
  })
  const results = graph.outputs.map(storageOf)
  const isResult = new Set(results)
  const paired = new Set(pairs.values())
  /** Donated inputs that no output takes: whoever reads them last may have their memory. */
  const spare = new Set(graph.inputs.filter((leaf, i) => graph.donated[i]! && !paired.has(leaf)))
  /** The input whose memory an output will take. */
  const replaced = new Map<Place, Expr>()

  const target = targets(graph, owner, groups, lastUse, (out) => {
    const donated = pairs.get(out)
    if (donated === undefined) return newBuffer({ kind: 'output' }, bytesOf(out))
    const place = placeOf.get(donated)!
    replaced.set(place, donated)
    return place
  })

  const before = new Map<Group, { readonly from: Place; readonly to: Place; readonly bytes: number }>()
  /** Values whose memory has been handed on to another value. */
  const handedOn = new Set<Expr>()

  groups.forEach((g, i) => {
    const reads = touched(g, owner)
    for (const leaf of reads)
      if (leaf.prim.lower.kind === 'leaf' && !placeOf.has(leaf))
        placeOf.set(leaf, newBuffer({ kind: 'constant', leaf }, bytesOf(leaf)))
    const dies = (node: Expr): boolean => lastUse.get(node) === i && !isResult.has(node) && !handedOn.has(node)
    const isScratch = (node: Expr): boolean => 'life' in placeOf.get(node)!
    /** A value's own scratch, until its last reader; results that end elsewhere are copied at the very end. */
    const scratch = (node: Expr): Place => {
      const life: Life = {
        bytes: bytesOf(node),
        start: i,
        end: isResult.has(node) ? groups.length : (lastUse.get(node) ?? i),
      }
      return { life, number: lives.push(life) - 1 }
    }
    const takeOver = (from: Expr, node: Expr): Place => {
      handedOn.add(from)
      const place = placeOf.get(from)!
      if ('life' in place) place.life.end = isResult.has(node) ? groups.length : (lastUse.get(node) ?? i)
      return place
    }
    const placeUpdate = (node: Expr): Place => {
      const operand = storageOf(node.args[0]!)
      const from = placeOf.get(operand)!
      const goal = target.get(node)
      const mine = isScratch(operand) || spare.has(operand) || (goal !== undefined && samePlace(from, goal))
      if (dies(operand) && mine) return takeOver(operand, node)
      const to = goal ?? scratch(node)
      before.set(g, { from, to, bytes: bytesOf(node) })
      return to
    }
    const placeStore = (stored: StoredMember): Place => {
      const { node } = stored
      const goal = target.get(node)
      if (goal !== undefined) {
        const old = replaced.get(goal)
        const readLater = old !== undefined && (lastUse.get(old) ?? -1) > i
        const readHere = old !== undefined && reads.includes(old) && !mayOverwrite(g, owner, stored, old)
        return readLater || readHere ? scratch(node) : goal
      }
      const reusable = reads.find(
        (r) =>
          isScratch(r) &&
          dies(r) &&
          r.dtype === node.dtype &&
          sizeOf(r.shape) === sizeOf(node.shape) &&
          mayOverwrite(g, owner, stored, r),
      )
      return reusable === undefined ? scratch(node) : takeOver(reusable, node)
    }
    for (const stored of g.stores)
      placeOf.set(stored.node, g.kind === 'update' ? placeUpdate(stored.node) : placeStore(stored))
  })

  const { sizes, slotOf } = shareSlots(lives)
  const slots = sizes.map((bytes) => buffers.push({ source: { kind: 'slot' }, bytes }) - 1)
  const resolve = (place: Place): number => ('buffer' in place ? place.buffer : slots[slotOf[place.number]!]!)

  // Results that did not end where they should, results that are leaves, and results asked for twice.
  const last: Copy[] = []
  const taken = new Set<number>()
  const outputs = results.map((out) => {
    if (!placeOf.has(out)) placeOf.set(out, newBuffer({ kind: 'constant', leaf: out }, bytesOf(out)))
    const from = resolve(placeOf.get(out)!)
    const goal = target.get(out)
    const want = goal !== undefined ? resolve(goal) : spare.has(out) ? from : null
    if (want === from && !taken.has(from)) {
      taken.add(from)
      return from
    }
    const free = want !== null && !taken.has(want)
    const to = free ? want : resolve(newBuffer({ kind: 'output' }, bytesOf(out)))
    taken.add(to)
    last.push({ from, to, bytes: bytesOf(out) })
    return to
  })
  return {
    buffers,
    bufferOf: new Map([...placeOf].map(([node, place]) => [node, resolve(place)] as const)),
    before: new Map(
      [...before].map(([g, c]) => [g, { from: resolve(c.from), to: resolve(c.to), bytes: c.bytes }] as const),
    ),
    // In any order: an input that is itself a result is never paired, so none of them reads what another writes.
    last,
    outputs,
  }
}

/** The place each result should end in; an update hands its own down to the operand that it may overwrite. */
const targets = (
  graph: Graph,
  owner: ReadonlyMap<Expr, Group>,
  groups: readonly Group[],
  lastUse: ReadonlyMap<Expr, number>,
  placeFor: (out: Expr) => Place,
): ReadonlyMap<Expr, Place> => {
  const target = new Map<Expr, Place>()
  for (const out of new Set(graph.outputs.map(storageOf))) if (owner.has(out)) target.set(out, placeFor(out))
  for (let i = groups.length - 1; i >= 0; i--) {
    const g = groups[i]!
    if (g.kind !== 'update') continue
    const out = g.stores[0]!.node
    const operand = storageOf(out.args[0]!)
    const end = target.get(out)
    if (end !== undefined && owner.has(operand) && !target.has(operand) && lastUse.get(operand) === i)
      target.set(operand, end)
  }
  return target
}

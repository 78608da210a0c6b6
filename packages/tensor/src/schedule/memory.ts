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

export interface Copy {
  readonly from: number
  readonly to: number
  readonly bytes: number
}
export interface MemoryPlan {
  readonly buffers: readonly ProgramBuffer[]
  readonly bufferOf: ReadonlyMap<Expr, number>
  /** Copies to make before a group's kernel (the operand of an update that lives on). */
  readonly before: ReadonlyMap<Group, readonly Copy[]>
  /** Copies to make at the end. */
  readonly last: readonly Copy[]
  readonly outputs: readonly number[]
}

export const bytesOf = (e: Expr): number => Math.max(1, sizeOf(e.shape)) * dtypes[e.dtype].bytes

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

export const planMemory = (
  graph: Graph,
  fusion: Fusion,
  groups: readonly Group[],
  pairs: ReadonlyMap<Expr, Expr>,
): MemoryPlan => {
  const { owner } = fusion
  const buffers: ProgramBuffer[] = []
  const bufferOf = new Map<Expr, number>()
  const add = (source: ProgramBuffer['source'], bytes: number): number => buffers.push({ source, bytes }) - 1
  graph.inputs.forEach((leaf, index) => bufferOf.set(leaf, add({ kind: 'input', index }, bytesOf(leaf))))

  const lastUse = new Map<Expr, number>()
  groups.forEach((g, i) => {
    for (const node of touched(g, owner)) lastUse.set(node, i)
  })
  const results = graph.outputs.map(storageOf)
  const isResult = new Set(results)
  const donatedInputs = new Set(graph.inputs.filter((_, i) => graph.donated[i]!))

  // The buffer a result should end in; an update hands its own down to the operand that it may overwrite.
  const target = new Map<Expr, number>()
  for (const out of isResult) {
    if (!owner.has(out)) continue
    const donated = pairs.get(out)
    target.set(out, donated === undefined ? add({ kind: 'output' }, bytesOf(out)) : bufferOf.get(donated)!)
  }
  for (let i = groups.length - 1; i >= 0; i--) {
    const g = groups[i]!
    if (g.kind !== 'update') continue
    const out = g.stores[0]!.node
    const operand = storageOf(out.args[0]!)
    const end = target.get(out)
    if (end !== undefined && owner.has(operand) && !target.has(operand) && lastUse.get(operand) === i)
      target.set(operand, end)
  }

  const slots: { bytes: number; readonly buffer: number }[] = []
  const free = new Set<number>()
  const slotOf = new Map<Expr, number>()
  const takeSlot = (bytes: number): number => {
    const byFit = [...free].sort((p, q) => slots[p]!.bytes - slots[q]!.bytes)
    const slot = byFit.find((s) => slots[s]!.bytes >= bytes) ?? byFit.at(-1)
    if (slot === undefined) {
      slots.push({ bytes, buffer: add({ kind: 'slot' }, bytes) })
      return slots.length - 1
    }
    free.delete(slot)
    slots[slot]!.bytes = Math.max(slots[slot]!.bytes, bytes)
    return slot
  }

  const before = new Map<Group, readonly Copy[]>()
  const last: Copy[] = []
  /** Values whose memory has been handed on to another value. */
  const handedOn = new Set<Expr>()

  groups.forEach((g, i) => {
    const reads = touched(g, owner)
    for (const leaf of reads)
      if (leaf.prim.lower.kind === 'leaf' && !bufferOf.has(leaf))
        bufferOf.set(leaf, add({ kind: 'constant', leaf }, bytesOf(leaf)))
    const dies = (node: Expr): boolean => lastUse.get(node) === i && !isResult.has(node) && !handedOn.has(node)
    for (const stored of g.stores) {
      const { node } = stored
      const goal = target.get(node)
      const place = (buffer: number, slot: number | undefined): void => {
        bufferOf.set(node, buffer)
        if (slot !== undefined) slotOf.set(node, slot)
      }
      const inSlot = (): void => {
        const slot = takeSlot(bytesOf(node))
        place(slots[slot]!.buffer, slot)
      }
      if (g.kind === 'update') {
        const operand = storageOf(node.args[0]!)
        const from = bufferOf.get(operand)!
        if (
          dies(operand) &&
          (slotOf.has(operand) ||
            from === goal ||
            (donatedInputs.has(operand) && ![...pairs.values()].includes(operand)))
        ) {
          handedOn.add(operand)
          place(from, slotOf.get(operand))
        } else {
          if (goal === undefined) inSlot()
          else place(goal, undefined)
          before.set(g, [{ from, to: bufferOf.get(node)!, bytes: bytesOf(node) }])
        }
        continue
      }
      if (goal !== undefined) {
        const old = graph.inputs.find((leaf) => bufferOf.get(leaf) === goal)
        const early =
          old !== undefined &&
          ((lastUse.get(old) ?? -1) > i || (reads.includes(old) && !mayOverwrite(g, owner, stored, old)))
        if (!early) place(goal, undefined)
        else inSlot()
        continue
      }
      const reusable = reads.find(
        (r) =>
          slotOf.has(r) &&
          dies(r) &&
          r.dtype === node.dtype &&
          sizeOf(r.shape) === sizeOf(node.shape) &&
          mayOverwrite(g, owner, stored, r),
      )
      if (reusable === undefined) inSlot()
      else {
        handedOn.add(reusable)
        place(bufferOf.get(reusable)!, slotOf.get(reusable))
      }
    }
    for (const node of [...reads, ...g.stores.map((s) => s.node)]) {
      const slot = slotOf.get(node)
      const over =
        (lastUse.get(node) ?? i) <= i &&
        !handedOn.has(node) &&
        (!isResult.has(node) || target.get(node) === bufferOf.get(node))
      if (slot !== undefined && over) free.add(slot)
    }
  })

  // Results that did not end where they should, results that are leaves, and results asked for twice.
  const taken = new Set<number>()
  const outputs = results.map((out) => {
    const at = bufferOf.get(out)
    const goal = target.get(out)
    const passed = goal === undefined && donatedInputs.has(out) && ![...pairs.values()].includes(out) ? at : undefined
    const want = goal ?? passed
    if (at !== undefined && want === at && !taken.has(at)) {
      taken.add(at)
      return at
    }
    const from = at ?? add({ kind: 'constant', leaf: out }, bytesOf(out))
    bufferOf.set(out, from)
    const to = want === undefined || taken.has(want) ? add({ kind: 'output' }, bytesOf(out)) : want
    taken.add(to)
    last.push({ from, to, bytes: bytesOf(out) })
    return to
  })
  for (const s of slots) buffers[s.buffer] = { source: { kind: 'slot' }, bytes: s.bytes }
  return { buffers, bufferOf, before, last: orderCopies(last), outputs }
}

/** A copy that reads a buffer comes before the one that overwrites it. */
const orderCopies = (copies: readonly Copy[]): readonly Copy[] => {
  const left = [...copies]
  const done: Copy[] = []
  while (left.length > 0) {
    const next = left.findIndex((c) => left.every((o) => o === c || o.from !== c.to))
    done.push(...left.splice(next === -1 ? 0 : next, 1))
  }
  return done
}

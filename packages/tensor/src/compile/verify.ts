/**
 * What must hold after each stage of scheduling, checked from the definition and not by the code that is checked: shapes and
 * dtypes are consistent; every kernel runs after those it reads; no step reads a buffer after another value was written to
 * it; nothing is written to an input that was not donated; every kernel keeps the rules of the loop IR (loops/verify.ts). On
 * in the tests, and under ADJOINT_VERIFY=1. `#verify` names this file where there is an environment to say so; a browser's bundle gets
 * unverified.ts in its place.
 */
import { verifyKernel } from '../loops/verify.ts'
import { StageError } from './fault.ts'
import { showAval } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { sameShape } from '../base/shape.ts'
import { describeSite } from '../base/site.ts'
import { ALIGNMENT } from './memory/arena.ts'
import { type Fusion, isUnwritten, startOf, storageOf } from './fuse/fuse.ts'
import type { Group } from './fuse/group.ts'
import { bytesOf } from '../base/aval.ts'
import { dtypes } from '../base/dtype.ts'
import { touched } from './memory/memory.ts'
import type { Computation } from '../graph/device.ts'
import type { Program, ProgramBuffer, Step } from '../loops/program.ts'

const environment = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env

export { verifyUnwritten } from './unwritten.ts'

/** Whether stages are to be verified. */
export const verifying = (): boolean => environment?.['ADJOINT_VERIFY'] === '1'

const show = (e: Expr): string => `${e.node.prim.name} -> ${showAval(e)} (${describeSite(e.node.site)})`

/** A rewriting of a graph keeps what is asked for, and each node is what its primitive makes of its operands. */
export const verifyExprs = (stage: string, before: readonly Expr[], after: readonly Expr[]): void => {
  const same = (x: Expr, y: { readonly shape: Expr['shape']; readonly dtype: Expr['dtype'] }): boolean =>
    sameShape(x.shape, y.shape) && x.dtype === y.dtype
  if (before.length !== after.length)
    throw new StageError(stage, `${after.length} results are left of ${before.length}`)
  before.forEach((x, i) => {
    if (!same(x, after[i]!)) throw new StageError(stage, `${show(x)} became ${show(after[i]!)}`)
  })
  for (const node of toposort(after)) {
    const made = node.prim.outs(node.args, node.params)
    node.outs.forEach((out, i) => {
      if (!same(out, made[i]!))
        throw new StageError(stage, `${show(out)} stands where its operands give ${showAval(made[i]!)}`)
      if (out.node !== node || out.index !== i) throw new StageError(stage, `${show(out)} belongs to another node`)
    })
  }
}

/** Every value that a group reads from memory is a leaf, or stored by a group that runs earlier. */
export const verifyGroups = ({ groups, owner }: Fusion, order: readonly Group[], outputs: readonly Expr[]): void => {
  const position = new Map(order.map((g, i) => [g, i]))
  if (position.size !== groups.length || !groups.every((g) => position.has(g)))
    throw new StageError('order', `${groups.length} kernels became ${order.length}`)
  order.forEach((g, i) => {
    for (const before of g.after) {
      if (!(position.get(before)! < i)) throw new StageError('order', `${show(g.stores[0]!.value)} runs too early`)
      if (!(before.height > g.height))
        throw new StageError('fuse', `${show(g.stores[0]!.value)} waits for a kernel that is not above it`)
    }
    for (const { value: e } of g.stores)
      if (owner.get(e) !== g) throw new StageError('fuse', `${show(e)} is stored by a kernel that does not own it`)
    for (const value of touched(g, owner)) {
      const writer = owner.get(value)
      if (writer !== undefined && !(position.get(writer)! < i))
        throw new StageError('order', `${show(g.stores[0]!.value)} reads ${show(value)} before it is stored`)
    }
  })
  for (const out of outputs.map(storageOf))
    if (out.node.prim.lower.kind !== 'leaf' && !owner.has(out))
      throw new StageError('fuse', `${show(out)} is not stored`)
}

/** What was planned, with the program's buffers behind it: of the whole, and of the body of each loop inside. */
export interface Level {
  readonly graph: Computation
  readonly fusion: Fusion
  readonly groups: readonly Group[]
  readonly bufferOf: ReadonlyMap<Expr, number>
  readonly bodies: ReadonlyMap<Group, Level>
  /** The buffers of the arena that are its own. */
  readonly own: ReadonlySet<number>
}

/** Plays a program through, noting which values each buffer holds. */
export const verifyProgram = (whole: Level, program: Program): void => {
  const { buffers } = program
  const fail = (what: string): never => {
    throw new StageError('memory', what)
  }
  const sharing = buffers.map((b, i) => buffers.flatMap((c, j) => (i !== j && overlap(b, c) ? [j] : [])))
  buffers.forEach(({ source, bytes }, i) => {
    if (source.kind !== 'slot') return
    const within = source.offset >= 0 && source.offset + bytes <= (program.slabs[source.slab] ?? 0)
    if (!within || source.offset % ALIGNMENT !== 0) fail(`buffer ${i} lies outside of its slab, or is not aligned`)
  })
  const forbidden = ({ source }: ProgramBuffer): string | null =>
    source.kind === 'input' && program.donated[source.index] !== true ? 'an input that was not donated' : null

  /** Plays the steps of a level, which may write where `mayWrite` says; `content` is what each buffer holds, before and after. */
  const play = (
    { fusion, groups, bufferOf, bodies }: Level,
    steps: readonly Step[],
    content: Content,
    mayWrite: (buffer: number) => boolean,
    written: Set<number>,
  ): void => {
    const { owner } = fusion
    const forget = (buffer: number): void => {
      written.add(buffer)
      content.delete(buffer)
      for (const other of sharing[buffer]!) content.delete(other)
    }
    const write = (buffer: number, value: Expr): void => {
      const { bytes } = buffers[buffer]!
      const wrong = forbidden(buffers[buffer]!)
      if (wrong !== null) fail(`${show(value)} is written to ${wrong}`)
      if (!mayWrite(buffer)) fail(`${show(value)} is written to buffer ${buffer}, which is not the loop's to change`)
      if (bytes < bytesOf(value)) fail(`${show(value)} does not fit into buffer ${buffer} of ${bytes} bytes`)
      forget(buffer)
      content.set(buffer, new Set([value]))
    }
    const demand = demandIn(content)
    const copy = ({ from, to, bytes }: Extract<Step, { readonly kind: 'copy' }>): void => {
      const values = content.get(from)
      const [value] = values ?? []
      if (values === undefined || value === undefined) return fail(`a copy reads buffer ${from}, which holds nothing`)
      if (from === to || sharing[from]!.includes(to)) fail(`${show(value)} is copied onto itself`)
      if (bytes > buffers[from]!.bytes || bytes > buffers[to]!.bytes)
        fail(`a copy of ${bytes} bytes reaches past a buffer`)
      write(to, value)
      content.set(to, new Set(values))
    }
    const kernel = (group: Group, { kernel, buffers: used }: Extract<Step, { readonly kind: 'kernel' }>): void => {
      const stored = group.stores.map((s) => s.value)
      const reader = show(stored[0]!)
      // An update finds its operand where it writes; whatever else it reads, and all that others read, is in its own place.
      const operands = new Set<Expr>()
      for (const value of stored) {
        const operand = startOf(value)
        if (operand === null) continue
        operands.add(operand)
        demand(bufferOf.get(value)!, operand, show(value))
      }
      for (const value of touched(group, owner)) {
        const readAsWell = [...group.reads].some(
          ([n, of]) => storageOf(n) === value && of.some((r) => r.kind !== 'order'),
        )
        if (!operands.has(value) || readAsWell) demand(bufferOf.get(value)!, value, reader)
      }
      const into = stored.map((value) => bufferOf.get(value)!)
      into.forEach((b, i) => {
        if (into.indexOf(b) !== i) fail(`${reader} stores two values in buffer ${b}`)
        for (const other of used)
          if (sharing[b]!.includes(other)) fail(`${reader} writes to buffer ${b}, which overlaps its buffer ${other}`)
      })
      kernel.buffers.forEach(({ dtype, size, write }, i) => {
        const { bytes } = buffers[used[i]!]!
        if (size * dtypes[dtype].bytes > bytes) fail(`${reader} reaches past buffer ${used[i]!} of ${bytes} bytes`)
        if (write !== into.includes(used[i]!)) fail(`${reader} hides what it writes`)
      })
      verifyKernel(kernel)
      stored.forEach((value, i) => write(into[i]!, value))
    }
    /** One round stands for all: it finds the operands and the carries in their places, and leaves them there. */
    const rounds = (group: Group, { flag, steps }: Extract<Step, { readonly kind: 'loop' }>): void => {
      const { node } = group.stores[0]!.value
      const what = show(node.outs[0]!)
      const body = bodies.get(group) ?? fail(`${what} has steps inside`)
      const operands = body.graph.donated.indexOf(true)
      const places = node.args.map((x, i) =>
        i < operands ? bufferOf.get(storageOf(x))! : bufferOf.get(node.outs[i - operands]!)!,
      )
      const carries = new Set(places.slice(operands))
      if (carries.size !== node.outs.length) fail(`two carries of ${what} have one buffer`)
      if (places.some((b, i) => i < operands && carries.has(b))) fail(`an operand of ${what} is a carry as well`)
      if (flag !== null && flag !== places.at(-1)) fail(`${what} asks another buffer whether it goes on`)
      for (const b of [...body.own, ...carries])
        for (const other of [...places, ...carries])
          if (sharing[b]!.includes(other)) fail(`buffer ${b} of ${what} overlaps its buffer ${other}`)
      node.args.forEach((x, i) => {
        if (i < operands || !isUnwritten(x)) demand(places[i]!, storageOf(x), what)
      })
      const inside: Content = new Map()
      body.graph.inputs.forEach((x, i) => inside.set(places[i]!, new Set([...(inside.get(places[i]!) ?? []), x])))
      const changed = new Set<number>()
      play(body, steps, inside, (b) => carries.has(b) || body.own.has(b), changed)
      const check = demandIn(inside)
      body.graph.inputs.forEach((x, i) => {
        const next = i < operands ? x : storageOf(body.graph.outputs[i - operands]!)
        check(places[i]!, next, `the next round of ${what}`)
      })
      changed.forEach(forget)
      for (const out of node.outs) write(bufferOf.get(out)!, out)
    }

    let next = 0
    for (const step of steps) {
      if (step.kind === 'copy') {
        copy(step)
        continue
      }
      const group = groups[next++]!
      if (step.kind === 'loop') rounds(group, step)
      else kernel(group, step)
    }
    if (next !== groups.length) fail(`${groups.length} kernels became ${next}`)
  }
  const demandIn =
    (content: Content) =>
    (buffer: number, value: Expr, reader: string): void => {
      const there = content.get(buffer)
      if (there?.has(value) === true) return
      const found = there === undefined ? 'nothing' : [...there].map(show).join(', ')
      fail(`${reader} reads ${show(value)} from buffer ${buffer}, which holds ${found}`)
    }

  const { graph, bufferOf } = whole
  const content: Content = new Map()
  graph.inputs.forEach((leaf) => content.set(bufferOf.get(leaf)!, new Set([leaf])))
  play(whole, program.steps, content, () => true, new Set())
  const demand = demandIn(content)
  const outputs = graph.outputs.map(storageOf)
  program.outputs.forEach(({ buffer }, i) => {
    demand(buffer, outputs[i]!, `result ${i}`)
    const { source } = buffers[buffer]!
    if (source.kind !== 'output' && source.kind !== 'input') fail(`result ${i} is in a ${source.kind}`)
    if (source.kind === 'input' && program.donated[source.index] !== true)
      fail(`result ${i} is in an input that was not donated`)
    if (program.outputs.findIndex((o) => o.buffer === buffer) !== i) fail(`result ${i} shares its buffer with another`)
  })
}

/** The values that a buffer holds: one, by several names where a loop is given the same twice. */
type Content = Map<number, ReadonlySet<Expr>>

const overlap = (p: ProgramBuffer, q: ProgramBuffer): boolean =>
  p.source.kind === 'slot' &&
  q.source.kind === 'slot' &&
  p.source.slab === q.source.slab &&
  p.source.offset < q.source.offset + q.bytes &&
  q.source.offset < p.source.offset + p.bytes

/**
 * What must hold after each stage of scheduling, checked from the definition and not by the code that is checked: shapes and
 * dtypes are consistent; every kernel runs after those it reads; no step reads a buffer after another value was written to
 * it; nothing is written to an input that was not donated; every kernel keeps the rules of the loop IR (loops/verify.ts). On
 * in the tests, and under ADJOINT_VERIFY=1.
 */
import { verifyKernel } from '../loops/verify.ts'
import { showAval } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { sameShape } from '../base/shape.ts'
import { describeSite } from '../base/site.ts'
import { ALIGNMENT } from './memory/arena.ts'
import { type Fusion, storageOf } from './fuse/fuse.ts'
import type { Group } from './fuse/group.ts'
import { bytesOf, touched } from './memory/memory.ts'
import type { Computation, Program, ProgramBuffer } from './program.ts'

const environment = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env

/** Whether stages are to be verified. */
export const verifying = (): boolean => environment?.['ADJOINT_VERIFY'] === '1'

/** A stage broke its contract: a fault of the framework, never of the program it was given. */
export class StageError extends Error {
  override readonly name = 'StageError'
  constructor(stage: string, what: string) {
    super(`after ${stage}: ${what}. This is a fault of the framework; please report the program that shows it.`)
  }
}

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
    for (const before of g.after)
      if (!(position.get(before)! < i)) throw new StageError('order', `${show(g.stores[0]!.value)} runs too early`)
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

export interface Planned {
  readonly graph: Computation
  readonly fusion: Fusion
  readonly groups: readonly Group[]
  readonly bufferOf: ReadonlyMap<Expr, number>
}

/** Plays a program through, noting which value each buffer holds. */
export const verifyProgram = ({ graph, fusion, groups, bufferOf }: Planned, program: Program): void => {
  const { owner } = fusion
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
  const content = new Map<number, Expr>()
  graph.inputs.forEach((leaf) => content.set(bufferOf.get(leaf)!, leaf))
  buffers.forEach(({ source }, i) => {
    if (source.kind === 'constant') content.set(i, source.leaf)
  })
  const write = (buffer: number, value: Expr): void => {
    const { source, bytes } = buffers[buffer]!
    const forbidden = source.kind === 'constant' || (source.kind === 'input' && program.donated[source.index] !== true)
    if (forbidden)
      fail(`${show(value)} is written to ${source.kind === 'input' ? 'an input that was not donated' : 'a constant'}`)
    if (bytes < bytesOf(value)) fail(`${show(value)} does not fit into buffer ${buffer} of ${bytes} bytes`)
    for (const other of sharing[buffer]!) content.delete(other)
    content.set(buffer, value)
  }
  const demand = (buffer: number, value: Expr, reader: string): void => {
    const there = content.get(buffer)
    if (there !== value)
      fail(
        `${reader} reads ${show(value)} from buffer ${buffer}, which holds ${there === undefined ? 'nothing' : show(there)}`,
      )
  }

  let next = 0
  for (const step of program.steps) {
    if (step.kind === 'copy') {
      const value = content.get(step.from)
      if (value === undefined) return fail(`a copy reads buffer ${step.from}, which holds nothing`)
      if (step.from === step.to || sharing[step.from]!.includes(step.to)) fail(`${show(value)} is copied onto itself`)
      if (step.bytes > buffers[step.from]!.bytes || step.bytes > buffers[step.to]!.bytes)
        fail(`a copy of ${step.bytes} bytes reaches past a buffer`)
      write(step.to, value)
      continue
    }
    const group = groups[next++]!
    const stored = group.stores.map((s) => s.value)
    const reader = show(stored[0]!)
    // An update finds its operand where it writes; whatever else it reads, and all that others read, is in its own place.
    const operand = group.kind === 'update' ? storageOf(stored[0]!.node.args[0]!) : null
    if (operand !== null) demand(bufferOf.get(stored[0]!)!, operand, reader)
    for (const value of touched(group, owner)) {
      const readAsWell = [...group.reads].some(
        ([n, of]) => storageOf(n) === value && of.some((r) => r.kind !== 'order'),
      )
      if (value !== operand || readAsWell) demand(bufferOf.get(value)!, value, reader)
    }
    const written = stored.map((value) => bufferOf.get(value)!)
    written.forEach((b, i) => {
      if (written.indexOf(b) !== i) fail(`${reader} stores two values in buffer ${b}`)
      for (const other of step.buffers)
        if (sharing[b]!.includes(other)) fail(`${reader} writes to buffer ${b}, which overlaps its buffer ${other}`)
    })
    step.kernel.buffers.forEach((used, i) => {
      const { bytes } = buffers[step.buffers[i]!]!
      if (used.size * 4 > bytes) fail(`${reader} reaches past buffer ${step.buffers[i]!} of ${bytes} bytes`)
      if (used.write !== written.includes(step.buffers[i]!)) fail(`${reader} hides what it writes`)
    })
    verifyKernel(step.kernel)
    stored.forEach((value, i) => write(written[i]!, value))
  }
  if (next !== groups.length) fail(`${groups.length} kernels became ${next}`)
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

const overlap = (p: ProgramBuffer, q: ProgramBuffer): boolean =>
  p.source.kind === 'slot' &&
  q.source.kind === 'slot' &&
  p.source.slab === q.source.slab &&
  p.source.offset < q.source.offset + q.bytes &&
  q.source.offset < p.source.offset + p.bytes

/**
 * A program on a device in linear memory. A call takes the outputs' blocks, runs the kernels in order over the device's arena, and hands
 * over: a donated input's block to the output that overwrote it, the others back to the heap. Between calls a program holds
 * nothing but its code.
 */
import * as E from '../../base/either.ts'
import type { Kernel } from '../../loops/kernel.ts'
import { kernelSteps, type Program, type Step } from '../../loops/program.ts'
import type { Executable, StepTimer, Storage } from '../../graph/device.ts'
import type { Blame } from '../blame.ts'
import { demandDistinct } from '../distinct.ts'
import type { Block } from './heap.ts'
import type { Callable, Host, ProgramHold } from './host.ts'
import type { CompiledKernel, Run, Walk } from './machine.ts'
import { placeScratch } from './scratch.ts'
import type { LinearStorage } from './storage.ts'

const DONATED = 'it was donated to a compiled call, which overwrote it'
const HALF_WAY = 'it was donated to a compiled call, which failed and may have overwritten a part of it'

/** Two buffers of a kernel that are one buffer of the program: what one writes, the other reads. */
const withAliases = (kernel: Kernel, buffers: readonly number[]): Kernel => {
  const twins = (i: number): readonly number[] => buffers.flatMap((b, j) => (b === buffers[i] ? [j] : []))
  if (buffers.every((_, i) => twins(i).length === 1)) return kernel
  return {
    ...kernel,
    buffers: kernel.buffers.map((b, i) => ({
      ...b,
      read: twins(i).some((j) => kernel.buffers[j]!.read),
      write: twins(i).some((j) => kernel.buffers[j]!.write),
    })),
  }
}

/** What a call does step by step, from the program's steps, and the functions of their kernels and the places of their scratch in order. */
const runsOf = (
  program: Program,
  functions: readonly (readonly CompiledKernel[])[],
  scratches: readonly number[],
): readonly (readonly Run[])[] => {
  let next = 0
  const run = (step: Step): readonly Run[] => {
    if (step.kind === 'copy') return step.bytes === 0 ? [] : [step]
    if (step.kind === 'loop') {
      const { trips, flag } = step
      return [{ kind: 'loop', trips, flag, runs: step.steps.flatMap(run) }]
    }
    const blame: Blame = { op: step.kernel.name, site: step.site }
    const { buffers } = step
    const scratch = scratches[next]!
    return functions[next++]!.filter(({ units }) => units > 0).map((kernel, i): Run => {
      const args = [0, kernel.units, ...buffers.map(() => 0), 0]
      return { kind: 'kernel', kernel, buffers, scratch, args, blame, counts: i === 0 ? 1 : 0 }
    })
  }
  return program.steps.map(run)
}

/** What the engine keeps of a step, in bytes, about. */
const STEP_BYTES = 2048

export const loadProgram = (host: Host, program: Program): Executable => {
  const { memory } = host
  const blameFor = (buffer: number): Blame => {
    for (const step of kernelSteps(program.steps))
      if (step.buffers.some((b, i) => b === buffer && step.kernel.buffers[i]!.write))
        return { op: step.kernel.name, site: step.site }
    return { op: 'a program', site: null }
  }
  const buffersOf = (kind: Program['buffers'][number]['source']['kind']): readonly number[] =>
    program.buffers.flatMap(({ source }, i) => (source.kind === kind ? [i] : []))
  const outputBuffers = buffersOf('output')
  const inputs = buffersOf('input').map((i) => ({ i, source: program.buffers[i]!.source }))
  const slots = buffersOf('slot').map((i) => ({ i, source: program.buffers[i]!.source }))

  const kernelsOf = kernelSteps(program.steps)
  const functions = host.kernels.of(kernelsOf.map((s) => withAliases(s.kernel, s.buffers)))
  // The functions of a kernel run one after another: they share its scratch.
  const needs = functions.map((some) => some.reduce((most, f) => Math.max(most, f.scratchBytes), 0))
  const scratch = placeScratch(program, needs)
  const runs = runsOf(program, functions, scratch.offsets)
  const callable: Callable = { walk: host.walk(runs.flat()) }
  let steps: readonly Walk[] | null = null
  const walkTimed = (starts: readonly number[], arena: number, timed: StepTimer): number => {
    steps ??= runs.map(host.walk)
    const ms: number[] = []
    const kernels = steps.reduce((sum, walk) => {
      const start = performance.now()
      const more = walk(starts, arena)
      ms.push(performance.now() - start)
      return sum + more
    }, 0)
    timed(() => Promise.resolve(E.right(ms)))
    return kernels
  }
  const hold: ProgramHold = { callable: new WeakRef(callable), need: scratch.bytes, released: null }
  /** Where each buffer is now; a call fills in its own. */
  const starts: number[] = program.buffers.map(() => 0)

  /** Blocks for the outputs, all or none. */
  const takeOutputs = (): Map<number, Block> => {
    const taken = new Map<number, Block>()
    try {
      for (const i of outputBuffers) taken.set(i, host.take(program.buffers[i]!.bytes, blameFor(i)))
    } catch (error) {
      taken.forEach(memory.give)
      throw error
    }
    return taken
  }
  const workspace = (): number => {
    const largest = slots.reduce(
      (most, { i }) => (program.buffers[i]!.bytes > (program.buffers[most]?.bytes ?? 0) ? i : most),
      -1,
    )
    return host.arena.at(hold.need, () => blameFor(largest))
  }

  /** The results, in the blocks that hold them; blocks that no result has go back to the heap. */
  const handOver = (storages: readonly LinearStorage[], outputs: Map<number, Block>): readonly Storage[] => {
    const donated = storages.map((s, i) => (program.donated[i] === true ? host.surrender(s, DONATED) : null))
    const results = program.outputs.map(({ buffer, aval }) => {
      const { source } = program.buffers[buffer]!
      const fresh = outputs.get(buffer)
      const parcel = source.kind === 'input' ? donated[source.index] : fresh === undefined ? null : host.load(fresh)
      if (parcel === null || parcel === undefined)
        throw new Error(`output of a program in a ${source.kind} that it may not keep`)
      if (source.kind === 'input') donated[source.index] = null
      outputs.delete(buffer)
      return host.hold(parcel, aval)
    })
    for (const parcel of donated) if (parcel !== null) host.free(parcel)
    outputs.forEach(memory.give)
    return results
  }

  const run = (given: readonly Storage[], timed?: StepTimer): readonly Storage[] => {
    if (hold.released !== null) throw new Error(`this program can no longer run: ${hold.released}`)
    if (given.length !== program.inputs.length)
      throw new Error(`a program of ${program.inputs.length} inputs was called with ${given.length}`)
    const storages = given.map(host.own)
    demandDistinct(program.donated, storages)
    const blocks = storages.map((s) => s.block())
    for (const { i, source } of inputs) if (source.kind === 'input') starts[i] = blocks[source.index]!.start
    const arena = workspace()
    for (const { i, source } of slots) if (source.kind === 'slot') starts[i] = arena + source.offset
    const outputs = takeOutputs()
    for (const [i, { start }] of outputs) starts[i] = start
    let kernels: number
    try {
      kernels = timed === undefined ? callable.walk(starts, arena) : walkTimed(starts, arena, timed)
    } catch (error) {
      // what has run has written to what was donated: nobody is to read that
      storages.forEach((s, i) => {
        if (program.donated[i] === true) host.free(host.surrender(s, HALF_WAY))
      })
      outputs.forEach(memory.give)
      throw error
    }
    host.count(kernels)
    return handOver(storages, outputs)
  }

  host.adopt(callable, hold)
  return {
    run,
    program,
    untimed: null,
    bytes: functions.flat().reduce((n, f) => n + f.bytes, 0) + STEP_BYTES * kernelsOf.length,
    release: () => host.giveUp(hold, 'it was released'),
  }
}

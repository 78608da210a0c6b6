/**
 * A program on a wasm device. Constants are taken when it is loaded, and the device's arena is made large enough; a call takes the outputs' blocks, runs the
 * kernels in order, and hands over: a donated input's block to the output that overwrote it, the others back to the heap.
 */
import type { Kernel } from '../../codegen/kernel.ts'
import type { Program } from '../../schedule/program.ts'
import { describeSite, type Site } from '../../site.ts'
import { type DeviceError, DeviceFailure, type Executable, type Storage } from '../device.ts'
import type { Block } from './heap.ts'
import type { KernelFunction, Kernels } from './kernels.ts'
import type { DeviceMemory } from './memory.ts'
import type { WasmStorage } from './storage.ts'

/** What programs need of their device. */
export interface Host {
  readonly memory: DeviceMemory
  readonly kernels: Kernels
  /** Address of working memory that kernels share, of the size that programs asked for. */
  readonly scratch: { readonly reserve: (bytes: number, blame: Blame) => void; readonly start: () => number }
  /** The same for what programs compute on the way: nothing in it outlives a call. */
  readonly arena: { readonly reserve: (bytes: number, blame: Blame) => void; readonly start: () => number }
  readonly own: (storage: Storage) => WasmStorage
  readonly hold: (block: Block, aval: Program['outputs'][number]['aval']) => WasmStorage
  readonly surrender: (storage: WasmStorage, why: string) => Block
  readonly take: (bytes: number, blame: Blame) => Block
  /** What a constant buffer holds: a fresh block, or the storage of a tensor that the program closes over. */
  readonly constant: (program: Program, buffer: number) => Block | WasmStorage
  /** Gives the blocks back once `owner` is collected. */
  readonly belongs: (owner: object, blocks: readonly Block[]) => void
  readonly count: (kernels: number) => void
}

/** The work that an error is about. */
export interface Blame {
  readonly op: string
  readonly site: Site | null
}
export const siteOf = ({ site }: Blame): string => (site === null ? '' : describeSite(site))

const DONATED = 'it was donated to a compiled call, which overwrote it'

type Run =
  | {
      readonly kind: 'kernel'
      readonly call: KernelFunction
      readonly buffers: readonly number[]
      readonly args: number[]
      readonly blame: Blame
    }
  | { readonly kind: 'copy'; readonly from: number; readonly to: number; readonly bytes: number }

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

const failure = (error: unknown, blame: Blame): DeviceFailure => {
  const why = error instanceof Error ? error.message : String(error)
  const site = siteOf(blame)
  const invalid: DeviceError = {
    _tag: 'Validation',
    message: `${blame.op}: ${why} (asked for at ${site})`,
    op: blame.op,
    site,
  }
  return new DeviceFailure(invalid)
}

export const loadProgram = (host: Host, program: Program): Executable => {
  const { memory } = host
  const blameFor = (buffer: number): Blame => {
    for (const step of program.steps)
      if (step.kind === 'kernel' && step.buffers.some((b, i) => b === buffer && step.kernel.buffers[i]!.write))
        return { op: step.kernel.name, site: step.site }
    return { op: 'a program', site: null }
  }

  const kernelSteps = program.steps.filter((s) => s.kind === 'kernel')
  const compiled = host.kernels.of(kernelSteps.map((s) => withAliases(s.kernel, s.buffers)))
  const ofStep = new Map(kernelSteps.map((s, i) => [s, compiled[i]!]))
  const runs: readonly Run[] = program.steps.flatMap((step): Run[] => {
    if (step.kind === 'copy') return step.bytes === 0 ? [] : [step]
    const blame: Blame = { op: step.kernel.name, site: step.site }
    return ofStep.get(step)!.flatMap(({ call, units, scratchBytes }): Run[] => {
      if (units === 0) return []
      host.scratch.reserve(scratchBytes, blame)
      const args = [0, units, ...step.buffers.map(() => 0), 0]
      return [{ kind: 'kernel', call, buffers: step.buffers, args, blame }]
    })
  })
  const kernels = kernelSteps.filter((s) => ofStep.get(s)!.some((f) => f.units > 0)).length

  host.arena.reserve(program.slabs[0] ?? 0, {
    op: 'a program',
    site: program.steps.flatMap((s) => (s.kind === 'kernel' ? [s.site] : []))[0] ?? null,
  })
  const owned: Block[] = []
  const closedOver: { readonly buffer: number; readonly storage: WasmStorage }[] = []
  /** Where each buffer is now; a call fills in its own. */
  const starts: number[] = program.buffers.map(({ source }, i) => {
    if (source.kind !== 'constant') return 0
    const held = host.constant(program, i)
    if ('aval' in held) {
      closedOver.push({ buffer: i, storage: held })
      return 0
    }
    owned.push(held)
    return held.start
  })
  const outputBuffers = program.buffers.flatMap(({ source, bytes }, i) =>
    source.kind === 'output' ? [{ i, bytes }] : [],
  )
  const slots = program.buffers.flatMap(({ source }, i) =>
    source.kind === 'slot' ? [{ i, offset: source.offset }] : [],
  )
  const inputBuffers = program.buffers.flatMap(({ source }, i) =>
    source.kind === 'input' ? [{ i, index: source.index }] : [],
  )

  /** Blocks for the outputs, all or none. */
  const takeOutputs = (): Map<number, Block> => {
    const taken = new Map<number, Block>()
    try {
      for (const { i, bytes } of outputBuffers) taken.set(i, host.take(bytes, blameFor(i)))
    } catch (error) {
      taken.forEach(memory.give)
      throw error
    }
    return taken
  }
  const demandDistinct = (storages: readonly WasmStorage[]): void => {
    storages.forEach((s, i) => {
      const uses = storages.filter((t) => t === s).length + closedOver.filter((c) => c.storage === s).length
      if (program.donated[i] === true && uses > 1)
        throw new Error(
          `argument ${i} is donated and is also another argument (or closed over) of the same call; pass a copy of it`,
        )
    })
  }

  const run = (inputs: readonly Storage[]): readonly Storage[] => {
    if (inputs.length !== program.inputs.length)
      throw new Error(`a program of ${program.inputs.length} inputs was called with ${inputs.length}`)
    const storages = inputs.map(host.own)
    if (program.donated.includes(true)) demandDistinct(storages)
    const blocks = storages.map((s) => s.block())
    for (const { buffer, storage } of closedOver) starts[buffer] = storage.block().start
    for (const { i, index } of inputBuffers) starts[i] = blocks[index]!.start
    const outputs = takeOutputs()
    for (const [i, { start }] of outputs) starts[i] = start

    const arena = host.arena.start()
    for (const { i, offset } of slots) starts[i] = arena + offset
    const scratch = host.scratch.start()
    for (const step of runs) {
      if (step.kind === 'copy') {
        memory.copy(starts[step.from]!, starts[step.to]!, step.bytes)
        continue
      }
      const { args, buffers } = step
      for (let b = 0; b < buffers.length; b++) args[2 + b] = starts[buffers[b]!]!
      args[args.length - 1] = scratch
      try {
        step.call(...args)
      } catch (error) {
        throw failure(error, step.blame)
      }
    }
    host.count(kernels)

    // The donated blocks that no output has go back to the heap, and so do outputs that nobody sees.
    const donated = storages.map((s, i) => (program.donated[i] === true ? host.surrender(s, DONATED) : null))
    const results = program.outputs.map(({ buffer, aval }) => {
      const { source } = program.buffers[buffer]!
      const block = source.kind === 'input' ? donated[source.index] : outputs.get(buffer)
      if (block === null || block === undefined)
        throw new Error(`output of a program in a ${source.kind} that it may not keep`)
      if (source.kind === 'input') donated[source.index] = null
      outputs.delete(buffer)
      return host.hold(block, aval)
    })
    for (const block of donated) if (block !== null) memory.give(block)
    outputs.forEach(memory.give)
    return results
  }
  const bytes = owned.reduce((n, b) => n + b.bytes, 0)
  let released = false
  const executable: Executable = {
    run: (inputs) => {
      if (released) throw new Error('this program was released, and cannot run')
      return run(inputs)
    },
    program,
    bytes,
    release: () => {
      released = true
      owned.splice(0).forEach(memory.give)
    },
  }
  host.belongs(executable, owned)
  return executable
}

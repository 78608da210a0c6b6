/**
 * A program on a WebGPU device. Everything a call needs that does not depend on its arguments is made once: pipelines,
 * scratch, constants, bind groups over those. A call fills in the arguments' buffers and encodes all steps into one
 * command buffer, submitted once.
 *
 * Results go where the caller finds them: a donated input keeps its buffer; a small result is computed in memory of the
 * program's own and copied at the end, so that bind groups stay the same whatever buffer the caller gets; a large one is
 * computed in the caller's buffer.
 */
import type { Tuning } from '../../codegen/wgsl/index.ts'
import type { Program, ProgramBuffer } from '../../schedule/program.ts'
import { type Device, DeviceFailure, type Executable, type Storage } from '../device.ts'
import { type Faults, invalid, type Outcome } from './faults.ts'
import type { Block, Memory } from './memory.ts'
import type { Pipelines } from './pipelines.ts'
import type { WorkQueue } from './queue.ts'
import { bindAll, blameOf, type Bound, culprit, encode, prepare, writerOf } from './steps.ts'
import { GpuStorage } from './storage.ts'

/** What programs need of their device. */
export interface Host {
  readonly device: Device
  readonly gpu: GPUDevice
  readonly faults: Faults
  readonly memory: Memory
  readonly pipelines: Pipelines
  readonly queue: WorkQueue
  readonly tuning: Tuning
  /** Counts a submission of so many kernels. */
  readonly count: (kernels: number) => void
  /** Throws where the device can no longer be used. */
  readonly demandUsable: () => void
  /** The storage as one of this device's, usable. */
  readonly own: (storage: Storage) => GpuStorage
  readonly hold: (storage: GpuStorage, block: Block) => GpuStorage
  /** Takes a storage's block out of the collector's hands. */
  readonly surrender: (storage: GpuStorage, why: string) => Block
  /** A block with the data of a leaf that a program closes over; or the storage that has it. */
  readonly constant: (buffer: ProgramBuffer) => Block | GpuStorage
  /** Returns `blocks` to the pool once `owner` is collected. */
  readonly belongs: (owner: object, blocks: readonly Block[]) => void
}

/** Results of at most so many bytes are copied out rather than computed in the caller's buffer. */
const COPIED = 1 << 16

/** Memory taken from the pool while something is put together, given back where that fails. */
const takeTogether = <T>(memory: Memory, program: Program, put: (take: (buffer: number) => Block) => T): T => {
  const taken: Block[] = []
  try {
    return put((buffer) => {
      const block = memory.take(program.buffers[buffer]!.bytes, () => writerOf(program, buffer))
      taken.push(block)
      return block
    })
  } catch (error) {
    taken.forEach(memory.give)
    throw error
  }
}

/** What stays the same from call to call, by program buffer; null where a call brings its own. */
interface Fixed {
  readonly blocks: readonly (Block | null)[]
  /** Blocks that belong to the program. */
  readonly owned: readonly Block[]
  /** Tensors in device memory that the program closes over. */
  readonly closedOver: readonly { readonly buffer: number; readonly storage: GpuStorage }[]
}

const fix = (host: Host, program: Program): Fixed =>
  takeTogether(host.memory, program, (take) => {
    const owned: Block[] = []
    const closedOver: { readonly buffer: number; readonly storage: GpuStorage }[] = []
    const keep = (block: Block): Block => {
      owned.push(block)
      return block
    }
    const blocks = program.buffers.map((b, i): Block | null => {
      switch (b.source.kind) {
        case 'slot':
          return keep(take(i))
        case 'output':
          return b.bytes <= COPIED ? keep(take(i)) : null
        case 'constant': {
          const held = host.constant(b)
          if (!(held instanceof GpuStorage)) return keep(held)
          closedOver.push({ buffer: i, storage: held })
          return null
        }
        case 'input':
          return null
      }
    })
    return { blocks, owned, closedOver }
  })

/** A result that is computed in the program's memory and copied into the caller's. */
interface Handover {
  readonly from: Block
  readonly to: Block
  readonly bytes: number
}
interface Placed {
  readonly blocks: readonly Block[]
  /** Where each result is. */
  readonly results: readonly Block[]
  readonly copies: readonly Handover[]
  readonly spare: readonly Block[]
}

export const loadProgram = (host: Host, program: Program): Executable => {
  const { gpu, faults, memory, pipelines, queue } = host
  host.demandUsable()
  const fixed = fix(host, program)
  const varying = fixed.blocks.flatMap((b, i) => (b === null ? [i] : []))
  const steps = prepare(program, pipelines, host.tuning)
  const kernels = steps.filter((s) => s.kind === 'dispatch').length
  const label = `program of ${kernels} kernels`

  let compiled = steps.every((s) => s.kind === 'copy' || s.pipeline.compiled !== null)
  /** Why the program cannot run at all. */
  const broken: Outcome = { error: null }
  const ready = compiled
    ? null
    : Promise.all(
        steps.map(async (s) => {
          if (s.kind === 'copy') return
          const why = await s.pipeline.ready
          if (why !== null) broken.error ??= faults.lost ?? invalid(blameOf(s), why)
        }),
      ).then(() => {
        compiled = true
      })

  let released = false

  // Bind groups of the last call, kept as long as the same buffers come.
  let bound: Bound | null = null
  let boundTo = ''
  const bind = (blocks: readonly Block[]): Bound => {
    const key = varying.map((i) => blocks[i]!.id).join(',')
    if (bound === null || key !== boundTo) bound = bindAll(steps, pipelines, blocks)
    boundTo = key
    return bound
  }

  const submit = (blocks: readonly Block[], copies: readonly Handover[], outcome: Outcome): void => {
    outcome.error ??= faults.lost ?? broken.error
    if (outcome.error !== null) return
    faults.during(
      outcome,
      () => culprit(gpu, faults, steps, bind(blocks), blocks),
      () => {
        const encoder = gpu.createCommandEncoder({ label })
        encode(encoder, steps, bind(blocks), blocks)
        for (const c of copies) encoder.copyBufferToBuffer(c.from.buffer, 0, c.to.buffer, 0, c.bytes)
        gpu.queue.submit([encoder.finish()])
      },
    )
    host.count(kernels)
  }

  const demandCallable = (storages: readonly GpuStorage[]): void => {
    const sources = [...storages, ...fixed.closedOver.map((c) => c.storage)]
    const failed = broken.error ?? sources.find((s) => s.origin.error !== null)?.origin.error ?? null
    if (failed !== null) throw new DeviceFailure(failed)
    if (new Set(sources).size === sources.length) return
    storages.forEach((s, i) => {
      if (program.donated[i] === true && sources.filter((t) => t === s).length > 1)
        throw new Error(
          `argument ${i} is donated and is also another argument (or closed over) of the same call; pass a copy of it`,
        )
    })
  }

  /** All memory of one call: by program buffer, what to copy to the caller's memory at the end, and what only this call needs. */
  const place = (storages: readonly GpuStorage[]): Placed =>
    takeTogether(memory, program, (take) => {
      const blocks = fixed.blocks.slice()
      for (const { buffer, storage } of fixed.closedOver) blocks[buffer] = storage.block()
      program.buffers.forEach((b, i) => {
        if (b.source.kind === 'input') blocks[i] = storages[b.source.index]!.block()
      })
      const copies: Handover[] = []
      const results = program.outputs.map(({ buffer }) => {
        const { source, bytes } = program.buffers[buffer]!
        const from = blocks[buffer] ?? null
        if (source.kind === 'input' && from !== null) return from
        const to = take(buffer)
        if (from === null) blocks[buffer] = to
        else copies.push({ from, to, bytes })
        return to
      })
      const spare: Block[] = []
      const full = blocks.map((b, i) => {
        if (b !== null) return b
        const unseen = take(i) // a large output that no result shows
        spare.push(unseen)
        return unseen
      })
      return { blocks: full, results, copies, spare }
    })

  const run = (inputs: readonly Storage[]): readonly Storage[] => {
    host.demandUsable()
    if (inputs.length !== program.inputs.length)
      throw new Error(`a program of ${program.inputs.length} inputs was called with ${inputs.length}`)
    const storages = inputs.map(host.own)
    demandCallable(storages)
    const { blocks, results, copies, spare } = place(storages)
    const outcome: Outcome = { error: null }
    const unused = new Set(spare)
    storages.forEach((s, i) => {
      if (program.donated[i] === true)
        unused.add(host.surrender(s, 'it was donated to a compiled call, which overwrote it'))
    })
    const made = program.outputs.map(({ aval }, i) => {
      const block = results[i]!
      unused.delete(block)
      return host.hold(new GpuStorage(host.device, aval, block, outcome), block)
    })
    queue.push(compiled ? null : ready, () => submit(blocks, copies, outcome))
    if (unused.size > 0) queue.push(null, () => unused.forEach(memory.give))
    return made
  }

  const owned = fixed.owned.slice()
  const executable: Executable = {
    run: (inputs) => {
      if (released) throw new Error('this program was released, and cannot run')
      return run(inputs)
    },
    program,
    bytes: owned.reduce((n, b) => n + b.bytes, 0),
    release: () => {
      released = true
      const blocks = owned.splice(0)
      queue.push(null, () => blocks.forEach(memory.give))
    },
  }
  host.belongs(executable, owned)
  return executable
}

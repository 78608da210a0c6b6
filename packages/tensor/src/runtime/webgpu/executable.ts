/**
 * A program on a WebGPU device. Everything a call needs that does not depend on its arguments is made once: pipelines,
 * scratch, constants, bind groups over those. A call fills in the arguments' buffers and encodes all steps into one
 * command buffer, submitted once.
 *
 * Results go where the caller finds them: a donated input keeps its buffer; a small result is computed in memory of the
 * program's own and copied at the end, so that bind groups stay the same whatever buffer the caller gets; a large one is
 * computed in the caller's buffer.
 */
import { type Kernel } from '../../codegen/kernel.ts'
import { printKernel, type Tuning } from '../../codegen/wgsl/index.ts'
import type { Program, ProgramBuffer } from '../../schedule/program.ts'
import { describeSite, type Site } from '../../site.ts'
import { type Device, DeviceFailure, type Executable, type Storage } from '../device.ts'
import { type Blame, type Faults, invalid, type Outcome } from './faults.ts'
import type { Block, Memory } from './memory.ts'
import type { Pipeline, Pipelines } from './pipelines.ts'
import type { WorkQueue } from './queue.ts'
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

interface Dispatch {
  readonly kind: 'dispatch'
  readonly kernel: Kernel
  readonly site: Site
  readonly pipeline: Pipeline
  readonly workgroups: readonly [number, number, number]
  readonly buffers: readonly number[]
}
interface Copy {
  readonly kind: 'copy'
  readonly from: number
  readonly to: number
  readonly bytes: number
}

const blameOf = ({ kernel, site }: Pick<Dispatch, 'kernel' | 'site'>): Blame => ({
  op: kernel.name,
  site: describeSite(site),
})

/** The work that writes each buffer of a program first: who is to blame where there is no memory for it. */
const writers = (program: Program): ((buffer: number) => Blame) => {
  const first = new Map<number, Blame>()
  return (buffer) => {
    const known = first.get(buffer)
    if (known !== undefined) return known
    for (const step of program.steps)
      if (step.kind === 'kernel' && step.buffers.some((b, i) => b === buffer && step.kernel.buffers[i]!.write))
        return blameOf(step)
    return { op: 'a program', site: '' }
  }
}

export const loadProgram = (host: Host, program: Program): Executable => {
  const { gpu, faults, memory, pipelines, queue } = host
  host.demandUsable()
  const blame = writers(program)
  const owned: Block[] = []
  const own = (buffer: number): Block => {
    const block = memory.take(program.buffers[buffer]!.bytes, () => blame(buffer))
    owned.push(block)
    return block
  }

  // What stays the same from call to call, by program buffer; null where a call brings its own.
  const closedOver: { readonly buffer: number; readonly storage: GpuStorage }[] = []
  const fixed = program.buffers.map((b, i): Block | null => {
    switch (b.source.kind) {
      case 'slot':
        return own(i)
      case 'output':
        return b.bytes <= COPIED ? own(i) : null
      case 'constant': {
        const held = host.constant(b)
        if (held instanceof GpuStorage) closedOver.push({ buffer: i, storage: held })
        else owned.push(held)
        return held instanceof GpuStorage ? null : held
      }
      case 'input':
        return null
    }
  })
  const varying = fixed.flatMap((b, i) => (b === null ? [i] : []))

  const steps: (Dispatch | Copy)[] = []
  for (const step of program.steps) {
    if (step.kind === 'copy') {
      steps.push(step)
      continue
    }
    const shader = printKernel(step.kernel, host.tuning)
    if (shader.workgroups.includes(0)) continue
    const pipeline = pipelines.of(step.kernel, shader)
    steps.push({ ...step, kind: 'dispatch', pipeline, workgroups: shader.workgroups })
  }
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

  // Bind groups of the last call, kept as long as the same buffers come.
  let groups: readonly (GPUBindGroup | null)[] = []
  let boundTo = ''
  const bindGroups = (blocks: readonly Block[]): readonly (GPUBindGroup | null)[] => {
    const key = varying.map((i) => blocks[i]!.id).join(',')
    if (groups.length === 0 || key !== boundTo) {
      groups = steps.map((s) =>
        s.kind === 'copy'
          ? null
          : pipelines.bind(
              s.pipeline,
              s.buffers.map((b) => blocks[b]!),
            ),
      )
      boundTo = key
    }
    return groups
  }

  const encode = (
    encoder: GPUCommandEncoder,
    some: readonly (Dispatch | Copy)[],
    bound: readonly (GPUBindGroup | null)[],
    blocks: readonly Block[],
  ): void => {
    let pass: GPUComputePassEncoder | null = null
    some.forEach((s, i) => {
      if (s.kind === 'copy') {
        pass?.end()
        pass = null
        encoder.copyBufferToBuffer(blocks[s.from]!.buffer, 0, blocks[s.to]!.buffer, 0, s.bytes)
        return
      }
      pass ??= encoder.beginComputePass()
      pass.setPipeline(s.pipeline.compiled!)
      pass.setBindGroup(0, bound[i])
      pass.dispatchWorkgroups(...s.workgroups)
    })
    ;(pass as GPUComputePassEncoder | null)?.end()
  }

  /** After a rejected submission: encodes each kernel alone to see which one is at fault. */
  const culprit = (blocks: readonly Block[]): Blame => {
    const bound = bindGroups(blocks)
    const guilty = steps.find((s, i) => {
      const alone: Outcome = { error: null }
      faults.during(
        alone,
        () => ({ op: '', site: '' }),
        () => {
          const encoder = gpu.createCommandEncoder()
          encode(encoder, [s], [bound[i]!], blocks)
          encoder.finish()
        },
      )
      return alone.error !== null
    })
    const dispatch = guilty?.kind === 'dispatch' ? guilty : steps.find((s) => s.kind === 'dispatch')
    return dispatch === undefined ? { op: label, site: '' } : blameOf(dispatch)
  }

  const submit = (
    blocks: readonly Block[],
    copies: readonly { readonly from: Block; readonly to: Block; readonly bytes: number }[],
    outcome: Outcome,
  ): void => {
    outcome.error ??= faults.lost ?? broken.error
    if (outcome.error !== null) return
    faults.during(
      outcome,
      () => culprit(blocks),
      () => {
        const encoder = gpu.createCommandEncoder({ label })
        encode(encoder, steps, bindGroups(blocks), blocks)
        for (const c of copies) encoder.copyBufferToBuffer(c.from.buffer, 0, c.to.buffer, 0, c.bytes)
        gpu.queue.submit([encoder.finish()])
      },
    )
    host.count(kernels)
  }

  const run = (inputs: readonly Storage[]): readonly Storage[] => {
    host.demandUsable()
    if (broken.error !== null) throw new DeviceFailure(broken.error)
    if (inputs.length !== program.inputs.length)
      throw new Error(`a program of ${program.inputs.length} inputs was called with ${inputs.length}`)
    const storages = inputs.map(host.own)
    const outcome: Outcome = { error: null }
    const blocks = fixed.slice()
    const sources = [...storages, ...closedOver.map((c) => c.storage)]
    for (const { origin } of sources) outcome.error ??= origin.error
    if (outcome.error !== null && storages.some((s) => s.origin.error !== null)) throw new DeviceFailure(outcome.error)
    storages.forEach((s, i) => {
      if (program.donated[i] === true && sources.filter((t) => t === s).length > 1)
        throw new Error(
          `argument ${i} is donated and is also another argument (or closed over) of the same call; pass a copy of it`,
        )
    })
    for (const { buffer, storage } of closedOver) blocks[buffer] = storage.block()
    program.buffers.forEach((b, i) => {
      if (b.source.kind === 'input') blocks[i] = storages[b.source.index]!.block()
    })
    const copies: { readonly from: Block; readonly to: Block; readonly bytes: number }[] = []
    const handedOut = program.outputs.map(({ buffer }) => {
      const { source, bytes } = program.buffers[buffer]!
      if (source.kind === 'input') return null
      const to = memory.take(bytes, () => blame(buffer))
      const from = blocks[buffer]
      if (from === null || from === undefined) blocks[buffer] = to
      else copies.push({ from, to, bytes })
      return to
    })
    // A large output that no result shows still needs memory while the program runs.
    const unseen = blocks.flatMap((b, i) =>
      b === null ? [{ i, block: memory.take(program.buffers[i]!.bytes, () => blame(i)) }] : [],
    )
    for (const { i, block } of unseen) blocks[i] = block
    const bound = blocks as readonly Block[]

    const donated = storages.map((s, i) =>
      program.donated[i] === true ? host.surrender(s, 'it was donated to a compiled call, which overwrote it') : null,
    )
    const results = program.outputs.map(({ buffer, aval }, i) => {
      const { source } = program.buffers[buffer]!
      const block = handedOut[i] ?? bound[buffer]!
      if (source.kind === 'input') donated[source.index] = null
      return host.hold(new GpuStorage(host.device, aval, block, outcome), block)
    })
    queue.push(compiled ? null : ready, () => submit(bound, copies, outcome))
    const spare = [...unseen.map((u) => u.block), ...donated.filter((b) => b !== null)]
    if (spare.length > 0) queue.push(null, () => spare.forEach(memory.give))
    return results
  }

  const executable: Executable = { run, program }
  host.belongs(executable, owned)
  return executable
}

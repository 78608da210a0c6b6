/**
 * A program on a WebGPU device. Everything a call needs that does not depend on its arguments is made once: pipelines,
 * and bind groups over the device's arena. A call fills in the arguments' buffers and encodes all steps
 * into one command buffer, submitted once (but for long loops, and those that a flag ends: see performance.ts). Results go where the caller finds them: a donated input keeps its buffer, a
 * small result is copied out of the arena, a large one is computed in the caller's buffer.
 */
import { demandDistinct } from '../distinct.ts'
import type { Tuning } from './printer/index.ts'
import { kernelSteps, type Program, type Step } from '../../loops/program.ts'
import { type Device, DeviceFailure, type Executable, type StepTimer, type Storage } from '../../graph/device.ts'
import { type Arena, type Claim, claimOf } from './arena.ts'
import { type BindGroups, type Range, whole } from './bindings.ts'
import { type Blame, type Faults, invalid, nobody, type Outcome, outOfMemory, thrown } from './faults.ts'
import { type Clock, type Reading, whenSubmitted } from './clock.ts'
import { costOf, type Flight } from './flight.ts'
import type { Block, Memory } from './memory.ts'
import type { Pipelines } from './pipelines.ts'
import { LONGEST, perform, type Performance, performTimed } from './performance.ts'
import { placesOf } from './places.ts'
import type { WorkQueue } from './queue.ts'
import { bindAll, type Bound, culprit, type Dispatch, gatesOf, prepare, type Prepared, writerOf } from './steps.ts'
import type { GpuStorage } from './storage.ts'
import { handOver } from './submission.ts'
import { createTape, MOST } from './tape.ts'
import type { GpuTuner } from './tuner.ts'
import { weigh } from './weight.ts'

/** What programs need of their device. */
export interface Host {
  readonly device: Device
  readonly gpu: GPUDevice
  readonly faults: Faults
  readonly memory: Memory
  readonly arena: Arena
  readonly pipelines: Pipelines
  readonly groups: BindGroups
  readonly queue: WorkQueue
  readonly clock: Clock
  readonly flight: Flight
  readonly tuning: Tuning
  readonly tuner: GpuTuner
  /** Counts a submission of so many kernels. */
  readonly count: (kernels: number) => void
  /** Throws where the device can no longer be used. */
  readonly demandUsable: () => void
  /** The storage as one of this device's, usable. */
  readonly own: (storage: Storage) => GpuStorage
  /** A tensor over the block, whose collection gives it back. */
  readonly hold: (aval: Program['outputs'][number]['aval'], block: Block, origin: Outcome) => GpuStorage
  /** Takes a storage's block out of the collector's hands. */
  readonly surrender: (storage: GpuStorage, why: string) => Block
  /** Calls `leave`, which must not hold `owner`, once that is collected, unless the token is taken back before. */
  readonly onceGone: (owner: object, leave: () => void, token: object) => void
  readonly forgetProgram: (token: object) => void
}

/** Runs `work` with memory from the pool, given back where it fails. */
const together = <T>(memory: Memory, work: (keep: (block: Block) => Block) => T): T => {
  const taken: Block[] = []
  try {
    return work((block) => {
      taken.push(block)
      return block
    })
  } catch (error) {
    taken.forEach(memory.give)
    throw error
  }
}

/** Steps that are under way at one time: a loop is handed over in parts. */
const workOf = (steps: readonly Step[]): number =>
  Math.min(
    2 * MOST,
    steps.reduce((sum, s) => {
      if (s.kind !== 'loop') return sum + 1
      return sum + workOf(s.steps) * Math.min(s.trips, LONGEST)
    }, 0),
  )

/** The memory of one call beside the arena. */
interface Placed {
  /** By buffer of the program; null in the arena. */
  readonly blocks: readonly (Block | null)[]
  /** Where each result is. */
  readonly results: readonly Block[]
  /** Results to copy out of the arena. */
  readonly copies: readonly { readonly from: number; readonly to: Block; readonly bytes: number }[]
  /** Needed by this call only. */
  readonly spare: readonly Block[]
}

export const loadProgram = (host: Host, program: Program): Executable => {
  const { gpu, faults, memory, queue } = host
  host.demandUsable()
  const { maxBufferSize, maxStorageBufferBindingSize } = gpu.limits
  const places = placesOf(program, maxBufferSize)
  const blameFor = (buffer: number): Blame => writerOf(program, (b) => b === buffer)
  const anyone = (): Blame => writerOf(program, () => true)
  const blameForSlab = (slab: number): Blame => writerOf(program, (b) => places.of[b]?.slab === slab)
  program.buffers.forEach(({ bytes }, i) => {
    if (places.of[i] !== null && bytes > maxStorageBufferBindingSize)
      throw new DeviceFailure(
        outOfMemory(
          bytes,
          blameFor(i),
          `one buffer of this adapter holds at most ${maxStorageBufferBindingSize} bytes`,
        ),
      )
  })
  const claim = claimOf(places.slabs)
  /** The words that say whether a loop goes on: a program's own. */
  const gates = together(memory, (keep) => gatesOf(program).map(() => keep(memory.take(4, () => nobody))))
  /** Buffers that are another block from call to call. */
  const varying = program.buffers.flatMap(({ source }, i) =>
    source.kind !== 'slot' && places.of[i] === null ? [i] : [],
  )
  const ofKernels = kernelSteps(program.steps)
  const cost = costOf(workOf(program.steps))
  const label = `program of ${ofKernels.length} kernels`
  const dots = ofKernels.flatMap(({ kernel }) => (kernel.kind === 'dot' ? [kernel] : []))
  /** What the tuner does not know yet of its products: until it does, nothing is printed. */
  const learning = host.tuner.learn(dots)
  const printed = (): Prepared => prepare(program, places, host.pipelines, host.tuning, host.tuner.choose)
  let prepared = learning === null ? printed() : null

  let compiled = prepared?.dispatches.every((d) => d.pipeline.compiled !== null) ?? false
  let released = false
  /** Why the program cannot run at all. */
  const broken: Outcome = { error: null }
  const ready = compiled
    ? null
    : (async (): Promise<void> => {
        try {
          await learning
          if (faults.lost === null) prepared ??= printed()
          await Promise.all(
            (prepared?.dispatches ?? []).map(async ({ pipeline, blame }) => {
              const why = await pipeline.ready
              if (why !== null) broken.error ??= faults.lost ?? invalid(blame(), why)
            }),
          )
        } catch (error) {
          // Printed too late to throw where it was loaded: each of its runs fails with this.
          broken.error ??= faults.lost ?? thrown(error, anyone())
        }
        compiled = true
      })()

  // Bind groups of the last call, kept as long as the same buffers come.
  let bound: Bound | null = null
  let boundBy = ''
  const boundTo = (dispatches: readonly Dispatch[], blocks: readonly (Block | null)[]): Bound => {
    const slabs = host.arena.slabs(claim, blameForSlab)
    const key = `${slabs.map((s) => s.id).join(',')}|${varying.map((i) => blocks[i]!.id).join(',')}`
    if (bound === null || key !== boundBy) {
      const ranges = program.buffers.map(({ bytes }, i): Range => {
        const place = places.of[i] ?? null
        return place === null ? whole(blocks[i]!) : { block: slabs[place.slab]!, offset: place.offset, bytes }
      })
      bound = bindAll(dispatches, host.groups, [...ranges, ...gates.map(whole)])
      boundBy = key
    }
    return bound
  }

  const submit = (
    placed: Placed,
    outcome: Outcome,
    causes: readonly Outcome[],
    taken: ((reading: Reading) => void) | null,
  ): Promise<void> | null => {
    host.flight.launch(cost)
    outcome.error ??= faults.lost ?? broken.error
    for (const cause of causes) outcome.error ??= cause.error
    if (outcome.error !== null || prepared === null) return null
    const { blocks, copies } = placed
    const { parts, dispatches } = prepared
    const bind = (to: readonly (Block | null)[]): Bound => boundTo(dispatches, to)
    const blame = (): Blame => culprit(gpu, faults, dispatches, bind(blocks))
    const made: { bound?: Bound } = {}
    faults.during(outcome, blame, () => (made.bound = bind(blocks)))
    if (made.bound === undefined) return null
    const now = made.bound
    const tape = createTape(gpu, label, now, host.count)
    const whole = function* (): Performance {
      if (taken === null) yield* perform(parts.flat(), tape)
      else {
        yield* performTimed(parts, tape, host.clock)
        tape.write((encoder) => taken(host.clock.take(parts.length, encoder, blame)))
      }
      tape.write((encoder) => {
        for (const { from, to, bytes } of copies) {
          const { block, offset } = now.ranges[from]!
          encoder.copyBufferToBuffer(block.buffer, offset, to.buffer, 0, bytes)
        }
      })
    }
    return handOver(host, whole(), tape, now, outcome, blame)
  }

  const demandCallable = (storages: readonly GpuStorage[]): void => {
    if (released) throw new Error(`a ${label} was called after it was released`)
    const failed = broken.error ?? storages.find((s) => s.failure() !== null)?.failure() ?? null
    if (failed !== null) throw new DeviceFailure(failed)
    demandDistinct(program.donated, storages)
  }

  /** All memory of one call: the arena is made large enough, and so that it fails here where there is none. */
  const place = (storages: readonly GpuStorage[]): Placed =>
    together(memory, (keep) => {
      host.arena.slabs(claim, blameForSlab)
      const take = (buffer: number): Block => keep(memory.take(program.buffers[buffer]!.bytes, () => blameFor(buffer)))
      const blocks = program.buffers.map(({ source }): Block | null =>
        source.kind === 'input' ? storages[source.index]!.block() : null,
      )
      const copies: { readonly from: number; readonly to: Block; readonly bytes: number }[] = []
      const results = program.outputs.map(({ buffer }) => {
        const { source, bytes } = program.buffers[buffer]!
        const there = blocks[buffer] ?? null
        if (source.kind === 'input' && there !== null) return there
        const to = take(buffer)
        if (places.of[buffer] === null) blocks[buffer] = to
        else copies.push({ from: buffer, to, bytes })
        return to
      })
      const spare = varying.flatMap((i) => {
        if (blocks[i] !== null) return []
        const unseen = take(i) // a large output that no result shows
        blocks[i] = unseen
        return [unseen]
      })
      host.flight.board(cost, anyone)
      return { blocks, results, copies, spare }
    })

  const run = (inputs: readonly Storage[], timed?: StepTimer): readonly Storage[] => {
    host.demandUsable()
    if (inputs.length !== program.inputs.length)
      throw new Error(`a program of ${program.inputs.length} inputs was called with ${inputs.length}`)
    const storages = inputs.map(host.own)
    demandCallable(storages)
    const placed = place(storages)
    const outcome: Outcome = { error: null }
    const unused = new Set(placed.spare)
    storages.forEach((s, i) => {
      if (program.donated[i] === true)
        unused.add(host.surrender(s, 'it was donated to a compiled call, which overwrote it'))
    })
    const made = program.outputs.map(({ aval }, i) => {
      const block = placed.results[i]!
      unused.delete(block)
      return host.hold(aval, block, outcome)
    })
    // What the arguments' own work comes to is known only when the queue gets here.
    const causes = storages.map((s) => s.origin)
    let work = (): Promise<void> | null => submit(placed, outcome, causes, null)
    if (timed !== undefined) {
      const times = whenSubmitted(faults, outcome, (taken) => submit(placed, outcome, causes, taken))
      work = times.submit
      timed(() => times.read)
    }
    queue.push(compiled ? null : ready, work)
    unused.forEach(memory.give)
    return made
  }

  /** In turn: what is being timed before it marks what this would replace. */
  const untimed = (): Promise<string | null> =>
    new Promise((resolve) =>
      queue.push(null, () => {
        const told = host.clock.ready(program.steps.length)
        void told.then(resolve)
        return told
      }),
    )

  const bytes = gates.reduce((n, b) => n + b.bytes, 0)
  const leave = leaving(host, claim, gates)
  const token = {}
  const release = (): void => {
    if (released) return
    released = true
    host.forgetProgram(token)
    leave()
  }
  const executable: Executable = { run, program, untimed, bytes, release }
  host.onceGone(executable, leave, token)
  return weigh(executable, bytes)
}

/** Gives up what a program holds, after what was called before. Made here, where it cannot keep the program alive. */
const leaving =
  ({ queue, memory, arena }: Host, claim: Claim, owned: readonly Block[]) =>
  (): void =>
    queue.push(null, () => {
      owned.forEach(memory.give)
      arena.end(claim)
    })

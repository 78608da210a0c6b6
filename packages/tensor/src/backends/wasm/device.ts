/**
 * The wasm device: programs as WebAssembly SIMD in this process, over one memory. It needs nothing, is made at once, and
 * runs each call to its end before it returns.
 */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showAval } from '../../base/errors.ts'
import type { Aval } from '../../graph/expr.ts'
import type { Capabilities } from '../../compile/capabilities.ts'
import type { Program } from '../../loops/program.ts'
import { schedule } from '../../compile/schedule.ts'
import { putDown, takeOn } from '../engine/ballast.ts'
import { bytesOf } from '../../base/aval.ts'
import { type Device, type DeviceError, DeviceFailure, type Executable, type Storage } from '../../graph/device.ts'
import { sayUncollected } from '../engine/turns.ts'
import { createArena } from '../linear/arena.ts'
import { loadProgram } from '../linear/executable.ts'
import type { Block } from '../linear/heap.ts'
import { type Blame, type Host, type ProgramHold, siteOf } from '../linear/host.ts'
import { createKernels } from './kernels.ts'
import { createMemory } from './memory.ts'
import { type Hold, type Parcel, WasmStorage } from '../linear/storage.ts'

export interface WasmOptions {
  /** Most pages of 64 KiB that the device's memory may have; 65,536 (4 GiB) unless said otherwise. */
  readonly maximumPages?: number
}

export interface WasmDevice extends Device {
  readonly kind: 'wasm'
  readonly capabilities: Capabilities
  /** Compiles a program that is already scheduled. */
  readonly load: (program: Program) => Executable
}

const capabilities: Capabilities = {
  orderedStores: true,
  longestRow: Infinity,
  lanes: 1,
  bindings: 64,
  reproducible: true,
  slab: Infinity,
  templates: new Set(),
  skips: true,
}

const outOfMemory = (bytes: number, blame: Blame): DeviceFailure => {
  const site = siteOf(blame)
  const at = site === '' ? '' : ` (asked for at ${site})`
  return new DeviceFailure({
    _tag: 'OutOfMemory',
    message: `${blame.op}${at}: no room for ${bytes} bytes in the wasm device's memory of at most 4 GiB.${sayUncollected()} Use smaller batches, donate state, or drop tensors that are no longer needed.`,
    bytes,
    op: blame.op,
    site,
  })
}

const DESTROYED: DeviceError = {
  _tag: 'DeviceLost',
  message:
    'the wasm device is lost: it was destroyed. Tensors that lived on it are gone; request a new device and upload them again.',
}

/**
 * Opens a device on WebAssembly SIMD.
 *
 * @example
 * ```ts
 * import { wasmDevice } from '@adjoint/tensor'
 * console.log(wasmDevice().kind) // wasm
 * ```
 */
export const wasmDevice = ({ maximumPages }: WasmOptions = {}): WasmDevice => {
  const memory = createMemory(maximumPages)
  const compiled = createKernels(memory.memory)
  const living = new Set<ProgramHold>()
  let lost: DeviceError | null = null
  let kernels = 0
  let submits = 0

  const demandUsable = (): void => {
    if (lost !== null) throw new DeviceFailure(lost)
  }
  const free = ({ block, laden }: Parcel): void => {
    putDown(laden.load, laden.ballast)
    memory.give(block)
  }
  const collected = new FinalizationRegistry<Hold>((hold) => {
    if (hold.held !== null) free({ block: hold.held.block, laden: { load: hold.held.load, ballast: null } })
    hold.held = null
  })
  const take = (bytes: number, blame: Blame): Block => {
    demandUsable()
    const block = memory.take(bytes)
    if (block === null) throw outOfMemory(bytes, blame)
    return block
  }
  const arena = createArena(take, memory.give)
  const giveUp = (hold: ProgramHold, why: string): void => {
    if (hold.released !== null) return
    hold.released = why
    const callable = hold.callable.deref()
    if (callable !== undefined) callable.runs = []
    arena.disclaim(hold.need)
    living.delete(hold)
  }
  const programs = new FinalizationRegistry<ProgramHold>((hold) => giveUp(hold, 'it was collected'))

  const load = (block: Block): Parcel => ({ block, laden: takeOn(block.bytes) })
  const hold = (parcel: Parcel, { shape, dtype }: Aval): WasmStorage => {
    const storage = new WasmStorage(device, { shape, dtype }, parcel)
    collected.register(storage, storage.hold, storage)
    return storage
  }
  const own = (storage: Storage): WasmStorage => {
    if (storage instanceof WasmStorage && storage.device === device) return storage
    throw new Error(`this tensor lives on another device (${storage.device.label}); read it there and pass the array`)
  }
  const host: Host = {
    memory,
    kernels: compiled,
    arena,
    take,
    load,
    free,
    hold,
    own,
    surrender: (storage, why) => {
      collected.unregister(storage)
      return storage.surrender(why)
    },
    adopt: (callable, hold) => {
      living.add(hold)
      arena.claim(hold.need)
      programs.register(callable, hold)
    },
    giveUp,
    count: (n) => {
      kernels += n
      submits++
    },
  }
  const device: WasmDevice = {
    kind: 'wasm',
    label: 'WebAssembly SIMD',
    capabilities,
    compile: (graph) => device.load(schedule(capabilities)(graph)),
    load: (program) => {
      demandUsable()
      return loadProgram(host, program)
    },
    upload: (data, aval) => {
      const block = take(bytesOf(aval), { op: `upload of ${showAval(aval)}`, site: null })
      memory.write(block, data)
      return hold(load(block), aval)
    },
    download: (storage) =>
      TE.tryCatch(
        () => {
          const mine = own(storage)
          return Promise.resolve(memory.read(mine.block(), mine.aval))
        },
        (cause): DeviceError =>
          lost ?? {
            _tag: 'Validation',
            message: cause instanceof Error ? cause.message : String(cause),
            op: `read of ${showAval(storage.aval)}`,
            site: '',
          },
      ),
    release: (storage) => {
      const mine = own(storage)
      if (mine.gone() === null) free(host.surrender(mine, 'it was released'))
    },
    pace: () => Promise.resolve(), // work is done when it is handed over
    stats: () => ({
      liveBytes: memory.live(),
      peakBytes: memory.peak(),
      kernels,
      submits,
      created: memory.fresh() + compiled.made(),
      pipelines: compiled.made(),
    }),
    lost: () => lost,
    destroy: () => {
      lost ??= DESTROYED
      for (const program of [...living]) giveUp(program, 'its device was destroyed')
      compiled.clear()
      memory.giveUp()
      return Promise.resolve()
    },
  }
  return device
}

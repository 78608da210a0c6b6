/**
 * The wasm device: programs as WebAssembly SIMD in this process, over one memory. It needs nothing, is made at once, and
 * runs each call to its end before it returns.
 */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showAval } from '../../errors.ts'
import type { Aval } from '../../expr.ts'
import type { Capabilities, Program } from '../../schedule/program.ts'
import { schedule } from '../../schedule/schedule.ts'
import { type Device, type DeviceError, DeviceFailure, type Executable, type Storage } from '../device.ts'
import { hostDataOf, storageOfTensor } from '../storages.ts'
import { type Blame, type Host, loadProgram, siteOf } from './executable.ts'
import { createCollection } from './collection.ts'
import type { Block } from './heap.ts'
import { createKernels } from './kernels.ts'
import { bytesOf, createMemory } from './memory.ts'
import { type Hold, WasmStorage } from './storage.ts'

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

const capabilities: Capabilities = { orderedStores: true, longestRow: Infinity, lanes: 1, bindings: 64, slab: Infinity }

const outOfMemory = (bytes: number, blame: Blame): DeviceFailure => {
  const site = siteOf(blame)
  const at = site === '' ? '' : ` (asked for at ${site})`
  return new DeviceFailure({
    _tag: 'OutOfMemory',
    message: `${blame.op}${at}: no room for ${bytes} bytes in the wasm device's memory of at most 4 GiB. Use smaller batches, donate state, or release tensors that are no longer needed (unreachable ones are freed while a read is awaited, not in between).`,
    bytes,
    op: blame.op,
    site,
  })
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
  const collection = createCollection()
  let kernels = 0
  let submits = 0

  const collected = new FinalizationRegistry<Hold>((hold) => {
    if (hold.block !== null) memory.give(hold.block)
    hold.block = null
  })
  const programs = new FinalizationRegistry<readonly Block[]>((blocks) => blocks.forEach(memory.give))

  const take = (bytes: number, blame: Blame): Block => {
    const block = memory.take(bytes)
    if (block === null) throw outOfMemory(bytes, blame)
    collection.took(bytes)
    return block
  }
  /** Working memory of all programs, as large as the largest need: what is in it means nothing between calls. */
  const shared = (): Host['arena'] => {
    let block: Block | null = null
    return {
      reserve: (bytes, blame) => {
        if (bytes === 0 || (block !== null && block.bytes >= bytes)) return
        if (block !== null) memory.give(block)
        block = null
        block = take(bytes, blame)
      },
      start: () => block?.start ?? 0,
    }
  }
  const hold = (block: Block, { shape, dtype }: Aval): WasmStorage => {
    const storage = new WasmStorage(device, { shape, dtype }, block)
    collected.register(storage, storage.hold, storage)
    return storage
  }
  const own = (storage: Storage): WasmStorage => {
    if (storage instanceof WasmStorage && storage.device === device) return storage
    throw new Error(`this tensor lives on another device (${storage.device.label}); read it there and pass the array`)
  }
  const surrender = (storage: WasmStorage, why: string): Block => {
    collected.unregister(storage)
    return storage.surrender(why)
  }
  const host: Host = {
    memory,
    kernels: compiled,
    scratch: shared(),
    arena: shared(),
    own,
    hold,
    surrender,
    take,
    constant: (program, buffer) => {
      const { source, bytes } = program.buffers[buffer]!
      if (source.kind !== 'constant') throw new Error(`a program's ${source.kind} was asked for as a constant`)
      const data = hostDataOf(source.leaf)
      if (data !== null) {
        const block = take(bytes, { op: `upload of ${showAval(source.leaf)}`, site: source.leaf.site })
        memory.write(block, data)
        return block
      }
      const storage = storageOfTensor(source.leaf)
      if (storage === null)
        throw new Error(`a program closes over a ${source.leaf.prim.name}, which has no value of its own`)
      return own(storage)
    },
    belongs: (owner, blocks) => {
      if (blocks.length > 0) programs.register(owner, blocks)
    },
    count: (n) => {
      kernels += n
      submits++
    },
  }
  const device: WasmDevice = {
    kind: 'wasm',
    label: 'WebAssembly SIMD',
    capabilities,
    compile: (graph) => loadProgram(host, schedule(capabilities)(graph)),
    load: (program) => loadProgram(host, program),
    upload: (data, aval) => {
      const block = take(bytesOf(aval), { op: `upload of ${showAval(aval)}`, site: null })
      memory.write(block, data)
      return hold(block, aval)
    },
    download: (storage) =>
      TE.tryCatch(
        async () => {
          const mine = own(storage)
          const data = memory.read(mine.block(), mine.aval)
          await collection.breathe()
          return data
        },
        (cause): DeviceError => ({
          _tag: 'Validation',
          message: cause instanceof Error ? cause.message : String(cause),
          op: `read of ${showAval(storage.aval)}`,
          site: '',
        }),
      ),
    release: (storage) => {
      const mine = own(storage)
      if (mine.gone() === null) memory.give(surrender(mine, 'it was released'))
    },
    stats: () => ({
      liveBytes: memory.live(),
      peakBytes: memory.peak(),
      kernels,
      submits,
      created: memory.fresh() + compiled.made(),
      pipelines: compiled.made(),
    }),
    destroy: () => Promise.resolve(),
  }
  return device
}

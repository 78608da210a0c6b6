/**
 * The WebGPU device: programs as compute passes. Runs on any adapter, in Node through Dawn and in browsers; whether the
 * adapter is hardware can be asked first (`probeWebgpu`), since a software one is slower than the wasm device.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { hardwareTuning, softwareTuning, type Tuning } from '../../codegen/wgsl/index.ts'
import { type DType, dtypes, type HostArray } from '../../dtype.ts'
import { showAval } from '../../errors.ts'
import type { Aval, Expr } from '../../expr.ts'
import { schedule } from '../../schedule/schedule.ts'
import type { Capabilities, Program, ProgramBuffer } from '../../schedule/program.ts'
import { sizeOf } from '../../shape.ts'
import { describeSite } from '../../site.ts'
import { type Device, type DeviceError, DeviceFailure, type Executable, type Storage } from '../device.ts'
import { hostDataOf, storageOfTensor } from '../storages.ts'
import { type Host, loadProgram } from './executable.ts'
import { invalid, lost, type Outcome, watch } from './faults.ts'
import { findGpu, MAP_READ, patiently } from './gpu.ts'
import { type Block, memory } from './memory.ts'
import { pipelines } from './pipelines.ts'
import { workQueue } from './queue.ts'
import { GpuStorage } from './storage.ts'

/** How to open a WebGPU device. */
export interface WebgpuOptions {
  /** Which adapter to prefer where there are several. */
  readonly powerPreference?: GPUPowerPreference
  /** Options for Dawn in Node, as `enable-dawn-features=...` (a browser has none). */
  readonly dawn?: readonly string[]
  /** Shapes of generated kernels; chosen by the adapter where absent. */
  readonly tuning?: Tuning
}

/** What an adapter says of itself. */
export interface AdapterReport {
  readonly label: string
  /** False for an adapter that runs on the CPU (lavapipe, SwiftShader, WARP). */
  readonly hardware: boolean
}

/** A WebGPU device, with what only this kind can do. */
export interface WebgpuDevice extends Device {
  readonly kind: 'webgpu'
  readonly hardware: boolean
  readonly capabilities: Capabilities
  /** Shapes of the kernels it generates. */
  readonly tuning: Tuning
  /** Compiles a program that is already scheduled. */
  readonly load: (program: Program) => Executable
}

const report = (adapter: GPUAdapter): AdapterReport => {
  const { vendor, architecture, description, device } = adapter.info
  const words = [vendor, architecture, device, description].filter((w) => w !== '').join(' ')
  const software =
    /llvmpipe|lavapipe|swiftshader|software|warp|basic render/i.test(words) || adapter.info.isFallbackAdapter
  return { label: (description || words || 'unnamed adapter').trim(), hardware: !software }
}

const noDevice = (why: string): DeviceError => ({
  _tag: 'NoDevice',
  message: `no WebGPU device: ${why}. In Node, scripts/setup-vulkan.sh installs a software driver; the wasm device needs none.`,
})
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const findAdapter = async ({ dawn = [], powerPreference = 'high-performance' }: WebgpuOptions): Promise<GPUAdapter> => {
  const gpu = await findGpu(dawn)
  const adapter = await patiently(() => gpu.requestAdapter({ powerPreference }))
  if (adapter === null) throw new Error('no adapter was found')
  return adapter
}

/** The adapter a device would get, without making one; null where there is none. */
export const probeWebgpu = async (options: WebgpuOptions = {}): Promise<AdapterReport | null> => {
  try {
    return report(await findAdapter(options))
  } catch {
    return null
  }
}

/** Storage buffers a kernel may bind: enough for an optimizer's update, and offered by nearly every adapter. */
const MOST_BINDINGS = 16

/**
 * Opens a WebGPU device, software adapters included. Left NoDevice where there is no adapter, or none that yields a device.
 *
 * @example
 * ```ts
 * import { isRight } from 'fp-ts/lib/Either.js'
 * import { webgpuDevice } from '@adjoint/tensor'
 * const opened = await webgpuDevice()()
 * console.log(isRight(opened) ? opened.right.label : opened.left.message)
 * ```
 */
export const webgpuDevice =
  (options: WebgpuOptions = {}): TaskEither<DeviceError, WebgpuDevice> =>
  async () => {
    try {
      const adapter = await findAdapter(options)
      const { limits } = adapter
      const gpu = await patiently(() =>
        adapter.requestDevice({
          requiredFeatures: adapter.features.has('subgroups') ? ['subgroups'] : [],
          requiredLimits: {
            maxBufferSize: limits.maxBufferSize,
            maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
            maxStorageBuffersPerShaderStage: Math.min(MOST_BINDINGS, limits.maxStorageBuffersPerShaderStage),
            maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
            maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
            maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
          },
        }),
      )
      const found = report(adapter)
      const tuning = options.tuning ?? (found.hardware ? hardwareTuning : withShuffles(softwareTuning, adapter))
      return E.right(deviceOver(gpu, found, tuning))
    } catch (error) {
      return E.left(noDevice(reason(error)))
    }
  }

/** Lanes that share a row talk by shuffles where every workgroup of some size is one subgroup: no barriers, no memory. */
const withShuffles = (tuning: Tuning, { features, info }: GPUAdapter): Tuning =>
  features.has('subgroups') && info.subgroupMinSize === info.subgroupMaxSize
    ? { ...tuning, subgroup: info.subgroupMinSize ?? 0 }
    : tuning

/** Elements as the device stores them: four bytes each, a bool as a u32. */
const toDevice = (data: HostArray, dtype: DType): HostArray => (dtype === 'bool' ? Uint32Array.from(data) : data)
const fromDevice = (bytes: ArrayBuffer, { dtype, shape }: Aval): HostArray => {
  const n = sizeOf(shape)
  const host = dtypes[dtype].allocate(n)
  host.set(
    dtype === 'f32'
      ? new Float32Array(bytes, 0, n)
      : dtype === 'i32'
        ? new Int32Array(bytes, 0, n)
        : new Uint32Array(bytes, 0, n),
  )
  return host
}
const bytesOf = (aval: Aval): number => Math.max(1, sizeOf(aval.shape)) * dtypes[aval.dtype].bytes

const deviceOver = (gpu: GPUDevice, { label, hardware }: AdapterReport, tuning: Tuning): WebgpuDevice => {
  const faults = watch(gpu)
  const heap = memory(gpu, faults)
  const shared = pipelines(gpu)
  const queue = workQueue()
  let kernels = 0
  let submits = 0

  const capabilities: Capabilities = {
    orderedStores: false,
    longestRow: 1 << 14,
    lanes: hardware ? 4096 : 512,
    bindings: gpu.limits.maxStorageBuffersPerShaderStage,
    slab: Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize),
  }
  const collected = new FinalizationRegistry<readonly Block[]>((blocks) =>
    queue.push(null, () => blocks.forEach(heap.give)),
  )
  const demandUsable = (): void => {
    if (faults.lost !== null) throw new DeviceFailure(faults.lost)
  }
  const own = (storage: Storage): GpuStorage => {
    if (storage instanceof GpuStorage && storage.device === device) return storage
    throw new Error(`this tensor lives on another device (${storage.device.label}); read it there and pass the array`)
  }
  const hold = (storage: GpuStorage, block: Block): GpuStorage => {
    collected.register(storage, [block], storage)
    return storage
  }
  const surrender = (storage: GpuStorage, why: string): Block => {
    const block = storage.surrender(why)
    collected.unregister(storage)
    return block
  }

  const write = (data: HostArray, aval: Aval, op: string, site: string, outcome: Outcome): Block => {
    const blame = { op: `${op} of ${showAval(aval)}`, site }
    const block = heap.take(bytesOf(aval), () => blame)
    const elements = toDevice(data, aval.dtype)
    // Dawn takes no view of shared memory.
    const plain = elements.buffer instanceof ArrayBuffer ? elements : elements.slice()
    faults.during(
      outcome,
      () => blame,
      () => gpu.queue.writeBuffer(block.buffer, 0, plain),
    )
    return block
  }
  const constant = ({ source }: ProgramBuffer): Block | GpuStorage => {
    if (source.kind !== 'constant') throw new Error(`a program's ${source.kind} was asked for as a constant`)
    const leaf: Expr = source.leaf
    const data = hostDataOf(leaf)
    if (data !== null) {
      const outcome: Outcome = { error: null }
      const block = write(data, leaf, 'upload', describeSite(leaf.site), outcome)
      if (outcome.error !== null) throw new DeviceFailure(outcome.error)
      return block
    }
    const storage = storageOfTensor(leaf)
    if (storage === null) throw new Error(`a program closes over a ${leaf.prim.name}, which has no value of its own`)
    return own(storage)
  }

  /** Copies a storage into mapped memory and out of it. */
  const readBack = async ({ aval, origin }: GpuStorage, block: Block): Promise<E.Either<DeviceError, HostArray>> => {
    const blame = { op: `read of ${showAval(aval)}`, site: '' }
    const bytes = bytesOf(aval)
    const failed = faults.lost ?? origin.error
    if (failed !== null) return E.left(failed)
    const staging = heap.takeStaging(bytes)
    const outcome: Outcome = { error: null }
    try {
      faults.during(
        outcome,
        () => blame,
        () => {
          const encoder = gpu.createCommandEncoder({ label: blame.op })
          encoder.copyBufferToBuffer(block.buffer, 0, staging.buffer, 0, bytes)
          gpu.queue.submit([encoder.finish()])
        },
      )
      await patiently(() => staging.buffer.mapAsync(MAP_READ, 0, bytes))
      const late = outcome.error ?? origin.error ?? faults.take()
      const host = fromDevice(staging.buffer.getMappedRange(0, bytes), aval)
      staging.buffer.unmap()
      heap.giveStaging(staging)
      return late === null ? E.right(host) : E.left(late)
    } catch (error) {
      return E.left(faults.lost ?? outcome.error ?? faults.take() ?? invalid(blame, reason(error)))
    }
  }

  const device: WebgpuDevice = {
    kind: 'webgpu',
    label,
    hardware,
    capabilities,
    tuning,
    compile: (graph) => loadProgram(host, schedule(capabilities)(graph)),
    load: (program) => loadProgram(host, program),
    upload: (data, aval) => {
      demandUsable()
      const origin: Outcome = { error: null }
      const block = write(data, aval, 'upload', '', origin)
      return hold(new GpuStorage(device, { shape: aval.shape, dtype: aval.dtype }, block, origin), block)
    },
    download: (storage) => () =>
      new Promise((resolve) => {
        if (faults.lost !== null) resolve(E.left(faults.lost))
        else {
          const mine = own(storage)
          const gone = mine.gone()
          if (gone !== null) resolve(E.left(invalid({ op: `read of ${showAval(mine.aval)}`, site: '' }, gone)))
          else {
            const block = mine.block() // now: the tensor may be released or donated before the queue gets here
            queue.push(null, () => resolve(readBack(mine, block)))
          }
        }
      }),
    release: (storage) => {
      const mine = own(storage)
      if (mine.gone() !== null) return
      const block = surrender(mine, 'it was released')
      queue.push(null, () => heap.give(block))
    },
    stats: () => {
      const made = shared.made()
      return {
        liveBytes: heap.live(),
        peakBytes: heap.peak(),
        kernels,
        submits,
        created: heap.made() + made.bindGroups + made.pipelines,
        pipelines: made.pipelines,
      }
    },
    lost: () => faults.lost,
    destroy: () => {
      faults.lost ??= lost('it was destroyed')
      gpu.destroy()
      return Promise.resolve()
    },
  }
  const host: Host = {
    device,
    gpu,
    faults,
    memory: heap,
    pipelines: shared,
    queue,
    tuning,
    count: (n) => {
      kernels += n
      submits++
    },
    demandUsable,
    own,
    hold,
    surrender,
    constant,
    belongs: (owner, blocks) => collected.register(owner, blocks),
  }
  return device
}

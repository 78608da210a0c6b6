/**
 * The WebGPU device: programs as compute passes. Runs on any adapter, in Node through Dawn and in browsers; whether the
 * adapter is hardware can be asked first (`probeWebgpu`), since a software one is slower than the wasm device.
 */
import { keptWinners } from '#winners'
import * as E from '../../base/either.ts'
import {
  dotChoices,
  hardwareTuning,
  printDot,
  shuffledTuning,
  softwareTuning,
  templateNames,
  type Tuning,
} from './printer/index.ts'
import { showAval } from '../../base/errors.ts'
import type { Capabilities } from '../../compile/capabilities.ts'
import { schedule } from '../../compile/schedule.ts'
import { type Load, putDown } from '../engine/ballast.ts'
import { tuneSetting } from '../engine/switch.ts'
import { untuned } from '../tuner/candidate.ts'
import { type DeviceError, DeviceFailure, type Storage } from '../../graph/device.ts'
import { deviceOf, findAdapter, report } from './adapter.ts'
import { arena } from './arena.ts'
import { bindGroups } from './bindings.ts'
import { createBudget, defaultBudget } from './budget.ts'
import { type Host, loadProgram } from './executable.ts'
import { invalid, lost, nobody, type Outcome, reason, thrown, watch } from './faults.ts'
import type { AdapterReport, WebgpuDevice, WebgpuOptions } from './face.ts'
import { createClock } from './clock.ts'
import { createFlight } from './flight.ts'
import { openMatrices } from './matrices.ts'
import { type Block, memory } from './memory.ts'
import { pipelines } from './pipelines.ts'
import { workQueue } from './queue.ts'
import { GpuStorage } from './storage.ts'
import { createTransfer } from './transfer.ts'
import { type GpuTuner, gpuTuner } from './tuner.ts'

const noDevice = (why: string): DeviceError => ({
  _tag: 'NoDevice',
  message: `no WebGPU device: ${why}. In Node it takes the package webgpu (npm i webgpu) and a Vulkan driver (a software one is mesa-vulkan-drivers of Debian); the wasm device needs neither.`,
})

/** Opens a WebGPU device, with the printers and queues of its own. */
export const openWebgpu = async (options: WebgpuOptions): Promise<E.Either<DeviceError, WebgpuDevice>> => {
  const tune = tuneSetting(options.tune)
  if (E.isLeft(tune)) return E.left({ _tag: 'NoDevice', message: `no WebGPU device: ${tune.left}` })
  try {
    const plain = await findAdapter(options)
    const found = report(plain)
    // A CPU gains nothing by them; who gives a tuning says by it whether to look.
    const looked = options.tuning === undefined ? found.hardware : (options.tuning.matrices ?? null) !== null
    const opened = looked ? await openMatrices(plain, options, options.tuning?.matrices ?? null) : null
    if (looked && options.tuning !== undefined && opened === null)
      return E.left(noDevice('its tuning has subgroup matrices, and the adapter has none; give `matrices: null`'))
    const gpu = opened?.gpu ?? (await deviceOf(plain, false))
    const own = found.hardware ? hardwareTuning : softwareTuningOf(plain)
    const tuning = { ...(options.tuning ?? own), matrices: opened?.matrices ?? null }
    return E.right(deviceOver(gpu, found, tuning, options.memory ?? defaultBudget(found.hardware), tune.right))
  } catch (error) {
    return E.left(noDevice(reason(error)))
  }
}

/** Lanes talk by shuffles where every workgroup of some size is one subgroup: no barriers, no memory. */
const softwareTuningOf = ({ features, info: { subgroupMinSize = 0, subgroupMaxSize } }: GPUAdapter): Tuning =>
  features.has('subgroups') && subgroupMinSize > 0 && subgroupMinSize === subgroupMaxSize
    ? shuffledTuning(subgroupMinSize)
    : softwareTuning

/** What a tensor's finalizer knows: never the tensor, nor its ballast. */
interface Remains {
  readonly block: Block
  readonly load: Load | null
}

const deviceOver = (
  gpu: GPUDevice,
  { label, hardware }: AdapterReport,
  tuning: Tuning,
  allowed: number,
  tune: boolean,
): WebgpuDevice => {
  let ended = false
  /** Nothing waits for a device that is lost, and nothing of it is kept. */
  const end = (): void => {
    if (ended) return
    ended = true
    queue.flush()
    flight.close()
    groups.clear()
    shared.clear()
    clock.close()
    trials.close()
    heap.close()
  }
  const faults = watch(gpu, end)
  const budget = createBudget(allowed)
  const groups = bindGroups(gpu)
  const inTurn = (work: () => void): void => queue.push(null, work)
  const heap = memory(gpu, faults, budget, inTurn, groups.forget)
  const slabs = arena(heap)
  const shared = pipelines(gpu)
  const flight = createFlight(gpu, faults, budget, heap, inTurn)
  const queue = workQueue((error) => faults.report(thrown(error, nobody)))
  const clock = createClock(gpu, faults, heap)
  /** The tuner's own: it measures while a call that is timed may wait. */
  const trials = createClock(gpu, faults, heap)
  const transfer = createTransfer(gpu, faults, heap, flight, queue)
  const tuner: GpuTuner = tune
    ? gpuTuner({
        ...{ gpu, memory: heap, pipelines: shared, groups, clock: trials },
        candidates: (kernel) => dotChoices(kernel, tuning),
        print: (kernel, choice) => printDot(kernel, tuning, choice),
        winners: keptWinners(`WebGPU, ${label}`),
      })
    : { ...untuned, learn: () => null }
  let kernels = 0
  let submits = 0

  const capabilities: Capabilities = {
    orderedStores: false,
    longestRow: 1 << 14,
    dotRows: null,
    // 128 tiles of 32 x 32, about as many as a large GPU has processors; a part is as long as a block of the sum (printer/dot.ts), and worth a second kernel.
    dotParts: hardware ? { results: 1 << 17, terms: 512 } : null,
    lanes: hardware ? 4096 : 512,
    terms: 1024,
    bindings: gpu.limits.maxStorageBuffersPerShaderStage,
    reproducible: !hardware,
    slab: Math.floor(gpu.limits.maxBufferSize / 256) * 256,
    templates: templateNames,
    skips: false,
  }
  const collected = new FinalizationRegistry<Remains>(({ block, load }) => {
    if (load !== null) putDown(load, null)
    heap.give(block)
  })
  const programs = new FinalizationRegistry<() => void>((leave) => leave())
  const demandUsable = (): void => {
    if (faults.lost !== null) throw new DeviceFailure(faults.lost)
  }
  const own = (storage: Storage): GpuStorage => {
    if (storage instanceof GpuStorage && storage.device === device) return storage
    throw new Error(`this tensor lives on another device (${storage.device.label}); read it there and pass the array`)
  }
  const hold: Host['hold'] = ({ shape, dtype }, block, origin) => {
    const storage = new GpuStorage(device, { shape, dtype }, block, origin)
    collected.register(storage, { block, load: storage.load() }, storage)
    return storage
  }
  const surrender = (storage: GpuStorage, why: string): Block => {
    const block = storage.surrender(why)
    collected.unregister(storage)
    return block
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
      return hold(aval, transfer.write(data, aval, '', origin), origin)
    },
    download: (storage) => () => {
      if (faults.lost !== null) return Promise.resolve(E.left(faults.lost))
      const mine = own(storage)
      const gone = mine.gone()
      const op = `read of ${showAval(mine.aval)}`
      if (gone !== null) return Promise.resolve(E.left(invalid({ op, site: '' }, gone)))
      const block = mine.block() // now: the tensor may be released or donated before the queue gets here
      return new Promise((resolve) =>
        queue.push(null, () => resolve(transfer.read(mine.aval, block, () => mine.failure()))),
      )
    },
    release: (storage) => {
      const mine = own(storage)
      if (mine.gone() !== null) return
      heap.give(surrender(mine, 'it was released'))
    },
    pace: flight.pace,
    stats: () => ({
      liveBytes: heap.live(),
      peakBytes: heap.peak(),
      kernels,
      submits,
      created: heap.made() + groups.made() + shared.made() + clock.made() + trials.made(),
      pipelines: shared.made(),
    }),
    measured: tuner.measured,
    lost: () => faults.lost,
    destroy: () => {
      faults.lost ??= lost('it was destroyed')
      end()
      gpu.destroy()
      return Promise.resolve()
    },
  }
  const host: Host = {
    device,
    gpu,
    faults,
    memory: heap,
    arena: slabs,
    pipelines: shared,
    groups,
    queue,
    clock,
    flight,
    tuning,
    tuner,
    count: (n) => {
      kernels += n
      submits++
    },
    demandUsable,
    own,
    hold,
    surrender,
    onceGone: (owner, leave, token) => programs.register(owner, leave, token),
    forgetProgram: (token) => void programs.unregister(token),
  }
  return device
}

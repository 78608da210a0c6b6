/**
 * Buffers of the device, kept in a pool by size class. A freed buffer is used again for the next request of its class,
 * the oldest first, so that a loop which repeats itself meets the same buffers and its bind groups fit.
 */
import { DeviceFailure } from '../device.ts'
import { collectorHints } from './collector.ts'
import { type Blame, type Faults, outOfMemory } from './faults.ts'
import { patiently, usage } from './gpu.ts'

export interface Block {
  /** Never used twice, so that a bind group's key names its buffers. */
  readonly id: number
  readonly buffer: GPUBuffer
  readonly bytes: number
}

export interface Memory {
  /** Throws DeviceFailure where no buffer can be that large. Contents are arbitrary. */
  readonly take: (bytes: number, blame: () => Blame) => Block
  readonly give: (block: Block) => void
  /** Buffers for reading back. */
  readonly takeStaging: (bytes: number) => Block
  readonly giveStaging: (block: Block) => void
  readonly live: () => number
  readonly peak: () => number
  /** Buffers made. */
  readonly made: () => number
}

const SMALLEST = 256
/** Eight classes an octave: at most an eighth is wasted. */
const sizeClass = (bytes: number, limit: number): number => {
  const step = Math.max(SMALLEST, 2 ** (Math.floor(Math.log2(Math.max(1, bytes))) - 3))
  return Math.max(bytes, Math.min(limit, Math.ceil(bytes / step) * step))
}

/** Free memory worth keeping whatever is in use. */
const KEEP = 64 * 2 ** 20

export const memory = (gpu: GPUDevice, faults: Faults): Memory => {
  const limit = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize)
  const free = new Map<number, Block[]>()
  const staging: Block[] = []
  const hint = collectorHints()
  let ids = 0
  let live = 0
  let peak = 0
  let idle = 0

  const make = (bytes: number, flags: number, label: string): Block => ({
    id: ids++,
    buffer: gpu.createBuffer({ size: bytes, usage: flags, label }),
    bytes,
  })

  const fresh = (bytes: number, blame: () => Blame): Block => {
    hint(bytes)
    gpu.pushErrorScope('out-of-memory')
    gpu.pushErrorScope('validation')
    const block = make(bytes, usage.storage | usage.copyFrom | usage.copyTo, `memory ${ids}`)
    for (let i = 0; i < 2; i++)
      patiently(() => gpu.popErrorScope()).then(
        (error) => {
          if (error !== null) faults.report(outOfMemory(bytes, blame(), error.message))
        },
        () => undefined, // the device is lost, which every later call tells
      )
    return block
  }

  return {
    take: (bytes, blame) => {
      if (bytes > limit)
        throw new DeviceFailure(outOfMemory(bytes, blame(), `one buffer of this adapter holds at most ${limit} bytes`))
      const size = sizeClass(bytes, limit)
      const block = free.get(size)?.shift()
      if (block !== undefined) idle -= size
      live += size
      peak = Math.max(peak, live)
      return block ?? fresh(size, blame)
    },
    give: (block) => {
      live -= block.bytes
      if (idle + block.bytes > live + KEEP) {
        block.buffer.destroy()
        return
      }
      idle += block.bytes
      const list = free.get(block.bytes)
      if (list === undefined) free.set(block.bytes, [block])
      else {
        const i = list.findIndex((b) => b.id > block.id)
        list.splice(i < 0 ? list.length : i, 0, block)
      }
    },
    takeStaging: (bytes) => {
      const size = sizeClass(bytes, Infinity)
      const i = staging.findIndex((b) => b.bytes === size)
      return i < 0 ? make(size, usage.mapRead | usage.copyTo, 'staging') : staging.splice(i, 1)[0]!
    },
    giveStaging: (block) => void staging.push(block),
    live: () => live,
    peak: () => peak,
    made: () => ids,
  }
}

/**
 * Buffers of the device, kept in a pool by size class. A freed buffer is used again for the next request of its class,
 * the oldest first, so that a loop which repeats itself meets the same buffers and its bind groups fit. What is free is
 * kept as long as it was needed lately: beside what is in use, no more than the most that was.
 */
import { type Laden, putDown } from '../engine/ballast.ts'
import { DeviceFailure } from '../../graph/device.ts'
import { type Budget, OBJECT_BYTES, overBudget } from './budget.ts'
import { type Blame, type Faults, invalid, type Outcome, outOfMemory, reason } from './faults.ts'
import { fromBrowser, patiently, usage } from './gpu.ts'

export interface Block {
  /** Never used twice, so that a bind group's key names its buffers. */
  readonly id: number
  readonly buffer: GPUBuffer
  readonly bytes: number
  /** Why there is no such memory after all, where the device says so late. */
  readonly fault: Outcome
  /** The ballast of the tensor that gave the block up, for the next that takes it. */
  laden: Laden | null
}

export interface Memory {
  /** Throws DeviceFailure where there is no memory. Contents are arbitrary. */
  readonly take: (bytes: number, blame: () => Blame) => Block
  readonly give: (block: Block) => void
  /** A buffer of just this size, outside the pool. */
  readonly make: (bytes: number, blame: () => Blame) => Block
  readonly discard: (block: Block) => void
  /**
   * Buffers for reading back, whatever the budget: reading is what makes room. Those that failed to be mapped are discarded.
   */
  readonly takeStaging: (bytes: number, blame: () => Blame) => Block
  readonly giveStaging: (block: Block) => void
  readonly discardStaging: (block: Block) => void
  /** Whether so many bytes fit beside what there is; what is free goes first. */
  readonly makeRoom: (bytes: number) => boolean
  /** Bytes in use, and the most that ever were. */
  readonly live: () => number
  readonly peak: () => number
  /** Bytes kept for reuse. */
  readonly idle: () => number
  /** Buffers made. */
  readonly made: () => number
  /** Destroys every buffer; what is given afterwards is gone already. */
  readonly close: () => void
}

/** What a block costs in all. */
export const costOf = ({ bytes }: { readonly bytes: number }): number => bytes + OBJECT_BYTES

const SMALLEST = 256
/** Eight classes an octave: at most an eighth is wasted. */
const sizeClass = (bytes: number, limit: number): number => {
  const step = Math.max(SMALLEST, 2 ** (Math.floor(Math.log2(Math.max(1, bytes))) - 3))
  return Math.max(bytes, Math.min(limit, Math.ceil(bytes / step) * step))
}

/** Where a block is among others in the order of their numbers, or would be. */
const position = (list: readonly Block[], block: Block): number => {
  let lo = 0
  let hi = list.length
  while (lo < hi) {
    const mid = (lo + hi) >> 1
    if (list[mid]!.id < block.id) lo = mid + 1
    else hi = mid
  }
  return lo
}

/** Free memory worth keeping whatever is in use. */
const KEEP = 2 ** 26
/** How long 'lately' is, in blocks given back. */
const LATELY = 4096
/** Buffers for reading back worth keeping; the last one is kept in any case, for a loop that reads the same each time. */
const STAGING = 2 ** 25

/**
 * What is called later in the order of the queue may have a block as soon as it is given back, though work that uses it still
 * waits there. Only a buffer that is destroyed must outlive that work: `inTurn` calls a function when all before it has run.
 * `forget` is called with each block that is destroyed.
 */
export const memory = (
  gpu: GPUDevice,
  faults: Faults,
  budget: Budget,
  inTurn: (work: () => void) => void,
  forget: (block: Block) => void,
): Memory => {
  const limit = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize)
  const all = new Set<Block>()
  const free = new Map<number, Block[]>()
  /** The free blocks, those longest free first. */
  const resting = new Set<Block>()
  const staging: Block[] = []
  let ids = 0
  let live = 0
  let peak = 0
  let idle = 0
  /** What the blocks in use cost, and those that rest. */
  let using = 0
  let keeping = 0
  let given = 0
  /** The most that was in use: since the last turn of 'lately', and in the turn before. */
  let high = 0
  let before = 0

  const destroy = (block: Block): void => {
    if (!all.delete(block)) return
    if (block.laden !== null) putDown(block.laden.load, block.laden.ballast)
    block.laden = null
    inTurn(() => {
      block.buffer.destroy()
      budget.free(costOf(block))
      forget(block)
    })
  }
  /** Takes a block out of the free ones. */
  const wake = (block: Block): void => {
    resting.delete(block)
    idle -= block.bytes
    keeping -= costOf(block)
    const list = free.get(block.bytes)!
    if (list.length === 1) free.delete(block.bytes)
    else list.splice(position(list, block), 1)
  }
  const trim = (most: number): void => {
    for (const block of resting) {
      if (keeping <= most) return
      wake(block)
      destroy(block)
    }
  }
  /** What is free goes, the longest free first, where there is more than was in use lately. */
  const settle = (): void => trim(Math.max(high, before) - using + KEEP)
  const use = (block: Block): void => {
    live += block.bytes
    using += costOf(block)
    peak = Math.max(peak, live)
    high = Math.max(high, using)
    settle()
  }
  const unuse = (block: Block): void => {
    live -= block.bytes
    using -= costOf(block)
  }
  /** Room for so many bytes beside what is kept: what is free goes first. */
  const makeRoom = (bytes: number): boolean => {
    if (budget.fits(bytes)) return true
    trim(0)
    staging.splice(0).forEach(destroy)
    return budget.fits(bytes)
  }

  /** A buffer, or why there is none. Dawn tells at once, a browser late: then the fault is known later, to the next read too. */
  const create = (
    bytes: number,
    flags: number,
    blame: () => Blame,
  ): { readonly buffer: GPUBuffer | null; readonly fault: Outcome } => {
    const fault: Outcome = { error: null }
    const late = fromBrowser() !== undefined
    const found: GPUBuffer[] = []
    const make = (): void => {
      if (late) for (const filter of ['out-of-memory', 'validation'] as const) gpu.pushErrorScope(filter)
      found.push(gpu.createBuffer({ size: bytes, usage: flags, label: `memory ${ids}` }))
    }
    faults.during(fault, blame, make, bytes)
    for (let scopes = late ? 2 : 0; scopes > 0; scopes--)
      void patiently(() => gpu.popErrorScope()).then(
        (error) => {
          if (error === null) return
          fault.error ??= outOfMemory(bytes, blame(), error.message)
          faults.report(fault.error)
        },
        (error: unknown) => faults.report(invalid(blame(), reason(error))),
      )
    const buffer = found[0] ?? null
    if (fault.error === null) return { buffer, fault }
    buffer?.destroy()
    return { buffer: null, fault }
  }
  const fresh = (bytes: number, flags: number, blame: () => Blame): Block => {
    let { buffer, fault } = create(bytes, flags, blame)
    if (fault.error?._tag === 'OutOfMemory' && resting.size > 0) {
      trim(0)
      ;({ buffer, fault } = create(bytes, flags, blame))
    }
    if (buffer === null)
      throw new DeviceFailure(fault.error ?? invalid(blame(), 'it made no buffer and gave no reason'))
    const block: Block = { id: ids++, buffer, bytes, fault, laden: null }
    budget.hold(costOf(block))
    all.add(block)
    return block
  }
  const allowed = (bytes: number, blame: () => Blame): Block => {
    if (!makeRoom(costOf({ bytes }))) throw overBudget(budget, bytes, blame())
    return fresh(bytes, usage.storage | usage.copyFrom | usage.copyTo, blame)
  }

  return {
    take: (bytes, blame) => {
      if (bytes > limit)
        throw new DeviceFailure(outOfMemory(bytes, blame(), `one buffer of this adapter holds at most ${limit} bytes`))
      const size = sizeClass(bytes, limit)
      const kept = free.get(size)?.[0]
      if (kept !== undefined) wake(kept)
      const block = kept ?? allowed(size, blame)
      use(block)
      return block
    },
    give: (block) => {
      if (!all.has(block)) return
      if (resting.has(block)) throw new Error(`memory ${block.id} was given back twice`)
      unuse(block)
      if (++given % LATELY === 0) {
        before = high
        high = using
      }
      if (block.fault.error !== null) {
        destroy(block)
        return
      }
      idle += block.bytes
      keeping += costOf(block)
      resting.add(block)
      const list = free.get(block.bytes)
      if (list === undefined) free.set(block.bytes, [block])
      else list.splice(position(list, block), 0, block)
    },
    make: (bytes, blame) => {
      const block = allowed(bytes, blame)
      use(block)
      return block
    },
    discard: (block) => {
      if (!all.has(block)) return
      unuse(block)
      destroy(block)
    },
    takeStaging: (bytes, blame) => {
      const size = sizeClass(bytes, Infinity)
      const i = staging.findIndex((b) => b.bytes === size)
      if (i >= 0) return staging.splice(i, 1)[0]!
      makeRoom(costOf({ bytes: size }))
      return fresh(size, usage.mapRead | usage.copyTo, blame)
    },
    giveStaging: (block) => {
      if (!all.has(block)) return
      staging.push(block)
      let kept = staging.reduce((n, b) => n + b.bytes, 0)
      while (kept > STAGING && staging.length > 1) {
        const oldest = staging.shift()!
        kept -= oldest.bytes
        destroy(oldest)
      }
    },
    discardStaging: destroy,
    makeRoom,
    live: () => live,
    peak: () => peak,
    idle: () => idle,
    made: () => ids,
    close: () => {
      for (const block of all) destroy(block)
      resting.clear()
      free.clear()
      staging.length = 0
      live = idle = using = keeping = 0
    },
  }
}

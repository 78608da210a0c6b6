/**
 * Whether a loop holds on to its past: what it holds in the second fifth of its steps against the last fifth. While it
 * runs nothing is collected by force, since a user's program does not either; only to see what is left at the end of
 * both fifths does this harness collect.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Device } from '@adjoint/tensor'
import type { Loop } from './loops.ts'

/** Bytes held in a fifth of a loop. */
export interface Held {
  /** Of the device, at most, at the end of a step. */
  readonly peak: number
  /** Of the device, after a collection at the fifth's end. */
  readonly live: number
  /** Of JavaScript's heap and its array buffers, after that collection. */
  readonly heap: number
  /** Of the process, at most, at the end of a step. */
  readonly resident: number
}

export interface Flatness {
  readonly loop: string
  readonly early: Held
  readonly late: Held
}

const collector = (): (() => Promise<void>) => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('this engine has no collection to ask for')
  return async () => {
    // Finalizers run between turns, and what they let go is found by the next collection.
    for (let turn = 0; turn < 4; turn++) {
      Reflect.apply(collect, undefined, [])
      await new Promise<void>((resolve) => void setImmediate(resolve))
    }
  }
}

export interface Measure {
  readonly steps: number
  /** Numbers in the state. */
  readonly size: number
  /** Steps before these, until the collector has found its pace and freed memory its most. */
  readonly settle?: number
}

export const measure =
  (device: Device, { steps, size, settle = 0 }: Measure) =>
  async (loop: Loop): Promise<Flatness> => {
    const collect = collector()
    const fifth = Math.ceil(steps / 5)
    const step = await loop.start(device, size)
    let at = 0
    const run = async (count: number): Promise<void> => {
      for (const end = at + count; at < end; at++) await step(at)
    }
    const watched = async (): Promise<Held> => {
      let peak = 0
      let resident = 0
      for (const end = at + fifth; at < end; at++) {
        await step(at)
        peak = Math.max(peak, device.stats().liveBytes)
        resident = Math.max(resident, process.memoryUsage.rss())
      }
      await collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return { peak, live: device.stats().liveBytes, heap: heapUsed + arrayBuffers, resident }
    }
    await run(settle + (loop.settles ?? 0) + fifth)
    const early = await watched()
    await run(2 * fifth)
    return { loop: loop.name, early, late: await watched() }
  }

const MB = 2 ** 20
/** How much more the last fifth may hold: a share of the second fifth, for the moods of the collector, and a constant. */
const allowed: Readonly<Record<keyof Held, readonly [share: number, bytes: number]>> = {
  peak: [0.25, 16 * MB],
  live: [0, MB],
  heap: [0, 2 * MB],
  resident: [0.1, 24 * MB],
}

/** What grew, in words; empty for a loop that is flat. */
export const growth = ({ early, late }: Flatness): readonly string[] =>
  (['peak', 'live', 'heap', 'resident'] as const).flatMap((what) => {
    const [share, bytes] = allowed[what]
    return late[what] > early[what] * (1 + share) + bytes
      ? [`${what} from ${(early[what] / MB).toFixed(1)} to ${(late[what] / MB).toFixed(1)} MB`]
      : []
  })

/**
 * What the device's own clock says of the steps of a call: a timestamp where each begins and ends, written by the pass that a
 * kernel is, or by empty ones around what is more than that. A device has one clock, whose queries and buffer are made when
 * first needed, and used again: what they hold is copied out in the submission that wrote it.
 */
import * as E from '../../base/either.ts'
import type { DeviceError } from '../../graph/device.ts'
import { type Blame, type Faults, invalid, nobody, type Outcome, reason, thrown } from './faults.ts'
import { MAP_READ, patiently, usage } from './gpu.ts'
import type { Block, Memory } from './memory.ts'

/** The most queries of a set, by the specification. */
const OF_SET = 4096
const BYTES = 8
const QUERY_RESOLVE = 0x200

export interface Clock {
  /**
   * Makes room for the times of so many steps; why there is none, or null. What it had before is still there then, and nothing
   * else. Never rejects. To be called when nothing is being written that it marks.
   */
  readonly ready: (steps: number) => Promise<string | null>
  /** For a pass: the step's beginning, its end, or both. */
  readonly marks: (step: number, which: 'begin' | 'end' | 'both') => GPUComputePassTimestampWrites
  /** Copies the times of so many steps, and gives how to read them once that was submitted. */
  readonly take: (steps: number, encoder: GPUCommandEncoder, blame: () => Blame) => Reading
  /** Objects made. */
  readonly made: () => number
  readonly close: () => void
}
/** Milliseconds from beginning to end, one a step. */
export type Times = E.Either<DeviceError, readonly number[]>
export interface Reading {
  /** Where there was no memory for the times, they alone fail, and not the call. */
  readonly read: (outcome: Outcome) => Promise<Times>
  /** Instead of reading, where it was not submitted. */
  readonly drop: () => void
}

const SCOPES = ['out-of-memory', 'validation', 'internal'] as const

/** Makes objects; what was thrown or, at once or late, told of them, or null. It is nobody else's error then. */
const refusal = async (gpu: GPUDevice, make: () => void): Promise<string | null> => {
  for (const scope of SCOPES) gpu.pushErrorScope(scope)
  let failure: string | null = null
  try {
    make()
  } catch (error) {
    failure = reason(error)
  }
  try {
    const told = await Promise.all(SCOPES.map(() => patiently(() => gpu.popErrorScope())))
    return failure ?? told.find((error) => error !== null)?.message ?? null
  } catch (error) {
    return failure ?? reason(error)
  }
}

/** What is known without the device: there is nothing to read. */
const readingOf = (told: (outcome: Outcome) => Times): Reading => ({
  read: (outcome) => Promise.resolve(told(outcome)),
  drop: () => undefined,
})

export const createClock = (gpu: GPUDevice, faults: Faults, memory: Memory): Clock => {
  let sets: readonly GPUQuerySet[] = []
  let resolved: GPUBuffer | null = null
  let made = 0
  const close = (): void => {
    sets.forEach((set) => set.destroy())
    resolved?.destroy()
    sets = []
    resolved = null
  }
  const stopped = gpu.features.has('timestamp-query')
    ? null
    : 'this adapter has no clock for programs (the feature timestamp-query)'
  /** Larger ones in place of those that there are, unless they are refused. */
  const grow = async (wanted: number): Promise<string | null> => {
    const fresh: GPUQuerySet[] = []
    const buffers: GPUBuffer[] = []
    const why = await refusal(gpu, () => {
      for (let i = 0; i < wanted; i++) fresh.push(gpu.createQuerySet({ type: 'timestamp', count: OF_SET }))
      buffers.push(gpu.createBuffer({ size: wanted * OF_SET * BYTES, usage: QUERY_RESOLVE | usage.copyFrom }))
    })
    // Of a device that was lost meanwhile nothing is kept; the call says what has become of it.
    if (why !== null || faults.lost !== null) {
      for (const object of [...fresh, ...buffers]) object.destroy()
      return faults.lost === null ? `the adapter gave no memory for the times of its steps (${why})` : null
    }
    close()
    sets = fresh
    resolved = buffers[0]!
    made += wanted + 1
    return null
  }
  /** Why a call has no times, where it failed. */
  const failed = (outcome: Outcome): E.Either<DeviceError, never> | null => {
    const error = faults.lost ?? outcome.error
    return error === null ? null : E.left(error)
  }
  const setsFor = (steps: number): number => Math.ceil((2 * steps) / OF_SET)
  const place = (query: number): readonly [GPUQuerySet, number] => [sets[Math.floor(query / OF_SET)]!, query % OF_SET]
  return {
    ready: (steps) =>
      stopped !== null || sets.length >= setsFor(steps) ? Promise.resolve(stopped) : grow(setsFor(steps)),
    marks: (step, which) => {
      const [[querySet, begin], [, end]] = [place(2 * step), place(2 * step + 1)]
      switch (which) {
        case 'begin':
          return { querySet, beginningOfPassWriteIndex: begin }
        case 'end':
          return { querySet, endOfPassWriteIndex: end }
        case 'both':
          return { querySet, beginningOfPassWriteIndex: begin, endOfPassWriteIndex: end }
      }
    },
    take: (steps, encoder, blame) => {
      const bytes = 2 * steps * BYTES
      if (bytes === 0) return readingOf((outcome) => failed(outcome) ?? E.right([]))
      let staging: Block
      try {
        staging = memory.takeStaging(bytes, blame)
      } catch (error) {
        const refused = thrown(error, blame())
        return readingOf((outcome) => failed(outcome) ?? E.left(refused))
      }
      const from = resolved!
      for (let set = 0; set < setsFor(steps); set++) {
        const count = Math.min(OF_SET, 2 * steps - set * OF_SET)
        encoder.resolveQuerySet(sets[set]!, 0, count, from, set * OF_SET * BYTES)
      }
      encoder.copyBufferToBuffer(from, 0, staging.buffer, 0, bytes)
      return {
        drop: () => memory.discardStaging(staging),
        read: async (outcome) => {
          try {
            await patiently(() => staging.buffer.mapAsync(MAP_READ, 0, bytes))
            const at = new BigUint64Array(staging.buffer.getMappedRange(0, bytes).slice(0))
            staging.buffer.unmap()
            memory.giveStaging(staging)
            return (
              failed(outcome) ??
              E.right(Array.from({ length: steps }, (_, i) => Math.max(0, Number(at[2 * i + 1]! - at[2 * i]!)) / 1e6))
            )
          } catch (error) {
            memory.discardStaging(staging)
            return failed(outcome) ?? E.left(invalid(blame(), reason(error)))
          }
        },
      }
    },
    made: () => made,
    close,
  }
}

/** Hands over a call that takes the clock's times, and reads them when it has all been. Nothing that comes later waits for that. */
export const whenSubmitted = (
  faults: Faults,
  outcome: Outcome,
  submit: (taken: (reading: Reading) => void) => Promise<void> | null,
): {
  readonly submit: () => Promise<void> | null
  readonly read: Promise<Times>
} => {
  let settle: (times: Promise<Times>) => void = () => undefined
  const read = new Promise<Times>((resolve) => (settle = resolve))
  const missing = (): E.Either<DeviceError, never> =>
    E.left(faults.lost ?? outcome.error ?? invalid(nobody, 'the call ended before its times were taken'))
  return {
    read,
    submit: () => {
      let reading: Reading | null = null
      const end = (): void => {
        if (reading !== null && outcome.error === null) settle(reading.read(outcome))
        else {
          reading?.drop()
          settle(Promise.resolve(missing()))
        }
      }
      const rest = submit((taken) => {
        reading = taken
      })
      if (rest === null) end()
      return rest === null ? null : rest.finally(end)
    },
  }
}

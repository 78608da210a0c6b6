/** A call handed to the device in turn: at once where it is one submission, else in parts, between which it waits for the device. */
import type { Blame, Faults, Outcome } from './faults.ts'
import { invalid, reason } from './faults.ts'
import type { Flight } from './flight.ts'
import { MAP_READ, patiently } from './gpu.ts'
import type { Memory } from './memory.ts'
import type { Performance, Wait } from './performance.ts'
import type { Bound } from './steps.ts'
import type { Tape } from './tape.ts'

export interface Submitting {
  readonly gpu: GPUDevice
  readonly faults: Faults
  readonly memory: Memory
  readonly flight: Flight
}

/**
 * Goes through a performance, and submits what it has written before each wait, and at the end. What goes wrong is the
 * outcome's error, and ends it. Gives a promise where there is something to wait for.
 */
export const handOver = (
  { gpu, faults, memory, flight }: Submitting,
  performance: Performance,
  tape: Tape,
  bound: Bound,
  outcome: Outcome,
  blame: () => Blame,
): Promise<void> | null => {
  /** Writes on up to the next thing to wait for; null at the end, or where it failed. */
  const go = (answer: boolean): Wait | null => {
    let next: Wait | null = null
    faults.during(outcome, blame, () => {
      const step = performance.next(answer)
      if (step.done === true) tape.submit()
      else next = step.value
    })
    return outcome.error === null ? next : null
  }
  let ahead: Promise<unknown> | null = null
  /** Waits until all but what was submitted last is done. */
  const pace = async (): Promise<void> => {
    const before = ahead
    const done = patiently(() => gpu.queue.onSubmittedWorkDone())
    done.catch(() => undefined) // it is awaited the next time, if there is one
    ahead = done
    await before
  }
  const read = async (buffer: number): Promise<boolean> => {
    const staging = memory.takeStaging(4, blame)
    try {
      const { block, offset } = bound.ranges[buffer]!
      faults.during(outcome, blame, () => {
        tape.write((encoder) => encoder.copyBufferToBuffer(block.buffer, offset, staging.buffer, 0, 4))
        tape.submit()
      })
      if (outcome.error !== null) throw new Error('it was not submitted')
      const landed = flight.landing()
      await patiently(() => staging.buffer.mapAsync(MAP_READ, 0, 4))
      landed()
      const [word] = new Uint32Array(staging.buffer.getMappedRange(0, 4))
      staging.buffer.unmap()
      memory.giveStaging(staging)
      return word !== 0
    } catch (error) {
      memory.discardStaging(staging)
      throw error
    }
  }
  const rest = async (first: Wait): Promise<void> => {
    for (let wait: Wait | null = first; wait !== null;) {
      let answer = false
      try {
        if (wait.kind === 'flag') answer = await read(wait.buffer)
        else await pace()
      } catch (error) {
        outcome.error ??= faults.lost ?? invalid(blame(), reason(error))
      }
      outcome.error ??= faults.lost
      wait = outcome.error === null ? go(answer) : null
    }
  }
  const first = go(false)
  return first === null ? null : rest(first)
}

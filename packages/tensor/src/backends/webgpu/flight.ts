/**
 * Work under way: until it is done the device keeps what it was handed, commands and copies of uploads. A loop that never
 * reads hands over work faster than it is done, and would run ever further ahead: who awaits a result waits here too, as
 * long as the device is far behind. Work is counted as memory held as well, so that a loop which awaits nothing ends with an
 * error, and not with the process.
 */
import { noteTaken } from '../engine/turns.ts'
import { type Budget, overBudget } from './budget.ts'
import { type Blame, type Faults, invalid, reason } from './faults.ts'
import { patiently } from './gpu.ts'
import type { Memory } from './memory.ts'

/**
 * What Dawn and the driver keep for a submission, and for each step in it, until it is done. Measured as resident memory
 * while a long kernel held back 1000 submissions (lavapipe): 13 to 24 KB each with one step, 29 KB with 64.
 */
const SUBMISSION = 2 ** 14
const STEP = 2 ** 8

export const costOf = (steps: number): number => SUBMISSION + STEP * steps

/**
 * Bytes that may be under way when a result is awaited, and the most of a device's memory. Enough that the device never waits
 * for the host, which goes on when the oldest question is answered, with most of the work still before the device.
 */
const AHEAD = 2 ** 24
const SHARE = 1 / 4
/** The device is asked how far it is so many times on the way there; every read tells as well. */
const QUESTIONS = 8

export interface Flight {
  /** Counts work to be launched. Throws DeviceFailure where there is no room for it. */
  readonly board: (bytes: number, blame: () => Blame) => void
  /** The same for a read, which is what makes room. */
  readonly boardRead: (bytes: number) => void
  /** The work is in the device's queue. */
  readonly launch: (bytes: number) => void
  /** What was launched up to now; to be called when it is done. */
  readonly landing: () => () => void
  /** Waits while more is under way than the device should be behind. */
  readonly pace: () => Promise<void>
  /** Nothing lands any more: the device is lost, and nobody waits for it. */
  readonly close: () => void
}

/** `inTurn` calls a function when all that waits to be launched has been. */
export const createFlight = (
  gpu: GPUDevice,
  faults: Faults,
  budget: Budget,
  memory: Memory,
  inTurn: (work: () => void) => void,
): Flight => {
  const ahead = Math.min(AHEAD, budget.limit * SHARE)
  /** Bytes launched since the beginning, up to where they are done, and up to where the device was asked. */
  let launched = 0
  let landed = 0
  let asked = 0
  let closed = false
  /** Those who wait for the next landing. */
  let waiting: (() => void)[] = []
  const wake = (): void => {
    const woken = waiting
    waiting = []
    woken.forEach((go) => go())
  }
  const landing = (): (() => void) => {
    const at = launched
    return () => {
      if (at > landed) {
        budget.end(at - landed)
        landed = at
      }
      wake()
    }
  }
  const ask = (): void => {
    asked = launched
    const answered = landing()
    void patiently(() => gpu.queue.onSubmittedWorkDone()).then(answered, (error: unknown) => {
      faults.report(invalid({ op: 'work under way', site: '' }, reason(error)))
      answered() // what failed is not under way
    })
  }
  return {
    board: (bytes, blame) => {
      if (!memory.makeRoom(bytes)) throw overBudget(budget, bytes, blame())
      budget.begin(bytes)
      noteTaken(bytes)
    },
    boardRead: budget.begin,
    launch: (bytes) => {
      launched += bytes
      if (launched - Math.max(landed, asked) >= ahead / QUESTIONS) ask()
    },
    landing,
    pace: async () => {
      if (budget.working() > ahead) await new Promise<void>(inTurn)
      while (!closed && launched - landed > ahead) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    close: () => {
      closed = true
      wake()
    },
  }
}

/**
 * Work under way: until it is done the device keeps what it was handed, commands and copies of uploads. It is counted as
 * memory held, so that a loop which hands over work faster than it is done ends with an error, and not with the process.
 */
import { noteTaken } from '../turns.ts'
import { type Budget, overBudget } from './budget.ts'
import { type Blame, type Faults, invalid, reason } from './faults.ts'
import { patiently } from './gpu.ts'
import type { Memory } from './memory.ts'

/** What Dawn and the driver keep for a submission, and for each step in it. */
const SUBMISSION = 1024
const STEP = 1024

export const costOf = (steps: number): number => SUBMISSION + STEP * steps

/** So many bytes are handed over before the device is asked how far it is; every read tells as well. */
const ASK = 2 ** 26

export interface Flight {
  /** Counts work to be launched. Throws DeviceFailure where there is no room for it. */
  readonly board: (bytes: number, blame: () => Blame) => void
  /** The same for a read, which is what makes room. */
  readonly boardRead: (bytes: number) => void
  /** The work is in the device's queue. */
  readonly launch: (bytes: number) => void
  /** What was launched up to now; to be called when it is done. */
  readonly landing: () => () => void
}

export const createFlight = (gpu: GPUDevice, faults: Faults, budget: Budget, memory: Memory): Flight => {
  /** Bytes launched since the beginning, up to where they are done, and up to where the device was asked. */
  let launched = 0
  let landed = 0
  let asked = 0
  const landing = (): (() => void) => {
    const at = launched
    return () => {
      if (at <= landed) return
      budget.end(at - landed)
      landed = at
    }
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
      if (launched - Math.max(landed, asked) < ASK) return
      asked = launched
      void patiently(() => gpu.queue.onSubmittedWorkDone()).then(landing(), (error: unknown) =>
        faults.report(invalid({ op: 'work under way', site: '' }, reason(error))),
      )
    },
    landing,
  }
}

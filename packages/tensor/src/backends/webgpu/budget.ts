/**
 * How much a device may hold. No finalizer runs inside a loop that never awaits, and a driver that runs out of memory
 * may end the process: so that such a loop ends with an error that says what to do, bytes are counted against a budget.
 */
import { DeviceFailure } from '../../graph/device.ts'
import { processMemory } from '../engine/process-memory.ts'
import { sayUncollected } from '../engine/turns.ts'
import { type Blame, outOfMemory } from './faults.ts'

/** What the buffer object itself costs, beside its bytes: of Dawn's, the driver's and the engine's memory. */
export const OBJECT_BYTES = 4096

export interface Budget {
  readonly limit: number
  /** Bytes held: buffers that exist, and what the device still needs for work under way. */
  readonly held: () => number
  /** Bytes held for work under way. */
  readonly working: () => number
  readonly fits: (bytes: number) => boolean
  /** Counts bytes of a buffer, and no longer. */
  readonly hold: (bytes: number) => void
  readonly free: (bytes: number) => void
  /** The same of work under way. */
  readonly begin: (bytes: number) => void
  readonly end: (bytes: number) => void
}

export const createBudget = (limit: number): Budget => {
  let buffers = 0
  let work = 0
  return {
    limit,
    held: () => buffers + work,
    working: () => work,
    fits: (bytes) => buffers + work + bytes <= limit,
    hold: (bytes) => void (buffers += bytes),
    free: (bytes) => void (buffers -= bytes),
    begin: (bytes) => void (work += bytes),
    end: (bytes) => void (work -= bytes),
  }
}

/** What is said of a request that does not fit. */
export const overBudget = (budget: Budget, bytes: number, blame: Blame): DeviceFailure =>
  new DeviceFailure(
    outOfMemory(
      bytes,
      blame,
      `the device holds ${budget.held()} of the ${budget.limit} bytes that it may (option \`memory\` of webgpuDevice), ` +
        `${budget.working()} of them for work that it has not done yet, which an awaited \`read\` or \`realize\` waits for`,
      sayUncollected(),
    ),
  )

/**
 * A software adapter's memory is the machine's, which others need too: half of it. What a GPU has cannot be asked; its
 * driver tells when it has no more, and the budget is there for what outruns it: all the memory of the machine.
 */
export const defaultBudget = (hardware: boolean): number => processMemory() * (hardware ? 1 : 0.5)

/** Time as a value, so that tests of waiting need not wait. */
import type { Signal } from '../signal.ts'

/** A clock. */
export interface Clock {
  /** Milliseconds since 1970; never goes back. */
  readonly now: () => number
  /** Ends after `ms`, or as soon as the signal aborts. Never fails. */
  readonly sleep: (ms: number, signal: Signal) => Promise<void>
}

// A timer of more than this many ms fires at once.
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * The clock of the system, from its monotonic counter.
 *
 * @example
 * ```ts
 * import { systemClock } from '@adjoint/rl'
 * const before = systemClock.now()
 * await systemClock.sleep(1, new AbortController().signal)
 * ```
 */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve()
        return
      }
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, Math.min(ms, LONGEST_TIMER))
      signal.addEventListener('abort', end)
    }),
}

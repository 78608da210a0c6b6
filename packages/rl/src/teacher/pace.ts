/** When the next request may go out: a sliding window of starts, holds that the endpoint asked for, and backoff. */
import type { Signal } from '../signal.ts'
import type { Clock } from './clock.ts'
import type { Reply } from './request.ts'

/** At most `requests` starts in any `interval` ms. */
export interface RequestRate {
  readonly requests: number
  readonly interval: number
}

/** How long to wait after a failure: the first time about `base` ms, twice as long each time after, at most `max`. */
export interface RequestBackoff {
  readonly base: number
  readonly max: number
}

/**
 * The wait in ms before attempt number `attempt` + 1: `min(max, base 2^attempt) (1 + u) / 2` with u uniform in [0, 1), so
 * that clients which failed together do not come back together. (Brooker 2015, "Exponential backoff and jitter", equal
 * jitter: half of the wait is sure.)
 *
 * @example
 * ```ts
 * import { backoffDelay } from '@adjoint/rl'
 * backoffDelay({ base: 500, max: 30_000 })(3, 0.5) // 3000: between 2000 and 4000
 * ```
 */
export const backoffDelay =
  ({ base, max }: RequestBackoff) =>
  (attempt: number, u: number): number =>
    (Math.min(max, base * 2 ** attempt) * (1 + u)) / 2

/** @internal Hands out turns, first come first served. */
export interface Pace {
  /** Ends when a request may start, and counts it; or, uncounted, when the signal aborts. */
  readonly turn: (signal: Signal) => Promise<void>
  /** No turn before `until` (ms of the clock). */
  readonly hold: (until: number) => void
}

/** @internal */
export const pace = (clock: Clock, rate: RequestRate | null): Pace => {
  const starts: number[] = [] // of the last `requests` turns, oldest first
  let held = -Infinity
  let tail = Promise.resolve()
  /** The window [t, t + interval) that the oldest start opens is full until it closes. */
  const opens = (): number =>
    rate === null || starts.length < rate.requests ? held : Math.max(held, starts[0]! + rate.interval)
  const wait = async (signal: Signal): Promise<void> => {
    // Holds may come while we sleep: look again after each sleep.
    for (;;) {
      if (signal.aborted) return
      const [at, now] = [opens(), clock.now()]
      if (at <= now) {
        starts.push(now)
        if (rate !== null && starts.length > rate.requests) starts.shift()
        return
      }
      // Rounded up: a wait below the clock's precision would never end.
      await clock.sleep(Math.ceil(at - now), signal)
    }
  }
  return {
    turn: (signal) => (tail = tail.then(() => wait(signal))),
    hold: (until) => {
      held = Math.max(held, until)
    },
  }
}

/**
 * @internal What `Retry-After` (RFC 9110, 10.2.3: seconds or a date) or `retry-after-ms` asks for, in ms; null where they
 * are absent or make no sense.
 */
export const retryAfter = (headers: Reply['headers'], now: number): number | null => {
  const finer = headers.get('retry-after-ms')?.trim() ?? ''
  if (/^\d+(\.\d+)?$/.test(finer)) return Number(finer)
  const given = headers.get('retry-after')?.trim() ?? ''
  if (/^\d+(\.\d+)?$/.test(given)) return Number(given) * 1000
  const date = /[a-z]/i.test(given) ? Date.parse(given) : NaN
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}

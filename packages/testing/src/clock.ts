/** Clocks for tests of waiting: a virtual one, on which nothing is waited for, and one that runs fast. */

/** What code that waits asks of a clock. */
export interface TestClock {
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A virtual clock stands still while anything can run, and then jumps to the next end of a sleep. */
export interface VirtualClock extends TestClock {
  /** Lets time pass until the work is done. Throws where it waits for something that no passing of time brings. */
  readonly until: <A>(work: Promise<A>) => Promise<A>
}

/** Enough turns of the event loop for promises and streams to get as far as they can. */
const idle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export const virtualClock = (start = 1_700_000_000_000): VirtualClock => {
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  let now = start
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          sleepers.delete(sleeper)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        const sleeper = { at: now + ms, wake }
        if (signal.aborted) {
          resolve()
          return
        }
        sleepers.add(sleeper)
        signal.addEventListener('abort', wake)
      }),
    until: async (work) => {
      const state = { settled: false }
      const mark = (): void => {
        state.settled = true
      }
      work.then(mark, mark)
      for (;;) {
        await idle()
        if (state.settled) return work
        const next = [...sleepers].reduce((a, b) => (b.at < a.at ? b : a), { at: Infinity, wake: mark })
        if (next.at === Infinity) throw new Error('virtual clock: nothing sleeps, and the work is not done')
        now = Math.max(now, next.at)
        next.wake()
      }
    },
  }
}

/** A clock on which `factor` ms pass in one. */
export const fastClock = (factor: number): TestClock => ({
  now: () => (performance.timeOrigin + performance.now()) * factor,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms / factor)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    }),
})

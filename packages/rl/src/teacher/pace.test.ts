import { virtualClock } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from './clock.ts'
import { backoffDelay, pace, retryAfter } from './pace.ts'

const never = new AbortController().signal

describe('turns', () => {
  test('never exceed the rate in any window, and lose no time', async () => {
    const rate = fc.record({ requests: fc.integer({ min: 1, max: 5 }), interval: fc.integer({ min: 1, max: 1000 }) })
    const comings = fc.array(fc.nat({ max: 700 }), { minLength: 1, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(rate, comings, async (limit, gaps) => {
        const clock = virtualClock()
        const { turn } = pace(clock, limit)
        const starts: number[] = []
        const came: number[] = []
        const work = async (): Promise<void> => {
          const turns: Promise<void>[] = []
          for (const gap of gaps) {
            if (gap > 0) await clock.sleep(gap, never)
            came.push(clock.now())
            turns.push(turn(never).then(() => void starts.push(clock.now())))
          }
          await Promise.all(turns)
        }
        await clock.until(work())
        expect(starts).toHaveLength(gaps.length)
        for (let i = 0; i < starts.length; i++) {
          const before = starts[i - limit.requests]
          // The earliest moment that the rate and the order allow, to the ms.
          const earliest = Math.max(came[i]!, starts[i - 1] ?? 0, before === undefined ? 0 : before + limit.interval)
          expect(starts[i]! - earliest).toBeGreaterThanOrEqual(0)
          expect(starts[i]! - earliest).toBeLessThan(1)
        }
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('wait for a hold, even one that comes while they wait', async () => {
    const clock = virtualClock(0)
    const { turn, hold } = pace(clock, { requests: 1, interval: 100 })
    await clock.until(turn(never))
    const second = turn(never).then(() => clock.now())
    await clock.until(clock.sleep(50, never))
    hold(500)
    hold(300) // the longer one holds
    expect(await clock.until(second)).toBe(500)
  })

  test('are given back by an abort', async () => {
    const clock = virtualClock(0)
    const { turn } = pace(clock, { requests: 1, interval: 100 })
    const abort = new AbortController()
    await clock.until(turn(never))
    const [gone, next] = [turn(abort.signal), turn(never)]
    abort.abort()
    await gone
    expect(clock.now()).toBe(0)
    await clock.until(next)
    expect(clock.now()).toBe(100)
  })

  test('without a rate are free', async () => {
    const { turn } = pace(virtualClock(0), null)
    for (let i = 0; i < 1000; i++) await turn(never)
  })
})

describe('backoff', () => {
  test('doubles up to its most, and jitters over the upper half', () => {
    const backoff = { base: 500, max: 30_000 }
    fc.assert(
      fc.property(fc.nat({ max: 40 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, u) => {
        const most = Math.min(30_000, 500 * 2 ** attempt)
        const wait = backoffDelay(backoff)(attempt, u)
        expect(wait).toBeGreaterThanOrEqual(most / 2)
        expect(wait).toBeLessThan(most)
      }),
      { seed: 1, numRuns: 200 },
    )
    expect([0, 1, 2, 10].map((n) => backoffDelay(backoff)(n, 0))).toEqual([250, 500, 1000, 15_000])
    expect(backoffDelay(backoff)(3, 0.5)).toBe(3000)
    expect(backoffDelay(backoff)(20, 0.5)).toBe(22_500)
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const wait = (headers: Record<string, string>) => retryAfter(new Headers(headers), now)
  test.each([
    [{}, null],
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': ' 3 ' }, 3000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' }, 9000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 23:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '-5' }, null],
    [{ 'retry-after': '7', 'retry-after-ms': '250' }, 250],
  ])('%j is %s ms', (headers, ms) => {
    expect(wait(headers)).toBe(ms)
  })
})

describe("the system's clock", () => {
  test('does not go back, is about now, and sleeps until an abort', async () => {
    const before = systemClock.now()
    expect(Math.abs(before - Date.now())).toBeLessThan(2000)
    const abort = new AbortController()
    const asleep = systemClock.sleep(2 ** 40, abort.signal)
    await systemClock.sleep(5, never)
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(4)
    abort.abort()
    await asleep
    await systemClock.sleep(2 ** 40, abort.signal)
  })
})

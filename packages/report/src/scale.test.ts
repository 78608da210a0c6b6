import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logRange, logTicks, rangeOf, ticks } from './scale.ts'

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true })
const pair = fc.tuple(value, value).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
const above = fc
  .tuple(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), fc.double({ min: 1, max: 1e6, noNaN: true }))
  .map(([low, by]) => [low, low * by] as const)

describe('the y axis', () => {
  test('shows all values, but for those above a ceiling', () => {
    fc.assert(
      fc.property(pair, fc.constantFrom(null, [0, 1] as const), ([low, high], domain) => {
        const [from, to] = rangeOf({ domain, ceiling: null }, low, high)
        expect(from <= low && to >= high && from < to).toBe(true)
        // Of values that are as good as equal, f32 or not, a margin is lost in rounding.
        const apart = high - low > Math.max(1e-300, 1e-6 * Math.max(Math.abs(low), Math.abs(high)))
        if (domain === null && apart) expect(from < low && to > high).toBe(true)
      }),
      { seed: 1, numRuns: 500 },
    )
    expect(rangeOf({ domain: null, ceiling: 5 }, 1, 100)).toEqual([0, 5])
    expect(rangeOf({ domain: [0, 1], ceiling: null }, 0.2, 0.6)).toEqual([0, 1])
    expect(rangeOf({ domain: [0, 1], ceiling: null }, 0, 0.01)[1]).toBeLessThan(0.02)
  })

  test('of powers shows all values above 0, with labels within', () => {
    fc.assert(
      fc.property(above, ([low, high]) => {
        const range = logRange(low, high)
        expect(range[0] <= low * (1 + 1e-9) && range[1] >= high * (1 - 1e-9)).toBe(true)
        expect(range[0]).toBeGreaterThan(0)
        const labels = logTicks(range)
        expect(labels.length).toBeGreaterThan(0)
        expect(labels.every((y) => y >= range[0] * (1 - 1e-6) && y <= range[1] * (1 + 1e-6))).toBe(true)
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  test('has a few round labels, evenly', () => {
    fc.assert(
      fc.property(
        pair.filter(([a, b]) => b - a > 1e-3),
        ([low, high]) => {
          const labels = ticks([low, high], 5)
          expect(labels.length).toBeGreaterThanOrEqual(1)
          expect(labels.length).toBeLessThanOrEqual(7)
          expect(labels.every((y) => y >= low - 1e-6 * (high - low) && y <= high + 1e-6 * (high - low))).toBe(true)
        },
      ),
      { seed: 3, numRuns: 500 },
    )
    expect(ticks([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
  })
})

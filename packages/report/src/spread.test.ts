import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acrossSeeds, type SeedPoint } from './spread.ts'

const value = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(null) },
)
const curve: fc.Arbitrary<readonly SeedPoint[]> = fc.uniqueArray(
  fc.record({ x: fc.integer({ min: 0, max: 30 }), y: value }),
  {
    selector: ({ x }) => x,
    maxLength: 30,
  },
)
const curves = fc.array(curve, { maxLength: 5 })

describe('seeds as one curve', () => {
  test('at each step: mean, least and greatest of the seeds that have a value there', () => {
    fc.assert(
      fc.property(curves, (seeds) => {
        for (const { x, y, low, high, seeds: count } of acrossSeeds(seeds)) {
          const known = seeds
            .flatMap((seed) => seed.filter((p) => p.x === x).map((p) => p.y))
            .filter((v): v is number => v !== null)
          expect(count).toBe(known.length)
          if (known.length === 0) expect([y, low, high]).toEqual([null, null, null])
          else {
            expect(low).toBe(Math.min(...known))
            expect(high).toBe(Math.max(...known))
            expect(y).toBeCloseTo(known.reduce((a, b) => a + b, 0) / known.length, 5)
            expect(y! >= low! && y! <= high!).toBe(true)
          }
        }
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('every step of any seed is there once, in order', () => {
    fc.assert(
      fc.property(curves, (seeds) => {
        const steps = [...new Set(seeds.flatMap((seed) => seed.map(({ x }) => x)))].sort((a, b) => a - b)
        expect(acrossSeeds(seeds).map(({ x }) => x)).toEqual(steps)
      }),
      { seed: 2, numRuns: 200 },
    )
  })

  test('the order of the seeds does not matter to the range, and one seed is its own curve', () => {
    fc.assert(
      fc.property(curves, curve, (seeds, one) => {
        const ranges = (given: typeof seeds) => acrossSeeds(given).map(({ x, low, high }) => [x, low, high])
        expect(ranges([...seeds].reverse())).toEqual(ranges(seeds))
        const sorted = [...one].sort((a, b) => a.x - b.x)
        expect(acrossSeeds([one]).map(({ x, y }) => ({ x, y }))).toEqual(sorted)
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  test('of a step that was logged twice the last value counts', () => {
    expect(
      acrossSeeds([
        [
          { x: 0, y: 1 },
          { x: 0, y: 3 },
        ],
      ]),
    ).toEqual([{ x: 0, y: 3, low: 3, high: 3, seeds: 1 }])
  })

  test('known values', () => {
    expect(
      acrossSeeds([
        [
          { x: 0, y: 1 },
          { x: 1, y: 2 },
        ],
        [{ x: 1, y: 4 }],
      ]),
    ).toEqual([
      { x: 0, y: 1, low: 1, high: 1, seeds: 1 },
      { x: 1, y: 3, low: 2, high: 4, seeds: 2 },
    ])
  })
})

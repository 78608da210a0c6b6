/** Points are thinned evenly, and the shape of each curve stays. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Points, thinned } from './points.ts'

const value = fc.double({ min: -100, max: 100, noNaN: true })
const points: fc.Arbitrary<Points> = fc
  .array(fc.tuple(fc.integer({ min: -500, max: 500 }), fc.record({ a: value, b: value }, { requiredKeys: ['a'] })), {
    minLength: 1,
    maxLength: 400,
  })
  .map((list) => new Map(list))
const limit = fc.integer({ min: 6, max: 60 })

describe('thinned points', () => {
  test('are points of the chart in order, no more than asked, with both ends and the extremes of each curve', () => {
    fc.assert(
      fc.property(points, limit, (all, most) => {
        const kept = thinned(all, most)
        if (all.size <= most) expect(kept).toBe(all)
        else {
          expect(kept.size).toBeLessThanOrEqual(most)
          const xs = [...kept.keys()]
          expect(xs).toEqual(xs.toSorted((p, q) => p - q))
          expect([xs[0], xs.at(-1)]).toEqual([Math.min(...all.keys()), Math.max(...all.keys())])
          for (const [x, values] of kept) expect(all.get(x)).toBe(values)
        }
        const extremes = (of: Points, name: string): readonly number[] => {
          const ys = [...of.values()].flatMap((values) => values[name] ?? [])
          return [Math.min(...ys), Math.max(...ys)]
        }
        for (const name of ['a', 'b']) expect(extremes(kept, name)).toEqual(extremes(all, name))
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('as they come they are as even as all at once: no stretch of the axis is left bare, the oldest as little as the newest', () => {
    let held: Points = new Map()
    for (let x = 0; x < 100_000; x++) {
      ;(held as Map<number, { readonly a: number }>).set(x, { a: Math.sin(x / 50) })
      if (held.size > 400) held = new Map(thinned(held, 200))
    }
    const xs = [...held.keys()]
    const gaps = xs.slice(1).map((x, i) => x - xs[i]!)
    // 99 stretches, at most two of them between neighbours.
    expect(Math.max(...gaps)).toBeLessThanOrEqual((2 * 100_000) / 99 + 1)
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asked, leastWidth } from './chart-asked.ts'

type Range = readonly [number, number]

/** What is seen after keys, of a chart of these places. */
const after = (keys: readonly string[], xs: readonly number[], now: number | null, seen: Range): Range =>
  keys.reduce<Range>(([min, max], key) => {
    const what = asked(key, xs, { min, max }, now)
    return what?.type === 'zoom' ? (what.to ?? seen) : [min, max]
  }, seen)

const increasing = fc
  .tuple(
    fc.integer({ min: -1000, max: 1000 }),
    fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 }),
  )
  .map(([first, steps]) => steps.reduce((xs, step) => [...xs, xs.at(-1)! + step], [first]))

test('holding plus ends at a stretch of some steps, and never leaves the data', () => {
  fc.assert(
    fc.property(increasing, fc.nat(), fc.boolean(), (xs, at, isRead) => {
      const all = [xs[0]!, xs.at(-1)!] as const
      const now = isRead ? xs[at % xs.length]! : null
      const [low, high] = after(Array<string>(200).fill('+'), xs, now, all)
      expect(high - low).toBeGreaterThanOrEqual(leastWidth(xs))
      expect(high - low).toBeLessThanOrEqual(Math.max(2 * leastWidth(xs), 1))
      expect(low).toBeGreaterThanOrEqual(all[0])
      expect(high).toBeLessThanOrEqual(all[1])
      if (now !== null) expect(low <= now && now <= high).toBe(true)
      expect(after(Array<string>(50).fill('-'), xs, now, all)).toEqual(all)
    }),
  )
})

test('a chart with one point or none is not zoomed', () => {
  for (const xs of [[], [7]])
    for (const now of [null, ...xs]) {
      expect(after(['+'], xs, now, [7, 8])).toEqual([7, 8])
      expect(asked('+', xs, { min: 7, max: 8 }, now)).toBe(null)
    }
})

test('no key makes a stretch that runs backwards, where others that share it have more points', () => {
  fc.assert(
    fc.property(increasing, fc.array(fc.constantFrom('+', '-', '0')), fc.integer(), (xs, keys, place) => {
      const low = place % 3000
      for (const now of [null, xs[0]!]) {
        const [from, to] = after(keys, xs.slice(0, 1), now, [low, low + 10])
        expect(from).toBeLessThan(to)
        const [least, most] = after(keys, xs, now, [low, low + 10])
        expect(least).toBeLessThan(most)
      }
    }),
  )
})

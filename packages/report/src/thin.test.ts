import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SpreadPoint } from './spread.ts'
import { thin } from './thin.ts'

const point = (x: number, y: number | null): SpreadPoint => ({ x, y, low: y, high: y, seeds: y === null ? 0 : 1 })
const values = (absent: boolean) =>
  fc.array(
    fc.oneof(
      { weight: 20, arbitrary: fc.double({ min: -100, max: 100, noNaN: true }) },
      { weight: absent ? 1 : 0, arbitrary: fc.constant(null) },
    ),
    { maxLength: 400 },
  )
const curve = (absent: boolean) => values(absent).map((ys) => ys.map((y, x) => point(x, y)))
const limit = fc.integer({ min: 2, max: 60 })

describe('thinning', () => {
  test('keeps points of the curve, in order, and its ends', () => {
    fc.assert(
      fc.property(curve(false), limit, (points, most) => {
        const kept = thin(most)(points)
        expect(kept.length).toBeLessThanOrEqual(Math.max(most, Math.min(points.length, 2)))
        expect(kept.every((p) => points.includes(p))).toBe(true)
        expect(kept.every((p, i) => i === 0 || p.x > kept[i - 1]!.x)).toBe(true)
        expect(kept[0]).toBe(points[0])
        expect(kept.at(-1)).toBe(points.at(-1))
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('what is short is itself', () => {
    fc.assert(
      fc.property(curve(true), (points) => {
        expect(thin(400)(points)).toBe(points)
      }),
      { seed: 2, numRuns: 50 },
    )
  })

  test('stretches between absent values keep their ends, and stay apart', () => {
    fc.assert(
      fc.property(curve(true), limit, (points, most) => {
        const kept = thin(most)(points)
        const isAbsent = (i: number): boolean => (points[i]?.y ?? null) === null
        const ends = points.filter((_, i) => !isAbsent(i) && (isAbsent(i - 1) || isAbsent(i + 1)))
        for (const end of ends) expect(kept).toContain(end)
        for (const [i, p] of kept.entries()) {
          const before = kept[i - 1]
          if (p.y === null || before === undefined || before.y === null) continue
          expect(points.some((q) => q.y === null && q.x > before.x && q.x < p.x)).toBe(false)
        }
      }),
      { seed: 3, numRuns: 300 },
    )
  })

  test('a spike survives', () => {
    const points = Array.from({ length: 5000 }, (_, x) => point(x, x === 3217 ? 50 : Math.sin(x / 500)))
    expect(thin(300)(points).some(({ y }) => y === 50)).toBe(true)
    expect(thin(300)(points)).toHaveLength(300)
  })
})

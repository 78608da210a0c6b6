// The bootstrap over problems: known values, and that it sees problems where a plain binomial would see completions.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interval } from './interval.ts'

describe('interval', () => {
  test('of problems that are all right or all wrong, it is that of so many coins', () => {
    const verdicts = Array.from({ length: 64 * 8 }, (_, i) => (Math.floor(i / 8) % 2 === 0 ? 1 : 0))
    const { passAt1Low, passAt1High } = interval(8)(verdicts)
    const half = 1.96 * Math.sqrt(0.25 / 64)
    expect(passAt1Low).toBeCloseTo(0.5 - half, 1)
    expect(passAt1High).toBeCloseTo(0.5 + half, 1)
    // the same verdicts as single problems: narrower by the root of 8
    const single = interval(1)(verdicts)
    expect((passAt1High - passAt1Low) / (single.passAt1High - single.passAt1Low)).toBeCloseTo(Math.sqrt(8), 0)
  })

  test('holds the mean, lies within 0 and 1, and is a point where all problems are alike', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(0, 1), { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 20 }),
        (groups) => {
          const verdicts = groups.flat()
          const mean = verdicts.reduce<number>((s, v) => s + v, 0) / verdicts.length
          const { passAt1Low, passAt1High } = interval(4)(verdicts)
          expect(passAt1Low).toBeLessThanOrEqual(mean + 1e-12)
          expect(passAt1High).toBeGreaterThanOrEqual(mean - 1e-12)
          expect(passAt1Low >= 0 && passAt1High <= 1).toBe(true)
          const sums = new Set(groups.map((g) => g.reduce<number>((s, v) => s + v, 0)))
          if (sums.size === 1) for (const end of [passAt1Low, passAt1High]) expect(end).toBeCloseTo(mean, 12)
        },
      ),
      { seed: 31, numRuns: 20 },
    )
  })

  test('groups that are not full are refused', () => {
    expect(() => interval(8)([1, 0, 1])).toThrow(/3 verdicts in groups of 8/)
    expect(() => interval(8)([])).toThrow(/0 verdicts/)
  })
})

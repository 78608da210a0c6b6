/** What is shown of long lines, and how many lines fit. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cut, fitting, weightOf } from './kept.ts'

describe('lines', () => {
  test('a long one is cut, with its length, and never inside of a character', () => {
    expect(cut('y'.repeat(10_000))).toBe('y'.repeat(10_000))
    expect(cut('y'.repeat(2e7))).toBe(`${'y'.repeat(10_000)} … (20,000,000 characters; the first 10,000 are shown)`)
    expect(cut(`y${'😀'.repeat(6000)}`)).toBe(`y${'😀'.repeat(4999)} … (12,001 characters; the first 10,000 are shown)`)
  })

  test('as many are taken as fit, and one at least', () => {
    const lines = fc.array(
      fc.string({ maxLength: 300 }).map((text) => ({ level: 'log' as const, text })),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(lines, fc.integer({ min: 0, max: 5000 }), (given, most) => {
        const weigh = (count: number): number => given.slice(0, count).reduce((sum, line) => sum + weightOf(line), 0)
        const count = fitting(given, most)
        expect(count <= 1 || weigh(count) <= most).toBe(true)
        expect(count === given.length || weigh(count + 1) > most).toBe(true)
        expect(count > 0 || given.length === 0).toBe(true)
      }),
      { seed: 2, numRuns: 200 },
    )
  })
})

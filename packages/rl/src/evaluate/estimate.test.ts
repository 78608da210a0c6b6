import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { consAtK, passAtK } from './estimate.ts'

describe('pass@k', () => {
  const counts = fc
    .integer({ min: 1, max: 9 })
    .chain((n) =>
      fc.record({ n: fc.constant(n), c: fc.integer({ min: 0, max: n }), k: fc.integer({ min: 1, max: n }) }),
    )

  test('equals the mean over all subsets, is monotone in k, and c/n at 1', () => {
    fc.assert(
      fc.property(counts, ({ n, c, k }) => {
        let [hits, subsets] = [0, 0]
        for (let set = 0; set < 2 ** n; set++) {
          const members = Array.from({ length: n }, (_, i) => (set >> i) & 1)
          if (members.reduce((s, m) => s + m, 0) !== k) continue
          subsets++
          if (members.some((m, i) => m === 1 && i < c)) hits++
        }
        expect(passAtK(n, c, k)).toBeCloseTo(hits / subsets, 12)
        expect(passAtK(n, c, 1)).toBeCloseTo(c / n, 12)
        if (k > 1) expect(passAtK(n, c, k)).toBeGreaterThanOrEqual(passAtK(n, c, k - 1) - 1e-12)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('known values, without overflow', () => {
    expect(passAtK(8, 3, 4)).toBeCloseTo(0.92857, 5)
    expect(passAtK(100_000, 1, 50_000)).toBeCloseTo(0.5, 9)
    expect(passAtK(5, 5, 1)).toBe(1)
    expect(() => passAtK(3, 4, 1)).toThrow(RangeError)
    for (const [n, c, k] of [
      [4.5, 1, 1],
      [4, 1.5, 1],
      [4, 1, 1.5],
      [NaN, 1, 1],
    ] as const)
      expect(() => passAtK(n, c, k)).toThrow(/needs whole numbers/)
    expect(() => passAtK(3, 1, 4)).toThrow(/lower k/)
  })
})

describe('cons@k', () => {
  const answers = fc.array(fc.constantFrom('1', '2', '3', null), { maxLength: 12 })
  const right = (a: string): boolean => a === '2'

  test('does not depend on the order, and lies in [0, 1]', () => {
    fc.assert(
      fc.property(
        answers.chain((as) => fc.tuple(fc.constant(as), fc.shuffledSubarray(as, { minLength: as.length }))),
        ([as, shuffled]) => {
          const c = consAtK(right)(as)
          expect(consAtK(right)(shuffled)).toBe(c)
          expect(c >= 0 && c <= 1).toBe(true)
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })

  test('ties give the chance of a right choice; silence does not vote', () => {
    expect(consAtK(right)(['2', '2', '1', null, null, null])).toBe(1)
    expect(consAtK(right)(['2', '1'])).toBe(0.5)
    expect(consAtK(right)(['1', '3', '2', '2', '1', '3'])).toBeCloseTo(1 / 3, 12)
    expect(consAtK(right)([null])).toBe(0)
    // A spread of as many votes would overflow the stack.
    expect(consAtK((answer) => answer === '7')([...Array.from({ length: 200_000 }, (_, i) => String(i)), '7'])).toBe(1)
    expect(consAtK(right)([])).toBe(0)
  })
})

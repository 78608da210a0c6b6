import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRounding, ROUNDING } from './rounding.ts'

const size = fc.double({ min: 1e-3, max: 1e6, noNaN: true })
const few = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 2, maxLength: 40 })

describe('what varies by rounding only', () => {
  test('numbers that are a few steps of f32 apart, at any size', () => {
    fc.assert(
      fc.property(size, few, (s, steps) => {
        const at = Math.fround(s)
        const step = 2 ** (Math.floor(Math.log2(at)) - 23)
        const values = steps.map((n) => Math.fround(at + n * step))
        expect(isRounding(values)).toBe(new Set(values).size > 1)
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  test('nothing that varies by more than that, and nothing that is equal', () => {
    fc.assert(
      fc.property(size, fc.double({ min: 2 * ROUNDING, max: 10, noNaN: true }), (s, by) => {
        expect(isRounding([s, s * (1 + by)])).toBe(false)
        expect(isRounding([s, s, s])).toBe(false)
      }),
      { seed: 2, numRuns: 300 },
    )
    expect([isRounding([]), isRounding([1])]).toEqual([false, false])
  })

  test('does not depend on the unit, nor on the sign', () => {
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: -20, max: 20 }),
        (values, power) => {
          expect(isRounding(values.map((y) => -y * 2 ** power))).toBe(isRounding(values))
        },
      ),
      { seed: 3, numRuns: 300 },
    )
  })

  test('a difference is as inexact as what it is one of', () => {
    const differences = [1.05e-7, 6.4e-6, 3e-7]
    expect([isRounding(differences), isRounding(differences, 10)]).toEqual([false, true])
    expect(isRounding([0.2, 0.3], 10)).toBe(false)
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { smooth } from './smooth.ts'

const weight = fc.double({ min: 0, max: 0.99, noNaN: true })
const value = fc.double({ min: -100, max: 100, noNaN: true })
const curve = fc.array(fc.option(value), { maxLength: 60 })
const near = (a: number | null, b: number | null): boolean =>
  a === null || b === null ? a === b : Math.abs(a - b) <= 1e-9 * (1 + Math.abs(a) + Math.abs(b)) * 1e3

const check = <A extends [unknown, ...unknown[]]>(property: fc.IPropertyWithHooks<A>, seed: number): void =>
  fc.assert(property, { seed, numRuns: 300 })

describe('smoothing', () => {
  test('leaves a constant as it is: its bias is corrected', () => {
    check(
      fc.property(weight, value, fc.integer({ min: 1, max: 60 }), (w, c, n) => {
        expect(smooth(w)(new Array<number>(n).fill(c)).every((y) => near(y, c))).toBe(true)
      }),
      1,
    )
  })

  test('is linear in the values', () => {
    check(
      fc.property(weight, fc.array(fc.tuple(value, value), { maxLength: 60 }), value, (w, pairs, a) => {
        const sum = smooth(w)(pairs.map(([x, y]) => a * x + y))
        const [xs, ys] = [smooth(w)(pairs.map(([x]) => x)), smooth(w)(pairs.map(([, y]) => y))]
        expect(sum.every((s, i) => near(s, a * xs[i]! + ys[i]!))).toBe(true)
      }),
      2,
    )
  })

  test('is causal, stays between the least and the greatest so far, and keeps what is absent so', () => {
    check(
      fc.property(weight, curve, fc.nat(), (w, ys, cut) => {
        const all = smooth(w)(ys)
        const n = ys.length === 0 ? 0 : cut % ys.length
        expect(smooth(w)(ys.slice(0, n))).toEqual(all.slice(0, n))
        all.forEach((s, i) => {
          const known = ys.slice(0, i + 1).filter((y) => y !== null)
          expect(s === null).toBe(ys[i] === null)
          if (s !== null) {
            expect(s).toBeGreaterThanOrEqual(Math.min(...known) - 1e-9)
            expect(s).toBeLessThanOrEqual(Math.max(...known) + 1e-9)
          }
        })
      }),
      3,
    )
  })

  test('of weight 0 changes nothing, and absent values count for nothing', () => {
    expect(smooth(0)([1, null, 3])).toEqual([1, null, 3])
    expect(smooth(0.5)([1, null, 3])).toEqual([1, null, smooth(0.5)([1, 3])[1]])
    // m = .5 * .5 + .5 * 3 = 1.75, over 1 - .25
    expect(smooth(0.5)([1, 3])[1]).toBeCloseTo(1.75 / 0.75, 12)
  })
})

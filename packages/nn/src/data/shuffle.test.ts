// Every epoch is a permutation, of its own, and a position says all.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { shuffled } from './shuffle.ts'

const seed = fc.maxSafeInteger()

describe('a shuffle', () => {
  test('has each item once an epoch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), seed, fc.nat(5), (size, s, epoch) => {
        const at = shuffled({ size, seed: s })
        const items = Array.from({ length: size }, (_, i) => at(epoch * size + i))
        expect(new Set(items)).toEqual(new Set(Array.from({ length: size }, (_, i) => i)))
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('is another for another epoch, and for another seed; the same for the same', () => {
    const size = 1000
    const orderOf = (s: number, epoch: number): readonly number[] => {
      const at = shuffled({ size, seed: s })
      return Array.from({ length: size }, (_, i) => at(epoch * size + i))
    }
    expect(orderOf(7, 0)).toEqual(orderOf(7, 0))
    const same = (xs: readonly number[], ys: readonly number[]): number => xs.filter((x, i) => x === ys[i]).length
    // two random orders of n items agree at one place in the mean
    for (const other of [orderOf(7, 1), orderOf(8, 0), orderOf(7 + 2 ** 32, 0), orderOf(-7, 0), orderOf(7, 2 ** 33)])
      expect(same(orderOf(7, 0), other)).toBeLessThan(12)
  })

  test('leaves no item near where it stood: the mean distance is that of a random order', () => {
    const size = 5000
    const at = shuffled({ size, seed: 3 })
    const moved = Array.from({ length: size }, (_, i) => Math.abs(at(i) - i))
    // |i - j| of two random places is n / 3 in the mean
    expect(moved.reduce((a, b) => a + b, 0) / size / size).toBeCloseTo(1 / 3, 1)
  })

  test('of many items takes no longer, and refuses sizes and positions that are none', () => {
    const size = 2 ** 52
    const at = shuffled({ size, seed: 1 })
    const items = Array.from({ length: 1000 }, (_, i) => at(i))
    expect(new Set(items).size).toBe(1000)
    for (const item of items) expect(item >= 0 && item < size).toBe(true)
    for (const bad of [0, -1, 1.5, NaN]) expect(() => shuffled({ size: bad, seed: 0 })).toThrow(/size is/)
    expect(() => shuffled({ size: 2, seed: 0.5 })).toThrow(/seed is 0.5/)
    expect(() => shuffled({ size: 2, seed: 0 })(-1)).toThrow(/position is -1/)
  })
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyChoice, kernelOf } from '../linear/dot-kernels.support.ts'
import { verifyKernel } from '../../loops/verify.ts'
import { bucket, dotKey, keyText, typical } from './dot-key.ts'

it('a size stands for those up to a quarter of an octave below it, and small ones for themselves', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 24 }), (n) => {
      const of = bucket(n)
      expect(bucket(of)).toBe(of)
      expect(of).toBeGreaterThanOrEqual(n)
      expect(of).toBeLessThan(1.25 * n)
      if (n <= 16) expect(of).toBe(n)
      expect(bucket(n + 1)).toBeGreaterThanOrEqual(of)
    }),
    { seed: 3 },
  )
})

it('the typical product of a key is a kernel, and has that key', () => {
  fc.assert(
    fc.property(anyChoice, (choice) => {
      fc.pre(choice.m * choice.n * choice.k > 0)
      const key = dotKey(kernelOf(choice))
      verifyKernel(typical(key))
      expect(dotKey(typical(key))).toEqual(key)
    }),
    { seed: 3 },
  )
})

it('what would be too much work is measured at fewer rows and columns, of as many steps', () => {
  const key = dotKey(
    kernelOf({
      ...{ batch: 3, m: 5000, n: 8000, k: 700 },
      ...{ orders: [false, true, false], prologues: [false, false], epilogue: true, shared: false },
    }),
  )
  expect(keyText(key)).toBe('4 x [5120, 768] of f32 along k by [768, 8192] of f32 along k')
  const { batch, m, n, k } = typical(key)
  expect([batch[0]!.extent, m.extent, n.extent, k.extent]).toEqual([1, 1280, 1024, 768])
})

it('what is measured takes at most 64 MB an array, whatever is multiplied: one row by a vocabulary', () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 2 ** 20 }))
  fc.assert(
    fc.property(size, size, size, (m, n, k) => {
      const operand = { from: 'made', alongK: false } as const
      const { buffers } = typical({
        a: operand,
        b: operand,
        turned: false,
        batch: 1,
        m: bucket(m),
        n: bucket(n),
        k: bucket(k),
      })
      expect(Math.max(...buffers.map((b) => b.size))).toBeLessThanOrEqual(2 ** 24)
    }),
    { seed: 3 },
  )
})

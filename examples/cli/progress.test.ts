import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timeLeft } from './progress.ts'

test.each([
  [0, 100, 0, '..'],
  [1, 100, 1000, '1m39s'],
  [50, 100, 50_000, '50s'],
  [1, 10_000, 1000, '2h46m'],
  [100, 100, 5, '0s'],
])('%i of %i steps in %i ms: %s', (done, of, ms, left) => {
  expect(timeLeft(done, of, ms)).toBe(left)
})

test('is short, whatever is left', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e7), (done, more, ms) => {
      expect(timeLeft(done, done + more, ms).length).toBeLessThan(20)
    }),
    { seed: 4 },
  )
})

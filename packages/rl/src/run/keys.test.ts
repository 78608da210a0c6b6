import { random } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dice, foldIn, hostKey } from './keys.ts'

describe('host keys', () => {
  // jax.random.fold_in(jax.random.key(0), 1) and the zero vector of Random123 (threefry2x32, 20 rounds).
  test('have the bits of JAX', () => {
    expect(foldIn(hostKey(0), 1)).toEqual([928981903, 3453687069])
    expect(foldIn(hostKey(0), 0)).toEqual([0x6b200159, 0x99ba4efe])
  })

  test('a die is fair, and a function of its key', () => {
    const roll = dice(hostKey(5))
    const again = dice(hostKey(5))
    const counts = [0, 0, 0, 0, 0, 0]
    for (let i = 0; i < 60_000; i++) {
      const n = roll(6)
      expect(again(6)).toBe(n)
      counts[n]!++
    }
    // chi-squared with 5 degrees of freedom exceeds 20.5 once in a thousand
    expect(counts.reduce((s, c) => s + (c - 10_000) ** 2 / 10_000, 0)).toBeLessThan(20.5)
  })

  test('keys folded apart are apart', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 2 ** 32 - 1 }), fc.nat({ max: 2 ** 32 - 1 }), (seed, m, n) => {
        const [x, y] = [foldIn(hostKey(seed), m), foldIn(hostKey(seed), n)]
        return (m === n) === (x[0] === y[0] && x[1] === y[1])
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  test.each([-1, 0.5, NaN, 2 ** 53, '1', undefined])('there is none of the seed %j', (seed) => {
    expect(() => hostKey(seed as never)).toThrow(/^hostKey: the seed is .+\. Give a whole number of at least 0/)
  })

  test.each([
    [3, 'the number 3'],
    [random.key(0), 'a tensor, a key of the device'],
    [undefined, 'undefined'],
  ])('what is none is refused by name', (key, words) => {
    const said = `the key is ${words}. Give a key of the host, such as hostKey(0).`
    expect(() => foldIn(key as never, 1)).toThrow(new TypeError(`foldIn: ${said}`))
    expect(() => dice(key as never)).toThrow(new TypeError(`dice: ${said}`))
  })
})

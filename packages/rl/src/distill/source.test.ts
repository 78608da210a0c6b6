import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostKey } from '../run/keys.ts'
import { epochs } from './source.ts'

const unused = hostKey(0)
const items = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)

describe('epochs', () => {
  const runs = fc.record({
    n: fc.integer({ min: 1, max: 12 }),
    rows: fc.integer({ min: 1, max: 15 }),
    seed: fc.nat(),
  })

  test('show every item once an epoch, and run on from one epoch into the next', () => {
    fc.assert(
      fc.property(runs, ({ n, rows, seed }) => {
        const batch = epochs(items(n), { rows, key: hostKey(seed) })
        const seen = items(n).flatMap((step) => batch(unused, step)) // n batches: `rows` epochs
        expect(seen).toHaveLength(n * rows)
        for (let e = 0; e < rows; e++)
          expect([...seen.slice(e * n, (e + 1) * n)].sort((x, y) => x - y)).toEqual(items(n))
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('a step has the same items whatever was asked before, and whatever its own key', () => {
    fc.assert(
      fc.property(runs, fc.array(fc.nat({ max: 40 }), { maxLength: 6 }), ({ n, rows, seed }, before) => {
        const [fresh, used] = [0, 1].map(() => epochs(items(n), { rows, key: hostKey(seed) }))
        for (const step of before) used!(unused, step)
        expect(used!(hostKey(9), 7)).toEqual(fresh!(unused, 7))
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('the order follows from the key and changes with the epoch', () => {
    const order = (seed: number, epoch: number): readonly number[] =>
      epochs(items(20), { rows: 20, key: hostKey(seed) })(unused, epoch)
    expect(order(1, 0)).toEqual(order(1, 0))
    expect(order(1, 0)).not.toEqual(order(2, 0))
    expect(order(1, 0)).not.toEqual(order(1, 1))
    expect(order(1, 0)).not.toEqual(items(20))
  })

  test('each item is as likely first as any other', () => {
    const first = items(400).map((seed) => epochs(items(4), { rows: 1, key: hostKey(seed) })(unused, 0)[0]!)
    for (const item of items(4)) {
      const times = first.filter((x) => x === item).length
      expect(times).toBeGreaterThan(70)
      expect(times).toBeLessThan(130)
    }
  })

  test('nothing of nothing; no batches without items', () => {
    expect(epochs([], { rows: 2, key: unused })(unused, 3)).toEqual([])
    for (const rows of [0, -1, 1.5]) expect(() => epochs([1], { rows, key: unused })).toThrow(/positive whole/)
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { putBack } from './put-back.ts'

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']
const some = fc.subarray(names)
/** A list before and one after that has others between, and both in one order; and what of the list before is kept. */
const lists = fc.record({ wanted: some, former: some, kept: some.map((each) => new Set(each)) })
const among = (all: readonly string[], of: readonly string[]): readonly string[] =>
  all.filter((each) => of.includes(each))

describe('what has left a list and stays', () => {
  test('leaves the list as it is, and is there once', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(names), fc.shuffledSubarray(names), some, (wanted, former, some) => {
        const kept = new Set(some)
        const all = putBack(wanted, former, kept)
        expect(among(all, wanted)).toEqual(wanted)
        expect([...all].sort()).toEqual([...new Set([...wanted, ...among(former, some)])].sort())
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  test('stands as it stood to all that stood there: nothing of the former list has to be moved', () => {
    fc.assert(
      fc.property(lists, ({ wanted, former, kept }) => {
        const all = putBack(wanted, former, kept)
        expect(among(all, former)).toEqual(among(former, all))
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  test('stands right behind what it stood behind', () => {
    expect(putBack(['n', 'a', 'c'], ['a', 'b', 'x', 'c'], new Set(['b', 'x']))).toEqual(['n', 'a', 'b', 'x', 'c'])
    expect(putBack(['n', 'c'], ['b', 'c'], new Set(['b']))).toEqual(['n', 'b', 'c'])
    expect(putBack(['n'], ['b'], new Set(['b']))).toEqual(['n', 'b'])
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hiddenAmong, hiding } from './hidden.ts'

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
/** Runs by setting. */
const settings = (of: readonly string[]): fc.Arbitrary<readonly (readonly string[])[]> =>
  fc
    .tuple(fc.shuffledSubarray([...of]), fc.array(fc.nat(3), { minLength: of.length, maxLength: of.length }))
    .map(([runs, at]) => [0, 1, 2, 3].map((i) => runs.filter((_, j) => at[j] === i)).filter((each) => each.length > 0))
const some = fc.subarray(names)

describe('hidden settings', () => {
  test('stay hidden, and the others shown, whatever runs come before them, join them or go', () => {
    const more = fc.tuple(settings(names.slice(0, 5)), fc.array(fc.nat(4)), fc.array(fc.nat(4)), fc.boolean())
    fc.assert(
      fc.property(more, ([before, chosen, join, ahead]) => {
        const hidden = before.flatMap((runs, i) => (chosen.includes(i) && before.length > 1 ? runs : []))
        const wasHidden = new Set(hidden)
        // New runs join settings, and make settings of their own before or behind those that there are; of each the first run goes.
        const left = before.map((runs, i) => [
          ...(runs.length > 1 ? runs.slice(1) : runs),
          ...(join.includes(i) ? [`new ${i}`] : []),
        ])
        const after = ahead ? [['x'], ...left] : [...left, ['x']]
        const now = hiddenAmong(after, hidden)
        after.forEach((runs, i) => {
          const known = runs.filter((run) => names.includes(run))
          expect(now.includes(i)).toBe(known.some((run) => wasHidden.has(run)))
        })
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  test('are hidden and shown by their boxes, one by one', () => {
    fc.assert(
      fc.property(settings(names), some, fc.nat(3), fc.boolean(), (all, hidden, at, hide) => {
        fc.pre(all.length > 1 && at < all.length)
        const before = hiddenAmong(all, hidden)
        const after = hiddenAmong(all, hiding(hidden, all[at]!, hide))
        expect(after.includes(at)).toBe(hide)
        expect(after.filter((i) => i !== at)).toEqual(before.filter((i) => i !== at))
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  test('are none where there is no other: no box there could show it again', () => {
    expect(hiddenAmong([['a', 'b']], ['a', 'b'])).toEqual([])
    expect(hiddenAmong([['a', 'b'], ['c']], ['a', 'b'])).toEqual([0])
  })

  test('that have gone are hidden again when they come back', () => {
    const hidden = hiding([], ['a'], true)
    expect(hiding(hiding(hidden, ['b'], true), ['b'], false)).toEqual(['a'])
  })
})

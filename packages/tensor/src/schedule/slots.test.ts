import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Life, shareSlots } from './slots.ts'

const life: fc.Arbitrary<Life> = fc
  .record({ bytes: fc.integer({ min: 1, max: 64 }), start: fc.nat(40), length: fc.nat(12) })
  .map(({ bytes, start, length }) => ({ bytes, start, end: start + length }))
const lives = fc.array(life, { maxLength: 30 })

it('values that live at the same time never share a slot, and every slot is large enough', () => {
  fc.assert(
    fc.property(lives, (all) => {
      const { sizes, slotOf } = shareSlots(all)
      all.forEach((p, i) => {
        expect(sizes[slotOf[i]!]!).toBeGreaterThanOrEqual(p.bytes)
        all.forEach((q, j) => {
          if (i < j && slotOf[i] === slotOf[j]) expect(p.start > q.end || q.start > p.end).toBe(true)
        })
      })
    }),
    { seed: 4, numRuns: 500 },
  )
})

it('takes no less than what lives at one time, and for equal sizes no more', () => {
  fc.assert(
    fc.property(lives, (all) => {
      const total = (xs: readonly Life[]): number => shareSlots(xs).sizes.reduce((a, b) => a + b, 0)
      const peak = (xs: readonly Life[]): number =>
        Math.max(
          0,
          ...Array.from({ length: 60 }, (_, t) =>
            xs.filter((l) => l.start <= t && t <= l.end).reduce((n, l) => n + l.bytes, 0),
          ),
        )
      expect(total(all)).toBeGreaterThanOrEqual(peak(all))
      const inOrder = all.map((l) => ({ ...l, bytes: 8 }))
      expect(total(inOrder)).toBe(peak(inOrder))
    }),
    { seed: 5, numRuns: 300 },
  )
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ALIGNMENT, type Life, liveAtOnce, packArena } from './arena.ts'

const life: fc.Arbitrary<Life> = fc
  .record({ bytes: fc.integer({ min: 1, max: 5000 }), start: fc.nat(40), length: fc.nat(12) })
  .map(({ bytes, start, length }) => ({ bytes, start, end: start + length }))
const lives = fc.array(life, { maxLength: 40 })
const limits = fc.constantFrom(Infinity, 4096, 16384)

it('values that live at the same time never share a byte, and each lies within its slab, aligned', () => {
  fc.assert(
    fc.property(lives, limits, (all, largest) => {
      const { slabs, ranges } = packArena(largest, all)
      all.forEach((p, i) => {
        const at = ranges[i]!
        expect(at.offset % ALIGNMENT).toBe(0)
        expect(at.offset + p.bytes).toBeLessThanOrEqual(slabs[at.slab]!)
        all.forEach((q, j) => {
          const other = ranges[j]!
          if (i >= j || at.slab !== other.slab || p.start > q.end || q.start > p.end) return
          expect(at.offset + p.bytes <= other.offset || other.offset + q.bytes <= at.offset).toBe(true)
        })
      })
    }),
    { seed: 4, numRuns: 500 },
  )
})

it('a slab is no larger than allowed, but for a value that is', () => {
  fc.assert(
    fc.property(lives, limits, (all, largest) => {
      const { slabs, ranges } = packArena(largest, all)
      slabs.forEach((bytes, slab) => {
        const tenants = all.filter((_, i) => ranges[i]!.slab === slab)
        expect(tenants.length).toBeGreaterThan(0)
        const alone = Math.max(...tenants.map((t) => Math.ceil(t.bytes / ALIGNMENT) * ALIGNMENT))
        expect(bytes).toBeLessThanOrEqual(Math.max(largest, alone))
      })
    }),
    { seed: 6, numRuns: 300 },
  )
})

it('takes no less than what lives at one time, for equal sizes no more, and for any close to it', () => {
  let [needed, taken] = [0, 0]
  fc.assert(
    fc.property(lives, (all) => {
      const packed = packArena(Infinity, all)
      const total = packed.slabs.reduce((a, b) => a + b, 0)
      const peak = Math.max(
        0,
        ...Array.from({ length: 60 }, (_, t) =>
          all
            .filter((l) => l.start <= t && t <= l.end)
            .reduce((n, l) => n + Math.ceil(l.bytes / ALIGNMENT) * ALIGNMENT, 0),
        ),
      )
      expect(packed.live).toBe(peak)
      expect(total).toBeGreaterThanOrEqual(peak)
      expect(total).toBeLessThanOrEqual(1.5 * peak)
      needed += peak
      taken += total
      const even = all.map((l) => ({ ...l, bytes: 8 }))
      expect(packArena(Infinity, even).slabs.reduce((a, b) => a + b, 0)).toBe(liveAtOnce(even))
    }),
    { seed: 5, numRuns: 300 },
  )
  expect(taken / needed).toBeLessThan(1.05)
})

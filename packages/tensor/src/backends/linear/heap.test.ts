import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Block, createHeap, LINE, roundUp } from './heap.ts'

const START = 4096
const growing = (most: number) => {
  let length = START
  const grow = (bytes: number): number | null => {
    if (length + bytes > most) return null
    length += Math.ceil(bytes / 1024) * 1024
    return length
  }
  return { heap: createHeap(START, grow), length: () => length }
}

describe('heap', () => {
  it('has no room for what is larger than its memory, however large', () => {
    const { heap } = growing(1 << 22)
    heap.give(heap.take(1 << 20)!)
    for (let octave = 23; octave < 53; octave++)
      for (const bytes of [2 ** octave, 2 ** octave + 64, 1.5 * 2 ** octave]) expect(heap.take(bytes)).toBeNull()
    expect(heap.live()).toBe(0)
  })

  it('hands out disjoint aligned blocks inside the memory, and joins all that come back', () => {
    const step = fc.oneof(fc.record({ take: fc.integer({ min: 0, max: 20000 }) }), fc.record({ give: fc.nat(1000) }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { heap, length } = growing(1 << 22)
        const taken: Block[] = []
        for (const s of steps) {
          if ('take' in s) {
            const block = heap.take(s.take)!
            expect(block.start % LINE).toBe(0)
            expect(block.bytes).toBeGreaterThanOrEqual(s.take)
            expect(block.start).toBeGreaterThanOrEqual(LINE)
            expect(block.start + block.bytes).toBeLessThanOrEqual(length() - LINE)
            for (const other of taken)
              expect(other.start + other.bytes <= block.start || block.start + block.bytes <= other.start).toBe(true)
            taken.push(block)
          } else if (taken.length > 0) {
            const [block] = taken.splice(s.give % taken.length, 1)
            heap.give(block!)
          }
          expect(heap.live()).toBe(taken.reduce((sum, b) => sum + b.bytes, 0))
        }
        taken.forEach(heap.give)
        expect(heap.live()).toBe(0)
        // all is one block again: the whole memory can be taken without growing
        const before = length()
        expect(heap.take(before - 2 * LINE)).toEqual({ start: LINE, bytes: before - 2 * LINE })
        expect(length()).toBe(before)
      }),
      { seed: 11, numRuns: 200 },
    )
  })

  it('refuses what does not fit, and a block given back twice', () => {
    const { heap } = growing(8192)
    expect(heap.take(1 << 20)).toBeNull()
    const block = heap.take(100)!
    expect(block.bytes).toBe(roundUp(100))
    heap.give(block)
    expect(() => heap.give(block)).toThrow(/not taken/)
    expect(heap.take(2000)).not.toBeNull()
  })

  it('uses no fresh memory in a steady state', () => {
    const { heap } = growing(1 << 22)
    const turn = (): void => [5000, 64, 900, 5000].map((n) => heap.take(n)!).forEach(heap.give)
    turn()
    const held = [5000, 64, 900].map((n) => heap.take(n)!)
    const exchange = (): void => {
      const next = [5000, 64, 900].map((n) => heap.take(n)!)
      held.splice(0, 3, ...next).forEach(heap.give)
    }
    exchange()
    const before = heap.fresh()
    for (let i = 0; i < 1000; i++) exchange()
    expect(heap.fresh()).toBe(before)
    expect(heap.live()).toBe(held.reduce((sum, b) => sum + b.bytes, 0))
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arena, type Claim, claimOf } from './arena.ts'
import { createBudget } from './budget.ts'
import { fakeGpu } from './fake-gpu.support.ts'
import { watch } from './faults.ts'
import { memory } from './memory.ts'

const blame = () => ({ op: 'tanh', site: '' })
const open = () => {
  const fake = fakeGpu()
  const heap = memory(
    fake.gpu,
    watch(fake.gpu, () => undefined),
    createBudget(Infinity),
    (work) => work(),
    () => undefined,
  )
  return { fake, heap, shared: arena(heap) }
}

describe('arena', () => {
  it('gives each program distinct slabs as large as it asked for, and holds at most twice what the largest need', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 2 ** 20 }), { maxLength: 4 })
    fc.assert(
      fc.property(fc.array(fc.oneof(sizes, fc.nat()), { maxLength: 40 }), (steps) => {
        const { fake, heap, shared } = open()
        const programs: { readonly sizes: readonly number[]; readonly claim: Claim }[] = []
        for (const step of steps) {
          if (typeof step !== 'number') programs.push({ sizes: step, claim: claimOf(step) })
          else if (programs.length > 0) shared.end(programs.splice(step % programs.length, 1)[0]!.claim)
          for (const p of programs) {
            const slabs = shared.slabs(p.claim, blame)
            expect(new Set(slabs).size).toBe(p.sizes.length)
            slabs.forEach((s, i) => expect(s.bytes).toBeGreaterThanOrEqual(p.sizes[i]!))
          }
          let need = 0
          for (let rank = 0; rank < 4; rank++)
            need += Math.max(0, ...programs.map((p) => [...p.sizes].sort((a, b) => b - a)[rank] ?? 0))
          expect(fake.bytes()).toBeLessThanOrEqual(2 * need)
          expect(heap.live()).toBe(fake.bytes())
          const made = heap.made()
          for (const p of programs) shared.slabs(p.claim, blame)
          expect(heap.made()).toBe(made)
        }
        for (const p of programs) shared.end(p.claim)
        expect(fake.bytes()).toBe(0)
      }),
      { seed: 9, numRuns: 200 },
    )
  })
})

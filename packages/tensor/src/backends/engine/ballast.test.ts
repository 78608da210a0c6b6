import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Laden, type Load, putDown, takeOn } from './ballast.ts'
import { breathe, turn } from './turns.ts'

/** A tensor's storage as the devices make it: the finalizer knows numbers, the object carries the ballast. */
class Held {
  readonly laden: Laden
  constructor(laden: Laden) {
    this.laden = laden
  }
}

const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]!) * 2 ** 10

describe('ballast', () => {
  it.each([2 ** 16, 2 ** 20, 2 ** 22])(
    'a loop that drops 4 GB in pieces of %i bytes keeps a bounded set, and touches none of the ballast',
    async (bytes) => {
      let live = 0
      let peak = 0
      const gone = new FinalizationRegistry<Load>((load) => {
        live -= load.bytes
        putDown(load, null)
      })
      const before = resident()
      for (let done = 0; done < 2 ** 32; done += bytes) {
        const held = new Held(takeOn(bytes))
        gone.register(held, held.laden.load)
        live += bytes
        peak = Math.max(peak, live)
        await breathe()
      }
      expect(peak).toBeLessThan(2 ** 30)
      expect(resident() - before).toBeLessThan(2 ** 27)
    },
  )

  it('small blocks carry a grain among them for each grain of theirs, whatever order they come and go in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.record({ take: fc.integer({ min: 1, max: 2 ** 19 }) }), fc.record({ give: fc.nat() })), {
          maxLength: 200,
        }),
        (steps) => {
          const held: Laden[] = []
          for (const step of steps) {
            if ('take' in step) held.push(takeOn(step.take))
            else if (held.length > 0) {
              const [laden] = held.splice(step.give % held.length, 1)
              putDown(laden!.load, laden!.ballast)
            }
          }
          const bytes = held.reduce((n, { load }) => n + load.bytes, 0)
          const carried = held.reduce((n, { load }) => n + load.ballast, 0)
          for (const { load, ballast } of held) expect(ballast?.byteLength ?? 0).toBe(load.ballast)
          // What carriers carried for those that came later may be ahead, never behind by more than a grain.
          expect(carried).toBeGreaterThan(bytes - 2 ** 21)
          for (const { load, ballast } of held) putDown(load, ballast)
        },
      ),
      { seed: 5, numRuns: 100 },
    )
  })

  it('a steady loop makes no ballast: what is put down is carried by the next', () => {
    const first = takeOn(3 * 2 ** 20)
    putDown(first.load, first.ballast)
    const second = takeOn(3 * 2 ** 20)
    expect(second.ballast).toBe(first.ballast)
    putDown(second.load, second.ballast)
  })

  it('a turn comes only where much was taken since the last', async () => {
    await turn()
    let turned = false
    setImmediate(() => (turned = true))
    await breathe()
    expect(turned).toBe(false)
    const laden = takeOn(2 ** 27)
    await breathe()
    expect(turned).toBe(true)
    putDown(laden.load, laden.ballast)
  })
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { race } from './race.ts'

const run = (count: number, timeOf: (i: number) => number): { winner: number; timed: readonly number[] } => {
  const racing = race(count)
  const timed: number[] = []
  let step = racing.next()
  while (step.done !== true) {
    timed.push(step.value)
    step = racing.next(timeOf(step.value))
  }
  return { winner: step.value, timed }
}
const times = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 1, maxLength: 12 })

it('the fastest wins where it is plainly faster than the first, and else the first stays', () => {
  fc.assert(
    fc.property(times, (of) => {
      const { winner } = run(of.length, (i) => of[i]!)
      const least = Math.min(...of)
      expect(of[winner]).toBe(least <= 0.95 * of[0]! ? least : of[0])
    }),
    { seed: 3 },
  )
})

it('the hopeless are timed twice, and the first as often as any', () => {
  fc.assert(
    fc.property(times, (of) => {
      const { timed } = run(of.length, (i) => of[i]!)
      const often = of.map((_, i) => timed.filter((j) => j === i).length)
      const least = Math.min(...of)
      of.forEach((time, i) => {
        if (i > 0 && time > 1.25 * least) expect(often[i]).toBe(2)
        expect(often[i]).toBeLessThanOrEqual(often[0]!)
      })
    }),
    { seed: 3 },
  )
})

it('one slow moment of the machine changes nothing', () => {
  fc.assert(
    fc.property(fc.nat({ max: 30 }), (moment) => {
      let now = 0
      const { winner } = run(4, (i) => [3, 2, 1, 4][i]! * (now++ === moment ? 50 : 1))
      expect(winner).toBe(2)
    }),
    { seed: 3 },
  )
})

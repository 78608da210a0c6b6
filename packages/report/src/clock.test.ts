import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { placeOn, sums } from './clock.ts'
import { clockOf } from './clocks.ts'
import { lines, logLines, timesLines } from './made-up.ts'
import type { Clock } from './page-data.ts'
import { type Run, stageOf } from './run.ts'

const took = fc.array(fc.double({ min: 0, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 50 })
const clock = took.map((each): Clock => ({
  steps: [0, ...each.keys()].map((_, i) => i),
  seconds: sums(each),
  tokens: null,
}))

describe('clocks', () => {
  test('sums begin at nothing, end with all, and go up', () => {
    fc.assert(
      fc.property(took, (each) => {
        const all = sums(each)
        expect(all).toHaveLength(each.length + 1)
        expect(all[0]).toBe(0)
        expect(all.at(-1)).toBeCloseTo(
          each.reduce((s, x) => s + x, 0),
          6,
        )
        expect(all.every((s, i) => i === 0 || s >= all[i - 1]!)).toBe(true)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('a place is that of the clock at its steps, between its neighbours elsewhere, and nowhere beyond', () => {
    fc.assert(
      fc.property(clock, fc.double({ min: -5, max: 60, noNaN: true }), (c, step) => {
        const place = placeOn(c, 'time')
        c.steps.forEach((s, i) => expect(place(s)).toBe(c.seconds![i]))
        const last = c.steps.at(-1)!
        const at = place(step)
        if (step < 0 || step > last) expect(at).toBe(null)
        else {
          expect(at).toBeGreaterThanOrEqual(place(Math.floor(step))! - 1e-9)
          expect(at).toBeLessThanOrEqual(place(Math.ceil(step))! + 1e-6)
        }
        expect(placeOn(c, 'step')(step)).toBe(step)
        expect(placeOn(c, 'tokens')(step)).toBe(null)
        expect(placeOn(undefined, 'time')(step)).toBe(null)
      }),
      { seed: 2, numRuns: 300 },
    )
  })

  test('of a setting are the means of its seeds', () => {
    const run = (seed: number): Run => ({
      ...{ name: `s${seed}`, folder: `/s${seed}`, seed, notes: [], changed: 0 },
      stages: [stageOf('', lines(logLines({ seed, steps: 4 })), lines(timesLines({ seed, steps: 4 }))).stage],
    })
    const setting = { label: 'a', runs: [run(0), run(1)] }
    expect(clockOf(setting, { stage: '', phase: 'grpo' })).toEqual({
      steps: [0, 1, 2, 3, 4],
      seconds: [0, 0.1, 0.2, 0.3, 0.4],
      tokens: [0, 100, 200, 300, 400],
    })
    expect(clockOf(setting, { stage: '', phase: 'sft' }).tokens).toBe(null)
    expect(clockOf(setting, { stage: '', phase: 'none' })).toEqual({ steps: [], seconds: null, tokens: null })
  })
})

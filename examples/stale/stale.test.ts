import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { against, apart, deepestFall, type Ended, verdicts } from './verdict.ts'

const accuracies = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 })

describe('two lists of figures', () => {
  test('are apart where no one of the lower is above one of the higher, whichever is which', () => {
    fc.assert(
      fc.property(accuracies, accuracies, (x, y) => {
        const [all, none] = [x.every((a) => y.every((b) => a > b)), x.every((a) => y.every((b) => a < b))]
        expect(apart(x, y)).toBe(all || none)
        expect(apart(y, x)).toBe(apart(x, y))
        expect(apart(x, x)).toBe(false)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('in words: how far, which way, and how sure', () => {
    expect(against([0.5, 0.6], [0.8, 0.9])).toBe('0.300 below it (beyond the spread of the seeds)')
    expect(against([0.85, 0.6], [0.5, 0.8])).toBe('0.075 above it (within the spread of the seeds)')
    expect(against([0.5], [0.8])).toBe('0.300 below it (one seed)')
    expect(against([0.5, 0.6], [0.6, 0.5])).toBe('level with it (within the spread of the seeds)')
  })
})

test('the deepest fall is from the best before, and 0 for what only rises', () => {
  expect(deepestFall([0.5, 0.9, 0.7, 0.8, 0.1, 1])).toBeCloseTo(0.8, 12)
  expect(deepestFall([0.1, 0.2, 0.2, 0.9])).toBe(0)
  expect(deepestFall([])).toBe(0)
})

describe('verdicts', () => {
  const run = (way: string, k: number, ...passAt1: readonly number[]): Ended => ({
    way,
    k,
    passAt1,
    fall: 0.125,
    mismatch: 0.25,
  })

  test('say what being late costs, and what each way changes, also where it does not help', () => {
    const said = verdicts([0.9, 0.95], [run('ignored', 4, 0.6, 0.7), run('tis', 4, 0.8, 0.9), run('clip', 4, 0.5, 0.4)])
    expect(said).toHaveLength(3)
    expect(said[0]).toContain('4 steps late and ignored: pass@1 0.650, after falls of up to 0.125; on-policy has 0.925')
    expect(said[0]).toContain('0.275 below it (beyond the spread of the seeds)')
    expect(said[0]).toContain('0.250 nats a token')
    expect(said[1]).toMatch(
      /with tis: pass@1 0\.850, .*; ignoring it has 0\.650, .* 0\.200 above it \(beyond.*; on-policy has .* 0\.075 below it \(within/,
    )
    expect(said[2]).toMatch(/with clip: pass@1 0\.450, .* ignoring it has 0\.650, .* 0\.200 below it \(beyond/)
  })

  test('are in order of age, and none without a run to compare with', () => {
    const said = verdicts(
      [0.9],
      [run('ignored', 4, 0.9), run('ignored', 16, 0.2), run('tis', 16, 0.9), run('tis', 2, 1)],
    )
    expect(said.map((s) => s.split(':')[0])).toEqual([
      ...['4 steps late and ignored', '16 steps late and ignored', '16 steps late with tis'],
    ])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLOCK, blocksOf } from './blocks.ts'

/** The most additions that any partial sum takes, on any level: loops run as printers run them. */
const longest = (turns: readonly number[]): number => {
  const blocks = blocksOf(turns)
  // sums[l]: additions so far to the partial sum of level l; the last level is never put by
  const sums = [0, ...blocks.map(() => 0)]
  let most = 0
  const add = (level: number): void => {
    sums[level]!++
    most = Math.max(most, sums[level]!)
  }
  const run = (loop: number): void => {
    if (loop === turns.length) {
      add(0)
      return
    }
    for (let i = 0; i < turns[loop]!; i++) {
      run(loop + 1)
      blocks.forEach((b, level) => {
        if (b.loop !== loop || ((i + 1) % b.every !== 0 && i + 1 < turns[loop]!)) return
        sums[level] = 0
        add(level + 1)
      })
    }
  }
  run(0)
  return most
}

describe('blocks', () => {
  it('leave no partial sum with more additions than a block, in any nest of loops', () => {
    const turns = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 700 })), {
      minLength: 1,
      maxLength: 3,
    })
    fc.assert(
      fc.property(
        turns.filter((t) => t.reduce((p, n) => p * n, 1) <= 200_000),
        (t) => {
          expect(longest(t)).toBeLessThanOrEqual(BLOCK)
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  it('are none where there is one', () => {
    expect(blocksOf([BLOCK])).toEqual([])
    expect(blocksOf([2, BLOCK / 2])).toEqual([])
    expect(blocksOf([BLOCK + 1])).toEqual([{ loop: 0, every: BLOCK }])
    expect(blocksOf([])).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import * as I from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import { openTrial } from './running.support.ts'

const trial = await openTrial()
const [ROWS, COLUMNS] = [64, 600]
const f32 = (size: number, write: boolean) => ({ dtype: 'f32', size, read: !write, write }) as const

/** y[i, j] = x[i, j] / s[i]: what is divided by is one number for a row. */
const byRows = (): LoopKernel => {
  const [i, j] = [
    { id: 0, extent: ROWS },
    { id: 1, extent: COLUMNS },
  ]
  const at = I.flatten([I.ofAxis(i), I.ofAxis(j)], [ROWS, COLUMNS])
  return {
    kind: 'loop',
    name: 'by rows',
    buffers: [f32(ROWS * COLUMNS, false), f32(ROWS, false), f32(ROWS * COLUMNS, true)],
    rows: [i, j],
    cols: [],
    reductions: [],
    stores: [
      {
        buffer: 2,
        at,
        value: S.binary('div', S.load(0, at, 'f32'), S.load(1, I.ofAxis(i), 'f32')),
        scope: 'row',
        mode: 'set',
      },
    ],
  }
}

/** A float of any exponent from a running number: a step of a linear congruence, its high bits a float's. */
const floats = (n: number, seed: number, exponents: readonly [number, number]): Float64Array => {
  let state = seed >>> 0
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  return Float64Array.from({ length: n }, () => {
    const [lo, hi] = exponents
    return Math.fround((next() < 0.5 ? -1 : 1) * (1 + next()) * 2 ** Math.floor(lo + next() * (hi - lo)))
  })
}
const special = [0, -0, Infinity, -Infinity, NaN, 2 ** -149, -(2 ** -130), 3.4e38, 1, -1, 2 ** -80, 2 ** 80, 2 ** 40]

describe.runIf(trial !== null)('division by what a loop does not change', () => {
  it('rounds as division does, and keeps signs of zero, whatever the sizes', { timeout: 60_000 }, () => {
    const [run] = trial!.compile([byRows()])
    const ranges = [
      [-2, 2],
      [-30, 10],
      [-90, 90],
      [-126, 127],
    ] as const
    for (const [k, range] of ranges.entries()) {
      const x = floats(ROWS * COLUMNS, 7 + k, range)
      const s = floats(ROWS, 70 + k, range)
      special.forEach((v, n) => {
        // beside ordinary numbers, and in a row of zeros
        for (let row = 0; row < ROWS; row += 3) x[row * COLUMNS + 16 * n] = v
        x[COLUMNS + n] = v
      })
      // each alone in its vector: what is left over of it may be too small for a float, and seem nothing
      for (let n = 5; n < x.length; n += 16)
        if ((n >> 4) % 3 === 1) x[n] = 2 ** -149 * (1 + ((n * 2654435761) % 2 ** 22))
      x.fill(-0, 4 * COLUMNS, 5 * COLUMNS)
      if (k % 2 === 1) special.forEach((v, n) => (s[2 * n] = v))
      const y = new Float64Array(ROWS * COLUMNS)
      run!([x, s, y])
      const wrong = [...y].findIndex((value, n) => {
        const expected = Math.fround(x[n]! / s[Math.floor(n / COLUMNS)]!)
        return !Object.is(value, expected)
      })
      expect(wrong < 0 ? 'none' : [x[wrong], s[Math.floor(wrong / COLUMNS)], y[wrong]]).toBe('none')
    }
  })
})

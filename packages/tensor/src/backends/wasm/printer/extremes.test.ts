import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as I from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import { printLoop } from './loop.ts'
import { run } from './running.support.ts'

const of = { max: Math.max, min: Math.min } as const

/** The extremes of rows [m, n], of adjoining elements or of such as lie a row apart. */
const reduction = (op: 'max' | 'min', m: number, n: number, adjoining: boolean): LoopKernel => {
  const [i, j]: readonly I.Axis[] = [
    { id: 0, extent: m },
    { id: 1, extent: n },
  ]
  const at = adjoining ? I.add(I.scale(I.ofAxis(i!), n), I.ofAxis(j!)) : I.add(I.scale(I.ofAxis(j!), m), I.ofAxis(i!))
  return {
    kind: 'loop',
    name: op,
    buffers: [
      { dtype: 'f32', size: m * n, read: true, write: false },
      { dtype: 'f32', size: m, read: false, write: true },
    ],
    rows: [i!],
    cols: [j!],
    reductions: [{ op, dtype: 'f32', value: S.load(0, at, 'f32'), running: false }],
    stores: [{ buffer: 1, at: I.ofAxis(i!), value: S.reduced(0, 'f32'), scope: 'row', mode: 'set' }],
  }
}

describe('the greatest and the least of a row', () => {
  it('tell zeros apart and keep NaN wherever it stands, as Math.max and Math.min do', () => {
    const number = fc.oneof(
      fc.constantFrom(0, -0, -0, Infinity, -Infinity, 2 ** -149, -(2 ** -149), 1, -2.5),
      fc.constant(NaN),
      fc.float({ noNaN: true }),
    )
    const few = fc.constantFrom(0, -0)
    const rows = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70 }), fc.boolean())
      .chain(([m, n, zeros]) =>
        fc.tuple(fc.constant(m), fc.array(zeros ? few : number, { minLength: m * n, maxLength: m * n })),
      )
    fc.assert(
      fc.property(rows, fc.constantFrom('max', 'min'), fc.boolean(), ([m, xs], op, adjoining) => {
        const n = xs.length / m
        const kernel = reduction(op, m, n, adjoining)
        const data = [Float64Array.from(xs), new Float64Array(m)]
        run(kernel, printLoop(kernel), data)
        const row = (i: number): readonly number[] =>
          Array.from({ length: n }, (_, j) => xs[adjoining ? i * n + j : j * m + i]!)
        expect([...data[1]!]).toEqual(Array.from({ length: m }, (_, i) => of[op](...row(i))))
      }),
      { seed: 11, numRuns: 300 },
    )
  })
})

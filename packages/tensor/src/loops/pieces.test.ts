import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { interpret } from './interpret.ts'
import * as I from './ix.ts'
import type { Axis } from './ix.ts'
import type { LoopKernel } from './kernel.ts'
import { pieces } from './pieces.ts'
import { binary, constant, linearize, load, select, within } from './scalar.ts'
import { loopRoots } from './substitute.ts'

/** out[r, c] = sum over segments of (c in segment ? in[r, c - start] : 0), as joining by padding makes it. */
const joined = (rows: number, widths: readonly number[], reduced: boolean): LoopKernel => {
  const width = widths.reduce((a, b) => a + b, 0)
  const r: Axis = { id: 0, extent: rows }
  const c: Axis = { id: 1, extent: width }
  let start = 0
  let value = constant('f32', 0)
  widths.forEach((w, i) => {
    const at = I.offset(I.ofAxis(c), -start)
    const element = load(i, I.add(I.scale(I.ofAxis(r), w), I.clamp(at, 0, w - 1)), 'f32')
    value = binary('add', value, select(within(at, 0, w), element, constant('f32', 0)))
    start += w
  })
  const out = widths.length
  return {
    kind: 'loop',
    name: 'joined',
    buffers: [
      ...widths.map((w) => ({ dtype: 'f32' as const, size: rows * w, read: true, write: false })),
      { dtype: 'f32', size: reduced ? width : rows * width, read: false, write: true },
    ],
    rows: reduced ? [c] : [r, c],
    cols: reduced ? [r] : [],
    reductions: reduced ? [{ op: 'sum', dtype: 'f32', value, running: false }] : [],
    stores: [
      reduced
        ? {
            buffer: out,
            at: I.ofAxis(c),
            value: { id: -1, kind: 'reduced', dtype: 'f32', reduction: 0 },
            scope: 'row',
            mode: 'set',
          }
        : { buffer: out, at: I.add(I.scale(I.ofAxis(r), width), I.ofAxis(c)), value, scope: 'row', mode: 'set' },
    ],
  }
}

describe('pieces', () => {
  it('together do what the kernel does', () => {
    const segments = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(segments, fc.integer({ min: 1, max: 3 }), fc.boolean(), (widths, rows, reduced) => {
        const kernel = joined(rows, widths, reduced)
        const run = (parts: readonly LoopKernel[]): Float64Array => {
          const memory = kernel.buffers.map((b, i) => Float64Array.from({ length: b.size }, (_, j) => i * 100 + j))
          memory.at(-1)!.fill(NaN)
          for (const part of parts) interpret(part, memory)
          return memory.at(-1)!
        }
        expect(run(pieces(kernel))).toEqual(run([kernel]))
      }),
      { seed: 5, numRuns: 200 },
    )
  })

  it('ask nothing any more', () => {
    const parts = pieces(joined(2, [3, 4, 5], false))
    expect(parts).toHaveLength(3)
    for (const part of parts)
      expect(linearize(loopRoots(part)).some((s) => s.kind === 'within' || s.kind === 'select')).toBe(false)
  })
})

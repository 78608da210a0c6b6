import { mismatch } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verifyKernel } from '../loops/verify.ts'
import { sizeOf } from '../base/shape.ts'
import { evaluateWith } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import {
  broadcastTo,
  dot,
  fill,
  matrixTranspose,
  maximum,
  parameter,
  reduceMax,
  reduceSum,
  reshape,
  slice,
} from '../primitives/index.ts'
import type { Capabilities } from './capabilities.ts'
import { capabilities as linear } from '../backends/linear/capabilities.ts'
import { host, parallel } from './capabilities.support.ts'
import { playScheduled } from './playing.support.ts'
import { schedule } from './schedule.ts'

const capabilities: readonly Capabilities[] = [
  host,
  { ...parallel, longestRow: 1 << 14, lanes: 512, bindings: 8, slab: 1 << 12 },
]
const kernelsOf = (c: Capabilities, input: Expr, output: Expr) =>
  schedule(c)({ inputs: [input], outputs: [output], donated: [false] }).steps.flatMap((s) =>
    s.kind === 'kernel' ? [s.kernel] : [],
  )

describe('long sums', () => {
  const shapes: readonly (readonly number[])[] = [[2 ** 33], [2 ** 17, 2 ** 17], [8, 2 ** 30, 3], [3, 2 ** 31 + 1]]
  it.each(shapes.map((shape) => [shape]))('over %j fit the counters of loops, in every stage', (shape) => {
    for (const c of capabilities)
      for (const reduce of [reduceSum, reduceMax]) {
        const x = parameter({ shape: shape.map(() => 1), dtype: 'f32' })
        const kernels = kernelsOf(
          c,
          x,
          reduce(
            broadcastTo(x, shape),
            shape.map((_, i) => i),
          ),
        )
        expect(kernels.length).toBeGreaterThan(1)
        for (const kernel of kernels) verifyKernel(kernel)
      }
  })

  it('are work for many in linear memory too, and one kernel where they are short', () => {
    const rowsOf = (n: number): readonly number[] => {
      const x = parameter({ shape: [n], dtype: 'f32' })
      return kernelsOf(linear, x, reduceSum(x, [0])).map((kernel) =>
        kernel.kind === 'loop' ? kernel.rows.reduce((count, a) => count * a.extent, 1) : 0,
      )
    }
    expect(rowsOf(linear.terms)).toEqual([1])
    for (const n of [linear.terms + 1, 2 ** 20 + 7, 2 ** 24]) expect(Math.max(...rowsOf(n))).toBeGreaterThanOrEqual(64)
  })

  it('are computed where they are read, in linear memory, however few the rows', () => {
    const x = parameter({ shape: [3, 5000], dtype: 'f32' })
    const sums = broadcastTo(reshape(reduceSum(x, [1]), [3, 1]), [3, 5000])
    expect(kernelsOf(linear, x, maximum(x, sums)).length).toBe(1)
  })

  it('of a dot take at most 2^16 products each', () => {
    const k = 2 ** 20 + 3
    for (const c of capabilities) {
      const x = parameter({ shape: [2, k], dtype: 'f32' })
      const kernels = kernelsOf(c, x, dot(x, broadcastTo(slice(x, [0, 0], [1, 1]), [k, 3])))
      const longest = kernels.map((kernel) => (kernel.kind === 'dot' ? kernel.k.extent : 0))
      expect(Math.max(...longest)).toBe(Math.floor(k / 17))
    }
  })

  it('over all pairs have indices of 32 bits, in every stage', () => {
    const n = 2 ** 17 + 1
    for (const c of capabilities) {
      const x = parameter({ shape: [n], dtype: 'f32' })
      const pairs = maximum(broadcastTo(reshape(x, [n, 1]), [n, n]), broadcastTo(reshape(x, [1, n]), [n, n]))
      for (const kernel of kernelsOf(c, x, reduceSum(pairs, [0, 1]))) verifyKernel(kernel)
    }
  })

  it('of the parts of a dot are in parts themselves, where there are too many', () => {
    const k = 2 ** 16 * (2 ** 14 + 1)
    for (const c of capabilities) {
      const x = parameter({ shape: [1, k], dtype: 'f32' })
      const kernels = kernelsOf(c, x, dot(x, broadcastTo(slice(x, [0, 0], [1, 1]), [k, 1])))
      const rows = kernels.map((kernel) =>
        kernel.kind === 'loop' && kernel.reductions.length > 0
          ? kernel.cols.reduce((n, { extent }) => n * extent, 1)
          : 0,
      )
      expect(Math.max(...rows)).toBeLessThanOrEqual(c.longestRow)
      for (const kernel of kernels) verifyKernel(kernel)
    }
  })

  it('of a dot with few results are cut along k, no more than keeps lanes busy, into parts of terms enough', () => {
    const sizes = (most: number) => fc.integer({ min: 1, max: most })
    const cut = fc.record({ results: fc.integer({ min: 1, max: 40 }), terms: sizes(6) })
    fc.assert(
      fc.property(sizes(2), sizes(4), sizes(40), sizes(4), cut, fc.boolean(), (batch, m, k, n, dotParts, turned) => {
        const shapes = [turned ? [batch, k, m] : [batch, m, k], [batch, k, n]]
        const inputs = shapes.map((shape) => parameter({ shape, dtype: 'f32' }))
        const a = turned ? matrixTranspose(inputs[0]!) : inputs[0]!
        // What is done to the result is done by whoever adds the parts.
        const output = maximum(dot(a, inputs[1]!), fill([batch, m, n], 'f32', 0.1))
        const c = { ...parallel, dotParts }
        const data = shapes.map((shape) =>
          Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1.7 * i + k)),
        )
        const given = new Map(inputs.map((x, i) => [x, { shape: x.shape, dtype: x.dtype, data: data[i]! }]))
        const wanted = evaluateWith([output], given)[0]!.data
        const got = playScheduled(c, inputs, [output], [false, false], data)[0]!
        expect(mismatch(got, wanted, { relative: 1e-9, absolute: 1e-9 })).toBeNull()

        const program = schedule(c)({ inputs, outputs: [output], donated: [false, false] })
        const dots = program.steps.flatMap((s) => (s.kind === 'kernel' && s.kernel.kind === 'dot' ? [s.kernel] : []))
        const room = Math.min(Math.ceil(dotParts.results / (batch * m * n)), Math.floor(k / dotParts.terms))
        const cuts = dots
          .map((d) => ({ parts: d.batch.reduce((count, { extent }) => count * extent, 1) / batch, steps: d.k.extent }))
          .toSorted((x, y) => y.parts - x.parts)
        const [{ parts, steps }, rest] = [cuts[0]!, cuts[1]]
        expect(parts * steps + (rest?.steps ?? 0)).toBe(k)
        expect(cuts.length).toBeLessThanOrEqual(2)
        expect(parts).toBeLessThanOrEqual(Math.max(1, room))
        expect(parts).toBeGreaterThanOrEqual(Math.max(room / 2, Math.min(room, 2)))
        expect(steps).toBeGreaterThanOrEqual(Math.min(k, dotParts.terms))
      }),
      { seed: 5, numRuns: 300 },
    )
  })

  it('that are short stay one kernel', () => {
    const x = parameter({ shape: [512, 900], dtype: 'f32' })
    for (const c of capabilities) expect(kernelsOf(c, x, reduceSum(x, [1]))).toHaveLength(1)
  })
})

// Kernels that read the same elements are one, whether a program or its data says which elements those are.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as t from '../../index.ts'

type Floats = t.Tensor<readonly number[], 'f32'>
const device = t.wasmDevice({ threads: 1 })
const summaries: Readonly<Record<string, (x: Floats) => Floats>> = {
  sines: (x) => t.sum({ axis: 1 })(t.sin(x)),
  cosines: (x) => t.sum({ axis: 1 })(t.cos(x)),
  largest: (x) => t.max({ axis: 2 })(t.exp(x)),
  rows: (x) => t.sum({ axis: 2 })(x),
  columns: (x) => t.sum({ axis: 1 })(t.mul(x, x)),
}

it('what is cut at a position that is data takes the kernels of what is cut at a known one', () => {
  const kernels = (program: t.Program | null): number => program!.steps.length
  fc.assert(
    fc.property(
      fc.record({
        names: fc.uniqueArray(fc.constantFrom(...Object.keys(summaries)), { minLength: 1 }),
        size: fc.tuple(
          fc.integer({ min: 2, max: 4 }),
          fc.integer({ min: 8, max: 40 }),
          fc.integer({ min: 8, max: 40 }),
        ),
        start: fc.integer({ min: -4, max: 4 }),
      }),
      ({ names, size: [n, rows, columns], start }) => {
        const all = (x: Floats): readonly Floats[] => names.map((name) => summaries[name]!(x))
        const x = t.zeros([n + 4, rows, columns])
        const at = t.jit((x: Floats, i: t.Scalar<'i32'>) => all(t.dynamicSlice([n, rows, columns])(x, [i, 0, 0])), {
          device,
        })
        const known = t.jit((x: Floats) => all(t.slice([1, 0, 0], [n + 1, rows, columns])(x)), { device })
        expect(kernels(at.program(x, t.scalar(start, 'i32')))).toBe(kernels(known.program(x)))
      },
    ),
    { seed: 1, numRuns: 60 },
  )
})

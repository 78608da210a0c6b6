import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { inPlaceKernels } from '../../loops/in-place.support.ts'
import * as I from '../../loops/ix.ts'
import type { KernelBuffer, LoopKernel, Reduction, Store } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import { hardwareTuning, softwareTuning, type Tuning } from './printer/index.ts'
import type { WebgpuDevice } from './face.ts'
import {
  axis,
  differences,
  into,
  loop,
  openWebgpu,
  out,
  sequence,
  store,
  tryKernel,
  type Values,
} from './kernel-trial.support.ts'

/**
 * Kernels over one f32 and one i32 input, of any form: elements, rows with up to three reductions that read one another,
 * running sums. The numbers of `choices` decide, one after the other.
 */
const randomKernel: fc.Arbitrary<{ kernel: LoopKernel; inputs: Values }> = fc
  .record({
    rows: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
    cols: fc.array(
      fc.oneof({ arbitrary: fc.integer({ min: 1, max: 9 }), weight: 9 }, { arbitrary: fc.constant(0), weight: 1 }),
      { maxLength: 2 },
    ),
    wide: fc.boolean(),
    form: fc.constantFrom('elements', 'rows', 'rows', 'running'),
    choices: fc.array(fc.nat(999), { minLength: 120, maxLength: 120 }),
  })
  .map(({ rows, cols, wide, form, choices }) => {
    let taken = 0
    const pick = (n: number): number => choices[taken++ % choices.length]! % n
    const rowAxes = rows.map(axis)
    const colAxes =
      form === 'elements' ? [] : form === 'running' ? [axis(cols[0] ?? 4)] : [...cols, ...(wide ? [37] : [])].map(axis)
    const all = [...rowAxes, ...colAxes]
    const size = 97
    /** A position of a buffer of 97 elements, from the axes that may be used. */
    const position = (from: readonly I.Axis[]): I.Ix => {
      let ix = I.constant(pick(20) - 10)
      for (const a of from) ix = I.add(ix, I.scale(I.ofAxis(a), pick(5) - 1))
      if (pick(3) === 0) ix = I.div(ix, 1 + pick(6))
      if (pick(6) === 0) ix = I.add(ix, I.dynamic(S.load(1, I.constant(pick(size)), 'i32'), 40))
      return pick(2) === 0 ? I.mod(ix, size) : I.clamp(ix, 0, size - 1)
    }
    const value = (from: readonly I.Axis[], depth: number, reductions: number): S.Scalar => {
      if (depth === 0) {
        if (reductions > 0 && pick(2) === 0) return S.reduced(pick(reductions), 'f32')
        const kind = pick(5)
        if (kind === 0) return S.constant('f32', pick(7) - 3)
        if (kind === 1) return S.cast('f32', S.load(1, position(from), 'i32'))
        if (kind === 2) return S.cast('f32', S.index(position(from)))
        return S.load(0, position(from), 'f32')
      }
      const sub = (): S.Scalar => value(from, depth - 1, reductions)
      const kind = pick(6)
      if (kind === 0) return S.select(S.within(position(from), 20, 70), sub(), sub())
      if (kind === 1) return S.unary((['neg', 'abs', 'tanh', 'sigmoid', 'sin', 'erf'] as const)[pick(6)]!, sub())
      const x = sub()
      return S.binary((['add', 'sub', 'max', 'min'] as const)[pick(4)]!, x, pick(4) === 0 ? x : sub())
    }
    const count = form === 'elements' ? 0 : form === 'running' ? 1 : 1 + pick(3)
    const reductions = Array.from({ length: count }, (_, r): Reduction => ({
      op: (['sum', 'max', 'min', 'sum'] as const)[pick(4)]!,
      dtype: 'f32',
      value: value(all, 2, form === 'running' ? 0 : r),
      running: form === 'running',
    }))
    const extents = (of: readonly I.Axis[]): readonly number[] => of.map((a) => a.extent)
    const product = (of: readonly I.Axis[]): number => of.reduce((p, a) => p * a.extent, 1)
    const written: KernelBuffer[] = []
    const stores: Store[] = []
    const write = (over: readonly I.Axis[], scope: Store['scope']): void => {
      written.push(out('f32', product(over)))
      stores.push(store(1 + written.length, I.flatten(over.map(I.ofAxis), extents(over)), value(over, 2, count), scope))
    }
    if (form !== 'running') write(rowAxes, 'row')
    if (form !== 'elements') write(all, 'full')
    const kernel = loop({
      buffers: [into('f32', size), into('i32', size), ...written],
      rows: rowAxes,
      cols: colAxes,
      reductions,
      stores,
    })
    return { kernel, inputs: [sequence(size), sequence(size, (i) => ((i * 7919) % 61) - 10)] }
  })

describe.runIf(inject('devices').includes('webgpu'))('random kernels on the adapter', () => {
  let device: WebgpuDevice
  beforeAll(async () => {
    device = await openWebgpu()
  })
  afterAll(() => device.destroy())

  const shapes: readonly (readonly [string, (own: Tuning) => Tuning])[] = [
    ['of one lane a row', () => ({ ...softwareTuning, lanes: 1, serialColumns: Infinity })],
    ['of lanes that share a row by workgroup memory', () => ({ ...softwareTuning, serialColumns: 0 })],
    [
      'of lanes that share a row by shuffles',
      (own) => ({ ...softwareTuning, serialColumns: 0, subgroup: own.subgroup }),
    ],
    ['of the shapes for a GPU', () => hardwareTuning],
  ]
  it.each(shapes)('%s compute what the interpreter does', { timeout: 60_000 }, async (_, shape) => {
    const tuned = await openWebgpu({ tuning: shape(device.tuning) })
    await fc.assert(
      fc.asyncProperty(randomKernel, async ({ kernel, inputs }) => {
        const { actual, expected } = await tryKernel(tuned, kernel, inputs)
        expect(differences(actual, expected)).toEqual([])
      }),
      { seed: 7, numRuns: 20, endOnFailure: true },
    )
    await tuned.destroy()
  })
  it.each(shapes)('%s work in place as the interpreter does', { timeout: 60_000 }, async (_, shape) => {
    const tuned = await openWebgpu({ tuning: shape(device.tuning) })
    await fc.assert(
      fc.asyncProperty(inPlaceKernels, async (kernel) => {
        const inputs = kernel.buffers.flatMap((b, i) =>
          b.read ? [sequence(b.size, (j) => Math.sin(i + j * 1.7))] : [],
        )
        const { actual, expected } = await tryKernel(tuned, kernel, inputs)
        expect(differences(actual, expected)).toEqual([])
      }),
      { seed: 9, numRuns: 12, endOnFailure: true },
    )
    await tuned.destroy()
  })
})

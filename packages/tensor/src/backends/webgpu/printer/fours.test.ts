import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import * as I from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import { choices, type Choice, kernelOf } from '../../linear/dot-kernels.support.ts'
import type { WebgpuDevice } from '../face.ts'
import { differences, openWebgpu, sequence, tryKernel } from '../kernel-trial.support.ts'
import { dotTiles, hardwareTuning, printDot, shuffledTuning, softwareTuning } from './index.ts'
import { foursAlong } from './product.ts'

const [X, Y] = [
  { id: 1, extent: 24 },
  { id: 2, extent: 8 },
] as const
/** Indices over x and y: sums of multiples, quotients and remainders, as views and merged axes make them. */
const indices = fc.letrec<{ ix: I.Ix }>((tie) => ({
  ix: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(I.ofAxis(X), I.ofAxis(Y), I.constant(4), I.constant(3)),
    fc.tuple(tie('ix'), tie('ix')).map(([x, y]) => I.add(x, y)),
    fc.tuple(tie('ix'), fc.constantFrom(2, 4, 8, -4)).map(([x, by]) => I.scale(x, by)),
    fc.tuple(tie('ix'), fc.constantFrom(3, 4, 8, 12)).map(([x, by]) => I.div(x, by)),
    fc.tuple(tie('ix'), fc.constantFrom(3, 4, 8, 12)).map(([x, by]) => I.mod(x, by)),
    tie('ix').map((x) => I.clamp(x, 0, 20)),
  ),
})).ix
const at = (x: I.Ix, place: readonly [number, number]): number =>
  I.substitute(
    x,
    (a) => I.constant(place[a === X ? 0 : 1]),
    (s) => s,
  ).constant

it('finds fours only where four positions of an axis are four neighbours from a multiple of four', () => {
  let found = 0
  fc.assert(
    fc.property(indices, (x) => {
      if (!foursAlong(x, X)) return
      found++
      for (let y = 0; y < Y.extent; y++)
        for (let q = 0; q < X.extent; q += 4) {
          const first = at(x, [q, y])
          expect(Math.abs(first % 4)).toBe(0)
          expect([1, 2, 3].map((i) => at(x, [q + i, y]) - first)).toEqual([1, 2, 3])
        }
    }),
    { seed: 3, numRuns: 3000 },
  )
  expect(found).toBeGreaterThan(100)
})
it('finds them in rows, in columns of heads that lie apart, and not beside an odd start or an odd stride', () => {
  const [x, y] = [I.ofAxis(X), I.ofAxis(Y)]
  const heads = I.add(I.mod(x, 8), I.scale(I.div(x, 8), 96))
  expect([x, I.add(x, I.scale(y, 24)), heads, I.offset(x, 8)].map((ix) => foursAlong(ix, X))).toEqual(
    Array(4).fill(true),
  )
  const others = [I.offset(x, 1), I.add(x, y), I.scale(x, 2), I.mod(x, 6), I.scale(y, 24), I.add(x, I.scale(y, 6))]
  expect(others.map((ix) => foursAlong(ix, X))).toEqual(others.map(() => false))
  expect(foursAlong(I.ofAxis({ id: 4, extent: 6 }), { id: 4, extent: 6 })).toBe(false)
})

const plain: Choice = {
  ...{ batch: 1, m: 32, n: 64, k: 24, orders: [false, false, false], prologues: [false, false] },
  ...{ epilogue: false, shared: false },
}
const bound = (kernel: DotKernel): readonly boolean[] => {
  const { source } = printDot(kernel, shuffledTuning(8))
  return [0, 1].map((b) => source.includes(`b${b}: array<vec4<f32>>`))
}
it('binds in fours what is read in fours: either layout of either operand, not what is written or ends within a four', () => {
  for (const a of [false, true])
    for (const b of [false, true]) {
      expect(bound(kernelOf({ ...plain, orders: [a, b, false] }))).toEqual([true, true])
      expect(bound(kernelOf({ ...plain, orders: [a, b, false], prologues: [true, false] }))).toEqual([false, true])
    }
  expect(bound(kernelOf({ ...plain, k: 23 }))).toEqual([false, true])
  expect(bound(kernelOf({ ...plain, n: 62, orders: [false, true, false] }))).toEqual([true, true])
  const kernel = kernelOf(plain)
  const over = { ...kernel, stores: kernel.stores.map((s) => ({ ...s, buffer: 0 })) }
  expect(bound({ ...over, buffers: kernel.buffers.map((b, i) => ({ ...b, write: i === 0 || b.write })) })).toEqual([
    false,
    true,
  ])
  const longer = kernel.buffers.map((b, i) => (i === 1 ? { ...b, size: b.size + 1 } : b))
  expect(bound({ ...kernel, buffers: longer })).toEqual([true, false])
})
it('is for adapters whose lanes are a register: no GPU, and none without subgroups', () => {
  for (const tuning of [hardwareTuning, softwareTuning]) {
    expect(printDot(kernelOf(plain), tuning).source).not.toMatch(/vec4<f32>|subgroup/)
    expect(dotTiles(tuning, 64, 64, 64, 1).some(({ choice }) => choice.fours === true)).toBe(false)
  }
})

describe.runIf(inject('devices').includes('webgpu'))('products in fours on the adapter', () => {
  let device: WebgpuDevice
  let single: WebgpuDevice
  beforeAll(async () => {
    device = await openWebgpu()
    single = await openWebgpu({ tuning: softwareTuning })
  })
  afterAll(async () => {
    await device.destroy()
    await single.destroy()
  })
  const inputsOf = (kernel: DotKernel): readonly (readonly number[])[] =>
    kernel.buffers
      .filter((b) => b.read)
      .map(({ size, dtype }, b) =>
        sequence(size, (i) => (dtype === 'f32' ? Math.sin(b + 0.37 * i) : (((b + i) * 7) % 31) / 8)),
      )
  /** Where what the kernel stores is not what the interpreter makes of it. Its bits have to be those of tiles without fours. */
  const wrongs = async (kernel: DotKernel): Promise<readonly string[]> => {
    const [fours, ones] = [
      await tryKernel(device, kernel, inputsOf(kernel)),
      await tryKernel(single, kernel, inputsOf(kernel)),
    ].map(({ actual, expected }) => [actual, expected].map((all) => all.slice(0, kernel.stores.length)))
    expect(fours![0]).toEqual(ones![0])
    return differences(fours![0]!, fours![1]!)
  }
  const sizes = fc.oneof(fc.constantFrom(1, 3, 4, 8, 12, 16, 20, 32, 36, 64), fc.integer({ min: 1, max: 40 }))

  it('have the bits of other tiles at any size, layout, prologue and epilogue', { timeout: 180_000 }, async () => {
    expect(device.tuning.dot(64, 64, 64, 1).fours).toBe(true)
    await fc.assert(
      fc.asyncProperty(choices(sizes, 2), async (choice) => {
        expect(await wrongs(kernelOf(choice))).toEqual([])
      }),
      { seed: 5, numRuns: 20, endOnFailure: true },
    )
  })
  it('take what is stored in two bytes one by one', { timeout: 60_000 }, async () => {
    const kernel = kernelOf({ ...plain, m: 20, n: 36, stored: ['f16', 'bf16'] })
    expect(bound(kernel)).toEqual([false, false])
    expect(await wrongs(kernel)).toEqual([])
  })
  it('add up long sums in the same blocks', { timeout: 60_000 }, async () => {
    for (const k of [1028, 1030]) {
      const kernel = kernelOf({ ...plain, m: 20, n: 36, k, orders: [true, false, false] })
      expect(await wrongs(kernel)).toEqual([])
    }
  })
  it('multiply a buffer by itself, read in fours and one by one', { timeout: 60_000 }, async () => {
    const of = (odd: boolean): DotKernel => {
      const kernel = kernelOf({ ...plain, m: 16, n: 16, k: 16 })
      const b = S.load(
        0,
        odd
          ? I.flatten([I.ofAxis(kernel.n), I.mod(I.offset(I.ofAxis(kernel.k), 1), 16)], [16, 16])
          : I.flatten([I.ofAxis(kernel.n), I.ofAxis(kernel.k)], [16, 16]),
        'f32',
      )
      return { ...kernel, b }
    }
    for (const kernel of [of(false), of(true)]) {
      expect(bound(kernel)[0]).toBe(true)
      expect(await wrongs(kernel)).toEqual([])
    }
  })
})

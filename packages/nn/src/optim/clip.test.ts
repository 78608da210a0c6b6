import { grad } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import type { ones } from '@adjoint/tensor'
import { jit, readAsync, tensor, tree, type Tree, zeros } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { clipByGlobalNorm, globalNorm } from './clip.ts'

const values = (t: Tree): readonly number[] => evaluate(tree.leaves(t)).flatMap((v) => [...v.data])
const row = fc.array(
  fc.integer({ min: -64, max: 64 }).map((n) => n / 8),
  { minLength: 3, maxLength: 3 },
)
const treeOf = (data: readonly number[]) => ({ a: tensor(data.slice(0, 1), [1]), b: [tensor(data.slice(1), [2])] })

describe('clipByGlobalNorm', () => {
  test('bounds the norm, keeps the direction, and leaves short updates alone', () => {
    fc.assert(
      fc.property(row, fc.constantFrom(0.5, 1, 8, 1000), (data, bound) => {
        const [clipped] = clipByGlobalNorm(bound).update(treeOf(data), null, treeOf(data))
        const norm = Math.hypot(...data)
        expect(values(globalNorm(treeOf(data)))[0]).toBeCloseTo(norm, 6)
        const factor = Math.min(1, bound / norm)
        values(clipped).forEach((v, i) => expect(v).toBeCloseTo(factor * data[i]!, 6))
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test('updates of norm 0 stay 0', () => {
    const zero = treeOf([0, 0, 0])
    expect(values(clipByGlobalNorm(1).update(zero, null, zero)[0])).toEqual([0, 0, 0])
    expect(values(globalNorm({ none: null }))).toEqual([0])
  })
})

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

describe('norms of any size, on every device', () => {
  // Leaves of sizes of their own; squares of most of them are no numbers of single precision.
  const number = fc
    .record({
      digits: fc.integer({ min: -64, max: 64 }),
      power: fc.constantFrom(-36, -30, -20, -14, -13, 0, 15, 16, 20, 30, 36),
    })
    .map(({ digits, power }) => Math.fround((digits / 8) * 10 ** power))
  const leaf = (n: number) => fc.array(number, { minLength: n, maxLength: n })

  test('the norm, and updates clipped by it, are those of double precision', async () => {
    for (const device of devices) {
      const run = jit(
        (updates: { readonly a: ReturnType<typeof ones>; readonly b: ReturnType<typeof ones> }) => ({
          norm: globalNorm(updates),
          clipped: clipByGlobalNorm(1).update(updates, null, updates)[0],
        }),
        { device },
      )
      await fc.assert(
        fc.asyncProperty(leaf(3), leaf(2), async (a, b) => {
          const { norm, clipped } = run({ a: tensor(a, [3]), b: tensor(b, [2]) })
          const exact = Math.hypot(...a, ...b)
          const found = (await readAsync(norm, device))[0]!
          expect(Math.abs(found - exact)).toBeLessThanOrEqual(1e-6 * exact)
          const both = [...(await readAsync(clipped.a, device)), ...(await readAsync(clipped.b, device))]
          both.forEach((u, i) => {
            const given = [...a, ...b][i]!
            if (exact < 0.999) expect(u).toBe(given)
            else expect(u).toBeCloseTo(given * Math.min(1, 1 / exact), 5)
          })
        }),
        { seed: 4, numRuns: 60 },
      )
    }
  })

  test('a gradient of 1e20 is clipped, not lost; nor many of 1e38, whose norm is no number of single precision', async () => {
    for (const device of devices) {
      const of = async (u: readonly number[]) => {
        const updates = tensor(u, [u.length])
        return Array.from(await readAsync(clipByGlobalNorm(1).update(updates, null, updates)[0], device))
      }
      expect(await of([1e20, 1])).toEqual([1, expect.closeTo(0, 15)])
      for (const u of await of([3e38, 3e38, 3e38, -3e38])) expect(Math.abs(u)).toBeCloseTo(0.5, 6)
    }
  })

  test('many small numbers beside one a little larger count', async () => {
    const updates = { a: tensor([2 ** -44], [1]), b: tensor(Array<number>(4096).fill(2 ** -46), [4096]) }
    const exact = Math.sqrt(2 ** -88 + 4096 * 2 ** -92)
    for (const device of devices) expect((await readAsync(globalNorm(updates), device))[0]! / exact).toBeCloseTo(1, 6)
  })

  test('the gradient of the norm is u / norm, and 0 at 0', async () => {
    for (const device of devices) {
      const of = async (u: ReturnType<typeof ones>) =>
        Array.from(await readAsync(grad((x: typeof u) => globalNorm(x))(u), device))
      expect(await of(zeros([3]))).toEqual([0, 0, 0])
      for (const size of [1, 1e20, 1e-25])
        for (const [i, g] of (await of(tensor([3 * size, 4 * size], [2]))).entries())
          expect(g).toBeCloseTo([0.6, 0.8][i]!, 5)
    }
  })

  test('NaN and Infinity are seen', async () => {
    for (const device of devices) {
      const of = async (u: readonly number[]) => {
        const updates = { a: tensor(u, [2]), b: tensor([1], [1]) }
        const [clipped] = clipByGlobalNorm(1).update(updates, null, updates)
        return [
          (await readAsync(globalNorm(updates), device))[0]!,
          ...(await readAsync(clipped.a, device)),
          ...(await readAsync(clipped.b, device)),
        ]
      }
      expect(await of([NaN, 1])).toEqual([NaN, NaN, NaN, NaN])
      expect(await of([Infinity, 1])).toEqual([Infinity, NaN, 0, 0])
    }
  })

  test('a norm that is none is refused', () => {
    for (const bad of [0, -1, NaN]) expect(() => clipByGlobalNorm(bad)).toThrow(/clipByGlobalNorm: maxNorm is/)
  })
})

import { type Data, data, distinct, hostArray, mismatch, presentDevices, tolerances } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { avgPool, cast, maxPool, ones, readAsync, resize, tensor, zeros, type Tensor } from '../index.ts'
import { at, configOf, each, type Slid, slidAxes } from './conv.support.ts'

const devices = await presentDevices()
const from = (d: Data): Tensor => tensor(hostArray(d), d.shape, d.dtype)
interface Case {
  readonly x: Data
  readonly axes: readonly Slid[]
}
const pooled = (element: (shape: readonly number[]) => fc.Arbitrary<Data>): fc.Arbitrary<Case> =>
  slidAxes(1, 2).chain((axes) => element([2, 3, ...axes.map((a) => a.n)]).map((x) => ({ x, axes })))
/** The elements of x that each window sees, and how many offsets it has. */
const seen = ({ x, axes }: Case): readonly (readonly number[])[] => {
  const windows: number[][] = []
  each([...x.shape.slice(0, 2), ...axes.map((a) => a.p)], ([b, c, ...p]) => {
    const found: number[] = []
    each(
      axes.map((a) => a.w),
      (w) => {
        const j = axes.map((a, i) => p[i]! * a.stride + w[i]! * a.dilation - a.lo)
        if (j.every((v, i) => v >= 0 && v < axes[i]!.n)) found.push(at(x, [b!, c!, ...j]))
      },
    )
    windows.push(found)
  })
  return windows
}
const optionsOf = (axes: readonly Slid[]) => ({ window: axes.map((a) => a.w), ...configOf(axes) })
const total = (xs: readonly number[]): number => xs.reduce((p, q) => p + q, 0)

describe.each(devices.map((device) => [device.kind, device] as const))('pools on %s', (kind, device) => {
  const values = async (x: Tensor): Promise<readonly number[]> => [...(await readAsync(x, device))]
  const near = async (x: Tensor, want: readonly number[]): Promise<void> => {
    expect(mismatch(await values(x), want, tolerances.f32)).toBeNull()
  }
  const runs = { seed: 52, numRuns: kind === 'webgpu' ? 8 : 80 }
  const timeout = 60_000

  it('the largest of each window', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(pooled(distinct), async (c) => {
        const y: Tensor = maxPool(optionsOf(c.axes))(from(c.x))
        expect(y.shape).toEqual([2, 3, ...c.axes.map((a) => a.p)])
        await near(
          y,
          seen(c).map((w) => Math.max(...w.map(Math.fround))),
        )
      }),
      runs,
    )
  })
  it('the mean of each window, with the zeros of the padding or without', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(
        pooled((shape) => data(shape)),
        async (c) => {
          const count = total([1]) * c.axes.reduce((n, a) => n * a.w, 1)
          const [x, windows] = [from(c.x), seen(c)]
          await near(
            avgPool(optionsOf(c.axes))(x),
            windows.map((w) => total(w) / count),
          )
          await near(
            avgPool({ ...optionsOf(c.axes), countPadding: false })(x),
            windows.map((w) => total(w) / w.length),
          )
        },
      ),
      runs,
    )
  })
  it('side by side by default; of integers, NaN and infinities', async () => {
    const x: Tensor = tensor([3, -7, 2, 9, 1], [1, 1, 5], 'i32')
    await near(maxPool({ window: 2 })(x), [3, 9])
    await near(maxPool({ window: 2, padding: 'same' })(x), [3, 9, 1])
    const low: Tensor = tensor([-5, -7], [1, 1, 2], 'i32')
    await near(maxPool({ window: 2, padding: 1 })(low), [-5, -7])
    const odd: Tensor = tensor([1, NaN, 2, -Infinity, -Infinity, Infinity], [1, 1, 6])
    await near(maxPool({ window: 2 })(odd), [NaN, 2, Infinity])
    await near(avgPool({ window: 3 })(odd), [NaN, NaN])
  })
  it('sizes by nearest elements and by lines between them', async () => {
    const x: Tensor = tensor([0, 4, 8, 12], [1, 1, 2, 2])
    await near(resize({ size: 4, method: 'nearest' })(x), [0, 0, 4, 4, 0, 0, 4, 4, 8, 8, 12, 12, 8, 8, 12, 12])
    await near(resize({ size: [2, 3], method: 'nearest' })(x), [0, 4, 4, 8, 12, 12])
    await near(resize({ size: [1, 1], method: 'nearest' })(x), [12])
    // as PyTorch's interpolate(mode='bilinear', align_corners=False)
    await near(resize({ size: [2, 4], method: 'linear' })(x), [0, 1, 3, 4, 8, 9, 11, 12])
    await near(resize({ size: [1, 2], method: 'linear' })(x), [4, 8])
    await near(resize({ size: [3, 1], method: 'linear' })(x), [2, 6, 10])
    const i: Tensor = tensor([1, 2], [1, 1, 2], 'i32')
    await near(resize({ size: 3, method: 'nearest' })(i), [1, 2, 2])
  })
  it('sizes: NaN and infinities reach the positions between them and their neighbours, and no other', async () => {
    const x: Tensor = tensor([1, Infinity, 3, 4, NaN, 6], [1, 1, 6])
    await near(resize({ size: 2, method: 'linear' })(x), [Infinity, NaN])
    await near(resize({ size: 3, method: 'linear' })(x), [Infinity, 3.5, NaN])
    await near(resize({ size: 12, method: 'linear' })(x), [
      ...[1, Infinity, Infinity, Infinity, Infinity, 3.25, 3.75, NaN, NaN, NaN, NaN, 6],
    ])
    await near(resize({ size: 3, method: 'nearest' })(x), [Infinity, 4, 6])
  })
  it('sizes: what is a line stays one between its ends, and a constant everywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 20 }), async (n, size) => {
        const line: Tensor = tensor(
          Float32Array.from({ length: n }, (_, i) => i + 0.5),
          [1, 1, n],
        )
        const want = Array.from({ length: size }, (_, p) => Math.min(n - 0.5, Math.max(0.5, ((p + 0.5) * n) / size)))
        await near(resize({ size, method: 'linear' })(line), want)
        await near(
          resize({ size, method: 'nearest' })(line),
          want.map((_, p) => Math.floor(((p + 0.5) * n) / size) + 0.5),
        )
      }),
      { ...runs, numRuns: kind === 'webgpu' ? 4 : 60 },
    )
  })
})

describe('pools and sizes that cannot be', () => {
  const x: Tensor = ones([1, 2, 4, 4])
  it('say why, and what to do', () => {
    expect(() => maxPool({ window: [2] })(x)).toThrow(
      'maxPool(f32[1, 2, 4, 4]): a window of 1 axes for 2 spatial ones. Pass window: one integer of at least 1, or a list of 2',
    )
    expect(() => maxPool({ window: 0 })(x)).toThrow('a window [0, 0] has no elements')
    expect(() => maxPool({ window: 5 })(x)).toThrow(
      'a window spans 5 elements of spatial axis 0, which has 4 with its padding',
    )
    expect(() => avgPool({ window: 2, stride: 0 })(x)).toThrow('stride [0, 0] is not one positive integer')
    expect(() => maxPool({ window: 2 })(ones([3]) as Tensor)).toThrow('an image has axes [N, C, ..spatial]')
    expect(() => maxPool({ window: 2 })(cast('bool')(x))).toThrow('needs f32 or i32 or u32, not bool')
    expect(() => avgPool({ window: 2 })(cast('i32')(x))).toThrow('needs a float dtype, not i32')
    // @ts-expect-error no window
    expect(() => maxPool({})(x)).toThrow('a window that is undefined for 2 spatial ones')
    expect(() => resize({ size: [3], method: 'nearest' })(x)).toThrow(
      'resize(f32[1, 2, 4, 4]): size [3] is not one positive integer for each of 2 spatial axes. Pass one integer of at least 1, or a list of 2',
    )
    expect(() => resize({ size: 0, method: 'nearest' })(x)).toThrow('size [0, 0] is not one positive integer')
    // @ts-expect-error no such method
    expect(() => resize({ size: 3, method: 'cubic' })(x)).toThrow(
      "method is the string cubic. Choose 'nearest' or 'linear'",
    )
    expect(() => resize({ size: 3, method: 'linear' })(cast('i32')(x))).toThrow('needs a float dtype, not i32')
    expect(() => resize({ size: 3, method: 'linear' })(zeros([1, 2, 0]))).toThrow(
      'an empty axis has no elements to take',
    )
  })
})

import { type Data, data, hostArray, mismatch, presentDevices, tolerances } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  add,
  cast,
  concat,
  conv,
  convTranspose,
  jit,
  matmul,
  mul,
  ones,
  pad,
  readAsync,
  realizeAsync,
  reshape,
  roll,
  slice,
  sum,
  tensor,
  type Tensor,
} from '../index.ts'
import { convolutions, looped } from './conv.support.ts'

const devices = await presentDevices()
const from = (d: Data): Tensor => tensor(hostArray(d), d.shape)
const integers = (shape: readonly number[]): fc.Arbitrary<Data> => data(shape, 'f32', fc.integer({ min: -4, max: 4 }))

describe('convolutions that cannot be', () => {
  const x: Tensor = ones([2, 4, 5])
  const refuses = (f: () => unknown, message: string): void => {
    expect(f).toThrow(message)
  }
  it('say what differs, and what to do', () => {
    refuses(
      () => conv()(x, ones([6, 3, 3]) as Tensor),
      "conv(f32[2, 4, 5], f32[6, 3, 3]): x has 4 channels (axis 1), and 1 group of the kernel's 3 (its axis 1) make 3. Give x as [N, C",
    )
    refuses(() => conv({ groups: 4 })(x, ones([6, 1, 3])), '4 groups do not divide the 6 kernels')
    refuses(() => conv({ groups: 0 })(x, ones([6, 1, 3])), '0 groups do not divide the 6 kernels')
    refuses(
      () => conv()(x, ones([6, 4]) as Tensor),
      'an image [N, C, ..spatial] and a kernel [O, C / groups, ..window] have one rank',
    )
    refuses(
      () => conv({ dilation: 3 })(x, ones([6, 4, 3])),
      "a window spans 7 elements of spatial axis 0, which has 5 with its padding. Pad more (padding: 'same')",
    )
    refuses(() => conv()(x, ones([6, 4, 0])), 'a window [0] has no elements')
    refuses(
      () => conv({ stride: [1, 2] })(x, ones([6, 4, 3])),
      'stride [1, 2] is not one positive integer for each of 1 spatial axes',
    )
    refuses(() => conv({ dilation: 0 })(x, ones([6, 4, 3])), 'dilation [0] is not one positive integer')
    refuses(() => conv({ padding: -1 })(x, ones([6, 4, 3])), 'padding -1 does not name two sides of 1 spatial axes')
    refuses(
      () =>
        conv({
          padding: [
            [1, 1],
            [1, 1],
          ],
        })(x, ones([6, 4, 3])),
      'does not name two sides of 1 spatial axes',
    )
    // @ts-expect-error no such padding
    refuses(() => conv({ padding: 'full' })(x, ones([6, 4, 3])), 'padding "full" does not name')
    refuses(
      () => conv()(cast('i32')(x), cast('i32')(ones([6, 4, 3]))),
      'conv(i32[2, 4, 5]): needs a float dtype, not i32',
    )
    const i32: Tensor = cast('i32')(ones([6, 4, 3]))
    refuses(() => conv()(x, i32), 'operands need one dtype, not f32 and i32')
    refuses(
      () => convTranspose()(x, ones([6, 4, 3]) as Tensor),
      'convTranspose(f32[2, 4, 5], f32[6, 4, 3]): y has 4 channels (axis 1), and the kernel 6 (axis 0)',
    )
    refuses(
      () => convTranspose({ stride: 2, size: 13 })(x, ones([4, 6, 3])),
      'a convolution of size [13] has [6] positions, not the [5] of y. Pass as size',
    )
    refuses(
      () => convTranspose({ padding: 3 })(ones([1, 1, 2]), ones([1, 1, 3])),
      'a convolution of size [0] has [4] positions, not the [2] of y. No image is so small: pad less',
    )
    for (const [size, said] of [
      [[4, 4], 'size [4, 4] is not one integer of at least 0 for each of 1 spatial axes'],
      [
        4.5,
        'size [4.5] is not one integer of at least 0 for each of 1 spatial axes. Pass one integer of at least 0, or',
      ],
      [-1, 'size [-1] is not one integer of at least 0'],
      [NaN, 'size [NaN] is not one integer of at least 0'],
      ['4', 'convTranspose(f32[1, 1, 2], f32[1, 1, 3]): size is the string 4'],
      [null, 'size is null'],
    ] as const)
      // @ts-expect-error plain JavaScript may pass anything
      refuses(() => convTranspose({ size })(ones([1, 1, 2]), ones([1, 1, 3])), said)
    // an axis without elements excuses no other
    refuses(
      () => conv()(ones([2, 3, 0, 1]), ones([2, 3, 2, 2])),
      'a window spans 2 elements of spatial axis 1, which has 1 with its padding',
    )
    refuses(() => conv({ padding: NaN })(x, ones([6, 4, 3])), 'padding NaN does not name')
  })
})

describe.each(devices.map((device) => [device.kind, device] as const))('convolution on %s', (kind, device) => {
  const values = async (x: Tensor): Promise<readonly number[]> => [...(await readAsync(x, device))]
  const same = async (x: Tensor, want: ArrayLike<number>): Promise<void> => {
    expect(mismatch(await values(x), Array.from(want), tolerances.exact)).toBeNull()
  }
  // a new shape is a new shader
  const runs = { seed: 51, numRuns: kind === 'webgpu' ? 6 : 80 }
  const timeout = 60_000

  it('is the loop over positions, channels and offsets; the transposed one its loop', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(convolutions(3), async (c) => {
        const [x, kernel, y] = [from(c.x), from(c.kernel), from(c.y)]
        const want = looped(c)
        const convolved: Tensor = conv(c.config)(x, kernel)
        expect(convolved.shape).toEqual(c.y.shape)
        await same(convolved, want.y)
        const back: Tensor = convTranspose({ ...c.config, size: c.x.shape.slice(2) })(y, kernel)
        expect(back.shape).toEqual(c.x.shape)
        await same(back, want.dx)
      }),
      runs,
    )
  })

  it('is linear in each operand, and the transposed one its adjoint', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(convolutions(), fc.gen(), async (c, more) => {
        const [x, kernel, y] = [from(c.x), from(c.kernel), from(c.y)]
        const [x2, kernel2] = [from(more(integers, c.x.shape)), from(more(integers, c.kernel.shape))]
        const f = conv(c.config)
        const difference = (u: Tensor, v: Tensor): Tensor => add(u, mul(v, -1))
        await same(
          difference(f(add(x, x2), kernel), add(f(x, kernel), f(x2, kernel))),
          c.y.data.map(() => 0),
        )
        await same(
          difference(f(x, add(kernel, kernel2)), add(f(x, kernel), f(x, kernel2))),
          c.y.data.map(() => 0),
        )
        const adjoint: Tensor = convTranspose({ ...c.config, size: c.x.shape.slice(2) })(y, kernel)
        const [there, back] = [sum()(mul(f(x, kernel), y)), sum()(mul(x, adjoint))]
        await same(there, await values(back))
      }),
      runs,
    )
  })

  it('of groups is each group by itself', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(
        convolutions().filter((c) => c.config.groups > 1),
        async ({ x, kernel, config }) => {
          const { groups } = config
          const part = (d: Data, axis: number, g: number): Tensor => {
            const n = d.shape[axis]! / groups
            const none = d.shape.map(() => 0)
            return slice(none.with(axis, g * n), d.shape.with(axis, (g + 1) * n))(from(d))
          }
          const apart = Array.from({ length: groups }, (_, g): Tensor =>
            conv({ ...config, groups: 1 })(part(x, 1, g), part(kernel, 0, g)),
          )
          const joined: Tensor = concat(1)(apart)
          await same(conv(config)(from(x), from(kernel)), await values(joined))
        },
      ),
      runs,
    )
  })

  it('moves with its input where there is room', { timeout }, async () => {
    const around = pad([
      [0, 0],
      [0, 0],
      [4, 4],
      [4, 4],
    ])
    await fc.assert(
      fc.asyncProperty(integers([2, 3, 5, 4]), integers([2, 3, 3, 2]), fc.nat(3), fc.nat(3), async (x, k, i, j) => {
        const shifted = (t: Tensor): Tensor => roll(i, 2)(roll(j, 3)(t))
        const f = (t: Tensor): Tensor => conv({ padding: 'same' })(t, from(k))
        const wide: Tensor = around(from(x))
        await same(shifted(f(wide)), await values(f(shifted(wide))))
      }),
      { ...runs, numRuns: 6 },
    )
  })

  it('with a window of one element is a matrix product of the channels', async () => {
    const x = tensor(
      Float32Array.from({ length: 24 }, (_, i) => i - 9),
      [2, 3, 4],
    )
    const k = tensor([1, 2, 3, -1, 0, 2], [2, 3])
    await same(conv()(x, reshape([2, 3, 1])(k)), await values(matmul(k, x)))
    // no spatial axis at all: a matrix product
    await same(conv()(tensor([1, 2, 3, 4], [2, 2]), tensor([3, 4], [1, 2])), [11, 25])
  })

  it('holds what is said of padding', async () => {
    const x: Tensor = tensor([1, 2, 3, 4, 5], [1, 1, 5])
    const k: Tensor = tensor([1, 10], [1, 1, 2])
    await same(conv({ padding: 'valid' })(x, k), [21, 32, 43, 54])
    await same(conv({ padding: 'same' })(x, k), [21, 32, 43, 54, 5])
    await same(conv({ padding: 'same', stride: 2 })(x, k), [21, 43, 5])
    await same(conv({ padding: 1 })(x, k), [10, 21, 32, 43, 54, 5])
    await same(conv({ padding: [[0, 2]] })(x, k), [21, 32, 43, 54, 5, 0])
    await same(conv({ dilation: 3 })(x, k), [41, 52])
    const y: Tensor = tensor([1, 2, 3], [1, 1, 3])
    await same(convTranspose()(y, k), [1, 12, 23, 30])
    await same(convTranspose({ stride: 2, padding: 'same' })(y, k), [1, 10, 2, 20, 3, 30])
    await same(convTranspose({ stride: 2, padding: 1 })(y, k), [10, 2, 20, 3])
    await same(convTranspose({ stride: 2, padding: 1, size: 5 })(y, k), [10, 2, 20, 3, 30])
  })

  it('over an axis without elements has no positions, and the transposed one of none no elements', async () => {
    const empty: Tensor = conv({ stride: 2 })(ones([1, 3, 0]), ones([2, 3, 3]))
    expect(empty.shape).toEqual([1, 2, 0])
    const back: Tensor = convTranspose({ stride: 2 })(empty, ones([2, 3, 3]))
    expect(back.shape).toEqual([1, 3, 0])
    await same(back, [])
  })

  it('of halves is that of what they hold, in f32', async () => {
    const x: Tensor = tensor([1, 2, 4, 8], [1, 1, 4])
    const k: Tensor = tensor([-1, 1.5], [1, 1, 2])
    const half = cast('f16')
    expect(conv()(half(x), half(k)).dtype).toBe('f32')
    await same(conv()(half(x), k), await values(conv()(x, k)))
    await same(convTranspose()(x, half(k)), await values(convTranspose()(x, k)))
  })

  it('hands NaN and infinities to the windows that see them, and to no other', async () => {
    const x: Tensor = tensor([1, NaN, 1, 1, Infinity, 1], [1, 1, 6])
    await same(conv({ padding: 1 })(x, ones([1, 1, 3])), [NaN, NaN, NaN, Infinity, Infinity, Infinity])
    // a stride steps over them
    await same(conv({ stride: 2 })(x, ones([1, 1, 1])), [1, 1, Infinity])
  })

  it.skipIf(kind === 'reference')(
    'copies no windows out: its program holds x with its padding, and no more',
    async () => {
      const [x, k] = [await realizeAsync(ones([2, 8, 16, 16]), device), await realizeAsync(ones([16, 8, 5, 5]), device)]
      const f = jit((x: Tensor, k: Tensor) => conv({ padding: 2 })(x, k), { device })
      const { slabs, steps } = f.program(x, k)!
      const columns = 8 * 5 * 5 * 2 * 16 * 16 * 4
      const bytes = slabs.reduce((all, slab) => all + slab, 0)
      expect(bytes).toBeLessThanOrEqual(2 * 8 * 20 * 20 * 4 + 256)
      expect(bytes).toBeLessThan(columns / 10)
      expect(steps).toHaveLength(2)
    },
  )
})

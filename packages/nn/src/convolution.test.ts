// Layers of convolutions against loops over numbers, on every device. Small integers, whose sums are exact.
import { checkGrads, vmap } from '@adjoint/autograd'
import { add, jit, mul, ones, random, readAsync, stack, sub, sum, tensor, zeros } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  convolution,
  type ConvolutionConfig,
  type ConvolutionParams,
  initConvolution,
  initTransposedConvolution,
  transposedConvolution,
} from './convolution.ts'
import { type Initializer, normalInit } from './init.ts'
import type { Floats } from './layer.ts'
import { initLinear, linear } from './linear.ts'

const devices = await presentDevices()
const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
/** Integers from -3 to 3. */
const some = (shape: readonly number[], seed: number): Floats => {
  const n = shape.reduce((p, d) => p * d, 1)
  return tensor(
    Float32Array.from({ length: n }, (_, i) => ((((i + 1) * 7919 + seed * 104729) >>> 3) % 7) - 3),
    shape,
  )
}
const integers =
  (seed: number): Initializer =>
  (_, shape) =>
    some(shape, seed)
const key = random.key(0)

interface Case {
  readonly config: ConvolutionConfig & {
    readonly stride: readonly number[]
    readonly dilation: readonly number[]
    readonly padding: readonly (readonly [number, number])[]
    readonly groups: number
  }
  readonly x: readonly number[]
  readonly y: readonly number[]
  readonly seed: number
}
const few = fc.integer({ min: 1, max: 3 })
const convolutions: fc.Arbitrary<Case> = fc
  .record({
    axes: fc.array(
      fc.record({
        w: few,
        stride: few,
        dilation: fc.integer({ min: 1, max: 2 }),
        lo: fc.nat(2),
        hi: fc.nat(2),
        p: few,
      }),
      { maxLength: 2 },
    ),
    n: few,
    groups: few,
    from: fc.integer({ min: 1, max: 2 }),
    to: fc.integer({ min: 1, max: 2 }),
    bias: fc.boolean(),
    seed: fc.nat(99),
  })
  .map(({ axes, n, groups, from, to, bias, seed }) => {
    // what p windows reach over, less the padding, that one element at least is left
    const spatial = axes.map((a) => Math.max(1, (a.p - 1) * a.stride + (a.w - 1) * a.dilation + 1 - a.lo - a.hi))
    const positions = axes.map(
      (a, i) => Math.floor((spatial[i]! + a.lo + a.hi - (a.w - 1) * a.dilation - 1) / a.stride) + 1,
    )
    return {
      config: {
        in: groups * from,
        out: groups * to,
        window: axes.map((a) => a.w),
        stride: axes.map((a) => a.stride),
        dilation: axes.map((a) => a.dilation),
        padding: axes.map((a) => [a.lo, a.hi] as const),
        groups,
        bias,
        init: integers(seed),
      },
      x: [n, groups * from, ...spatial],
      y: [n, groups * to, ...positions],
      seed,
    }
  })
const paramsOf = ({ config, seed }: Case): ConvolutionParams => {
  const params = initConvolution(config)(key)
  return { ...params, bias: params.bias && some([config.out], seed + 1) }
}

const indices = (shape: readonly number[]): readonly (readonly number[])[] =>
  shape.reduce<readonly (readonly number[])[]>(
    (all, d) => all.flatMap((index) => Array.from({ length: d }, (_, i) => [...index, i])),
    [[]],
  )
const place = (shape: readonly number[], index: readonly number[]): number =>
  index.reduce((at, i, axis) => at * shape[axis]! + i, 0)
/** Every product that a convolution is summed of: places in y, x and the kernel. */
const products = ({ config, x, y }: Case): readonly (readonly [number, number, number])[] => {
  const { window, stride, dilation, padding, groups, in: from, out } = config
  const kernel = [out, from / groups, ...window]
  return indices(y).flatMap(([b, o, ...p]) =>
    indices(kernel.slice(1)).flatMap(([c, ...w]) => {
      const j = w.map((v, i) => p[i]! * stride[i]! + v * dilation[i]! - padding[i]![0])
      if (j.some((v, i) => v < 0 || v >= x[2 + i]!)) return []
      const channel = Math.floor(o! / (out / groups)) * (from / groups) + c!
      return [[place(y, [b!, o!, ...p]), place(x, [b!, channel, ...j]), place(kernel, [o!, c!, ...w])] as const]
    }),
  )
}
/** What is put at each place of `shape` by the channel. */
const biasAt = (shape: readonly number[], bias: Floats | null): number[] => {
  const of = bias && values(bias)
  return indices(shape).map((index) => (of === null ? 0 : of[index[1]!]!))
}

describe.each(devices.map((device) => [device.kind, device] as const))('convolution on %s', (kind, device) => {
  const read = async (x: Floats): Promise<readonly number[]> => [...(await readAsync(x, device))]
  const same = async (x: Floats, want: Floats | readonly number[]): Promise<void> => {
    const [got, expected] = [await read(x), 'node' in want ? await read(want) : want]
    // neither 0 from the other
    expect(got.map((v) => v + 0)).toEqual(expected.map((v) => v + 0))
  }
  const runs = { seed: 5, numRuns: kind === 'webgpu' ? 5 : 40 }

  test('is the sum over the window, of the channels of its group, and the bias; the transposed one its adjoint', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (c) => {
        const params = paramsOf(c)
        const [x, y] = [some(c.x, c.seed + 2), some(c.y, c.seed + 3)]
        const [xs, ys, ks] = [values(x), values(y), values(params.kernel)]
        const there = biasAt(c.y, params.bias)
        const biasBack = params.bias && some([c.config.in], c.seed + 4)
        const back = biasAt(c.x, biasBack)
        for (const [py, px, pk] of products(c)) {
          there[py]! += xs[px]! * ks[pk]!
          back[px]! += ys[py]! * ks[pk]!
        }
        const made = convolution(c.config)(params)(x)
        expect(made.shape).toEqual(c.y)
        await same(made, there)
        const returned = transposedConvolution({ ...c.config, size: c.x.slice(2) })({ ...params, bias: biasBack })(y)
        expect(returned.shape).toEqual(c.x)
        await same(returned, back)
      }),
      runs,
    )
  })

  test('is linear in its parameters', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (c) => {
        const [p, q] = [
          paramsOf(c),
          paramsOf({ ...c, config: { ...c.config, init: integers(c.seed + 7) }, seed: c.seed + 7 }),
        ]
        const x = some(c.x, c.seed + 2)
        const layer = convolution(c.config)
        const of = (u: Floats, v: Floats): Floats => sub(mul(u, 2), mul(v, 3))
        const mixed = { kernel: of(p.kernel, q.kernel), bias: p.bias && q.bias && of(p.bias, q.bias) }
        await same(layer(mixed)(x), of(layer(p)(x), layer(q)(x)))
      }),
      runs,
    )
  })

  test('of groups is one whose kernel is 0 between channels of different groups', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (c) => {
        const { groups, in: from, out, window } = c.config
        const params = paramsOf(c)
        const ks = values(params.kernel)
        const full = indices([out, from, ...window]).map(([o, i, ...w]) =>
          Math.floor(o! / (out / groups)) === Math.floor(i! / (from / groups))
            ? ks[place(params.kernel.shape, [o!, i! % (from / groups), ...w])]!
            : 0,
        )
        const x = some(c.x, c.seed + 2)
        const whole = { ...params, kernel: tensor(Float32Array.from(full), [out, from, ...window]) }
        await same(convolution(c.config)(params)(x), convolution({ ...c.config, groups: 1 })(whole)(x))
      }),
      runs,
    )
  })

  test('vmap over parameters, or over batches, is one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (c) => {
        const each = [0, 1, 2].map((i) => paramsOf({ ...c, config: { ...c.config, init: integers(c.seed + i) } }))
        const xs = [0, 1, 2].map((i) => some(c.x, c.seed + 9 * i))
        const f = (kernel: Floats, x: Floats): Floats => convolution(c.config)({ kernel, bias: each[0]!.bias })(x)
        const kernels = each.map(({ kernel }) => kernel)
        await same(
          vmap(f, { inAxes: [0, null] })(stack(0)(kernels), xs[0]!),
          stack(0)(kernels.map((k) => f(k, xs[0]!))),
        )
        await same(vmap(f)(stack(0)(kernels), stack(0)(xs)), stack(0)(kernels.map((k, i) => f(k, xs[i]!))))
      }),
      runs,
    )
  })

  test('jit of a small network is the reference', async () => {
    const [down, up] = [
      { in: 2, out: 4, window: [3, 3], stride: 2, padding: 1, groups: 2 },
      { in: 4, out: 2, window: [2, 2], stride: 2 },
    ]
    const params = [initConvolution(down)(random.key(1)), initTransposedConvolution(up)(random.key(2))] as const
    const run = ([p, q]: typeof params, x: Floats): Floats =>
      add(transposedConvolution(up)(q)(convolution(down)(p)(x)), x)
    const x = normalInit(1)(random.key(3), [2, 2, 6, 6])
    const [got, want] = [await read(jit(run, { device })(params, x)), values(run(params, x))]
    expect(got.length).toBe(2 * 2 * 6 * 6)
    got.forEach((v, i) => {
      expect(v).toBeCloseTo(want[i]!, 5)
    })
  })
})

describe('convolution', () => {
  test('without spatial axes is the linear layer whose weight the matrix is', () => {
    const layer = initLinear({ in: 3, out: 5 })(random.key(1))
    const params = initConvolution({ in: 3, out: 5, window: [] })(random.key(1))
    const x = normalInit(1)(random.key(2), [4, 3])
    expect(values(convolution()(params)(x))).toEqual(values(linear(layer)(x)))
  })

  test('gradients agree with differences', () => {
    const config = { in: 2, out: 4, window: [3, 2], stride: [2, 1], padding: 1, groups: 2 }
    const drawn = (shape: readonly number[], seed: number): Floats => normalInit(1)(random.key(seed), shape)
    checkGrads((p: ConvolutionParams, x: Floats) => convolution(config)(p)(x), { order: 2 })(
      { kernel: drawn([4, 1, 3, 2], 1), bias: drawn([4], 2) },
      drawn([2, 2, 4, 3], 3),
    )
    checkGrads((p: ConvolutionParams, x: Floats) => transposedConvolution(config)(p)(x), { order: 2 })(
      { kernel: drawn([2, 2, 3, 2], 1), bias: drawn([4], 2) },
      drawn([2, 2, 2, 3], 3),
    )
  })
})

describe('parameters', () => {
  const variance = (xs: readonly number[]): number => xs.reduce((s, v) => s + v * v, 0) / xs.length
  test('keep the variance of what passes through, whatever the window and the groups', () => {
    for (const [n, window] of [
      [40, []],
      [8, [5]],
      [2, [3, 3]],
    ] as const)
      for (const groups of [1, 2]) {
        const config = { in: 16, out: 32, window, groups }
        const x = normalInit(1)(random.key(1), [n, 16, ...window.map((w) => 3 * w)])
        // the places that whole windows reach, as those of a convolution do
        const padding = window.map((w) => [w - 1, w - 1] as const)
        for (const y of [
          convolution(config)(initConvolution(config)(key))(x),
          transposedConvolution({ padding, groups })(initTransposedConvolution(config)(key))(x),
        ]) {
          expect(variance(values(y))).toBeGreaterThan(0.8)
          expect(variance(values(y))).toBeLessThan(1.25)
        }
      }
  })

  test('see the same matrix, channels of a group and elements of the window by channels out', () => {
    const init: Initializer = (_, shape) => {
      expect(shape).toEqual([2 * 3, 6])
      return tensor(
        Float32Array.from({ length: 36 }, (_, i) => i),
        shape,
      )
    }
    const config = { in: 4, out: 6, window: [3], groups: 2, init }
    const there = initConvolution(config)(key).kernel
    expect(there.shape).toEqual([6, 2, 3])
    // column o: rows of channel 0, then of channel 1
    expect(values(there).slice(6, 12)).toEqual([1, 7, 13, 19, 25, 31])
    const back = initTransposedConvolution(config)(key).kernel
    expect(back.shape).toEqual([4, 3, 3])
    // channel 3, which is the second of group 1, to its outputs 3, 4 and 5: rows 3 to 5
    expect(values(back).slice(27)).toEqual([21, 27, 33, 22, 28, 34, 23, 29, 35])
  })

  test('have a bias of 0, or none', () => {
    expect(values(initConvolution({ in: 1, out: 2, window: [3] })(key).bias!)).toEqual([0, 0])
    expect(initConvolution({ in: 1, out: 2, window: [3], bias: false })(key).bias).toBeNull()
    expect(initTransposedConvolution({ in: 1, out: 2, window: [3], bias: false })(key).bias).toBeNull()
  })

  test('that cannot be are named', () => {
    expect(() => initConvolution({ in: 0, out: 2, window: [3] })).toThrow('initConvolution: in is 0. Give a positive')
    expect(() => initConvolution({ in: 1, out: 2, window: [3, 0] })).toThrow('initConvolution: window[1] is 0')
    expect(() => initConvolution({ in: 4, out: 2, window: [3], groups: 4 })).toThrow(
      '4 groups do not divide 4 channels in and 2 out. Choose a number of groups that divides both',
    )
    expect(() => initTransposedConvolution({ in: 3, out: 4, window: [3], groups: 2 })).toThrow(
      'initTransposedConvolution(): 2 groups do not divide 3 channels in and 4 out',
    )
    // @ts-expect-error no key
    expect(() => initConvolution({ in: 1, out: 2, window: [3] })()).toThrow('initConvolution: the key is undefined')
    // @ts-expect-error one number does not say along how many axes
    expect(() => initConvolution({ in: 1, out: 2, window: 3 })).toThrow('initConvolution: window is 3. Give a list')
    const params = initConvolution({ in: 3, out: 4, window: [3, 3] })(key)
    // @ts-expect-error the compiler knows of both
    expect(() => convolution()(params)(ones([1, 2, 5, 5]))).toThrow(
      "x has 2 channels (axis 1), and 1 group of the kernel's 3",
    )
    // @ts-expect-error the compiler knows of both
    expect(() => transposedConvolution()(params)(zeros([1, 2, 5, 5]))).toThrow(
      'y has 2 channels (axis 1), and the kernel 4',
    )
    expect(sum()(convolution()(params)(ones([0, 3, 5, 5]))).shape).toEqual([])
  })
})

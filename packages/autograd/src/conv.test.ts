/** Derivatives of convolutions, pools and other sizes, on every device. Small integers, whose sums are exact. */
import {
  add,
  avgPool,
  conv,
  convTranspose,
  maxPool,
  mul,
  readAsync,
  resize,
  stack,
  sum,
  tensor,
  type Scalar,
  type Shape,
  type Tensor,
} from '@adjoint/tensor'
import { mismatch, presentDevices, tolerances } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad, hvp, jvp, vjp, vmap } from './index.ts'

type Image = Tensor<Shape, 'f32'>
const devices = await presentDevices()
const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1)

interface Config {
  readonly stride: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: readonly (readonly [number, number])[]
  readonly groups: number
}
interface Case {
  readonly xs: Shape
  readonly ks: Shape
  readonly config: Config
  readonly seed: number
}
const axis = fc.record({
  w: fc.constantFrom(1, 2, 3),
  stride: fc.constantFrom(1, 1, 2, 3),
  dilation: fc.constantFrom(1, 2),
  lo: fc.nat(2),
  hi: fc.nat(2),
  more: fc.nat(6),
})
const convolutions: fc.Arbitrary<Case> = fc
  .tuple(
    fc.array(axis, { minLength: 1, maxLength: 2 }),
    fc.record({
      n: fc.constantFrom(1, 2),
      c: fc.constantFrom(1, 2),
      o: fc.constantFrom(1, 3),
      groups: fc.constantFrom(1, 1, 2),
    }),
    fc.nat(1000),
  )
  .map(([axes, { n, c, o, groups }, seed]) => ({
    xs: [n, c * groups, ...axes.map((a) => Math.max(1, a.dilation * (a.w - 1) + 1 - a.lo - a.hi) + a.more)],
    ks: [o * groups, c, ...axes.map((a) => a.w)],
    config: {
      stride: axes.map((a) => a.stride),
      dilation: axes.map((a) => a.dilation),
      padding: axes.map((a) => [a.lo, a.hi] as const),
      groups,
    },
    seed,
  }))
/** Integers from -3 to 3. */
const some = (shape: Shape, seed: number): Image =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((((i + 1) * 7919 + seed * 104729) >>> 3) % 7) - 3),
    shape,
  )
const inner = (x: Image, y: Image): Scalar => sum()(mul(x, y))

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (kind, device) => {
  const read = async (x: Image): Promise<readonly number[]> => [...(await readAsync(x, device))]
  const same = async (x: Image, y: Image | readonly number[]): Promise<void> => {
    const want = 'node' in y ? await read(y) : y
    expect(mismatch(await read(x), want, tolerances.exact)).toBeNull()
  }
  const runs = { seed: 53, numRuns: kind === 'webgpu' ? 4 : 40 }
  const timeout = 60_000
  const operands = ({ xs, ks, seed }: Case): readonly [Image, Image] => [some(xs, seed), some(ks, seed + 1)]

  it('the cotangents of a convolution are adjoint to its tangents, in both operands', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (c) => {
        const [x, k] = operands(c)
        const [dx, dk] = [some(c.xs, c.seed + 2), some(c.ks, c.seed + 3)]
        const f = (x: Image, k: Image): Image => conv(c.config)(x, k)
        const [y, tangent] = jvp(f)(x, k, dx, dk)
        // bilinear
        await same(tangent, add(f(dx, k), f(x, dk)))
        const ct = some(y.shape, c.seed + 4)
        const [gx, gk] = vjp(f)(x, k)[1](ct)
        await same(add(inner(gx, dx), inner(gk, dk)), inner(tangent, ct))
        await same(gx, convTranspose({ ...c.config, size: c.xs.slice(2) })(ct, k))
      }),
      runs,
    )
  })

  it('twice: the curvature of a bilinear map is the other way round', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async (c) => {
        const [x, k] = operands(c)
        const [dx, dk] = [some(c.xs, c.seed + 2), some(c.ks, c.seed + 3)]
        const f = (x: Image, k: Image): Image => conv(c.config)(x, k)
        const ct = some(f(x, k).shape, c.seed + 4)
        const loss = ({ x, k }: { readonly x: Image; readonly k: Image }): Scalar => inner(f(x, k), ct)
        const { x: hx, k: hk } = hvp(loss)({ x, k }, { x: dx, k: dk })
        await same(hx, grad((x: Image) => inner(f(x, dk), ct))(x))
        await same(hk, grad((k: Image) => inner(f(dx, k), ct))(k))
      }),
      runs,
    )
  })

  it('over a batch of images, of kernels, or of both, it is one after the other', { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, fc.constantFrom([0, null], [null, 0], [0, 0]), async (c, axes) => {
        const xs = [0, 1, 2].map((i) => some(c.xs, c.seed + i))
        const ks = [0, 1, 2].map((i) => some(c.ks, c.seed + 9 * i))
        const f = (x: Image, k: Image): Image => conv(c.config)(x, k)
        const x = (i: number): Image => xs[axes[0] === null ? 0 : i]!
        const k = (i: number): Image => ks[axes[1] === null ? 0 : i]!
        const ct = some(f(xs[0]!, ks[0]!).shape, c.seed + 4)
        const gradients = (x: Image, k: Image): readonly [Image, Image] => vjp(f)(x, k)[1](ct)
        const all = (list: readonly Image[], axis: number | null | undefined): Image =>
          axis === null ? list[0]! : stack(0)(list)
        const args = [all(xs, axes[0]), all(ks, axes[1])] as const
        const each = [0, 1, 2].map((i) => [x(i), k(i)] as const)
        await same(vmap(f, { inAxes: axes })(...args), stack(0)(each.map((a) => f(...a))))
        const [gx, gk] = vmap(gradients, { inAxes: axes })(...args) as unknown as readonly [Image, Image]
        await same(gx, stack(0)(each.map((a) => gradients(...a)[0])))
        await same(gk, stack(0)(each.map((a) => gradients(...a)[1])))
      }),
      runs,
    )
  })

  it('the first of equal elements takes what comes to a window', async () => {
    const x: Image = tensor([2, 2, 1, 2, 0, 0], [1, 1, 6])
    const loss = (x: Image): Scalar =>
      inner(maxPool({ window: 3, stride: 1 })(x), tensor([1, 10, 100, 1000], [1, 1, 4]))
    await same(grad(loss)(x), [1, 10, 0, 1100, 0, 0])
    const square: Image = tensor([0, 3, 3, 3], [1, 1, 2, 2])
    await same(grad((x: Image): Scalar => sum()(maxPool({ window: 2 })(x)))(square), [0, 1, 0, 0])
    // padding, as low as what it stands beside, takes nothing that an element could have
    const negative: Image = tensor([-1, -2], [1, 1, 2])
    await same(grad((x: Image): Scalar => sum()(maxPool({ window: 2, stride: 1, padding: 1 })(x)))(negative), [2, 1])
    const least: Image = tensor([-Infinity, -Infinity], [1, 1, 2])
    await same(grad((x: Image): Scalar => sum()(maxPool({ window: 2, padding: 1 })(x)))(least), [1, 1])
    await same(
      vmap(grad((x: Image): Scalar => sum()(maxPool({ window: 2, stride: 1, padding: 2 })(x))))(
        stack(0)([least, negative]),
      ),
      [2, 1, 2, 1],
    )
  })
  it('forward, the largest moves as its element does', async () => {
    const x: Image = tensor([1, 4, 2, 3], [1, 1, 4])
    const [, t] = jvp((x: Image): Image => maxPool({ window: 2 })(x))(x, tensor([1, 10, 100, 1000], [1, 1, 4]))
    await same(t, [10, 1000])
  })
  it('a mean shares, a size gives back', async () => {
    const x: Image = tensor([1, 2, 3, 4], [1, 1, 4])
    await same(
      grad((x: Image): Scalar => inner(avgPool({ window: 2, stride: 1 })(x), tensor([2, 4, 8], [1, 1, 3])))(x),
      [1, 3, 6, 4],
    )
    const ct: Image = tensor([1, 2, 4, 8], [1, 1, 4])
    const small: Image = tensor([5, 6], [1, 1, 2])
    await same(grad((x: Image) => inner(resize({ size: 4, method: 'nearest' })(x), ct))(small), [3, 12])
    await same(grad((x: Image) => inner(resize({ size: 4, method: 'linear' })(x), ct))(small), [
      1 + 1.5 + 1,
      0.5 + 3 + 8,
    ])
    const [, t] = jvp((x: Image): Image => resize({ size: 3, method: 'nearest' })(x))(small, tensor([1, 2], [1, 1, 2]))
    await same(t, [1, 2, 2])
  })
})

/** Random convolutions, valid by construction, of small integers, so that every device's sums are exact; and plain loops. */
import { type Data, data } from '@adjoint/testing'
import fc from 'fast-check'
import { sizeOf, stridesOf } from '../base/shape.ts'

export interface Convolution {
  readonly x: Data
  readonly kernel: Data
  /** Of the shape of the result. */
  readonly y: Data
  readonly config: {
    readonly stride: readonly number[]
    readonly dilation: readonly number[]
    readonly padding: readonly (readonly [number, number])[]
    readonly groups: number
  }
}

const integers = fc.integer({ min: -4, max: 4 })
const steps = fc.constantFrom(1, 1, 2, 3)
/** An axis with at least one window: the padding may be all there is. */
const slid = fc
  .record({
    w: fc.constantFrom(1, 2, 3, 4),
    stride: steps,
    dilation: fc.constantFrom(1, 1, 2),
    lo: fc.nat(3),
    hi: fc.nat(3),
    more: fc.nat(7),
  })
  .map((a) => ({ ...a, n: Math.max(0, a.dilation * (a.w - 1) + 1 - a.lo - a.hi) + a.more }))
  .map((a) => ({ ...a, p: Math.floor((a.n + a.lo + a.hi - a.dilation * (a.w - 1) - 1) / a.stride) + 1 }))
export type Slid = typeof slid extends fc.Arbitrary<infer A> ? A : never
export const slidAxes = (least: number, most: number): fc.Arbitrary<readonly Slid[]> =>
  fc.array(slid, { minLength: least, maxLength: most })
export const configOf = (axes: readonly Slid[]): Omit<Convolution['config'], 'groups'> => ({
  stride: axes.map((a) => a.stride),
  dilation: axes.map((a) => a.dilation),
  padding: axes.map((a) => [a.lo, a.hi] as const),
})

export const convolutions = (most = 2): fc.Arbitrary<Convolution> =>
  fc
    .tuple(
      slidAxes(1, most),
      fc.record({
        n: fc.constantFrom(1, 2, 3, 3, 0),
        c: fc.constantFrom(1, 2, 3, 3, 0),
        o: fc.constantFrom(1, 2, 5),
        groups: fc.constantFrom(1, 1, 2, 3),
      }),
    )
    .chain(([axes, { n, c, o, groups }]) =>
      fc.record({
        x: data([n, c * groups, ...axes.map((a) => a.n)], 'f32', integers),
        kernel: data([o * groups, c, ...axes.map((a) => a.w)], 'f32', integers),
        y: data([n, o * groups, ...axes.map((a) => a.p)], 'f32', integers),
        config: fc.constant({ ...configOf(axes), groups }),
      }),
    )

/** Calls `body` at every index of `shape`. */
export const each = (shape: readonly number[], body: (index: readonly number[]) => void): void => {
  const strides = stridesOf(shape)
  for (let i = 0; i < sizeOf(shape); i++) body(shape.map((d, a) => Math.floor(i / strides[a]!) % d))
}
export const at = (d: Data, index: readonly number[]): number =>
  index.some((p, a) => p < 0 || p >= d.shape[a]!)
    ? 0
    : d.data[stridesOf(d.shape).reduce((sum, s, a) => sum + s * index[a]!, 0)]!

export interface Looped {
  readonly y: Float64Array
  readonly dx: Float64Array
  readonly dk: Float64Array
}
/** The convolution, and both gradients for the cotangent `y`, term by term. */
export const looped = ({ x, kernel, y, config: { stride, dilation, padding, groups } }: Convolution): Looped => {
  const out = {
    y: new Float64Array(y.data.length),
    dx: new Float64Array(x.data.length),
    dk: new Float64Array(kernel.data.length),
  }
  const [xs, ks, ys] = [x, kernel, y].map((d) => stridesOf(d.shape)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ]
  const place = (strides: readonly number[], index: readonly number[]): number =>
    index.reduce((sum, p, a) => sum + p * strides[a]!, 0)
  const perGroup = kernel.shape[0]! / groups
  each(y.shape, ([b, o, ...p]) => {
    each(kernel.shape.slice(1), ([c, ...w]) => {
      const j = w.map((v, i) => p[i]! * stride[i]! + v * dilation[i]! - padding[i]![0])
      if (j.some((v, i) => v < 0 || v >= x.shape[2 + i]!)) return
      const channel = Math.floor(o! / perGroup) * kernel.shape[1]! + c!
      const [xi, ki, yi] = [place(xs, [b!, channel, ...j]), place(ks, [o!, c!, ...w]), place(ys, [b!, o!, ...p])]
      out.y[yi]! += x.data[xi]! * kernel.data[ki]!
      out.dx[xi]! += y.data[yi]! * kernel.data[ki]!
      out.dk[ki]! += y.data[yi]! * x.data[xi]!
    })
  })
  return out
}

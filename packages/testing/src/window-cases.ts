/** Arbitrary applications of the primitives of windows, valid by construction. */
import fc from 'fast-check'
import { type DType, primitives as p } from '@adjoint/tensor/ir'
import { data, dims, shapes } from './arbitraries.ts'

/** Steps: 1, mostly, up to `most`. */
const stepsTo = (most: number): fc.Arbitrary<number> => fc.oneof(fc.constant(1), fc.integer({ min: 1, max: most }))

/** An axis that a window slides along: positions, offsets, steps, and elements that no window reaches. */
const slides = fc
  .array(
    fc.record({
      p: dims,
      w: dims.map((n) => Math.min(n, 3)),
      stride: stepsTo(3),
      dilation: stepsTo(2),
      more: fc.nat(2),
    }),
    {
      maxLength: 2,
    },
  )
  .map((axes) => ({
    stride: axes.map((a) => a.stride),
    dilation: axes.map((a) => a.dilation),
    p: axes.map((a) => a.p),
    w: axes.map((a) => a.w),
    n: axes.map((a) => p.reach(a.p, a.w, a.stride, a.dilation) + a.more),
  }))
export const skews = fc
  .tuple(shapes({ maxRank: 1 }), slides, fc.constantFrom<DType[]>('f32', 'i32', 'u32', 'bool'))
  .chain(([lead, { stride, dilation, p: size, w, n }, dtype]) =>
    data([...lead, ...n, ...w], dtype).map((x) => ({ args: [x], params: { stride, dilation, size } })),
  )
export const unskews = fc
  .tuple(shapes({ maxRank: 1 }), slides, fc.constantFrom<DType[]>('f32', 'i32', 'u32', 'bool'))
  .chain(([lead, { stride, dilation, p: at, w, n: size }, dtype]) =>
    data([...lead, ...at, ...w], dtype).map((x) => ({ args: [x], params: { stride, dilation, size } })),
  )
const few = fc.constantFrom(1, 1, 2, 3)
export const convolutions = fc
  .tuple(
    fc.constantFrom('input', 'kernel', 'output'),
    fc.record({ g: few, n: few, o: few, c: few }),
    fc.array(
      fc.record({
        n: dims,
        w: dims.map((n) => Math.min(n, 3)),
        p: dims,
        stride: stepsTo(3),
        dilation: stepsTo(2),
        before: fc.nat(3),
      }),
      { maxLength: 2 },
    ),
  )
  .chain(([of, { g, n, o, c }, axes]) => {
    const [stride, dilation, before] = [
      axes.map((a) => a.stride),
      axes.map((a) => a.dilation),
      axes.map((a) => a.before),
    ]
    const shapeOf = {
      input: [g, n, c, ...axes.map((a) => a.n)],
      kernel: [g, o, c, ...axes.map((a) => a.w)],
      output: [g, n, o, ...axes.map((a) => a.p)],
    }
    const params = { of, stride, dilation, before, size: shapeOf[of as 'input'].slice(3) }
    const [a, b] = Object.entries(shapeOf).flatMap(([role, shape]) => (role === of ? [] : [shape]))
    return fc.tuple(data(a!), data(b!)).map((args) => ({ args, params }))
  })

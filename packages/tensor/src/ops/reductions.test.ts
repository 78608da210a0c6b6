import { axesOf, close, data, elements, hostArray, positiveDims, shapes, type Data } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import { reduceShape, sizeOf, stridesOf } from '../base/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { tensor, zeros } from './creation.ts'
import { gt } from './logic.ts'
import { all, any, argmax, argmin, max, mean, min, prod, std, sum, variance } from './reductions.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const from = (d: Data): Tensor => tensor(hostArray(d), d.shape, d.dtype)
const runs = { seed: 31, numRuns: 80 }

/** The elements that each result is made of, in row-major order of the results. */
const groups = ({ shape, data: xs }: Data, axes: readonly number[]): readonly (readonly number[])[] => {
  const kept = reduceShape(shape, axes, true)
  const out = Array.from({ length: sizeOf(kept) }, (): number[] => [])
  const strides = stridesOf(kept)
  xs.forEach((v, i) => {
    const at = stridesOf(shape).reduce(
      (o, s, axis) => o + (kept[axis] === 1 ? 0 : (Math.floor(i / s) % shape[axis]!) * strides[axis]!),
      0,
    )
    out[at]!.push(Math.fround(v))
  })
  return out
}
const withAxes = fc
  .tuple(shapes({ dim: positiveDims }), fc.boolean())
  .chain(([shape, keepDims]) =>
    fc.tuple(data(shape, 'f32', elements('f32')), axesOf(shape.length), fc.constant(keepDims)),
  )

const total = (xs: readonly number[]): number => xs.reduce((p, q) => p + q, 0)
const average = (xs: readonly number[]): number => total(xs) / xs.length
const spread = (xs: readonly number[]): number => total(xs.map((x) => (x - average(xs)) ** 2)) / xs.length

describe('reductions', () => {
  const cases = [
    ['sum', sum, total],
    ['prod', prod, (xs: readonly number[]) => xs.reduce((p, q) => p * q, 1)],
    ['max', max, (xs: readonly number[]) => Math.max(...xs)],
    ['min', min, (xs: readonly number[]) => Math.min(...xs)],
    ['mean', mean, average],
    ['variance', variance, spread],
    ['std', std, (xs: readonly number[]) => Math.sqrt(spread(xs))],
  ] as const
  it.each(cases)('%s over any axes', (_, op, f) => {
    fc.assert(
      fc.property(withAxes, ([d, axes, keepDims]) => {
        const y: Tensor = op({ axis: axes, keepDims })(from(d))
        expect(y.shape).toEqual(reduceShape(d.shape, axes, keepDims))
        const expected = groups(d, axes).map(f)
        values(y).forEach((v, i) => expect(close(v, expected[i]!, { relative: 1e-4, absolute: 1e-4 })).toBe(true))
      }),
      runs,
    )
  })
  it('of everything, of nothing, with ddof', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect(values(sum()(x))).toEqual([21])
    expect(values(sum({ axis: -1 })(x))).toEqual([6, 15])
    expect(values(sum({ axis: 0 })(zeros([0, 2])))).toEqual([0, 0])
    expect(values(prod()(zeros([0])))).toEqual([1])
    expect(values(mean()(zeros([0])))).toEqual([NaN])
    expect(values(variance({ ddof: 1 })(tensor([1, 2, 3, 4])))[0]).toBeCloseTo(5 / 3, 6)
    expect(() => max()(zeros([0]))).toThrow('max(f32[0]): an empty axis has no largest or smallest element')
    expect(() => sum({ axis: 5 })(x as Tensor)).toThrow(
      'sum(f32[2, 3]): axis 5 is out of range for rank 2. Name an axis from -2 to 1',
    )
  })
  it('tell to cast', () => {
    const b: Tensor = tensor([true, false])
    expect(() => sum()(b)).toThrow(
      "sum(bool[2]): needs f32 or i32 or u32, not bool. To count, cast first: cast('i32')(x)",
    )
    expect(() => mean()(tensor([1], 'i32'))).toThrow("cast('f32')(x)")
  })
  it('any and all', () => {
    const b = gt(
      tensor([
        [1, -1],
        [2, 3],
      ]),
      0,
    )
    expect(values(any({ axis: 1 })(b))).toEqual([1, 1])
    expect(values(all({ axis: 1 })(b))).toEqual([0, 1])
    expect(values(any()(gt(zeros([0]), 0)))).toEqual([0])
    expect(values(all()(gt(zeros([0]), 0)))).toEqual([1])
  })
})

describe('argmax and argmin', () => {
  const first =
    (better: (x: number, y: number) => boolean) =>
    (xs: readonly number[]): number =>
      xs.reduce((best, x, i) => (Number.isNaN(xs[best]) ? best : Number.isNaN(x) || better(x, xs[best]!) ? i : best), 0)
  const tied = fc.constantFrom(0, 1, 2, -1, Infinity, -Infinity, NaN)
  it.each([
    ['argmax', argmax, first((x, y) => x > y)],
    ['argmin', argmin, first((x, y) => x < y)],
  ] as const)('%s is the first extreme, the first NaN above all', (_, op, f) => {
    fc.assert(
      fc.property(
        shapes({ minRank: 1, dim: positiveDims }).chain((s) => fc.tuple(data(s, 'f32', tied), fc.nat(s.length - 1))),
        ([d, axis]) => {
          const y = op(axis)(from(d))
          expect(y.dtype).toBe('i32')
          expect(values(y)).toEqual(groups(d, [axis]).map(f))
          expect(values(op()(from(d)))).toEqual([f([...d.data])])
        },
      ),
      runs,
    )
  })
  it('of integers, and not of an empty axis', () => {
    expect(values(argmax(0)(tensor([3, 9, 9], 'u32')))).toEqual([1])
    expect(() => argmax(0)(zeros([0]))).toThrow('an empty axis')
  })
})

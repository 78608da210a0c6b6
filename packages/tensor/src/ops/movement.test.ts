import { broadcastablePairs, data, hostArray, permutations, shapes, type Data } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import { sizeOf, type Shape } from '../base/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { arange, tensor, zeros } from './creation.ts'
import { concat, repeat, split, stack, tile } from './join.ts'
import { broadcastTo, expandDims, flip, pad, permute, reshape, roll, slice, squeeze, transpose } from './movement.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const from = (d: Data): Tensor => tensor(hostArray(d), d.shape, d.dtype)
const counted = (shape: Shape): Tensor => reshape(shape)(arange(sizeOf(shape)) as Tensor)
const same = (x: Expr, y: Expr): void => {
  expect(x.shape).toEqual(y.shape)
  expect(values(x)).toEqual(values(y))
}
const runs = { seed: 61, numRuns: 80 }
const some = shapes().chain((shape) => data(shape))
/** A tensor and one of its axes. */
const lined = shapes({ minRank: 1 }).chain((shape) => fc.tuple(data(shape), fc.nat(shape.length - 1)))

describe('round trips', () => {
  it('reshape there and back, and to a vector', () => {
    fc.assert(
      fc.property(some, (d) => {
        const x = from(d)
        same(reshape(d.shape)(reshape([sizeOf(d.shape)])(x)), x)
      }),
      runs,
    )
  })
  it('transpose by a permutation and by its inverse; reversing twice', () => {
    fc.assert(
      fc.property(
        shapes().chain((s) => fc.tuple(data(s), permutations(s.length))),
        ([d, perm]) => {
          const x = from(d)
          const inverse = perm.map((_, i) => perm.indexOf(i))
          same(transpose(inverse)(permute(perm)(x)), x)
          same(transpose()(transpose()(x)), x)
        },
      ),
      runs,
    )
  })
  it('expandDims and squeeze; flip twice; roll there and back; pad and slice', () => {
    fc.assert(
      fc.property(lined, fc.integer({ min: -9, max: 9 }), ([d, axis], shift) => {
        const x = from(d)
        same(squeeze(axis)(expandDims(axis)(x)), x)
        same(flip(axis)(flip(axis)(x)), x)
        same(flip()(flip()(x)), x)
        same(roll(-shift, axis)(roll(shift, axis)(x)), x)
        const widths = d.shape.map((_, i) => [i, 2] as const)
        same(
          slice(
            d.shape.map((_, i) => i),
            d.shape.map(() => -2),
          )(pad(widths, 7)(x)),
          x,
        )
      }),
      runs,
    )
  })
  it('concat of split; stack of its rows', () => {
    fc.assert(
      fc.property(lined, fc.nat(7), ([d, axis], cut) => {
        const x = from(d)
        const n = d.shape[axis]!
        const first = Math.min(cut, n)
        same(concat(axis)(split([first, n - first], axis)(x)), x)
        if (n > 0) same(stack(axis)(split(n, axis)(x).map((y) => squeeze(axis)(y))), x)
      }),
      runs,
    )
  })
  it('broadcastTo reads what it repeats', () => {
    fc.assert(
      fc.property(
        broadcastablePairs.chain(({ x, out }) => fc.tuple(data(x), fc.constant(out))),
        ([d, out]) => {
          const wide = broadcastTo(out)(from(d))
          expect(wide.shape).toEqual(out)
          expect(new Set(values(wide))).toEqual(new Set(sizeOf(out) === 0 ? [] : values(from(d))))
        },
      ),
      runs,
    )
  })
})

describe('known values', () => {
  const x = counted([2, 3])
  it('reshape works out one size', () => {
    expect(reshape([3, -1])(x).shape).toEqual([3, 2])
    expect(reshape([-1])(zeros([0, 3])).shape).toEqual([0])
    expect(() => reshape([4, -1] as Shape)(x)).toThrow('reshape(i32[2, 3]): 6 elements do not fill [4, -1]')
    expect(() => reshape([-1, -1] as Shape)(x)).toThrow('One size may be -1')
    expect(() => reshape([7] as Shape)(x)).toThrow('One size may be -1')
  })
  it('transpose and its errors', () => {
    expect(values(transpose()(x))).toEqual([0, 3, 1, 4, 2, 5])
    expect(() => transpose([0, 0] as readonly number[])(x)).toThrow('[0, 0] is no order of 2 axes')
    expect(() => transpose([0] as readonly number[])(x)).toThrow('Name each axis of the operand once')
  })
  it('slice', () => {
    expect(values(slice([0, 1], [2, 3])(x))).toEqual([1, 2, 4, 5])
    expect(values(slice([-1], [null])(x))).toEqual([3, 4, 5])
    expect(values(slice([0, 0], [null, null], [1, 2])(x))).toEqual([0, 2, 3, 5])
    expect(values(slice([1], [null], [3])(counted([8])))).toEqual([1, 4, 7])
    expect(() => slice([0, 2], [2, 4])(x)).toThrow('slice(i32[2, 3]): [2, 4) is no range of axis 1, which has size 3')
    expect(() => slice([0, 0, 0], [])(x)).toThrow('bounds for 3 axes of a tensor of rank 2')
    expect(() => slice([0], [1], [0])(x)).toThrow('not all positive integers')
  })
  it('strided slices are every n-th element', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.integer({ min: 1, max: 5 }), (n, stride) => {
        const expected = Array.from({ length: n }, (_, i) => i).filter((i) => i % stride === 0)
        expect(values(slice([0], [n], [stride])(counted([n])))).toEqual(expected)
      }),
      runs,
    )
  })
  it('roll, pad, flip', () => {
    expect(values(roll(1)(counted([4])))).toEqual([3, 0, 1, 2])
    expect(values(roll(-1, 1)(x))).toEqual([1, 2, 0, 4, 5, 3])
    expect(values(pad(1, -1)(counted([1, 2])))).toEqual([-1, -1, -1, -1, -1, 0, 1, -1, -1, -1, -1, -1])
    expect(values(pad([[1, 2]])(tensor([7, 8])))).toEqual([0, 7, 8, 0, 0])
    expect(() => pad([[1, 2]])(x)).toThrow('do not name two sides of 2 axes')
    expect(values(flip(1)(x))).toEqual([2, 1, 0, 5, 4, 3])
  })
  it('squeeze and broadcastTo name what is wrong', () => {
    const y: Tensor = x
    expect(squeeze()(counted([1, 2, 1])).shape).toEqual([2])
    expect(() => squeeze(1)(y)).toThrow('squeeze(i32[2, 3]): axis 1 has size 3, not 1')
    expect(() => broadcastTo([3, 3] as Shape)(y)).toThrow('[2, 3] does not fit into [3, 3]')
    expect(() => broadcastTo([3] as Shape)(y)).toThrow('does not fit')
  })
  it('tile and repeat', () => {
    expect(values(tile([2])(counted([2])))).toEqual([0, 1, 0, 1])
    expect(tile([2, 1, 2])(x).shape).toEqual([2, 2, 6])
    expect(values(tile([2, 2])(counted([2])))).toEqual([0, 1, 0, 1, 0, 1, 0, 1])
    expect(values(repeat(2)(counted([2])))).toEqual([0, 0, 1, 1])
    expect(values(repeat(2, 1)(x))).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
  })
  it('joining names what is wrong', () => {
    const [a, b]: readonly Tensor[] = [zeros([2, 3]), zeros([2, 4])]
    const i: Tensor = zeros([2, 3], 'i32')
    expect(() => concat(0)([a!, b!])).toThrow('concat(f32[2, 3], f32[2, 4]): sizes other than those of axis 0 differ')
    expect(() => concat(0)([a!, i])).toThrow('one dtype')
    expect(() => stack(0)([a!, b!])).toThrow('stack(f32[2, 3], f32[2, 4]): the shapes differ')
    expect(() => concat(0)([])).toThrow('no tensors to join')
    expect(() => split(2, 1)(a!)).toThrow('2 equal parts do not make up axis 1 of size 3')
    expect(() => split([1, 1], 1)(a!)).toThrow('parts of [1, 1] do not make up axis 1 of size 3')
  })
})

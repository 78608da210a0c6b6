import { grad } from '@adjoint/autograd'
import { data, hostArray, positiveDims, shapes, type Data } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import { sizeOf, stridesOf, type Shape } from '../base/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import { arange, ones, scalar, tensor, zeros } from './creation.ts'
import { cumprod, cumsum } from './cumulative.ts'
import { dynamicSlice, dynamicUpdateSlice, gather, oneHot, scatterAdd, take, takeAlongAxis } from './indexing.ts'
import { matmul } from './linalg.ts'
import { add, mul } from './math.ts'
import { broadcastTo, expandDims, flip, reshape, slice } from './movement.ts'
import { sum } from './reductions.ts'
import { argsort, sort, topK } from './sorting.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const from = (d: Data): Tensor => tensor(hostArray(d), d.shape, d.dtype)
const indices = (xs: readonly number[], shape: Shape = [xs.length]): Tensor<Shape, 'i32'> => tensor(xs, shape, 'i32')
const runs = { seed: 81, numRuns: 80 }
const lined = shapes({ minRank: 1, dim: positiveDims }).chain((shape) =>
  fc.tuple(data(shape), fc.nat(shape.length - 1)),
)
/** The lines of a tensor along an axis, each as an array. */
const lines = (x: Tensor, axis: number): readonly (readonly number[])[] => {
  const stride = stridesOf(x.shape)[axis]!
  const n = x.shape[axis]!
  const xs = values(x)
  const out: number[][] = []
  for (let i = 0; i < sizeOf(x.shape); i++)
    if (Math.floor(i / stride) % n === 0) out.push(Array.from({ length: n }, (_, j) => xs[i + j * stride]!))
  return out
}

describe('take', () => {
  it('of all positions in order is the tensor; in reverse order, its flip', () => {
    fc.assert(
      fc.property(lined, ([d, axis]) => {
        const x = from(d)
        const n = d.shape[axis]!
        const forward = Array.from({ length: n }, (_, i) => i)
        expect(values(take(axis)(x, indices(forward)))).toEqual(values(x))
        expect(values(take(axis)(x, indices([...forward].reverse())))).toEqual(values(flip(axis)(x)))
        expect(values(gather(axis)(x, indices(forward)))).toEqual(values(x))
      }),
      runs,
    )
  })
  it('is the product with one-hot rows', () => {
    const table = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    const i = indices([2, 0, 2, 1])
    expect(values(take()(table, i))).toEqual(values(matmul(oneHot(3)(i), table)))
  })
  it('puts the shape of the indices in place of the axis', () => {
    const x: Tensor = reshape([2, 3, 2] as Shape)(arange(12) as Tensor)
    expect(take(1)(x, indices([0, 2, 1, 1], [2, 2])).shape).toEqual([2, 2, 2, 2])
    expect(take(1)(x, scalar(1, 'i32')).shape).toEqual([2, 2])
    expect(() => take(0)(x, ones([2]) as never)).toThrow(
      "positions are i32 or u32, not f32. Cast them: cast('i32')(indices)",
    )
    expect(() => take(3)(x, indices([0]))).toThrow('axis 3 is out of range for rank 3')
    expect(() => take(0)(zeros([0]) as Tensor, indices([0]))).toThrow('axis 0 is empty')
  })
})

describe('positions', () => {
  const x = tensor([7, 8, 9])
  const table: Tensor = ones([3, 2])
  it('count from the end where negative', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 2 }), { maxLength: 5 }), (at) => {
        const wanted = at.map((p) => [7, 8, 9].at(p)!)
        expect(values(take(0)(x, indices(at)))).toEqual(wanted)
        expect(values(takeAlongAxis(0)(x, indices(at)))).toEqual(wanted)
        expect(values(gather(0)(x, add(indices(at), 0)))).toEqual(wanted)
        const counts = at.reduce((c, p) => c.with(p, c.at(p)! + 1), [0, 0, 0])
        expect(values(scatterAdd(0)(zeros([3]) as Tensor, indices(at), ones([at.length])))).toEqual(counts)
      }),
      runs,
    )
  })
  it('that the host knows to be outside are an error where they are used, however they were arranged', () => {
    const wrong = indices([0, 3])
    const rule = 'position 3 is outside of axis 0, which has 3 elements. Positions run from -3 to 2'
    expect(() => take(0)(x, wrong)).toThrow(`take(f32[3], i32[2]): ${rule}`)
    expect(() => gather(0)(x, reshape([2, 1])(wrong))).toThrow(`gather(f32[3], i32[2, 1]): ${rule}`)
    expect(() => take(0)(x, scalar(-4, 'i32'))).toThrow('position -4 is outside of axis 0')
    expect(() => takeAlongAxis(0)(x, flip()(wrong))).toThrow(rule)
    expect(() => takeAlongAxis(0)(table, expandDims(1)(wrong) as never)).toThrow(rule)
    expect(() => scatterAdd(0)(x, tensor([7], 'u32'), ones([1]))).toThrow('position 7 is outside of axis 0')
    expect(() => take(0)(x, slice([1], [2])(wrong))).toThrow(rule)
    expect(() => take(0)(x, broadcastTo([4])(slice([1], [2])(wrong)))).toThrow(rule)
    expect(() => dynamicSlice([2])(x, [2])).toThrow(
      'dynamicSlice(f32[3]): a block of 2 does not begin at 2 of axis 0, which has 3 elements. Starts that are numbers are integers from -3 to 1',
    )
    expect(() => dynamicSlice([2])(x, [0.5])).toThrow('does not begin at 0.5')
    expect(() => dynamicUpdateSlice(x, ones([2]), [-4])).toThrow('does not begin at -4')
  })
  it('that movement leaves out are none', () => {
    const wrong = indices([0, 3])
    expect(values(take(0)(x, slice([0], [1])(wrong)))).toEqual(values(slice([0], [1])(x)))
    expect(values(take(0)(x, broadcastTo([0])(slice([1], [2])(wrong))))).toEqual([])
    expect(values(take(0)(x, broadcastTo([0])(scalar(7, 'i32'))))).toEqual([])
  })
  it('that only the program knows to be outside read nothing, and write nothing', () => {
    const at = add(indices([3, -4, 1]), 0)
    expect(values(take(0)(x, at))).toEqual([NaN, NaN, 8])
    expect(values(take(0)(arange(3) as Tensor, at))).toEqual([-(2 ** 31), -(2 ** 31), 1])
    expect(values(take(0)(tensor([1, 2, 3], 'u32') as Tensor, at))).toEqual([2 ** 32 - 1, 2 ** 32 - 1, 2])
    expect(values(scatterAdd(0)(x as Tensor, at, ones([3])))).toEqual([7, 9, 9])
  })
})

describe('takeAlongAxis', () => {
  it('undoes and redoes an order', () => {
    fc.assert(
      fc.property(lined, ([d, axis]) => {
        const x = from(d)
        const a: number = axis
        const order = argsort(a)(x)
        expect(values(takeAlongAxis(a)(takeAlongAxis(a)(x, order), argsort(a)(order)))).toEqual(values(x))
      }),
      runs,
    )
  })
  it('picks one element of each row, and broadcasts the other axes', () => {
    const logp = tensor([
      [-1, -2, -3],
      [-4, -5, -6],
    ])
    expect(values(takeAlongAxis(-1)(logp, indices([2, 0], [2, 1])))).toEqual([-3, -4])
    expect(values(takeAlongAxis(-1)(logp, indices([2, 0], [1, 2])))).toEqual([-3, -1, -6, -4])
    expect(() => takeAlongAxis(-1)(logp, indices([0]))).toThrow(
      'indices need the rank of x. Insert an axis into the indices with expandDims',
    )
  })
})

describe('scatterAdd', () => {
  it('is the adjoint of take: <take(x, i), u> = <x, scatterAdd(0, i, u)>', () => {
    fc.assert(
      fc.property(
        lined.chain(([d, axis]) =>
          fc
            .array(fc.nat(d.shape[axis]! - 1), { maxLength: 6 })
            .chain((at) =>
              fc.tuple(fc.constant(d), fc.constant(axis), fc.constant(at), data(d.shape.with(axis, at.length))),
            ),
        ),
        ([d, axis, at, u]) => {
          const x = from(d)
          const inner = (p: Expr, q: Expr): number => values(p).reduce((total, v, i) => total + v * values(q)[i]!, 0)
          const left = inner(take(axis)(x, indices(at)), from(u))
          const right = inner(x, scatterAdd(axis)(zeros(d.shape) as Tensor, indices(at), from(u)))
          expect(Math.abs(left - right)).toBeLessThan(1e-4)
        },
      ),
      runs,
    )
  })
  it('counts, and names updates that do not fit', () => {
    expect(values(scatterAdd()(zeros([3]), indices([2, 0, 2]), ones([3])))).toEqual([1, 0, 2])
    expect(() => scatterAdd(0)(zeros([3, 2]) as Tensor, indices([0]), ones([2]))).toThrow(
      'updates have shape [2], not [1, 2]',
    )
  })
})

describe('blocks at traced positions', () => {
  const x: Tensor<Shape, 'i32'> = reshape([3, 4] as Shape)(arange(12))
  it('dynamicSlice is slice where the block fits, and is moved inside where not', () => {
    expect(values(dynamicSlice([2, 2])(x, [scalar(1, 'i32'), 2]))).toEqual(values(slice([1, 2], [3, 4])(x)))
    expect(values(dynamicSlice([2, 2])(x, [add(scalar(9, 'u32'), 0), -4]))).toEqual(values(slice([1, 0], [3, 2])(x)))
    expect(() => dynamicSlice([4, 1])(x, [0, 0])).toThrow('does not fit')
    expect(() => dynamicSlice([1, 1])(x, [0])).toThrow('Pass one start for each axis')
    expect(() => dynamicSlice([1, 1])(x, [0, zeros([1], 'i32') as never])).toThrow('a start is a scalar')
  })
  it('dynamicUpdateSlice writes what dynamicSlice reads, and nothing else', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4, max: 3 }), fc.integer({ min: -4, max: 2 }), (i, j) => {
        const block = tensor(
          [
            [100, 101],
            [102, 103],
          ],
          'i32',
        )
        const row = add(scalar(i, 'i32'), 0)
        const written = dynamicUpdateSlice(x, block, [row, j])
        expect(values(dynamicSlice([2, 2])(written, [row, j]))).toEqual([100, 101, 102, 103])
        expect(values(written).filter((v) => v < 100)).toHaveLength(8)
      }),
      runs,
    )
  })
})

describe('oneHot', () => {
  it('is 1 at the index, nowhere for an index outside', () => {
    expect(values(oneHot(3)(indices([1, 5, -1])))).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0])
    expect(oneHot(3, 'i32')(zeros([2, 2], 'u32')).shape).toEqual([2, 2, 3])
  })
})

describe('sorting', () => {
  it('sorts each line, both ways; argsort is its order; topK its head', () => {
    fc.assert(
      fc.property(lined, ([d, axis]) => {
        const x = from(d)
        const a: number = axis
        const ascending = (xs: readonly number[]): readonly number[] => [...xs].sort((p, q) => p - q)
        expect(lines(sort(a)(x), a)).toEqual(lines(x, a).map(ascending))
        expect(lines(sort(a, { descending: true })(x), a)).toEqual(lines(x, a).map((l) => [...ascending(l)].reverse()))
        expect(values(takeAlongAxis(a)(x, argsort(a)(x)))).toEqual(values(sort(a)(x)))
        const n = d.shape.at(-1)!
        const k = Math.ceil(n / 2)
        const top = topK(k)(x)
        expect(values(top.values)).toEqual(
          values(
            slice(
              d.shape.map(() => 0),
              d.shape.with(-1, k),
            )(sort(-1, { descending: true })(x)),
          ),
        )
        expect(values(takeAlongAxis(-1)(x, top.indices))).toEqual(values(top.values))
      }),
      runs,
    )
  })
  it('is stable, and puts NaN last', () => {
    expect(values(argsort()(tensor([1, 0, 1, 0])))).toEqual([1, 3, 0, 2])
    expect(values(argsort(0, { descending: true })(tensor([1, 0, 1, 0])))).toEqual([0, 2, 1, 3])
    expect(values(sort()(tensor([NaN, 1, -Infinity])))).toEqual([-Infinity, 1, NaN])
    expect(() => topK(4)(zeros([3]) as Tensor)).toThrow('topK(f32[3]): 4 of 3 elements')
  })
  it('sends the gradient back to where each element came from', () => {
    const weights = tensor([1, 10, 100])
    const pull = grad((x: Tensor<readonly [number], 'f32'>) => sum()(mul(sort(0)(x), weights)))
    expect(values(pull(tensor([3, 1, 2])))).toEqual([100, 1, 10])
    const top = grad((x: Tensor<readonly [number], 'f32'>) =>
      sum()(topK(1)(x).values as Tensor<readonly [number], 'f32'>),
    )
    expect(values(top(tensor([3, 1, 9])))).toEqual([0, 0, 1])
  })
})

describe('running sums and products', () => {
  it('are those of each line, from either end', () => {
    fc.assert(
      fc.property(lined, ([d, axis]) => {
        const x = from({ ...d, data: d.data.map((v) => Math.round(v)) })
        const a: number = axis
        const running =
          (f: (p: number, q: number) => number) =>
          (l: readonly number[]): readonly number[] =>
            l.map((_, i) => l.slice(1, i + 1).reduce(f, l[0]!))
        const add = running((p, q) => p + q)
        const times = running((p, q) => p * q)
        const backwards = (f: (l: readonly number[]) => readonly number[]) => (l: readonly number[]) =>
          [...f([...l].reverse())].reverse()
        const near = (actual: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void =>
          actual.forEach((l, i) => l.forEach((v, j) => expect(v).toBeCloseTo(expected[i]![j]!, 3)))
        near(lines(cumsum(a)(x), a), lines(x, a).map(add))
        near(lines(cumprod(a)(x), a), lines(x, a).map(times))
        near(lines(cumsum(a, { reverse: true })(x), a), lines(x, a).map(backwards(add)))
        near(lines(cumprod(a, { reverse: true })(x), a), lines(x, a).map(backwards(times)))
      }),
      runs,
    )
  })
  it('the gradient of cumprod is right at 0', () => {
    const pull = grad((x: Tensor<readonly [number], 'f32'>) => sum()(cumprod(0)(x)))
    // x + x y + x y z at (2, 0, 5)
    expect(values(pull(tensor([2, 0, 5])))).toEqual([1, 12, 0])
  })
})

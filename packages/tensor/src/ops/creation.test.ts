import { data, elements, hostArray, shapes } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DType } from '../base/dtype.ts'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import { cast } from './math.ts'
import { arange, eye, full, fullLike, linspace, ones, onesLike, scalar, tensor, zeros, zerosLike } from './creation.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const loose = (xs: unknown): number[] => xs as number[]

describe('tensor', () => {
  it('holds what it was given, for every dtype', () => {
    const dtype = fc.constantFrom<DType>('f32', 'i32', 'u32', 'bool')
    fc.assert(
      fc.property(
        fc.tuple(shapes(), dtype).chain(([shape, d]) => data(shape, d, elements(d))),
        (d) => {
          const x = tensor(hostArray(d), d.shape, d.dtype)
          expect(x.shape).toEqual(d.shape)
          expect(values(x)).toEqual([...d.data].map((v) => (d.dtype === 'f32' ? Math.fround(v) : v)))
        },
      ),
      { seed: 51, numRuns: 100 },
    )
  })
  it('reads nested arrays, and infers dtypes', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect([x.shape, x.dtype, values(x)]).toEqual([[2, 3], 'f32', [1, 2, 3, 4, 5, 6]])
    expect(tensor(7).shape).toEqual([])
    expect(tensor([[[1], [2]]], 'i32').shape).toEqual([1, 2, 1])
    expect(tensor([true, false]).dtype).toBe('bool')
    expect(tensor(new Int32Array(2)).dtype).toBe('i32')
    expect(tensor(new Uint32Array(2), [1, 2]).dtype).toBe('u32')
    expect(tensor(new Float64Array([0.1])).dtype).toBe('f32')
    expect(tensor([]).shape).toEqual([0])
    expect(tensor([[], []]).shape).toEqual([2, 0])
  })
  it('copies: later changes to the data do not show', () => {
    const source = new Float32Array([1, 2])
    const x = tensor(source)
    source[0] = 9
    expect(values(x)).toEqual([1, 2])
  })
  it('refuses data that does not fit', () => {
    expect(() => tensor([1, 2, 3] as number[], [2, 2])).toThrow(
      'tensor(f32[2, 2]): 3 elements for a shape of 4. Pass as many elements as the product of the sizes',
    )
    expect(() => tensor(loose([[1, 2], [3]]))).toThrow(
      'data[1] has length 1 where its siblings have length 2. Nested arrays need one length at each depth',
    )
    expect(() => tensor(loose([[1, 2], 3]))).toThrow('data[1] is a single element where its siblings have length 2')
    expect(() => tensor(loose([1, [2]]))).toThrow('data[1] has length 1 where its siblings are single elements')
    expect(() => tensor([1, 0.5], 'i32')).toThrow(
      'element 1 is 0.5, and i32 holds integers from -2147483648 to 2147483647',
    )
    expect(() => tensor([-1], 'u32')).toThrow('integers from 0 to 4294967295')
    expect(() => tensor([2], 'bool')).toThrow('true, false, 1 and 0')
    expect(() => tensor([1e39])).toThrow('numbers up to 3.4e38')
    expect(() => tensor(loose(['1']))).toThrow('element 0 is 1, and f32 holds numbers')
    expect(() => tensor(loose([undefined]))).toThrow('element 0 is undefined')
    expect(() => tensor([1], [-1])).toThrow('[-1] is no shape')
    expect(values(tensor([Infinity, NaN, 3.4028234e38]))).toEqual([Infinity, NaN, Math.fround(3.4028234e38)])
  })
})

describe('rules', () => {
  it('constants', () => {
    expect(values(zeros([2]))).toEqual([0, 0])
    expect(values(ones([2], 'i32'))).toEqual([1, 1])
    expect(values(full([2, 1], 7, 'u32'))).toEqual([7, 7])
    expect(values(scalar(2.5))).toEqual([2.5])
    const x = tensor([1, 2], 'i32')
    expect([zerosLike(x), onesLike(x), fullLike(x, 5)].map((y) => [y.dtype, values(y)])).toEqual([
      ['i32', [0, 0]],
      ['i32', [1, 1]],
      ['i32', [5, 5]],
    ])
    expect(() => full([2], 0.5, 'i32')).toThrow('the number 0.5 is no i32')
    expect(() => zeros([1.5])).toThrow('[1.5] is no shape')
  })
  it('arange', () => {
    expect(values(arange(4))).toEqual([0, 1, 2, 3])
    expect(values(arange(2, 9, 3))).toEqual([2, 5, 8])
    expect(values(arange(3, 0, -1))).toEqual([3, 2, 1])
    expect(values(arange(1, 2, 0.25, 'f32'))).toEqual([1, 1.25, 1.5, 1.75])
    expect(values(arange(0))).toEqual([])
    expect(() => arange(0, 1, 0.5)).toThrow('the number 0.5 is no i32')
    expect(() => arange(0, 1, 0)).toThrow('never ends')
  })
  it('linspace is exact at both ends', () => {
    expect(values(linspace(-1, 1, 5))).toEqual([-1, -0.5, 0, 0.5, 1])
    const third = values(linspace(0.1, 0.7, 4))
    expect([third[0], third[3]]).toEqual([Math.fround(0.1), Math.fround(0.7)])
    expect(values(linspace(3, 9, 1))).toEqual([3])
  })
  it('eye', () => {
    expect(values(eye(2))).toEqual([1, 0, 0, 1])
    expect(values(eye(2, 3, 1))).toEqual([0, 1, 0, 0, 0, 1])
    expect(values(eye(2, 2, -1, 'i32'))).toEqual([0, 0, 1, 0])
  })
  it('a name that is no dtype is refused with the choices, from plain JavaScript too', () => {
    const f8 = 'f8' as unknown as 'f32'
    for (const make of [
      () => zeros([2], f8),
      () => tensor([1], [1], f8),
      () => arange(0, 3, 1, f8),
      () => cast(f8)(ones([1])),
    ])
      expect(make).toThrow(/'f8' is no dtype. Choose one of f32, f16, bf16, i32, u32, bool/)
  })
})

import { broadcastablePairs, close, data, elements, hostArray, tolerances, type Data } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DTypeError, ShapeError } from '../base/errors.ts'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import { broadcastShapes, sizeOf, stridesOf, type Shape } from '../base/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Binary } from './align.ts'
import { ones, scalar, tensor, zeros } from './creation.ts'
import * as math from './math.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const from = (d: Data): Tensor => tensor(hostArray(d), d.shape, d.dtype)
const runs = { seed: 21, numRuns: 100 }

/** The element that index `i` of the broadcast shape reads. */
const read = (d: Data, out: Shape, i: number): number => {
  const strides = stridesOf(d.shape)
  const lead = out.length - d.shape.length
  let offset = 0
  stridesOf(out).forEach((stride, axis) => {
    const position = Math.floor(i / stride) % out[axis]!
    if (axis >= lead && d.shape[axis - lead] !== 1) offset += position * strides[axis - lead]!
  })
  return d.data[offset]!
}

const pairs = (element = elements('f32')): fc.Arbitrary<readonly [Data, Data]> =>
  broadcastablePairs.chain(({ x, y }) => fc.tuple(data(x, 'f32', element), data(y, 'f32', element)))

describe('binary operations', () => {
  const oracle: Readonly<Record<string, readonly [Binary, (x: number, y: number) => number]>> = {
    add: [math.add, (x, y) => x + y],
    sub: [math.sub, (x, y) => x - y],
    mul: [math.mul, (x, y) => x * y],
    div: [math.div, (x, y) => x / y],
    mod: [math.mod, (x, y) => x - y * Math.floor(x / y)],
    maximum: [math.maximum, Math.max],
    minimum: [math.minimum, Math.min],
  }
  it.each(Object.entries(oracle))('%s broadcasts as NumPy', (_, [op, f]) => {
    fc.assert(
      fc.property(pairs(elements('f32').map((v) => (v === 0 ? 1 : v))), ([x, y]) => {
        const out = broadcastShapes(x.shape, y.shape)!
        const z = op(from(x), from(y))
        expect(z.shape).toEqual(out)
        const expected = Array.from({ length: sizeOf(out) }, (_, i) =>
          f(Math.fround(read(x, out, i)), Math.fround(read(y, out, i))),
        )
        values(z).forEach((v, i) => expect(close(v, expected[i]!, { relative: 1e-4, absolute: 1e-4 })).toBe(true))
      }),
      runs,
    )
  })
  it('a number takes the dtype of the tensor beside it', () => {
    expect(math.mul(tensor([1, 2], 'i32'), 3).dtype).toBe('i32')
    expect(values(math.sub(10, tensor([1, 2], 'i32')))).toEqual([9, 8])
    expect(() => math.mul(tensor([1, 2], 'i32'), 0.5)).toThrow(
      "mul(i32[2]): the number 0.5 is no i32. Pass an integer in range, or cast the tensor: cast('f32')(x)",
    )
    expect(() => math.sub(tensor([1], 'u32'), -1)).toThrow(DTypeError)
  })
  const others = { pow: math.pow, atan2: math.atan2, hypot: math.hypot, logaddexp: math.logaddexp, xlogy: math.xlogy }
  const all = { ...Object.fromEntries(Object.entries(oracle).map(([name, [op]]) => [name, op])), ...others }
  it.each(Object.entries(all))('law: %s of two numbers is that of two f32 scalars', (_, op) => {
    const number = elements('f32')
    fc.assert(
      fc.property(number, number, (x, y) => {
        const z = op(x, y)
        expect([z.shape, z.dtype]).toEqual([[], 'f32'])
        expect(values(z)).toEqual(values(op(scalar(x), scalar(y))))
      }),
      runs,
    )
  })
  it('pow: the cheap exponents are the general one', () => {
    const x = tensor([0.5, 1, 2, 3])
    for (const y of [-2, -1, 0, 0.5, 1, 2, 3, 4, 1.5]) {
      const general = values(math.pow(x, tensor([y])))
      values(math.pow(x, y)).forEach((v, i) => expect(close(v, general[i]!, tolerances.f32)).toBe(true))
    }
    expect(values(math.pow(2, tensor([1, 2, 3])))).toEqual([2, 4, 8])
    expect(values(math.pow(tensor([2, 3], 'i32'), 3))).toEqual([8, 27])
  })
})

describe('errors', () => {
  const dynamic = (shape: Shape): Tensor => zeros(shape)
  it('name the operation, the operands, the rule and the fix', () => {
    expect(() => math.add(dynamic([2, 3]), dynamic([4]))).toThrow(
      'add(f32[2, 3], f32[4]): [4] does not broadcast with [2, 3]: from the right, sizes must be equal or 1. Insert axes of size 1 with expandDims, or reshape one operand',
    )
    expect(() => math.add(dynamic([2]), dynamic([3]))).toThrow(ShapeError)
  })
  it('dtypes never mix in silence', () => {
    const i: Tensor = zeros([2], 'i32')
    expect(() => math.add(dynamic([2]), i)).toThrow(
      "add(f32[2], i32[2]): operands need one dtype, not f32 and i32. Cast one of them, as in cast('f32')(x)",
    )
    expect(() => math.exp(i)).toThrow(DTypeError)
  })
})

describe('unary functions', () => {
  const oracle = {
    neg: (x: number) => -x,
    abs: Math.abs,
    sign: Math.sign,
    exp: Math.exp,
    exp2: (x: number) => 2 ** x,
    expm1: Math.expm1,
    log1p: (x: number) => Math.log1p(x),
    square: (x: number) => x * x,
    reciprocal: (x: number) => 1 / x,
    sin: Math.sin,
    cos: Math.cos,
    tan: Math.tan,
    tanh: Math.tanh,
    sinh: Math.sinh,
    cosh: Math.cosh,
    sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
    floor: Math.floor,
    ceil: Math.ceil,
    sqrt: Math.sqrt,
    rsqrt: (x: number) => 1 / Math.sqrt(x),
    log: Math.log,
    log2: Math.log2,
  } as const
  const xs = [-2.5, -1, -0.25, 0.5, 1, 3]
  it.each(Object.entries(oracle))('%s', (name, f) => {
    const op = math[name as keyof typeof oracle]
    values(op(tensor(xs))).forEach((v, i) => expect(close(v, f(xs[i]!), { relative: 1e-6, absolute: 1e-6 })).toBe(true))
  })
  it('erf and round at known points', () => {
    values(math.erf(tensor([0, 0.5, -1, 3]))).forEach((v, i) =>
      expect(v).toBeCloseTo([0, 0.5204998778, -0.8427007929, 0.9999779095][i]!, 6),
    )
    expect(values(math.round(tensor([0.5, 1.5, 2.5, -1.5])))).toEqual([0, 2, 2, -2])
  })
})

describe('cast', () => {
  it('goes towards zero for integers, and by x != 0 for bools', () => {
    expect(values(math.cast('i32')(tensor([1.7, -1.7])))).toEqual([1, -1])
    expect(values(math.cast('bool')(tensor([0, 0.1, -3])))).toEqual([0, 1, 1])
    expect(values(math.cast('f32')(tensor([true, false])))).toEqual([1, 0])
  })
  it('to the same dtype is the tensor itself', () => {
    const x = ones([2])
    expect(math.cast('f32')(x)).toBe(x)
  })
})

/** Known values: vectors from papers, corners that laws do not reach, and what errors say. */
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import * as p from './index.ts'

const f32 = (shape: readonly number[], ...values: readonly number[]): Expr =>
  p.constant(Float32Array.from(values), shape, 'f32')
const i32 = (shape: readonly number[], ...values: readonly number[]): Expr =>
  p.constant(Int32Array.from(values), shape, 'i32')
const u32 = (...values: readonly number[]): Expr => p.constant(Uint32Array.from(values), [values.length], 'u32')
const values = (e: Expr): readonly number[] => [...evaluate([e])[0]!.data]
/** The cotangents of the operands for a cotangent of ones. */
const adjoint = (e: Expr): readonly (readonly number[] | null)[] =>
  e.node.prim
    .vjp(
      [p.fillLike(e, 1)],
      [e],
      e.node.args,
      e.node.params,
      e.node.args.map(() => true),
    )
    .map((c) => (c === null ? null : values(c)))

describe('threefry', () => {
  // Random123, kat_vectors: threefry2x32 with 20 rounds
  it.each([
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      [0xc4923a9c, 0x483df7a0],
    ],
  ])('key %j, counter %j', ([k0, k1], [x0, x1], expected) => {
    const words = ([0, 1] as const).map((w) => values(p.threefry(u32(k0!), u32(k1!), u32(x0!), u32(x1!), w))[0])
    expect(words).toEqual(expected)
  })
})

describe('integers', () => {
  it('wrap', () => {
    expect(values(p.add(i32([1], 2147483647), i32([1], 1)))).toEqual([-2147483648])
    expect(values(p.mul(u32(0x9e3779b9), u32(0x9e3779b9)))).toEqual([Math.imul(0x9e3779b9, 0x9e3779b9) >>> 0])
    expect(values(p.sub(u32(0), u32(1)))).toEqual([4294967295])
  })
  it('divide toward zero, and have remainders of the divisor’s sign', () => {
    expect(values(p.div(i32([4], 7, -7, 7, -7), i32([4], 2, 2, -2, -2)))).toEqual([3, -3, -3, 3])
    expect(values(p.mod(i32([4], 7, -7, 7, -7), i32([4], 3, 3, -3, -3)))).toEqual([1, 2, -2, -1])
  })
  it('are what floats saturate to', () => {
    expect(values(p.cast('i32', f32([5], 1.9, -1.9, 1e20, -1e20, NaN)))).toEqual([1, -1, 2147483647, -2147483648, 0])
    expect(values(p.cast('u32', f32([3], -3, 1e20, 2.5)))).toEqual([0, 4294967295, 2])
    expect(values(p.cast('u32', i32([1], -1)))).toEqual([4294967295])
    expect(values(p.cast('bool', f32([3], 0, NaN, -2)))).toEqual([0, 1, 1])
  })
})

describe('functions', () => {
  it('round half to even', () => {
    expect(values(p.round(f32([6], 0.5, 1.5, 2.5, -0.5, -1.5, 2.4)))).toEqual([0, 2, 2, -0, -2, 2])
  })
  it('erf, to double precision', () => {
    // mpmath
    const expected = [0.5204998778130465, 0.8427007929497149, 0.9953222650189527, 0.9999779095030014]
    values(p.erf(f32([4], 0.5, 1, 2, 3))).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 14))
    expect(values(p.erf(f32([3], Infinity, -Infinity, NaN)))).toEqual([1, -1, NaN])
  })
  it('take the subgradients of JAX at kinks and ties', () => {
    expect(adjoint(p.abs(f32([1], 0)))).toEqual([[0]])
    expect(adjoint(p.maximum(f32([1], 2), f32([1], 2)))).toEqual([[0.5], [0.5]])
    expect(adjoint(p.reduceMax(f32([4], 1, 3, 3, 2), [0]))).toEqual([[0, 0.5, 0.5, 0]])
    expect(adjoint(p.pow(f32([3], 0, 0, 0), f32([3], 0, 1, 2)))[0]).toEqual([0, 1, 0])
    expect(adjoint(p.pow(f32([2], 0, 0), f32([2], 1, 2)))[1]).toEqual([0, 0])
  })
  it('the product of numbers with zeros', () => {
    expect(adjoint(p.reduceProd(f32([4], 2, 0, 3, 5), [0]))).toEqual([[0, 30, 0, 0]])
    expect(adjoint(p.reduceProd(f32([3], 0, 0, 3), [0]))).toEqual([[0, 0, 0]])
    expect(adjoint(p.reduceProd(f32([5], 1, 2, 3, 4, 5), [0]))).toEqual([[120, 60, 40, 30, 24]])
  })
  it('reductions of nothing give the identity', () => {
    const none = f32([2, 0])
    const ops = [p.reduceSum, p.reduceProd, p.reduceMax, p.reduceMin]
    expect(ops.map((op) => values(op(none, [1]))[0])).toEqual([0, 1, -Infinity, Infinity])
  })
})

describe('argsort', () => {
  it('is stable with NaN last in either direction', () => {
    const x = f32([7], 2, NaN, -0, 2, 0, Infinity, NaN)
    expect(values(p.argsort(x, 0, false))).toEqual([2, 4, 0, 3, 5, 1, 6])
    expect(values(p.argsort(x, 0, true))).toEqual([5, 0, 3, 2, 4, 1, 6])
  })
})

describe('positions out of range', () => {
  const x = f32([3], 10, 20, 30)
  const at = i32([5], -4, -3, -1, 2, 3)
  it('are no elements: what is read there is invalid or zero, and what is added is lost', () => {
    expect(values(p.take(x, at, 0))).toEqual([NaN, 10, 30, 30, NaN])
    expect(values(p.take(x, at, 0, 'zero'))).toEqual([0, 10, 30, 30, 0])
    expect(values(p.takeAlongAxis(x, at, 0))).toEqual([NaN, 10, 30, 30, NaN])
    expect(values(p.scatterAdd(x, at, f32([5], 1, 2, 4, 8, 16), 0))).toEqual([12, 20, 42])
  })
  it('may count as the nearest inside, and then none counts from the end', () => {
    expect(values(p.take(x, at, 0, 'nearest'))).toEqual([10, 10, 10, 30, 30])
    expect(values(p.scatterAdd(x, at, f32([5], 1, 2, 4, 8, 16), 0, 'nearest'))).toEqual([17, 20, 54])
  })
  it('move the start of a block, after negative ones have counted from the end', () => {
    expect(values(p.dynamicSlice(x, [i32([], 5)], [2]))).toEqual([20, 30])
    expect(values(p.dynamicSlice(x, [i32([], -3)], [2]))).toEqual([10, 20])
    expect(values(p.dynamicSlice(x, [i32([], -1)], [2]))).toEqual([20, 30])
    expect(values(p.dynamicUpdateSlice(x, f32([2], 1, 2), [i32([], -4)]))).toEqual([1, 2, 30])
    expect(values(p.dynamicUpdateSlice(x, f32([2], 1, 2), [i32([], -1)]))).toEqual([10, 1, 2])
  })
})

describe('errors name the operation, the operands, the rule and what to do', () => {
  const x = f32([2, 3], 0, 0, 0, 0, 0, 0)
  const y = f32([3], 0, 0, 0)
  const none = i32([0])
  it.each<readonly [() => Expr, string]>([
    [() => p.add(x, y), 'add(f32[2, 3], f32[3]): the shapes differ, and this primitive does not broadcast. Bring both'],
    [
      () => p.add(y, i32([3], 0, 0, 0)),
      'add(f32[3], i32[3]): the operands have different dtypes, f32 and i32. Convert',
    ],
    [() => p.exp(i32([1], 0)), "exp(i32[1]): takes f32, not i32. Convert with cast('f32')."],
    [() => p.dot(x, x), 'dot(f32[2, 3], f32[2, 3]): contracts the last axis of the first (3) with the next to last'],
    [() => p.dot(y, x), 'dot(f32[3], f32[2, 3]): both operands need rank 2 or more'],
    [() => p.reshape(x, [4]), 'reshape(f32[2, 3]): 6 elements cannot take the shape [4] of 4. Give a shape'],
    [() => p.broadcastTo(x, [4, 3]), 'broadcastTo(f32[2, 3]): cannot become [4, 3]'],
    [() => p.reduceSum(x, [2]), 'reduceSum(f32[2, 3]): axes [2] must be ascending axes of the operand'],
    [() => p.transpose(x, [0, 0]), 'transpose(f32[2, 3]): [0, 0] is not a permutation'],
    [() => p.slice(x, [0, 0], [2, 4]), 'slice(f32[2, 3]): [0, 0] to [2, 4] is not a block of the operand'],
    [() => p.pad(x, [0, -1], [0, 0]), 'pad(f32[2, 3]): [0, -1] before and [0, 0] after must be one count >= 0'],
    [() => p.concat([x, y], 0), 'concat(f32[2, 3], f32[3]): the operands must agree in every axis but axis 0'],
    [() => p.concat([], 0), 'concat(): needs at least one operand'],
    [() => p.take(x, y, 0), "take(f32[2, 3], f32[3]): takes i32, u32, not f32. Convert with cast('i32')."],
    [() => p.take(f32([0]), i32([1], 0), 0), 'take(f32[0], i32[1]): axis 0 is empty, so there is nothing to point at'],
    [() => p.scatterAdd(x, none, x, 0), 'the updates need the shape that take gives, [0, 3]'],
    [() => p.dynamicSlice(x, [], [1, 1]), 'dynamicSlice(f32[2, 3]): needs one scalar start for each of the 2 axes'],
    [() => p.constant(Float32Array.of(1), [2], 'f32'), 'constant(f32[2]): the shape holds 2 elements and the data 1'],
    [() => p.iota([2], 1, 'i32'), 'iota(i32[2]): axis 1 is not an axis of the result'],
    [() => p.iota([2], 0, 'bool'), 'iota(bool[2]): a bool cannot count'],
  ])('%#', (make, message) => {
    expect(make).toThrow(message)
  })
})

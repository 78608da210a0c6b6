import { broadcastablePairs, data, elements, hostArray } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import type { Tensor } from '../graph/tensor.ts'
import { tensor, zeros } from './creation.ts'
import { and, clamp, eq, ge, gt, isinf, isnan, le, lt, ne, not, or, where } from './logic.ts'
import { broadcastTo } from './movement.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const x = tensor([1, 2, 3, NaN])

describe('comparisons', () => {
  it('give a bool for each element; NaN only differs', () => {
    expect(values(eq(x, 2))).toEqual([0, 1, 0, 0])
    expect(values(ne(x, 2))).toEqual([1, 0, 1, 1])
    expect(values(lt(x, 2))).toEqual([1, 0, 0, 0])
    expect(values(le(x, 2))).toEqual([1, 1, 0, 0])
    expect(values(gt(2, x))).toEqual([1, 0, 0, 0])
    expect(values(ge(2, x))).toEqual([1, 1, 0, 0])
    expect(lt(x, 2).dtype).toBe('bool')
    expect([lt(1, 2), ge(1, 2), eq(2, 2), eq(NaN, NaN)].map((y) => [...y.shape, y.dtype, ...values(y)])).toEqual([
      ['bool', 1],
      ['bool', 0],
      ['bool', 1],
      ['bool', 0],
    ])
    expect(values(isnan(x))).toEqual([0, 0, 0, 1])
    expect(values(isinf(tensor([Infinity, -Infinity, 0])))).toEqual([1, 1, 0])
  })
})

describe('logic', () => {
  it('on all pairs of bools, broadcasting', () => {
    const p = tensor([[false], [true]])
    const q = tensor([false, true])
    expect(values(and(p, q))).toEqual([0, 0, 0, 1])
    expect(values(or(p, q))).toEqual([0, 1, 1, 1])
    expect(values(not(q))).toEqual([1, 0])
  })
  it('refuses numbers', () => {
    expect(() => and(x as unknown as Tensor<readonly [4], 'bool'>, gt(x, 0))).toThrow(
      'and(f32[4]): needs bool, not f32. Compare first, as in ne(x, 0)',
    )
  })
})

describe('where', () => {
  it('broadcasts the condition and both branches as one', () => {
    fc.assert(
      fc.property(
        broadcastablePairs.chain((p) =>
          fc.tuple(fc.constant(p.out), data(p.x, 'f32', elements('f32')), data(p.y, 'f32', elements('f32'))),
        ),
        ([out, a, b]) => {
          const [s, t]: readonly [Tensor<readonly number[], 'f32'>, Tensor<readonly number[], 'f32'>] = [
            tensor(hostArray(a), a.shape, 'f32'),
            tensor(hostArray(b), b.shape, 'f32'),
          ]
          const chosen = values(where(gt(s, t), s, t))
          const [p, q] = [values(broadcastTo(out)(s)), values(broadcastTo(out)(t))]
          expect(chosen).toEqual(p.map((v, i) => (v > q[i]! ? v : q[i]!)))
        },
      ),
      { seed: 22, numRuns: 60 },
    )
  })
  it('takes numbers for branches', () => {
    expect(values(where(gt(x, 1), x, 0))).toEqual([0, 2, 3, 0])
    expect(values(where(gt(x, 1), 0, x))).toEqual([1, 0, 0, NaN])
    expect(values(where(gt(x, 1), 1, -1))).toEqual([-1, 1, 1, -1])
    const i = tensor([1, 2], 'i32')
    expect(where(gt(i, 1), i, 0).dtype).toBe('i32')
    expect(() => where(gt(i, 1), i, 0.5)).toThrow('where(i32[2]): the number 0.5 is no i32')
    expect(() => where(x as unknown as Tensor<readonly [4], 'bool'>, 1, 2)).toThrow('where(f32[4]): needs bool')
    const dynamic: Tensor = zeros([3])
    expect(() => where(gt(x, 0), dynamic, 0)).toThrow('does not broadcast')
  })
})

describe('clamp', () => {
  it('keeps to the bounds, and NaN', () => {
    expect(values(clamp(-1, 1)(tensor([-3, 0.5, 3, NaN])))).toEqual([-1, 0.5, 1, NaN])
    expect(values(clamp(0, Infinity)(tensor([-3, 9])))).toEqual([0, 9])
    expect(values(clamp(1, 2)(tensor([0, 5], 'i32')))).toEqual([1, 2])
  })
})

import { grad } from '@adjoint/autograd'
import { between, close, data, hostArray, positiveDims, shapes, type Data } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import type { Tensor } from '../graph/tensor.ts'
import { tensor, zeros } from './creation.ts'
import { add, exp, log } from './math.ts'
import { sum } from './reductions.ts'
import { logSoftmax, logsumexp, softmax } from './softmax.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const from = (d: Data): Tensor => tensor(hostArray(d), d.shape, d.dtype)
const runs = { seed: 41, numRuns: 100 }
const tolerance = { relative: 1e-5, absolute: 1e-5 }
const equal = (x: Expr, y: Expr): void => {
  expect(x.shape).toEqual(y.shape)
  const expected = values(y)
  values(x).forEach((v, i) => expect(close(v, expected[i]!, tolerance), `${v} for ${expected[i]!}`).toBe(true))
}
const rows = shapes({ minRank: 1, dim: positiveDims }).chain((shape) =>
  fc.tuple(data(shape, 'f32', between(-20, 20)), fc.nat(shape.length - 1)),
)

describe('laws', () => {
  it('softmax sums to 1, is unmoved by a shift, and is the exponential of logSoftmax', () => {
    fc.assert(
      fc.property(rows, between(-1000, 1000), ([d, axis], shift) => {
        const x = from(d)
        values(sum({ axis: axis })(softmax(axis)(x))).forEach((v) => expect(v).toBeCloseTo(1, 5))
        equal(exp(logSoftmax(axis)(x)), softmax(axis)(x))
        const shifted = values(softmax(axis)(add(x, shift)))
        values(softmax(axis)(x)).forEach((v, i) => expect(Math.abs(v - shifted[i]!)).toBeLessThan(1e-3))
      }),
      runs,
    )
  })
  it('logsumexp is the logarithm of the sum of exponentials, over any axes', () => {
    fc.assert(
      fc.property(rows, fc.boolean(), ([d, axis], keepDims) => {
        const x = from(d)
        equal(logsumexp({ axis: axis, keepDims })(x), log(sum({ axis: axis, keepDims })(exp(x))))
        equal(logsumexp()(x), log(sum()(exp(x))))
      }),
      runs,
    )
  })
  it('the gradient of logsumexp is the softmax', () => {
    fc.assert(
      fc.property(rows, ([d]) => {
        const x = from({ ...d, shape: [d.data.length] })
        equal(grad((z: Tensor) => logsumexp()(z) as Tensor<readonly [], 'f32'>)(x), softmax(0)(x))
      }),
      { seed: 42, numRuns: 30 },
    )
  })
})

describe('far values', () => {
  const inf = Infinity
  it('neither overflow nor underflow', () => {
    expect(
      values(
        softmax(-1)(
          tensor([
            [1000, 1000],
            [-1000, -1000],
            [1000, 0],
          ]),
        ),
      ),
    ).toEqual([0.5, 0.5, 0.5, 0.5, 1, 0])
    expect(values(logSoftmax(-1)(tensor([1000, 0])))).toEqual([0, -1000])
    expect(values(logsumexp()(tensor([1000, 1000])))[0]).toBeCloseTo(1000 + Math.LN2, 3)
  })
  it('masked elements get 0; a row masked whole is NaN, as in JAX', () => {
    expect(
      values(
        softmax(-1)(
          tensor([
            [0, -inf],
            [-inf, -inf],
          ]),
        ),
      ),
    ).toEqual([1, 0, NaN, NaN])
    expect(values(logSoftmax(-1)(tensor([0, -inf])))).toEqual([0, -inf])
    expect(
      values(
        logsumexp({ axis: 1 })(
          tensor([
            [-inf, -inf],
            [inf, 0],
            [0, -inf],
          ]),
        ),
      ),
    ).toEqual([-inf, inf, 0])
  })
  it('empty rows', () => {
    expect(softmax(-1)(zeros([2, 0])).shape).toEqual([2, 0])
    expect(values(logsumexp({ axis: 1 })(zeros([2, 0])))).toEqual([-inf, -inf])
    expect(() => softmax(1)(zeros([3] as readonly number[]))).toThrow(
      'softmax(f32[3]): axis 1 is out of range for rank 1',
    )
    expect(() => softmax(0)(zeros([3], 'i32'))).toThrow('needs a float dtype')
  })
})

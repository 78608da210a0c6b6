// Derivatives of functions made of others: against finite differences, and where formulas break, on every device.
import * as T from '@adjoint/tensor'
import { type Scalar, type Tensor, tensor } from '@adjoint/tensor'
import { close, presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { checkGrads } from './check.ts'
import { grad } from './grad.ts'

type Shape = readonly number[]
type F32 = Tensor<Shape, 'f32'>
type Fn = (...xs: F32[]) => Tensor
const inf = Infinity

const at = (...positions: Shape): Tensor<Shape, 'i32'> => tensor(Int32Array.from(positions), [positions.length])
const x4: F32 = tensor([0.3, -1.2, 2.1, 0.7])
const u3: F32 = tensor([1.5, -0.4, 0.9])
const repeated = at(2, 0, 2)
const smooth: readonly (readonly [string, Fn, readonly F32[]])[] = [
  ['norm', (x) => T.norm()(x), [x4]],
  ['norm of order 1', (x) => T.norm({ ord: 1 })(x), [x4]],
  ['norm of order Infinity', (x) => T.norm({ ord: inf })(x), [x4]],
  ['sumOfSquares', (x) => T.sumOfSquares()(x), [x4]],
  ['glu', (x) => T.glu()(x), [x4]],
  ['elu', (x) => T.elu(0.7)(x), [x4]],
  ['lerp', (x, y) => T.lerp(x, y, T.square<Shape, 'f32'>(x)), [u3, tensor([1, 2, 3])]],
  ['cummax', (x) => T.cummax(0)(x), [x4]],
  ['cummin from the end', (x) => T.cummin(0, { reverse: true })(x), [x4]],
  ['scatterSet', (x, u) => T.scatterSet(0)(x, repeated, u), [x4, u3]],
  ['scatterMax', (x, u) => T.scatterMax(0)(x, repeated, u), [x4, u3]],
  ['scatterMin', (x, u) => T.scatterMin(0)(x, repeated, u), [x4, u3]],
  ['scatterMul', (x, u) => T.scatterMul(0)(x, repeated, u), [x4, u3]],
  ['segmentSum', (x) => T.segmentSum(3)(x, at(0, 2, 0, -1) as never), [x4]],
  ['segmentMean', (x) => T.segmentMean(3)(x, at(0, 2, 0, -1) as never), [x4]],
  ['segmentMax', (x) => T.segmentMax(2)(x, at(0, 1, 0, 1) as never), [x4]],
  ['compress', (x) => T.compress({ size: 3 })(T.gt(x4, 0) as never, x), [x4]],
  ...(['edge', 'reflect', 'symmetric', 'wrap'] as const).map(
    (mode) => [`pad ${mode}`, (x: F32) => T.pad([[5, 3]], mode)(x), [x4]] as const,
  ),
]
describe('both modes and finite differences agree, in first and second order', () => {
  it.each(smooth)('%s', (_, f, xs) => {
    // weighed, so that no part may stand for another; squared, so that there is a second derivative
    checkGrads(
      (...ys: F32[]): Scalar => {
        const y = f(...ys) as F32
        const weights = T.reshape(y.shape)(
          tensor(Float32Array.from({ length: y.shape.reduce((p, d) => p * d, 1) }, (_v, i) => i + 1)),
        ) as F32
        // what has no rows is infinite
        return T.sum()(T.mul(T.nanToNum({ posinf: 0, neginf: 0 })(T.square<Shape, 'f32'>(y)), weights) as F32)
      },
      { order: 2 },
    )(...xs)
  })
})

const corners: readonly (readonly [string, Fn, readonly F32[], Shape])[] = [
  ['norm at 0', (x) => T.norm()(x), [tensor([0, 0])], [0, 0]],
  ['norm at 0 of order 1', (x) => T.norm({ ord: 1 })(x), [tensor([0, 2])], [0, 1]],
  ['norm of order Infinity, equal', (x) => T.norm({ ord: inf })(x), [tensor([3, -3])], [0.5, -0.5]],
  ['hypot at 0', (x) => T.hypot(x, tensor([0, 0])), [tensor([0, -3])], [0, -1]],
  ['hypot of large', (x) => T.hypot(x, tensor([3e30])), [tensor([4e30])], [0.8]],
  ['atan2 at 0', (y) => T.atan2(y, tensor([0, 0])), [tensor([0, 2])], [0, 0]],
  ['atan2 of large', (y) => T.atan2(y, tensor([1e25])), [tensor([0])], [1e-25]],
  ['asinh of large', (x) => T.asinh(x), [tensor([1e25, 0, -1e30])], [1e-25, 1, 1e-30]],
  ['acosh of large', (x) => T.acosh(x), [tensor([1e25])], [1e-25]],
  ['asin at 1', (x) => T.asin(x), [tensor([1, -1, 0])], [inf, inf, 1]],
  ['asin outside, set aside', (x) => T.where(T.lt(x, 1), T.asin(x), 0), [tensor([2, 0])], [0, 1]],
  ['cbrt at 0', (x) => T.cbrt(x), [tensor([0, -8])], [inf, 1 / 12]],
  ['cbrt at 0, set aside', (x) => T.where(T.gt(x, 0), T.cbrt(x), 0), [tensor([0, 8])], [0, 1 / 12]],
  ['logaddexp of -Infinity', (x) => T.logaddexp(x, tensor([-inf, 0])), [tensor([-inf, -inf])], [0, 0]],
  ['logaddexp of equals', (x) => T.logaddexp(x, tensor([2, 90])), [tensor([2, -90])], [0.5, 0]],
  ['xlogy at 0 by x', (x) => T.xlogy(x, tensor([2, 3])), [tensor([0, 1])], [Math.log(2), Math.log(3)]],
  ['xlogy at 0 by y', (y) => T.xlogy(tensor([0, 2]), y), [tensor([0, 4])], [0, 0.5]],
  ['elu at 0', (x) => T.elu(2)(x), [tensor([0, 100, -200])], [2, 1, 0]],
  ['leakyRelu at 0', (x) => T.leakyRelu(0.1)(x), [tensor([0, -1])], [1, 0.1]],
  ['nanToNum', (x) => T.nanToNum()(x), [tensor([NaN, inf, 1])], [0, 0, 1]],
  ['trunc', (x) => T.trunc(x), [tensor([1.5, -0.5])], [0, 0]],
  ['cummax of equals and NaN', (x) => T.cummax(0)(x), [tensor([3, 3, 1, NaN, 5])], [1, 2, 0, 2, 0]],
  ['scatterSet, what is overwritten', (x) => T.scatterSet(0)(x, at(1), tensor([9])), [tensor([NaN, inf])], [1, 0]],
  ['scatterSet, equal positions', (u) => T.scatterSet(0)(tensor([1, 2]), at(1, 1), u), [tensor([5, 6])], [0, 1]],
  ['scatterMax, equal to what is there', (u) => T.scatterMax(0)(tensor([4]), at(0, 0), u), [tensor([4, 4])], [0, 0.5]],
  ['scatterMul by 0', (u) => T.scatterMul(0)(tensor([4]), at(0, 0), u), [tensor([0, 3])], [12, 0]],
]
describe.each((await presentDevices()).map((device) => [device.kind, device] as const))(
  'corners on %s',
  (_k, device) => {
    it.each(corners)('%s', async (_, f, xs, want) => {
      const got = await T.readAsync(
        grad((...ys: F32[]) => T.sum()(f(...ys) as F32) as Scalar)(...(xs as [F32])),
        device,
      )
      want.forEach((w, i) =>
        expect(
          close(got[i]!, w, { relative: 1e-5, absolute: w === 0 ? 0 : 1e-33 }),
          `[${Array.from(got).join(', ')}]`,
        ).toBe(true),
      )
    })
  },
)

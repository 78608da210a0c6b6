import {
  add,
  cast,
  matmul,
  mul,
  scalar,
  sin,
  stopGradient,
  sum,
  tanh,
  tensor,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { checkGrads, GradientError } from './check.ts'
import { customVjp } from './custom.ts'

type Mat<M extends number, N extends number> = Tensor<readonly [M, N], 'f32'>

describe('checkGrads', () => {
  test('passes right rules, over trees, with integers besides', () => {
    const f = (p: { readonly w: Mat<2, 2>; readonly x: Mat<3, 2> }, k: Tensor<readonly [], 'i32'>) => ({
      y: tanh(matmul(p.x, p.w)),
      z: mul(sum()(p.x), cast('f32')(k)),
    })
    checkGrads(f)({ w: tensor([0.1, -0.4, 0.3, 0.2], [2, 2]), x: tensor([1, 2, 3, 4, 5, 6], [3, 2]) }, scalar(3, 'i32'))
  })

  // d/dx is 1.01 cos x instead of cos x
  const wrong = customVjp(
    (x: Scalar) => sin(x),
    (x: Scalar) => [sin(x), x] as const,
    (x, ct) => [mul(mul(ct, 1.01), sin(add(x, Math.PI / 2)))] as const,
  )

  test('names the mode, the order and the argument that disagree', () => {
    const f = (a: Scalar, b: Scalar): Scalar => mul(a, wrong(b))
    expect(() => {
      checkGrads(f)(scalar(0.3), scalar(0.4))
    }).toThrow(GradientError)
    expect(() => {
      checkGrads(f)(scalar(0.3), scalar(0.4))
    }).toThrow(/reverse-mode derivative of order 1 is .* Disagreeing arguments: 1\./s)
    checkGrads(f, { rtol: 0.1 })(scalar(0.3), scalar(0.4))
  })

  test('finds a wrong second derivative behind a right first one', () => {
    const firstOnly = customVjp(
      (x: Scalar) => mul(x, mul(x, x)),
      (x: Scalar) => [mul(x, mul(x, x)), x] as const,
      // 3 x^2, as a constant
      (x, ct) => [mul(ct, mul(3, stopGradient(mul(x, x))))] as const,
    )
    checkGrads(firstOnly, { order: 1 })(scalar(0.5))
    expect(() => {
      checkGrads(firstOnly, { order: 2 })(scalar(0.5))
    }).toThrow(/of order 2/)
  })
})

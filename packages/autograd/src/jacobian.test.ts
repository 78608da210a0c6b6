import {
  add,
  cast,
  matmul,
  mul,
  scalar,
  sin,
  square,
  sub,
  sum,
  tensor,
  zeros,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { evaluate, type Expr } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { hessian, hvp, jacfwd, jacobian } from './jacobian.ts'
import { vmap } from './vmap.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
type Vec<N extends number> = Tensor<readonly [N], 'f32'>
type Mat<M extends number, N extends number> = Tensor<readonly [M, N], 'f32'>

describe('jacobian and jacfwd', () => {
  const a = tensor([1, 2, 3, 4, 5, 6], [2, 3])
  const x = tensor([1, 0, 2, 1, 0, 3], [3, 2])

  test('of x -> A x: d(A x)_ij / dx_kl = A_ik [j = l]', () => {
    const f = (v: Mat<3, 2>): Mat<2, 2> => matmul(a, v)
    const reverse = jacobian(f)(x)
    expect(reverse.shape).toEqual([2, 2, 3, 2])
    const want = [0, 1].flatMap((i) =>
      [0, 1].flatMap((j) => [0, 1, 2].flatMap((k) => [0, 1].map((l) => (j === l ? 3 * i + k + 1 : 0)))),
    )
    expect(values(reverse)).toEqual(want)
    expect(values(jacfwd(f)(x))).toEqual(want)
  })

  test('trees of results and arguments, further arguments, unreached blocks', () => {
    const f = (p: { readonly s: Scalar; readonly v: Vec<2> }, k: number) => ({
      scaled: mul(mul(p.v, p.s), k),
      n: cast('i32')(p.s),
    })
    const p = { s: scalar(3), v: tensor([1, 2], [2]) }
    for (const jac of [jacobian(f)(p, 10), jacfwd(f)(p, 10)]) {
      expect(values(jac.scaled.s)).toEqual([10, 20])
      expect(values(jac.scaled.v)).toEqual([30, 0, 0, 30])
      expect(jac.n.v.shape).toEqual([2])
      expect(values(jac.n.v)).toEqual([0, 0])
    }
  })

  test('of nothing', () => {
    expect(jacobian((v: Vec<0>) => sin(v))(zeros([0])).shape).toEqual([0, 0])
    expect(jacfwd((v: Vec<0>) => sin(v))(zeros([0])).shape).toEqual([0, 0])
  })
})

describe('hessian and hvp', () => {
  test('of a quadratic form: A + A^T', () => {
    const a = tensor([1, 2, 3, 4], [2, 2])
    const f = (x: Vec<2>): Scalar => sum()(mul(x, sum({ axis: 1 })(mul(a, x))))
    const x = tensor([5, -7], [2])
    expect(values(hessian(f)(x))).toEqual([2, 5, 5, 8])
    expect(values(hvp(f)(x, tensor([1, 10], [2])))).toEqual([52, 85])
  })

  test('of Rosenbrock', () => {
    const f = (p: readonly [Scalar, Scalar]): Scalar =>
      add(square(sub(1, p[0])), mul(100, square(sub(p[1], square(p[0])))))
    const [[xx, xy], [yx, yy]] = hessian(f)([scalar(-1), scalar(2)])
    // 2 - 400 (y - 3 x^2), -400 x, 200
    expect([xx, xy, yx, yy].map((h) => values(h)[0])).toEqual([402, 400, 400, 200])
  })

  test('mapped over points', () => {
    const f = (x: Vec<2>): Scalar => sum()(mul(x, mul(x, x)))
    const h = vmap(hessian(f))(tensor([1, 2, 3, 4], [2, 2]))
    expect(values(h)).toEqual([6, 0, 0, 12, 18, 0, 0, 24])
  })
})

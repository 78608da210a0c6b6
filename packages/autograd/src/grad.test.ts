import {
  add,
  argmax,
  cast,
  concat,
  cos,
  cumsum,
  div,
  dynamicSlice,
  dynamicUpdateSlice,
  exp,
  gt,
  log,
  logSoftmax,
  matmul,
  max,
  maximum,
  mean,
  mul,
  neg,
  ones,
  reshape,
  scalar,
  scatterAdd,
  sin,
  softmax,
  sort,
  square,
  stopGradient,
  sub,
  sum,
  take,
  takeAlongAxis,
  tensor,
  topK,
  where,
  zeros,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { evaluate, toposort, type Expr } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { grad, valueAndGrad } from './grad.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const value = (x: Expr): number => values(x)[0]!
type Vec<N extends number> = Tensor<readonly [N], 'f32'>

describe('known derivatives', () => {
  test('x sin x, once and twice and three times', () => {
    const f = (x: Scalar): Scalar => mul(x, sin(x))
    const x = Math.fround(0.7)
    expect(value(grad(f)(scalar(x)))).toBeCloseTo(Math.sin(x) + x * Math.cos(x), 12)
    expect(value(grad(grad(f))(scalar(x)))).toBeCloseTo(2 * Math.cos(x) - x * Math.sin(x), 12)
    expect(value(grad(grad(grad(f)))(scalar(x)))).toBeCloseTo(-3 * Math.sin(x) - x * Math.cos(x), 12)
  })

  test('Rosenbrock', () => {
    const f = (p: { readonly x: Scalar; readonly y: Scalar }): Scalar =>
      add(square(sub(1, p.x)), mul(100, square(sub(p.y, square(p.x)))))
    const { x, y } = grad(f)({ x: scalar(-1), y: scalar(2) })
    // f_x = -2 (1 - x) - 400 x (y - x^2), f_y = 200 (y - x^2)
    expect([value(x), value(y)]).toEqual([396, 200])
    const least = grad(f)({ x: scalar(1), y: scalar(1) })
    expect([value(least.x), value(least.y)].map(Math.abs)).toEqual([0, 0])
  })

  test('linear regression against its normal equations', () => {
    const x = tensor([1, 2, 3, 4, 5, 6], [3, 2])
    const y = tensor([1, 0, 2], [3])
    const loss = (w: Vec<2>): Scalar => sum()(square(sub(reshape([3])(matmul(x, reshape([2, 1])(w))), y)))
    // 2 X^T (X w - y) at w = (1, -1): X w - y = (-2, -1, -3)
    expect(values(grad(loss)(tensor([1, -1], [2])))).toEqual([-40, -52])
  })

  test('softmax cross-entropy: probabilities minus the label', () => {
    const logits = tensor([1, 2, 3], [3])
    const loss = (z: Vec<3>): Scalar => neg(sum()(mul(logSoftmax(-1)(z), tensor([0, 1, 0], [3]))))
    const p = values(softmax(-1)(logits))
    const g = values(grad(loss)(logits))
    g.forEach((gi, i) => {
      expect(gi).toBeCloseTo(p[i]! - (i === 1 ? 1 : 0), 12)
    })
  })

  test('max shares the cotangent among ties', () => {
    expect(values(grad((x: Vec<3>) => max()(x))(tensor([1, 3, 2], [3])))).toEqual([0, 1, 0])
    const tied = values(grad((x: Vec<3>) => max()(x))(tensor([3, 1, 3], [3])))
    expect(tied).toEqual([0.5, 0, 0.5])
  })

  test('maximum of equals gives each side half', () => {
    const [a, b] = grad((p: readonly [Scalar, Scalar]) => maximum(p[0], p[1]))([scalar(2), scalar(2)])
    expect([value(a), value(b)]).toEqual([0.5, 0.5])
  })

  test('where takes the cotangent of the chosen side only', () => {
    const x = tensor([-1, 2], [2])
    const f = (v: Vec<2>): Scalar => sum()(where(gt(v, 0), mul(v, v), mul(v, 3)))
    expect(values(grad(f)(x))).toEqual([3, 4])
  })

  test('take adds up what was taken twice', () => {
    const table = zeros([3, 2])
    const rows = tensor([2, 0, 2], 'i32')
    const weights = tensor([1, 2, 3, 4, 5, 6], [3, 2])
    const f = (t: Tensor<readonly [3, 2], 'f32'>): Scalar => sum()(mul(take(0)(t, rows), weights))
    expect(values(grad(f)(table))).toEqual([3, 4, 0, 0, 6, 8])
  })

  test('takeAlongAxis: one place a row', () => {
    const logp = zeros([2, 3])
    const label = tensor([[2], [0]], 'i32')
    const f = (z: Tensor<readonly [2, 3], 'f32'>): Scalar => sum()(takeAlongAxis(1)(z, label))
    expect(values(grad(f)(logp))).toEqual([0, 0, 1, 1, 0, 0])
  })

  test('scatterAdd: the base keeps its cotangent, updates take theirs from where they went', () => {
    const f = (p: { readonly x: Vec<3>; readonly u: Vec<2> }): Scalar =>
      sum()(mul(scatterAdd(0)(p.x, tensor([2, 0], 'i32'), p.u), tensor([1, 10, 100], [3])))
    const g = grad(f)({ x: zeros([3]), u: ones([2]) })
    expect(values(g.x)).toEqual([1, 10, 100])
    expect(values(g.u)).toEqual([100, 1])
  })

  test('dynamicSlice and dynamicUpdateSlice at a traced start', () => {
    const start = scalar(1, 'i32')
    const read = (x: Vec<4>): Scalar => sum()(mul(dynamicSlice([2])(x, [start]), tensor([5, 7], [2])))
    expect(values(grad(read)(zeros([4])))).toEqual([0, 5, 7, 0])
    const write = (p: { readonly x: Vec<4>; readonly u: Vec<2> }): Scalar =>
      sum()(mul(dynamicUpdateSlice(p.x, p.u, [start]), tensor([1, 2, 3, 4], [4])))
    const g = grad(write)({ x: zeros([4]), u: zeros([2]) })
    expect(values(g.x)).toEqual([1, 0, 0, 4])
    expect(values(g.u)).toEqual([2, 3])
  })

  test('cumsum: each element reaches all later sums', () => {
    const f = (x: Vec<3>): Scalar => sum()(mul(cumsum(0)(x), tensor([1, 10, 100], [3])))
    expect(values(grad(f)(zeros([3])))).toEqual([111, 110, 100])
  })

  test('sort and topK permute their cotangents back', () => {
    const x = tensor([3, 1, 2], [3])
    const sorted = (v: Vec<3>): Scalar => sum()(mul(sort()(v), tensor([1, 10, 100], [3])))
    expect(values(grad(sorted)(x))).toEqual([100, 1, 10])
    const top = (v: Vec<3>): Scalar => sum()(mul(topK(2)(v).values, tensor([1, 10], [2])))
    expect(values(grad(top)(x))).toEqual([1, 0, 10])
  })

  test('concat splits, and a tensor used twice adds up', () => {
    const f = (x: Vec<2>): Scalar => sum()(mul(concat(0)([x, x]), tensor([1, 2, 3, 4], [4])))
    expect(values(grad(f)(zeros([2])))).toEqual([4, 6])
  })

  test('no gradient flows through integers or stopGradient', () => {
    const f = (x: Vec<2>): Scalar => sum()(mul(cast('f32')(argmax()(x)), stopGradient(sum()(x))))
    expect(values(grad(f)(tensor([1, 2], [2])))).toEqual([0, 0])
  })
})

describe('no perturbation confusion', () => {
  test('d/dx (x * d/dy (x + y)) = 1', () => {
    const f = (x: Scalar): Scalar => mul(x, grad((y: Scalar) => add(x, y))(scalar(1)))
    expect(value(grad(f)(scalar(3)))).toBe(1)
  })

  test('d/dx (x * d/dy x y) = 2 x', () => {
    const f = (x: Scalar): Scalar => mul(x, grad((y: Scalar) => mul(x, y))(x))
    expect(value(grad(f)(scalar(3)))).toBe(6)
  })

  test('d/dx (x * d/dy x) = 0', () => {
    expect(value(grad((x: Scalar) => mul(x, grad((_: Scalar) => x)(x)))(scalar(3)))).toBe(0)
  })
})

describe('trees and options', () => {
  test('gradients have the structure of the parameters; unreached leaves get zeros', () => {
    const params = {
      layers: [
        { w: ones([2]), b: null },
        { w: ones([2]), b: null },
      ],
      unused: ones([2, 2]),
    }
    const loss = (p: typeof params, k: number): Scalar => mul(sum()(p.layers[0]!.w), k)
    const g = grad(loss)(params, 5)
    expect(values(g.layers[0]!.w)).toEqual([5, 5])
    expect(values(g.layers[1]!.w)).toEqual([0, 0])
    expect(values(g.unused)).toEqual([0, 0, 0, 0])
    expect(g.layers[0]!.b).toBeNull()
  })

  test('argnums names other arguments', () => {
    const f = (x: Scalar, n: Tensor<readonly [], 'i32'>, y: Scalar): Scalar => mul(mul(x, cast('f32')(n)), y)
    const args = [scalar(2), scalar(3, 'i32'), scalar(5)] as const
    expect(value(grad(f, { argnums: 2 })(...args))).toBe(6)
    const [dy, dx] = grad(f, { argnums: [2, 0] })(...args)
    expect([value(dy), value(dx)]).toEqual([6, 15])
    expect(() => grad(f, { argnums: 3 })(...args)).toThrow(/argnums 3 for 3 arguments/)
    expect(() => grad(f, { argnums: 1 })(...args)).toThrow(/i32, and only floating point has derivatives/)
  })

  test('valueAndGrad, and what the function says besides', () => {
    const f = (x: Scalar, k: number): readonly [Scalar, { readonly twice: Scalar }] => [mul(x, k), { twice: mul(x, 2) }]
    const [[loss, aux], g] = valueAndGrad(f, { hasAux: true })(scalar(3), 7)
    expect([value(loss), value(aux.twice), value(g)]).toEqual([21, 6, 7])
    const [only, also] = grad(f, { hasAux: true })(scalar(3), 7)
    expect([value(only), value(also.twice)]).toEqual([7, 6])
  })

  test('mistakes are told', () => {
    const vector = (x: Vec<2>): Scalar => x as unknown as Scalar
    expect(() => grad(vector)(ones([2]))).toThrow(
      /grad\(f32\[2\]\): only a scalar f32 function has a gradient.*sum\(\)/s,
    )
    expect(() => grad((x: Scalar) => [x, 1] as unknown as Scalar)(scalar(1))).toThrow(/set hasAux/)
    const ids = { w: ones([2]), ids: tensor([1, 2], 'i32') }
    expect(() => grad((p: typeof ids) => sum()(p.w))(ids)).toThrow(/argument at 0\.ids is i32/)
  })
})

test('a chain of 10,000 operations: no recursion, and a gradient linear in its length', () => {
  const chain =
    (n: number) =>
    (x: Scalar): Scalar => {
      let y = x
      for (let i = 0; i < n; i++) y = i % 2 === 0 ? sin(y) : mul(y, x)
      return y
    }
  const nodes = (n: number): number => toposort([grad(chain(n))(scalar(1))]).length
  expect(value(grad(chain(10_000))(scalar(1)))).toBeTypeOf('number')
  const [one, two] = [nodes(1000), nodes(2000)]
  expect(one).toBeLessThan(5 * 1000)
  expect(two).toBeLessThan(2.01 * one)
})

test('log-sum of exponentials far out does not overflow', () => {
  const f = (x: Vec<2>): Scalar => log(sum()(exp(sub(x, stopGradient(max()(x))))))
  expect(values(grad(f)(tensor([1000, 1000], [2])))).toEqual([0.5, 0.5])
  expect(value(grad((x: Vec<2>) => mean()(div(x, cos(x))))(zeros([2])))).toBe(0.5)
})

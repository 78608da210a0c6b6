import { argmax, mul, scalar, sin, square, sum, tensor, zeros, type Scalar, type Tensor } from '@adjoint/tensor'
import { evaluate, toposort, type Expr } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { grad } from './grad.ts'
import { jvp, linearize } from './jvp.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
type Vec<N extends number> = Tensor<readonly [N], 'f32'>

describe('jvp', () => {
  test('x sin x, and its second derivative by forward over forward and forward over reverse', () => {
    const f = (x: Scalar): Scalar => mul(x, sin(x))
    const x = Math.fround(0.7)
    const d =
      (g: (x: Scalar) => Scalar) =>
      (v: Scalar): Scalar =>
        jvp(g)(v, scalar(1))[1]
    expect(values(d(f)(scalar(x)))[0]).toBeCloseTo(Math.sin(x) + x * Math.cos(x), 12)
    const second = 2 * Math.cos(x) - x * Math.sin(x)
    expect(values(d(d(f))(scalar(x)))[0]).toBeCloseTo(second, 12)
    expect(values(d(grad(f))(scalar(x)))[0]).toBeCloseTo(second, 12)
    expect(values(grad(d(f))(scalar(x)))[0]).toBeCloseTo(second, 12)
  })

  test('several arguments: all primals, then all tangents', () => {
    const [y, dy] = jvp((a: Scalar, b: Vec<2>) => mul(a, b))(
      scalar(3),
      tensor([1, 2], [2]),
      scalar(10),
      tensor([0, 1], [2]),
    )
    expect(values(y)).toEqual([3, 6])
    expect(values(dy)).toEqual([10, 23])
    expect(() => (jvp((a: Scalar) => a) as (...xs: Scalar[]) => unknown)(scalar(1))).toThrow(/jvp: 1 arguments/)
  })

  test('what does not depend on the argument has no tangent; null is a zero tangent; integers stay integers', () => {
    const x = { a: tensor([1, 2], [2]), b: tensor([3, 4], [2]) }
    const [, t] = jvp((p: typeof x) => ({ half: square(p.a), none: zeros([3]), at: argmax()(p.a), b: p.b }))(x, {
      a: tensor([1, 1], [2]),
      b: null as unknown as Vec<2>,
    })
    expect([values(t.half), values(t.none), values(t.at), values(t.b)]).toEqual([[2, 4], [0, 0, 0], [0], [0, 0]])
    expect(t.at.dtype).toBe('i32')
  })

  test('linearize: the same derivative along many tangents', () => {
    const [y, push] = linearize((a: Scalar, b: Vec<2>) => mul(a, b))(scalar(3), tensor([1, 2], [2]))
    expect(values(y)).toEqual([3, 6])
    expect(values(push(scalar(1), zeros([2])))).toEqual([1, 2])
    expect(values(push(scalar(0), tensor([1, 10], [2])))).toEqual([3, 30])
  })

  test('a tangent of another shape is told', () => {
    const f = (x: Vec<2>): Scalar => sum()(x)
    expect(() => jvp(f)(zeros([2]), zeros([3]) as unknown as Vec<2>)).toThrow(/the tangent at 0 belongs to a f32\[2\]/)
  })

  test('the pushforward holds none of the backward pass: linear in the length of the program', () => {
    const chain =
      (n: number) =>
      (x: Scalar): Scalar => {
        let y = x
        for (let i = 0; i < n; i++) y = sin(y)
        return y
      }
    const nodes = (n: number): number => toposort(jvp(chain(n))(scalar(1), scalar(1))).length
    // per link: sin, cos, their product
    expect(nodes(1000)).toBeLessThan(3 * 1000 + 10)
    expect(nodes(2000)).toBeLessThan(2.01 * nodes(1000))
  })
})

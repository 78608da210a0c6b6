import { add, cast, matmul, mul, scalar, sin, sum, tensor, zeros, type Scalar, type Tensor } from '@adjoint/tensor'
import { evaluate, toposort, type Expr } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { vjp } from './vjp.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
type Mat<M extends number, N extends number> = Tensor<readonly [M, N], 'f32'>

describe('vjp', () => {
  test('matmul: dA = G B^T, dB = A^T G', () => {
    const a = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    const b = tensor([1, 0, 2, 1, 0, 3], [3, 2])
    const [c, pullback] = vjp((x: Mat<2, 3>, y: Mat<3, 2>) => matmul(x, y))(a, b)
    expect(values(c)).toEqual([5, 11, 14, 23])
    const [da, db] = pullback(tensor([1, 0, 0, 2], [2, 2]))
    expect(values(da)).toEqual([1, 2, 0, 0, 2, 6])
    expect(values(db)).toEqual([1, 8, 2, 10, 3, 12])
  })

  test('one argument: its cotangent alone; a tree keeps its structure', () => {
    const [y, pullback] = vjp((p: { readonly a: Scalar; readonly b: readonly [Scalar] }) => ({
      product: mul(p.a, p.b[0]),
      sum: add(p.a, p.b[0]),
    }))({ a: scalar(2), b: [scalar(3)] })
    expect([values(y.product), values(y.sum)]).toEqual([[6], [5]])
    const ct = pullback({ product: scalar(10), sum: scalar(1) })
    expect([values(ct.a), values(ct.b[0])]).toEqual([[31], [21]])
  })

  test('the pullback may be called again, after the trace has closed', () => {
    const [, pullback] = vjp((x: Scalar) => mul(x, x))(scalar(3))
    expect(values(pullback(scalar(1)))).toEqual([6])
    expect(values(pullback(scalar(2)))).toEqual([12])
  })

  test('the identity, a constant, and an output given twice', () => {
    const x = tensor([1, 2], [2])
    expect(values(vjp((v: typeof x) => v)(x)[1](tensor([3, 4], [2])))).toEqual([3, 4])
    expect(values(vjp((_: typeof x) => scalar(1))(x)[1](scalar(5)))).toEqual([0, 0])
    const [, pullback] = vjp((v: typeof x) => [v, v] as const)(x)
    expect(values(pullback([tensor([1, 1], [2]), tensor([2, 3], [2])]))).toEqual([3, 4])
  })

  test('integer outputs have no cotangent', () => {
    const x = tensor([1.5, 2.5], [2])
    const [y, pullback] = vjp((v: typeof x) => ({ real: sin(v), whole: cast('i32')(v) }))(x)
    expect(values(y.whole)).toEqual([1, 2])
    expect(values(pullback({ real: zeros([2]), whole: y.whole })).map(Math.abs)).toEqual([0, 0])
  })

  test('empty tensors', () => {
    const x = zeros([0, 3])
    const [y, pullback] = vjp((v: typeof x) => sum({ axis: 0 })(sin(v)))(x)
    expect(values(y)).toEqual([0, 0, 0])
    expect(pullback(zeros([3])).shape).toEqual([0, 3])
  })

  test('a wrong cotangent is told', () => {
    const [, pullback] = vjp((x: { readonly w: Scalar }) => ({ out: x.w }))({ w: scalar(1) })
    expect(() => pullback({ out: zeros([2]) as unknown as Scalar })).toThrow(
      /vjp\(f32\[2\]\): the cotangent at out belongs to a f32\[\]/,
    )
    expect(() => pullback([] as unknown as { out: Scalar })).toThrow(/built unlike its primal at the root/)
    const ids = tensor([1, 2], 'i32')
    expect(() => vjp((x: typeof ids) => x)(ids)).toThrow(/argument at 0 is i32/)
  })
})

test('nodes of the backward pass belong to the line of the forward pass', () => {
  const x = scalar(2)
  const [y, pullback] = vjp((v: Scalar) => sin(v))(x)
  const ct = pullback(scalar(1))
  const backward = toposort([ct]).filter((e) => e.prim.name === 'cos')
  expect(backward).toHaveLength(1)
  expect(backward[0]!.site).toBe(y.node.site)
})

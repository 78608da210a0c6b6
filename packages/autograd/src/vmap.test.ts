import {
  add,
  exp,
  matmul,
  mul,
  reshape,
  scalar,
  sin,
  softmax,
  square,
  sum,
  tensor,
  transpose,
  zeros,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { evaluate, toposort, type Expr } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { grad } from './grad.ts'
import { jvp } from './jvp.ts'
import { vjp } from './vjp.ts'
import { vmap } from './vmap.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
type Vec<N extends number> = Tensor<readonly [N], 'f32'>
const xs = tensor([0.5, 1, 2], [3])
const derivative = (x: number): number => Math.sin(x) + x * Math.cos(x)
const xsin = (x: Scalar): Scalar => mul(x, sin(x))
const close = (got: readonly number[], want: readonly number[]): void => {
  expect(got).toHaveLength(want.length)
  got.forEach((g, i) => {
    expect(g).toBeCloseTo(want[i]!, 12)
  })
}

describe('vmap', () => {
  test('of grad, and grad of its sum', () => {
    const want = [0.5, 1, 2].map(derivative)
    close(values(vmap(grad(xsin))(xs)), want)
    close(values(grad((v: Vec<3>) => sum()(vmap(xsin)(v)))(xs)), want)
    close(values(vmap((x: Scalar) => jvp(xsin)(x, scalar(1))[1])(xs)), want)
  })

  test('nested: an outer product', () => {
    const table = vmap((a: Scalar) => vmap((b: Scalar) => mul(a, b))(xs))(xs)
    expect(table.shape).toEqual([3, 3])
    expect(values(table)).toEqual([0.25, 0.5, 1, 0.5, 1, 2, 1, 2, 4])
  })

  test('matrix-vector becomes matrix-matrix: one dot', () => {
    const w = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    const apply = (x: Vec<3>): Vec<2> => reshape([2])(matmul(w, reshape([3, 1])(x)))
    const y = vmap(apply)(tensor([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1], [4, 3]))
    expect(values(y)).toEqual([1, 4, 2, 5, 3, 6, 6, 15])
    expect(toposort([y]).filter((e) => e.prim.name === 'dot')).toHaveLength(1)
  })

  test('inAxes: a number for all, one an argument, null for shared, trees; negative ones', () => {
    const a = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    const dot = (x: Tensor, y: Tensor): Tensor => sum()(mul(x, y))
    close(values(vmap(dot, { inAxes: 1 })(a, a)), [17, 29, 45])
    close(values(vmap(dot, { inAxes: [0, null] })(a, tensor([1, 10, 100]))), [321, 654])
    close(values(vmap(dot, { inAxes: [-1, null] })(a, tensor([1, 10]))), [41, 52, 63])
    const f = (p: { readonly x: Tensor; readonly pair: readonly [Tensor, Tensor] }): Tensor =>
      add(p.x, add(p.pair[0], p.pair[1]))
    const args = { x: xs, pair: [scalar(10), tensor([1, 2, 3])] } as const
    close(values(vmap(f, { inAxes: [{ x: 0, pair: [null, 0] }] })(args)), [11.5, 13, 15])
  })

  test('outAxes, and results that do not depend on the mapped axis', () => {
    const a = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    const t = vmap((x: Tensor) => square(x), { outAxes: 1 })(a)
    expect(t.shape).toEqual([3, 2])
    expect(values(t)).toEqual([1, 16, 4, 25, 9, 36])
    const shared = exp(zeros([2]))
    const both = vmap((x: Scalar) => ({ x, shared }))(xs)
    expect(both.shared.shape).toEqual([3, 2])
    const once = vmap((x: Tensor) => ({ x, shared }), { outAxes: { x: 0, shared: null } })(xs)
    expect(once.shared.shape).toEqual([2])
    expect(() => vmap((x: Tensor) => x, { outAxes: null })(xs)).toThrow(
      /depends on the mapped axis, and outAxes has null/,
    )
  })

  test('axisSize says how many where nothing is mapped', () => {
    const y = vmap((x: Tensor) => x, { inAxes: null, axisSize: 4 })(scalar(7))
    expect(values(y)).toEqual([7, 7, 7, 7])
    expect(() => vmap((x: Tensor) => x, { inAxes: null })(scalar(7))).toThrow(/no argument is mapped.*axisSize/s)
  })

  test('a batch of none and of one', () => {
    expect(vmap((x: Vec<2>) => sum()(softmax(-1)(x)))(zeros([0, 2])).shape).toEqual([0])
    close(values(vmap((x: Vec<2>) => sum()(softmax(-1)(x)))(zeros([1, 2]))), [1])
  })

  test('of a pullback: all rows of a Jacobian at once', () => {
    const a = tensor([1, 2, 3, 4], [2, 2])
    const [, pullback] = vjp((x: Vec<2>) => reshape([2])(matmul(a, reshape([2, 1])(x))))(tensor([1, 1], [2]))
    expect(values(vmap(pullback)(tensor([1, 0, 0, 1], [2, 2])))).toEqual([1, 2, 3, 4])
  })

  test('per-example gradients', () => {
    const loss = (w: Vec<2>, x: Vec<2>): Scalar => square(sum()(mul(w, x)))
    const x = tensor([1, 2, 3, 4], [2, 2])
    const g = vmap((xi: Vec<2>) => grad(loss)(tensor([1, 1], [2]), xi))(x)
    // 2 (w . x) x
    expect(values(g)).toEqual([6, 12, 42, 56])
  })

  test('mistakes are told', () => {
    const add2 = (x: Tensor, y: Tensor): Tensor => add(x, y)
    expect(() => vmap(add2)(zeros([2, 3]), zeros([4, 3]))).toThrow(
      /mapped axes differ in size: 2 \(argument 0, axis 0 of \[2, 3\]\), 4 \(argument 1, axis 0 of \[4, 3\]\)/,
    )
    expect(() => vmap(add2)(scalar(1), zeros([2]))).toThrow(/axis 0 of a scalar/)
    expect(() => vmap(add2, { inAxes: [0] })(xs, xs)).toThrow(/inAxes is \[0\]/)
  })

  test('a tensor that leaves the function by a side door names vmap when it is read', () => {
    let kept: Tensor = scalar(0)
    vmap((x: Scalar) => (kept = mul(x, 2)))(xs)
    expect(() => evaluate([kept])).toThrow(/vmap.*must return/s)
  })

  test('transposition inside keeps the mapped axis in front', () => {
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [2, 2, 3])
    const y = vmap((m: Tensor<readonly [2, 3], 'f32'>) => transpose()(m))(x)
    expect(y.shape).toEqual([2, 3, 2])
    expect(values(y).slice(0, 6)).toEqual([1, 4, 2, 5, 3, 6])
  })
})

import {
  add,
  cast,
  cos,
  exp,
  jit,
  log,
  mul,
  readAsync,
  scalar,
  sigmoid,
  sin,
  stopGradient,
  sum,
  tensor,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { evaluate, type Expr } from '@adjoint/tensor/ir'
import { expect, test } from 'vitest'
import { checkGrads } from './check.ts'
import { checkpoint } from './checkpoint.ts'
import { customJvp } from './custom-jvp.ts'
import { grad } from './grad.ts'
import { hvp } from './jacobian.ts'
import { jvp } from './jvp.ts'
import { vmap } from './vmap.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const plain = (x: Scalar): Scalar => log(add(exp(x), 1))
const stable = customJvp(plain, ([x], [t]) => [plain(x), mul(sigmoid(x), t)] as const)
type Vec = Tensor<readonly [3], 'f32'>
const xs = tensor([-1, 0.5, 2], [3])

test('its rule is the derivative in both modes, to third order, under vmap, checkpoint and jit', async () => {
  expect(values(grad(stable)(scalar(1000)))).toEqual([1])
  expect(values(jvp(stable)(scalar(1000), scalar(2))[1])).toEqual([2])
  checkGrads((x: Scalar) => mul(stable(x), stable(mul(x, x))), { order: 3 })(scalar(0.5))
  const want = values(vmap(grad(plain))(xs))
  for (const got of [
    vmap(grad(stable))(xs),
    grad((v: Vec) => sum()(vmap(stable)(v)))(xs),
    vmap(grad(checkpoint(stable)))(xs),
    vmap((x: Scalar) => jvp(stable)(x, scalar(1))[1])(xs),
  ])
    values(got).forEach((g, i) => {
      expect(g).toBeCloseTo(want[i]!, 10)
    })
  const twice = (f: typeof plain) => hvp((v: Vec) => sum()(vmap(f)(v)))(xs, tensor([1, -1, 2], [3]))
  values(twice(stable)).forEach((g, i) => {
    expect(g).toBeCloseTo(values(twice(plain))[i]!, 10)
  })
  expect((await readAsync(jit(grad(stable))(scalar(1000))))[0]).toBe(1)
})

test('integers pass, null is a tangent of zeros, and what is closed over says so', () => {
  const f = customJvp(
    (x: Scalar, n: Tensor<readonly [], 'i32'>) => mul(x, cast('f32')(n)),
    ([x, n], [t]) => [mul(x, cast('f32')(n)), mul(t, 7)] as const,
  )
  expect(values(grad(f)(scalar(2), tensor(3, 'i32')))).toEqual([7])
  const constant = customJvp(plain, ([x]) => [plain(x), null] as const)
  expect(values(grad(constant)(scalar(2)))).toEqual([0])
  const scaled = (k: Scalar) =>
    customJvp(
      (x: Scalar) => mul(k, x),
      ([x], [t]) => [mul(k, x), mul(k, t)] as const,
    )(scalar(2))
  expect(() => values(grad(scaled)(scalar(3)))).toThrow(/customJvp: the function closes over a tensor/)
  expect(values(grad((k: Scalar) => mul(k, scaled(stopGradient(k))))(scalar(3)))).toEqual([6])
})

test('a rule that returns something else is told', () => {
  const wrong = (returned: unknown): (() => unknown) => {
    const f = customJvp(plain, () => returned as readonly [Scalar, Scalar])
    return () => f(scalar(1))
  }
  expect(wrong(scalar(1))).toThrow(/push must return a pair/)
  expect(wrong([xs, xs])).toThrow(/push computes the value of f again/)
  expect(wrong([scalar(1), xs])).toThrow(/the tangent belongs to a f32\[\]/)
  const whole = (x: Scalar) => ({ y: x, n: cast('i32')(x) })
  const integer = (n: unknown): unknown =>
    customJvp(whole, ([x], [t]) => [whole(x), { y: t, n } as never] as const)(scalar(1))
  expect(() => integer(scalar(1))).toThrow(/customJvp.*: the tangent at n belongs to a i32\[\], and integers have no/)
  for (const none of [null, scalar(0, 'i32')]) expect(integer(none)).toBeDefined()
})

test('one tensor may be two arguments, and vmap may map some', () => {
  const f = (x: Scalar, y: Scalar): Scalar => mul(x, sin(y))
  const g = customJvp(f, ([x, y], [dx, dy]) => [f(x, y), add(mul(dx, sin(y)), mul(mul(x, cos(y)), dy))] as const)
  const both = (h: typeof f) => (x: Scalar) => h(x, x)
  expect(values(grad(both(g))(scalar(2)))[0]).toBeCloseTo(Math.sin(2) + 2 * Math.cos(2), 12)
  const shared = (h: typeof f) => (y: Scalar) => sum()(vmap(h, { inAxes: [0, null] })(xs, y)) as Scalar
  checkGrads(shared(g), { order: 2 })(scalar(0.7))
  for (const mode of [
    (h: typeof f) => grad(shared(h))(scalar(0.7)),
    (h: typeof f) => jvp(shared(h))(scalar(0.7), scalar(3))[1],
  ])
    expect(values(mode(g))[0]).toBeCloseTo(values(mode(f))[0]!, 12)
})

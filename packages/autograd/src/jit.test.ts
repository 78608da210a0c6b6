// `jit` is transparent to every transformation, in both directions.
import {
  add,
  exp,
  jit,
  matmul,
  mul,
  readAsync,
  scalar,
  sin,
  softmax,
  sum,
  tanh,
  tensor,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { evaluate, type Expr } from '@adjoint/tensor/ir'
import { mismatch, tolerances } from '@adjoint/testing'
import { describe, expect, test } from 'vitest'
import { checkpoint } from './checkpoint.ts'
import { customVjp } from './custom.ts'
import { grad, valueAndGrad } from './grad.ts'
import { hvp, jacobian } from './jacobian.ts'
import { jvp } from './jvp.ts'
import { vmap } from './vmap.ts'

type Vec<N extends number> = Tensor<readonly [N], 'f32'>
const x = tensor([0.3, -0.8, 1.1], [3])
const t = tensor([1, 0.5, -2], [3])
const close = async (got: Tensor, want: Expr): Promise<void> => {
  expect(mismatch(await readAsync(got), evaluate([want])[0]!.data, tolerances.f32)).toBeNull()
}
const f = (v: Vec<3>): Vec<3> => mul(sin(v), exp(tanh(v)))
const loss = (v: Vec<3>): Scalar => sum()(mul(f(v), f(v)))

describe('a compiled transformation', () => {
  test('jit . grad, jit . valueAndGrad, jit . jvp, jit . hvp, jit . jacobian', async () => {
    await close(jit(grad(loss))(x), grad(loss)(x))
    const [value, g] = jit(valueAndGrad(loss))(x)
    await close(value, loss(x))
    await close(g, grad(loss)(x))
    await close(jit((v: Vec<3>) => jvp(f)(v, t)[1])(x), jvp(f)(x, t)[1])
    await close(jit(hvp(loss))(x, t), hvp(loss)(x, t))
    await close(jit(jacobian(f))(x), jacobian(f)(x))
  })

  test('jit . vmap . grad and jit . grad . vmap', async () => {
    const xs = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    await close(jit(vmap(grad(loss)))(xs), vmap(grad(loss))(xs))
    const total = (v: Tensor<readonly [2, 3], 'f32'>): Scalar => sum()(vmap(loss)(v))
    await close(jit(grad(total))(xs), grad(total)(xs))
  })

  test('jit . grad . checkpoint: the recomputation is compiled and gives the same', async () => {
    const block = checkpoint((v: Vec<3>, w: Tensor<readonly [3, 3], 'f32'>) => softmax(-1)(matmul(f(v), w)))
    const deep = (w: Tensor<readonly [3, 3], 'f32'>): Scalar => {
      const y = block(block(block(x, w), w), w)
      return sum()(mul(y, t))
    }
    const w = tensor([0.1, 0.2, 0.3, -0.1, -0.2, -0.3, 0.5, 0.4, 0.3], [3, 3])
    await close(jit(grad(deep))(w), grad(deep)(w))
  })
})

describe('a transformed compilation', () => {
  test('grad . jit, vmap . jit, jvp . jit, checkpoint . jit', async () => {
    const compiled = jit(f)
    await close(grad((v: Vec<3>) => sum()(compiled(v)))(x), grad((v: Vec<3>) => sum()(f(v)))(x))
    const xs = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    await close(vmap(compiled)(xs), vmap(f)(xs))
    await close(jvp(compiled)(x, t)[1], jvp(f)(x, t)[1])
    await close(grad((v: Vec<3>) => sum()(checkpoint(compiled)(v)))(x), grad((v: Vec<3>) => sum()(f(v)))(x))
  })

  test('jit inside grad over what only the outer function knows', async () => {
    const g = (v: Vec<3>): Scalar => {
      const scaled = jit((k: Scalar) => sum()(mul(v, k)))
      return mul(scaled(scalar(2)), scaled(sum()(v)))
    }
    await close(grad(g)(x), grad((v: Vec<3>) => mul(sum()(mul(v, 2)), mul(sum()(v), sum()(v))))(x))
  })

  test('jit . grad . jit . vmap . customVjp', async () => {
    const rule = customVjp(
      (v: Scalar) => exp(v),
      (v: Scalar) => {
        const y = exp(v)
        return [y, y] as const
      },
      (y, ct) => [mul(ct, y)] as const,
    )
    const inner = jit((v: Vec<3>) => sum()(vmap(rule)(v)))
    await close(jit(grad((v: Vec<3>) => add(inner(v), inner(mul(v, 2)))))(x), add(exp(x), mul(exp(mul(x, 2)), 2)))
  })

  test('a compiled result is a constant of later derivatives, and a realized tensor can be differentiated', async () => {
    const y = jit(f)(x)
    await close(grad((v: Vec<3>) => sum()(mul(v, y)))(x), f(x))
    await close(grad(loss)(jit((v: Vec<3>) => mul(v, 2))(x)), grad(loss)(mul(x, 2)))
  })
})

test('nested jit is traced once a level, whatever the nesting', async () => {
  let calls = 0
  type F = (x: Scalar) => Scalar
  const leaf: F = (x) => {
    calls++
    return sin(x)
  }
  let f: F = jit(leaf)
  for (let depth = 0; depth < 12; depth++) {
    const inner = f
    f = jit((x: Scalar) => mul(inner(x), inner(x)))
  }
  // f(x) = (sin x)^4096, which is (1 - u^2 / 2)^4096 near its maximum
  const program = jit((x: Scalar) => add(f(x), grad(grad(f))(x)))
  const [s, c] = [Math.sin(1.56), Math.cos(1.56)]
  const second = 4096 * (4095 * s ** 4094 * c * c - s ** 4096)
  expect((await readAsync(program(scalar(1.56))))[0]).toBeCloseTo(s ** 4096 + second, -1)
  expect(calls).toBe(1)
})

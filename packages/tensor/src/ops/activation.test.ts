import { grad } from '@adjoint/autograd'
import { close, tolerances } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import { gelu, geluExact, relu, silu, softplus } from './activation.ts'
import type { Unary } from './align.ts'
import { tensor } from './creation.ts'
import { clamp } from './logic.ts'
import { sum } from './reductions.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const slopes = (f: Unary, xs: readonly number[]): readonly number[] =>
  values(grad((x: ReturnType<typeof vector>) => sum()(f(x)))(vector(xs)))
const vector = (xs: readonly number[]) => tensor(xs, [xs.length], 'f32')
const near = (actual: readonly number[], expected: readonly number[]): void => {
  actual.forEach((v, i) => expect(close(v, expected[i]!, tolerances.f32), `${v} for ${expected[i]!}`).toBe(true))
}
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

describe('values', () => {
  const xs = [-100, -3, -0.5, 0, 0.5, 3, 100]
  it('relu keeps NaN', () => {
    expect(values(relu(tensor([-1, 0, 2, NaN])))).toEqual([0, 0, 2, NaN])
  })
  it('gelu in both forms, at the values of JAX', () => {
    near(values(gelu(tensor([-2, -1, 0.5, 1]))), [-0.04540229, -0.158808, 0.345714, 0.841192])
    near(values(geluExact(tensor([-2, -1, 0.5, 1]))), [-0.04550028, -0.15865526, 0.34573123, 0.8413447])
  })
  it('silu', () => {
    near(
      values(silu(tensor(xs))),
      xs.map((x) => x * sigmoid(x)),
    )
  })
  it('softplus neither overflows nor loses small values', () => {
    near(values(softplus(tensor(xs))), [Math.exp(-100), 0.04858735, 0.47407698, Math.LN2, 0.97407698, 3.04858735, 100])
    expect(values(softplus(tensor([Infinity, -Infinity, NaN])))).toEqual([Infinity, 0, NaN])
  })
})

describe('derivatives', () => {
  it('relu is 0 at 0', () => {
    expect(slopes(relu, [-1, 0, 2])).toEqual([0, 0, 1])
  })
  it('softplus is the sigmoid everywhere, 0 and the far ends included', () => {
    const xs = [-200, -3, 0, 3, 200]
    near(slopes(softplus, xs), xs.map(sigmoid))
  })
  it('silu and gelu against central differences', () => {
    const xs = [-2, -0.3, 0, 0.7, 2]
    const h = 1e-3
    const difference = (f: Unary): readonly number[] => {
      const [p, q] = [values(f(vector(xs.map((x) => x + h)))), values(f(vector(xs.map((x) => x - h))))]
      return p.map((v, i) => (v - q[i]!) / (2 * h))
    }
    for (const f of [silu, gelu, geluExact])
      slopes(f, xs).forEach((v, i) => expect(Math.abs(v - difference(f)[i]!)).toBeLessThan(5e-4))
  })
  it('clamp is 1 from bound to bound, 0 outside', () => {
    expect(slopes(clamp(-1, 1), [-2, -1, 0, 1, 2])).toEqual([0, 1, 1, 1, 0])
  })
})

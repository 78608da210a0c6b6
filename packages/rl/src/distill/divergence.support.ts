/** Test support: divergences of single rows of logits, and what the formulas say of them in plain arithmetic. */
import type { Floats } from '@adjoint/nn'
import { tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { values } from '../policy/rollouts.support.ts'
import type { Divergence } from './divergence.ts'

export const row = (xs: readonly number[]): Floats => tensor(xs, [1, xs.length])
export const at = (d: Divergence, t: readonly number[], s: readonly number[]): number => values(d(row(t), row(s)))[0]!

export const logits = (n: number, largest = 3): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.double({ min: -largest, max: largest, noNaN: true }), { minLength: n, maxLength: n })
export const softmax = (x: readonly number[]): readonly number[] => {
  const e = x.map(Math.exp)
  const total = e.reduce((a, b) => a + b, 0)
  return e.map((v) => v / total)
}
export const klOf = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((total, v, i) => total + v * Math.log(v / q[i]!), 0)

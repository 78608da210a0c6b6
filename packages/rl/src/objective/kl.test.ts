import type { Floats } from '@adjoint/nn'
import { grad } from '@adjoint/autograd'
import { exp, logSoftmax, mul, type Scalar, stopGradient, sub, sum, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { importanceK3, k1, k2, k3, type Kl } from './kl.ts'

// Everything here is evaluated in double precision by the reference interpreter.
const values = (x: Floats | Scalar): readonly number[] => Array.from(evaluate([x])[0]!.data)
const value = (x: Scalar): number => values(x)[0]!
const near = (x: number, y: number, tol: number): boolean => Math.abs(x - y) <= tol * (1 + Math.abs(x) + Math.abs(y))
const allNear = (xs: readonly number[], ys: readonly number[], tol: number): boolean =>
  xs.length === ys.length && xs.every((x, i) => near(x, ys[i]!, tol))
const logProb = fc.double({ min: -4, max: -0.05, noNaN: true })
const law = <T>(name: string, arbitrary: fc.Arbitrary<T>, holds: (t: T) => boolean): void => {
  test(name, () => {
    fc.assert(fc.property(arbitrary, holds), { seed: 1, numRuns: 60 })
  })
}

describe('KL estimates', () => {
  test('known values at l = +1 and -1', () => {
    const at = (l: number): number => values(k3(tensor([0]), tensor([l]), tensor([0])))[0]!
    expect(at(1)).toBeCloseTo(0.71828, 5)
    expect(at(-1)).toBeCloseTo(0.36788, 5)
    const each = (kl: Kl): readonly number[] => values(kl(tensor([-1, -1]), tensor([-3, 0]), tensor([0, Math.LN2])))
    expect(each(k1)).toEqual([2, -1])
    expect(each(k2)).toEqual([2, 0.5])
    expect(each(importanceK3)[1]).toBeCloseTo(2 * 0.71828, 4)
  })

  test('k3 keeps its digits where the policies agree', () => {
    const l = 1e-7
    expect(values(k3(tensor([0]), tensor([l]), tensor([0])))[0]! / ((l * l) / 2)).toBeCloseTo(1, 3)
  })

  law('k3 >= 0, and 0 iff equal', fc.tuple(logProb, logProb), ([p, q]) => {
    const k = values(k3(tensor([p]), tensor([q]), tensor([0])))[0]!
    return Math.abs(p - q) < 1e-6 ? k < 1e-9 : k > 0
  })

  // A tiny policy, enumerated: row a of the batch is action a, weighed by its probability.
  const K = 4
  const logits = fc.array(fc.double({ min: -1.5, max: 1.5, noNaN: true }), { minLength: K, maxLength: K })
  const policies = fc.record({ theta: logits, ref: logits })
  const logpOfTheta = (theta: Floats): Floats => logSoftmax(-1)(theta)
  const expectation =
    (kl: Kl, ref: readonly number[]) =>
    (theta: Floats): Scalar => {
      const logp = logpOfTheta(theta)
      // The sampler is the policy itself, held fixed.
      const k = kl(logp, logpOfTheta(tensor(ref)), sub(logp, stopGradient(logp)))
      return sum()(mul(stopGradient(exp(logp)), k))
    }
  const softmax = (x: readonly number[]): readonly number[] => {
    const e = x.map(Math.exp)
    return e.map((v) => v / e.reduce((s, w) => s + w, 0))
  }
  const klOf = (p: readonly number[], q: readonly number[]): number =>
    p.reduce((s, v, i) => s + v * Math.log(v / q[i]!), 0)
  const numericGrad = (f: (theta: readonly number[]) => number, theta: readonly number[]): readonly number[] =>
    theta.map((_, i) => {
      const at = (d: number): number => f(theta.map((t, j) => (j === i ? t + d : t)))
      return (at(1e-5) - at(-1e-5)) / 2e-5
    })

  law('E k1 = E k3 = KL(pi || ref), and KL(p, p) = 0', policies, ({ theta, ref }) => {
    const exact = klOf(softmax(theta), softmax(ref))
    return (
      near(value(expectation(k1, ref)(tensor(theta))), exact, 1e-5) &&
      near(value(expectation(k3, ref)(tensor(theta))), exact, 1e-5) &&
      [k1, k2, k3].every((k) => Math.abs(value(expectation(k, theta)(tensor(theta)))) < 1e-9)
    )
  })

  law('E grad: k1 -> 0, k2 and rho k3 -> grad KL(pi || ref), k3 -> grad KL(ref || pi)', policies, ({ theta, ref }) => {
    const of = (kl: Kl): readonly number[] => values(grad(expectation(kl, ref))(tensor(theta)))
    const forward = numericGrad((t) => klOf(softmax(t), softmax(ref)), theta)
    const backward = numericGrad((t) => klOf(softmax(ref), softmax(t)), theta)
    return (
      of(k1).every((g) => Math.abs(g) < 1e-6) &&
      allNear(of(k2), forward, 1e-4) &&
      allNear(of(k3), backward, 1e-4) &&
      allNear(of(importanceK3), forward, 1e-4)
    )
  })

  law(
    'rho k3 of samples of an old policy: the value and the gradient of KL(pi || ref)',
    fc.record({ theta: logits, ref: logits, old: logits }),
    ({ theta, ref, old }) => {
      const under =
        (kl: Kl) =>
        (t: Floats): Scalar => {
          const [logp, oldLogp] = [logpOfTheta(t), stopGradient(logpOfTheta(tensor(old)))]
          return sum()(mul(exp(oldLogp), kl(logp, logpOfTheta(tensor(ref)), sub(logp, oldLogp))))
        }
      const exact = (t: readonly number[]): number => klOf(softmax(t), softmax(ref))
      return (
        near(value(under(importanceK3)(tensor(theta))), exact(theta), 1e-5) &&
        allNear(values(grad(under(importanceK3))(tensor(theta))), numericGrad(exact, theta), 1e-4)
      )
    },
  )
})

import type { Floats } from '@adjoint/nn'
import { grad } from '@adjoint/autograd'
import { exp, logSoftmax, mul, reshape, type Scalar, stopGradient, sum, take, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Aggregate } from '../objective/aggregate.ts'
import { objective } from '../objective/objective.ts'
import { allNear, values } from '../policy/rollouts.support.ts'
import { klOf, logits, softmax } from './divergence.support.ts'
import { reverseKl } from './divergence.ts'
import { ON_POLICY_OBJECTIVE, teacherAdvantages } from './policy.ts'

const numericGrad = (f: (theta: readonly number[]) => number, theta: readonly number[]): readonly number[] =>
  theta.map((_, i) => {
    const at = (d: number): number => f(theta.map((t, j) => (j === i ? t + d : t)))
    return (at(1e-5) - at(-1e-5)) / 2e-5
  })

/** Rows weighed by their probabilities instead of averaged: an expectation, by enumeration. */
const weighed =
  (p: Floats): Aggregate =>
  (perToken) =>
    sum()(mul(sum({ axis: -1 })(perToken), stopGradient(p)))

describe('advantages from a teacher', () => {
  const [teacher, student] = [tensor([-1, -2, -3, 7], [1, 4]), tensor([-2, -2.5, -1, -9], [1, 4])]
  const mask = tensor([1, 1, 1, 0], [1, 4])
  test('known values at discount 0, 1/2 and 1', () => {
    expect(values(teacherAdvantages(0)(teacher, student, mask))).toEqual([1, 0.5, -2, 0])
    expect(values(teacherAdvantages(0.5)(teacher, student, mask))).toEqual([0.75, -0.5, -2, 0])
    expect(values(teacherAdvantages(1)(teacher, student, mask))).toEqual([-0.5, -1.5, -2, 0])
  })
  test('what stands under the mask does not matter, and they are constants to the gradient', () => {
    for (const noise of [1e4, NaN, -Infinity]) {
      const spoilt = tensor([-1, -2, -3, noise], [1, 4])
      for (const discount of [0, 0.5, 1]) {
        const of = teacherAdvantages(discount)
        expect(values(of(spoilt, student, mask))).toEqual(values(of(teacher, student, mask)))
        expect(values(of(teacher, spoilt, mask))[3]).toBe(0)
        expect(values(grad((s: Floats) => sum()(of(teacher, s, mask)))(student)).every((g) => g === 0)).toBe(true)
      }
    }
  })
  test('discounts that are none are refused', () => {
    for (const discount of [-0.1, 1.1, NaN]) expect(() => teacherAdvantages(discount)).toThrow(/each token alone/)
  })
})

describe('the expected gradient, by enumeration of a tiny policy', () => {
  const K = 4
  const one = fc.record({ theta: logits(K, 1.5), t: logits(K, 1.5) })

  test('of one token is that of KL(S || T)', () => {
    fc.assert(
      fc.property(one, ({ theta, t }) => {
        const logT: Floats = logSoftmax(-1)(tensor(t))
        // Row a of the batch is token a.
        const loss = (x: Floats): Scalar => {
          const logS: Floats = logSoftmax(-1)(x)
          const rows = (v: Floats): Floats => take(0)(v, tensor([0, 1, 2, 3], [K, 1], 'i32'))
          const mask = tensor(Array<number>(K).fill(1), [K, 1])
          const sampler: Floats = stopGradient(rows(logS))
          const parts = { ...ON_POLICY_OBJECTIVE, aggregate: weighed(exp(logS)) }
          return objective(parts)({
            mask,
            oldLogp: sampler,
            refLogp: null,
            advantages: teacherAdvantages(0)(rows(logT), sampler, mask),
            weights: null,
            totals: null,
          })(rows(logS))
        }
        const g = values(grad(loss)(tensor(theta)))
        const exact = numericGrad((x) => klOf(softmax(x), softmax(t)), theta)
        // The same, by the divergence itself.
        const whole = values(grad((x: Floats) => reverseKl(tensor(t), x) as Scalar)(tensor(theta)))
        expect(allNear(g, exact, 1e-4)).toBe(true)
        expect(allNear(g, whole, 1e-5)).toBe(true)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  // Sequences of two tokens of two kinds: parameters are the logits of the first token, then of the second after each.
  const two = fc.record({ theta: logits(6, 1.5), t: logits(6, 1.5) })
  const SEQUENCES = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const
  const logpOf = (x: readonly number[]): readonly (readonly number[])[] => {
    const at = (from: number): readonly number[] => softmax(x.slice(from, from + 2)).map(Math.log)
    return SEQUENCES.map(([a, b]) => [at(0)[a], at(2 + 2 * a)[b]] as const).map(([p, q]) => [p!, q!])
  }
  const estimate = (discount: number, theta: readonly number[], t: readonly number[]): readonly number[] => {
    const index = tensor(
      SEQUENCES.flatMap(([a, b]) => [a, 2 + 2 * a + b]),
      [4, 2],
      'i32',
    )
    const loss = (x: Floats): Scalar => {
      const of = (v: Floats): Floats => take(0)(v, index)
      const flat: Floats = reshape([6])(logSoftmax(-1)(x)) // the first token, the second after 0, after 1
      const logp = of(flat)
      const sampler: Floats = stopGradient(logp)
      const mask = tensor(Array<number>(8).fill(1), [4, 2])
      const taught = tensor(logpOf(t).flat(), [4, 2])
      const parts = { ...ON_POLICY_OBJECTIVE, aggregate: weighed(exp(sum({ axis: -1 })(sampler))) }
      return objective(parts)({
        mask,
        oldLogp: sampler,
        refLogp: null,
        advantages: teacherAdvantages(discount)(taught, sampler, mask),
        weights: null,
        totals: null,
      })(logp)
    }
    return values(grad(loss)(tensor(theta, [3, 2])))
  }

  test('of two tokens at discount 1 is that of KL(S || T) between sequences', () => {
    fc.assert(
      fc.property(two, ({ theta, t }) => {
        const sequenceKl = (x: readonly number[]): number => {
          const total = (rows: readonly (readonly number[])[]): readonly number[] =>
            rows.map(([a, b]) => Math.exp(a! + b!))
          return klOf(total(logpOf(x)), total(logpOf(t)))
        }
        expect(allNear(estimate(1, theta, t), numericGrad(sequenceKl, theta), 1e-4)).toBe(true)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('of two tokens at discount 0 is that of KL(S || T) at each prefix, the prefixes held fixed', () => {
    fc.assert(
      fc.property(two, ({ theta, t }) => {
        const reach = [1, ...softmax(theta.slice(0, 2))]
        const perPrefix = (x: readonly number[]): number =>
          [0, 2, 4].reduce(
            (total, from, i) =>
              total + reach[i]! * klOf(softmax(x.slice(from, from + 2)), softmax(t.slice(from, from + 2))),
            0,
          )
        expect(allNear(estimate(0, theta, t), numericGrad(perPrefix, theta), 1e-4)).toBe(true)
      }),
      { seed: 1, numRuns: 60 },
    )
  })
})

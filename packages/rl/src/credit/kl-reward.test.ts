import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { rloo } from './advantage.ts'
import { klPenalised, klToGo, tokenBatchStd } from './kl-reward.ts'
import { allNear, law, near, sumOf } from '../policy/rollouts.support.ts'

const number = fc.integer({ min: -16, max: 16 }).map((n) => n / 8)
const completions = (reward: fc.Arbitrary<number> = number) =>
  fc
    .array(
      fc.array(fc.record({ r: reward, kl: fc.array(number, { minLength: 1, maxLength: 4 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((groups) => ({
      rewards: groups.map((g) => g.map(({ r }) => r)),
      kl: groups.map((g) => g.map((c) => c.kl)),
    }))

describe('KL in the reward', () => {
  test('by hand', () => {
    expect(klPenalised(0.5)([[1, 0]], [[[1, 3], []]])).toEqual([[-1, 0]])
    expect(klToGo(0.5)([[1]], [[[1, 3, 2]]])).toEqual([[[-2, -1.5, 0]]])
  })

  law(
    'the first token of a completion is charged for all of it, the last for itself',
    fc.tuple(completions(), number),
    ([{ rewards, kl }, beta]) => {
      const whole = klPenalised(beta)(rewards, kl)
      return klToGo(beta)(rewards, kl).every((g, i) =>
        g.every(
          (returns, j) =>
            near(returns[0]!, whole[i]![j]!, 1e-9) &&
            near(returns.at(-1)!, rewards[i]![j]! - beta * kl[i]![j]!.at(-1)!, 1e-9),
        ),
      )
    },
  )

  law(
    'at beta 0 it is the reward',
    completions(),
    ({ rewards, kl }) =>
      allNear(klPenalised(0)(rewards, kl).flat(), rewards.flat(), 0) &&
      klToGo(0)(rewards, kl).every((g, i) => g.every((returns, j) => returns.every((x) => x === rewards[i]![j]))),
  )

  law(
    'an absent reward stays absent, and its arguments are left alone',
    completions(fc.oneof(number, fc.constant(NaN))),
    ({ rewards, kl }) => {
      const before = JSON.stringify(kl)
      const tokens = klToGo(0.5)(rewards, kl)
      return (
        klPenalised(0.5)(rewards, kl).every((g, i) =>
          g.every((x, j) => Number.isNaN(x) === Number.isNaN(rewards[i]![j])),
        ) &&
        tokens.every((g, i) => g.every((xs, j) => xs.every((x) => Number.isNaN(x) === Number.isNaN(rewards[i]![j])))) &&
        JSON.stringify(kl) === before
      )
    },
  )

  // A policy over three actions, one token a completion: expectations over all pairs of completions.
  const bandit = fc.record({
    theta: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    ref: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    r: fc.array(number, { minLength: 3, maxLength: 3 }),
    beta: fc.constantFrom(0, 0.1, 1),
  })
  law('E grad(rloo of r - beta k1) = grad (E r - beta KL(pi || ref))', bandit, ({ theta, ref, r, beta }) => {
    const softmax = (x: readonly number[]): readonly number[] => {
      const e = x.map(Math.exp)
      return e.map((v) => v / sumOf(e))
    }
    const [p, q] = [softmax(theta), softmax(ref)]
    const k1 = p.map((v, a) => Math.log(v / q[a]!))
    const gradient = theta.map(() => 0)
    for (let a = 0; a < 3; a++)
      for (let b = 0; b < 3; b++) {
        const [as] = rloo(klPenalised(beta)([[r[a]!, r[b]!]], [[[k1[a]!], [k1[b]!]]]))
        ;[a, b].forEach((action, i) => {
          for (let j = 0; j < 3; j++) gradient[j]! += (p[a]! * p[b]! * as![i]! * ((action === j ? 1 : 0) - p[j]!)) / 2
        })
      }
    const J = (t: readonly number[]): number => {
      const pi = softmax(t)
      return sumOf(pi.map((v, a) => v * (r[a]! - beta * Math.log(v / q[a]!))))
    }
    const numeric = theta.map((_, i) => {
      const at = (d: number): number => J(theta.map((t, j) => (j === i ? t + d : t)))
      return (at(1e-5) - at(-1e-5)) / 2e-5
    })
    return allNear(gradient, numeric, 1e-6)
  })
})

describe('the z-score over tokens', () => {
  law(
    'has mean 0 and deviation 1 over the tokens of the batch, and keeps the structure',
    completions(),
    ({ rewards, kl }) => {
      const returns = klToGo(1)(rewards, kl)
      const as = tokenBatchStd({ ddof: 1, eps: 0 })(returns)
      const flat = as.flat(2)
      const silent = returns.flat(2).every((x) => x === returns[0]![0]![0])
      return (
        as.every((g, i) => g.every((xs, j) => xs.length === kl[i]![j]!.length)) &&
        Math.abs(sumOf(flat)) < 1e-6 &&
        (silent ? flat.every((x) => x === 0) : near(sumOf(flat.map((x) => x * x)), flat.length - 1, 1e-9))
      )
    },
  )

  test('by hand: in order, whatever the groups', () => {
    expect(tokenBatchStd({ ddof: 1, eps: 0 })([[[1, 0]], [[0], [0]]])).toEqual([[[1.5, -0.5]], [[-0.5], [-0.5]]])
    expect(tokenBatchStd()([[[1, NaN]], [[0]]])[0]![0]![1]).toBe(0)
  })
})

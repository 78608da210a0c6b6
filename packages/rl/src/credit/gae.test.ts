import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allNear, law, many, near, sumOf } from '../policy/rollouts.support.ts'
import { explainedVariance, gae, tokenRewards, type Valued } from './gae.ts'

const number = fc.integer({ min: -64, max: 64 }).map((n) => n / 32)
const share = fc.integer({ min: 0, max: 16 }).map((n) => n / 16)
const completions: fc.Arbitrary<Valued> = fc
  .integer({ min: 0, max: 8 })
  .chain((n) => fc.record({ rewards: many(number, n), values: many(number, n), after: number }))

describe('generalized advantages', () => {
  law(
    'are sums of discounted differences, by brute force',
    fc.tuple(completions, share, share),
    ([c, gamma, lambda]) => {
      const V = [...c.values, c.after]
      const delta = c.rewards.map((r, t) => r + gamma * V[t + 1]! - V[t]!)
      const expected = delta.map((_, t) => sumOf(delta.slice(t).map((d, l) => (gamma * lambda) ** l * d)))
      const { advantages, returns } = gae({ gamma, lambda })(c)
      return (
        allNear(advantages, expected, 1e-12) &&
        allNear(
          returns,
          expected.map((a, t) => a + V[t]!),
          1e-12,
        )
      )
    },
  )

  law(
    'are exponentially weighted means of advantages of k steps (eq. 16)',
    fc.tuple(completions, share),
    ([c, gamma]) => {
      const lambda = 0.5
      const V = [...c.values, c.after]
      const T = c.rewards.length
      // Advantages of k steps bootstrap after k tokens; beyond the end all are that of all steps.
      const ofSteps = (t: number, k: number): number => {
        const to = Math.min(T, t + k)
        const rewards = sumOf(c.rewards.slice(t, to).map((r, l) => gamma ** l * r))
        return rewards + gamma ** (to - t) * V[to]! - V[t]!
      }
      const expected = c.rewards.map(
        (_, t) => (1 - lambda) * sumOf(Array.from({ length: 60 }, (_x, k) => lambda ** k * ofSteps(t, k + 1))),
      )
      return allNear(gae({ gamma, lambda })(c).advantages, expected, 1e-9)
    },
  )

  law('at lambda 1, gamma 1 and V = 0 are the sums of later rewards', completions, (c) => {
    const silent = { ...c, values: c.values.map(() => 0), after: 0 }
    const later = c.rewards.map((_, t) => sumOf(c.rewards.slice(t)))
    return allNear(gae({ gamma: 1, lambda: 1 })(silent).advantages, later, 1e-12)
  })

  law('at lambda 0 are the differences delta', fc.tuple(completions, share), ([c, gamma]) => {
    const V = [...c.values, c.after]
    return allNear(
      gae({ gamma, lambda: 0 })(c).advantages,
      c.rewards.map((r, t) => r + gamma * V[t + 1]! - V[t]!),
      1e-12,
    )
  })

  law(
    'at lambda 1 have returns that do not depend on the critic, but for what follows a cut',
    fc.tuple(completions, completions, share),
    ([c, other, gamma]) => {
      const values = c.values.map((_, t) => other.values[t % Math.max(1, other.values.length)] ?? 0)
      const of = gae({ gamma, lambda: 1 })
      return allNear(of(c).returns, of({ ...c, values }).returns, 1e-12)
    },
  )

  law('of a critic that is right are 0', fc.tuple(completions, share, share), ([c, gamma, lambda]) => {
    const values = c.rewards.map(() => 0)
    let next = c.after
    for (let t = values.length - 1; t >= 0; t--) values[t] = next = c.rewards[t]! + gamma * next
    return gae({ gamma, lambda })({ ...c, values }).advantages.every((a) => near(a, 0, 1e-12))
  })

  test('a cut completion goes on in the critic, an ended one does not', () => {
    const given = { rewards: [0, 0], values: [1, 2] }
    const of = gae({ gamma: 0.5, lambda: 0.5 })
    expect(of({ ...given, after: 0 }).advantages).toEqual([-0.5, -2])
    expect(of({ ...given, after: 4 }).advantages).toEqual([0, 0])
  })

  test.each<readonly [string, () => unknown]>([
    ['gae: gamma is 1.1', () => gae({ gamma: 1.1, lambda: 1 })],
    ['gae: lambda is NaN', () => gae({ gamma: 1, lambda: NaN })],
    ['gae: 1 rewards and 2 values', () => gae({ gamma: 1, lambda: 1 })({ rewards: [1], values: [1, 1], after: 0 })],
  ])('%s: refused', (message, make) => {
    expect(make).toThrow(message)
  })
})

describe('rewards of tokens', () => {
  law(
    'add up to the reward, those of steps, and -beta kl',
    fc.tuple(fc.integer({ min: 1, max: 6 }), number, number),
    ([length, reward, beta]) => {
      const kl = Array.from({ length }, (_, t) => t / 4 - 0.5)
      const steps = [
        { end: 0, reward: 0.5 },
        { end: length - 1, reward: NaN },
      ]
      const each = tokenRewards(beta)({ length, reward, steps, kl })!
      return each.length === length && near(sumOf(each), reward + 0.5 - beta * sumOf(kl), 1e-12)
    },
  )

  test('stand at the tokens that earn them', () => {
    const given = { length: 3, reward: 1, steps: null, kl: null }
    expect(tokenRewards(0.5)(given)).toEqual([0, 0, 1])
    expect(tokenRewards(0.5)({ ...given, kl: [1, 0, -1] })).toEqual([-0.5, 0, 1.5])
    expect(tokenRewards(0)({ ...given, steps: [{ end: 1, reward: 2 }] })).toEqual([0, 2, 1])
    expect(tokenRewards(0)({ ...given, reward: NaN })).toBeNull()
    expect(tokenRewards(0)({ ...given, length: 0 })).toBeNull()
    expect(() => tokenRewards(0)({ ...given, steps: [{ end: 3, reward: 2 }] })).toThrow(
      /tokenRewards: a step ends at token 3/,
    )
  })
})

describe('explained variance', () => {
  law(
    'is 1 of what was foreseen up to a constant, 0 of a constant',
    fc.tuple(many(number, 6), number),
    ([returns, c]) => {
      if (new Set(returns).size === 1) return explainedVariance(returns, returns) === 0
      return (
        near(
          explainedVariance(
            returns,
            returns.map((r) => r + c),
          ),
          1,
        ) &&
        near(
          explainedVariance(
            returns,
            returns.map(() => c),
          ),
          0,
        )
      )
    },
  )
  test('of nothing, and of what does not vary, is 0', () => {
    expect(explainedVariance([], [])).toBe(0)
    expect(explainedVariance([2, 2], [0, 1])).toBe(0)
    expect(explainedVariance([0, 1], [0.25, 0.75])).toBe(0.75)
    expect(explainedVariance([0, 1], [1, 0])).toBe(-3)
  })
})

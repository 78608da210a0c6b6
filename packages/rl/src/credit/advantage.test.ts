import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Advantage, batchStd, drGrpo, group, type Groups, maxRl, reinforcePlusPlus, rloo } from './advantage.ts'

const value = fc.double({ min: -10, max: 10, noNaN: true })
const rewards = fc.array(value, { minLength: 2, maxLength: 9 })
const holed = fc.array(fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant(NaN) }), {
  maxLength: 9,
})
const near = (x: number, y: number, tol = 1e-9): boolean => Math.abs(x - y) <= tol * (1 + Math.abs(x) + Math.abs(y))
const allNear = (xs: readonly number[], ys: readonly number[], tol?: number): boolean =>
  xs.length === ys.length && xs.every((x, i) => near(x, ys[i]!, tol))
const one = (f: Advantage, rs: readonly number[]): readonly number[] => f([rs])[0]!
const spread = (rs: readonly number[]): number => Math.max(...rs) - Math.min(...rs)

const advantages: readonly (readonly [string, Advantage])[] = [
  ['group', group()],
  ['group ddof 0', group({ ddof: 0, eps: 1e-6 })],
  ['drGrpo', drGrpo],
  ['rloo', rloo],
  ['batchStd', batchStd()],
  ['maxRl', maxRl],
  ['reinforcePlusPlus', reinforcePlusPlus()],
]

const law = <T>(name: string, arbitrary: fc.Arbitrary<T>, holds: (t: T) => boolean | undefined): void => {
  test(name, () => {
    fc.assert(
      fc.property(arbitrary, (t) => holds(t) ?? true),
      { seed: 1, numRuns: 300 },
    )
  })
}

describe('known values', () => {
  test('of [1,0,0,0]', () => {
    const [a, b] = one(group(), [1, 0, 0, 0])
    expect(a).toBeCloseTo(1.4997, 5)
    expect(b).toBeCloseTo(-0.4999, 5)
    expect(one(maxRl, [1, 0, 0, 0])).toEqual([3, -1, -1, -1])
  })
})

describe.each(advantages)('%s', (name, f) => {
  law('sums to 0 over a group', rewards, (rs) => {
    if (name === 'reinforcePlusPlus') return
    const as = one(f, rs)
    return Math.abs(as.reduce((s, a) => s + a, 0)) <= 1e-9 * as.reduce((s, a) => s + Math.abs(a), 1e-3)
  })

  law('permutes with the rewards', rewards, (rs) => allNear(one(f, [...rs].reverse()), [...one(f, rs)].reverse()))

  law('equal rewards, and a group of one, give exactly 0', fc.tuple(value, fc.nat({ max: 6 })), ([r, n]) =>
    one(f, Array<number>(n).fill(r)).every((a) => a === 0),
  )

  law('an absent reward gets 0 and changes nothing for the others', holed, (rs) => {
    const as = one(f, rs)
    const there = rs.filter((r) => !Number.isNaN(r))
    const kept = as.filter((_, i) => !Number.isNaN(rs[i]!))
    return as.every((a, i) => !Number.isNaN(rs[i]!) || a === 0) && allNear(kept, one(f, there))
  })

  law('does not change under r + c', fc.tuple(rewards, value), ([rs, c]) => {
    if (name === 'maxRl' || spread(rs) < 1e-3) return
    return allNear(
      one(f, rs),
      one(
        f,
        rs.map((r) => r + c),
      ),
      1e-6,
    )
  })

  law('is larger for a larger reward', rewards, (rs) => {
    const as = one(f, rs)
    if (name === 'maxRl' && rs.reduce((s, r) => s + r, 0) <= 0) return as.every((a) => a === 0)
    return rs.every((r, i) => rs.every((q, j) => r - q < 1e-6 || as[i]! > as[j]!))
  })

  law('of no groups is none, and the structure is kept', fc.array(holed, { maxLength: 4 }), (gs) =>
    f(gs).every((g, i) => g.length === gs[i]!.length && g.every(Number.isFinite)),
  )

  law(
    'at r + 1e4 nothing is lost to cancellation',
    fc.array(fc.integer({ min: 0, max: 64 }), { minLength: 2, maxLength: 9 }),
    (ns) => {
      if (name === 'maxRl') return
      const rs = ns.map((n) => n / 64)
      return allNear(
        one(f, rs),
        one(
          f,
          rs.map((r) => r + 1e4),
        ),
        1e-12,
      )
    },
  )
})

describe('scales and shifts', () => {
  law(
    'group is scale-invariant as eps -> 0, drGrpo and rloo are linear',
    fc.tuple(rewards, fc.double({ min: 0.1, max: 10, noNaN: true })),
    ([rs, k]) => {
      if (spread(rs) < 1e-3) return
      const scaled = rs.map((r) => k * r)
      const sharp = group({ ddof: 1, eps: 0 })
      return (
        allNear(one(sharp, rs), one(sharp, scaled), 1e-6) &&
        allNear(
          one(drGrpo, rs).map((a) => k * a),
          one(drGrpo, scaled),
        ) &&
        allNear(
          one(rloo, rs).map((a) => k * a),
          one(rloo, scaled),
        )
      )
    },
  )

  law('rloo = G/(G-1) drGrpo', rewards, (rs) =>
    allNear(
      one(rloo, rs),
      one(drGrpo, rs).map((a) => (a * rs.length) / (rs.length - 1)),
    ),
  )

  test('rloo is the reward minus the mean of the others', () => {
    expect(one(rloo, [1, 2, 6])[0]).toBeCloseTo(1 - 4, 12)
  })

  test('maxRl is r / mean - 1, and 0 where the mean is not above 0', () => {
    expect(one(maxRl, [2, 1, 0])).toEqual([1, 0, -1])
    expect(one(maxRl, [-2, 0, -1])).toEqual([0, 0, 0])
    expect(one(maxRl, [-1, 1])).toEqual([0, 0])
  })

  test('reinforcePlusPlus is a z-score over the batch, whatever the groups', () => {
    const flat = group()([[1, 0, 0, NaN, 3]])[0]!
    expect(reinforcePlusPlus()([[1, 0], [0], [NaN, 3]])).toEqual([flat.slice(0, 2), flat.slice(2, 3), flat.slice(3)])
  })

  test('ddof and eps of group', () => {
    expect(one(group({ ddof: 0, eps: 0 }), [2, 0])).toEqual([1, -1])
    expect(one(group({ ddof: 0, eps: 1 }), [2, 0])).toEqual([0.5, -0.5])
    expect(one(group({ ddof: 1, eps: 0 }), [1, 0, 0, 0])[0]).toBeCloseTo(1.5, 12)
  })

  test('batchStd takes the deviation of the batch and the mean of the group', () => {
    const [a, b] = batchStd({ ddof: 1, eps: 0 })([
      [1, 0],
      [3, 3],
    ])
    // the batch 1, 0, 3, 3 has mean 1.75 and std 1.5
    expect(a![0]).toBeCloseTo(0.5 / 1.5, 12)
    expect(b).toEqual([0, 0])
  })
})

// A policy over K actions with logits theta: J = sum_a pi(a) r(a), and grad log pi(a) = e_a - pi. The expectation over
// groups of G is taken over all K^G of them.
describe('expected gradients by exact enumeration of a tiny policy', () => {
  const softmax = (theta: readonly number[]): readonly number[] => {
    const e = theta.map(Math.exp)
    const z = e.reduce((s, x) => s + x, 0)
    return e.map((x) => x / z)
  }
  const expected = (f: Advantage, theta: readonly number[], r: readonly number[], G: number): readonly number[] => {
    const pi = softmax(theta)
    const K = pi.length
    const gradient = theta.map(() => 0)
    for (let code = 0; code < K ** G; code++) {
      const actions = Array.from({ length: G }, (_, i) => Math.floor(code / K ** i) % K)
      const chance = actions.reduce((p, a) => p * pi[a]!, 1)
      const as = one(
        f,
        actions.map((a) => r[a]!),
      )
      actions.forEach((a, i) => {
        for (let j = 0; j < K; j++) gradient[j]! += (chance * as[i]! * ((a === j ? 1 : 0) - pi[j]!)) / G
      })
    }
    return gradient
  }
  const gradJ = (theta: readonly number[], r: readonly number[]): readonly number[] => {
    const pi = softmax(theta)
    const J = pi.reduce((s, p, a) => s + p * r[a]!, 0)
    return pi.map((p, a) => p * (r[a]! - J))
  }
  const bandit = fc.record({
    theta: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    r: fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 3, maxLength: 3 }),
    G: fc.integer({ min: 2, max: 4 }),
  })

  law('E grad(rloo) = grad J', bandit, ({ theta, r, G }) => allNear(expected(rloo, theta, r, G), gradJ(theta, r)))
  law('E grad(drGrpo) = (G-1)/G grad J', bandit, ({ theta, r, G }) =>
    allNear(
      expected(drGrpo, theta, r, G),
      gradJ(theta, r).map((g) => (g * (G - 1)) / G),
    ),
  )
  law('equal rewards give exactly no gradient', bandit, ({ theta, G }) =>
    [group(), drGrpo, rloo, maxRl].every((f) => expected(f, theta, [2, 2, 2], G).every((g) => g === 0)),
  )
})

test('structure is a type too', () => {
  const groups: Groups = group()([[1, 0], [], [NaN]])
  expect(groups.map((g) => g.length)).toEqual([2, 0, 1])
})

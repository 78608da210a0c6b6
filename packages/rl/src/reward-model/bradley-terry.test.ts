import { checkGrads, grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { type Scalar, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bradleyTerry, pairMetrics } from './bradley-terry.ts'

// Everything here is evaluated in double precision by the reference interpreter.
const values = (x: Floats | Scalar): readonly number[] => Array.from(evaluate([x])[0]!.data)
const value = (x: Scalar): number => values(x)[0]!
const near = (x: number, y: number, tol = 1e-6): boolean => Math.abs(x - y) <= tol * (1 + Math.abs(x) + Math.abs(y))
const law = <T>(name: string, arbitrary: fc.Arbitrary<T>, holds: (t: T) => boolean): void => {
  test(name, () => {
    fc.assert(fc.property(arbitrary, holds), { seed: 1, numRuns: 100 })
  })
}

// Dyadic numbers are the same in single and double precision.
const dyadic = fc.integer({ min: -640, max: 640 }).map((n) => n / 64)
const pairs = fc.array(fc.record({ plus: dyadic, minus: dyadic, margin: dyadic }), { minLength: 1, maxLength: 6 })
interface Pair {
  readonly plus: number
  readonly minus: number
  readonly margin: number
}
const rewardsOf = (ps: readonly Pair[], withMargins = false) => ({
  chosen: tensor(
    ps.map((p) => p.plus),
    [ps.length],
  ) as Floats,
  rejected: tensor(
    ps.map((p) => p.minus),
    [ps.length],
  ) as Floats,
  margins: withMargins
    ? (tensor(
        ps.map((p) => p.margin),
        [ps.length],
      ) as Floats)
    : null,
})
const lossOf = (ps: readonly Pair[], centering: number, withMargins = false): number =>
  value(bradleyTerry({ centering })(rewardsOf(ps, withMargins)))
const at = (x: number): readonly Pair[] => [{ plus: x, minus: 0, margin: 0 }]

describe('the Bradley-Terry loss', () => {
  test('has the values of RL.md at margin 0, 1, -1', () => {
    expect([0, 1, -1].map((x) => lossOf(at(x), 0).toFixed(5))).toEqual(['0.69315', '0.31326', '1.31326'])
  })

  test('is exact where rewards are far apart', () => {
    expect(lossOf(at(2000), 0)).toBe(0)
    expect(lossOf(at(-2000), 0)).toBe(2000)
    expect(lossOf(at(30), 0) / Math.exp(-30)).toBeCloseTo(1, 6)
    const slope = grad((x: Floats) => bradleyTerry({ centering: 0 })({ ...rewardsOf(at(0)), chosen: x }))
    expect(values(slope(tensor([-2000], [1])))[0]).toBe(-1)
    expect(values(slope(tensor([0], [1])))[0]).toBeCloseTo(-0.5, 12)
  })

  law('is the mean of -log sigmoid(r+ - r- - margin) + c (r+ + r-)^2', pairs, (ps) => {
    const c = 1 / 64
    const formula = ps.map(
      ({ plus, minus, margin }) => Math.log1p(Math.exp(-(plus - minus - margin))) + c * (plus + minus) ** 2,
    )
    return near(lossOf(ps, c, true), formula.reduce((s, x) => s + x, 0) / ps.length)
  })

  law('loss(x) - loss(-x) = -x', dyadic, (x) => near(lossOf(at(x), 0) - lossOf(at(-x), 0), -x))

  law(
    'without centering a shift of all rewards changes nothing; with it, it does',
    fc.tuple(pairs, dyadic),
    ([ps, by]) => {
      const shifted = ps.map((p) => ({ ...p, plus: p.plus + by, minus: p.minus + by }))
      const same = near(lossOf(shifted, 0, true), lossOf(ps, 0, true))
      const level = (qs: readonly Pair[]): number => qs.reduce((s, q) => s + (q.plus + q.minus) ** 2, 0) / qs.length
      return same && near(lossOf(shifted, 0.01) - lossOf(ps, 0.01), 0.01 * (level(shifted) - level(ps)), 1e-5)
    },
  )

  law('a margin is a difference that does not count', pairs, (ps) =>
    near(
      lossOf(ps, 0, true),
      lossOf(
        ps.map((p) => ({ ...p, plus: p.plus - p.margin })),
        0,
      ),
    ),
  )

  law('its gradients are those of finite differences, in both rewards', pairs, (ps) => {
    const { chosen, rejected, margins } = rewardsOf(ps, true)
    const smooth = ps.every(({ plus, minus, margin }) => Math.abs(plus - minus - margin) > 1e-2)
    if (smooth)
      checkGrads((x: Floats, y: Floats) => bradleyTerry()({ chosen: x, rejected: y, margins }))(chosen, rejected)
    return true
  })

  test('centering is on unless told, with the weight of TRL', () => {
    const ps = [{ plus: 3, minus: 1, margin: 0 }]
    expect(value(bradleyTerry()(rewardsOf(ps)))).toBeCloseTo(lossOf(ps, 0) + 0.01 * 16, 6)
  })
})

describe('the metrics of pairs', () => {
  test('are those of TRL; a tie is a miss', () => {
    const ps = [
      { plus: 2, minus: 1, margin: 0 },
      { plus: 0, minus: 0, margin: 0 },
      { plus: -3, minus: 0, margin: 0 },
      { plus: 5, minus: 1, margin: 0 },
    ]
    const of = (qs: readonly Pair[]) =>
      Object.fromEntries(Object.entries(pairMetrics(rewardsOf(qs))).map(([name, x]) => [name, value(x)]))
    const level = { max_reward: 5, mean_reward: 0.75, min_reward: -3 }
    expect(of(ps)).toEqual({ accuracy: 0.5, margin: 0.5, ...level })
    // The level is that of all completions, whichever was chosen.
    const turned = ps.map(({ plus, minus }) => ({ plus: minus, minus: plus, margin: 0 }))
    expect(of(turned)).toEqual({ accuracy: 0.25, margin: -0.5, ...level })
  })

  test('have no gradient', () => {
    const { rejected } = rewardsOf(at(1))
    const slope = grad((x: Floats) => pairMetrics({ chosen: x, rejected, margins: null }).margin)
    expect(values(slope(tensor([1], [1])))).toEqual([0])
  })
})

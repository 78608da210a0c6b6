import type { Floats } from '@adjoint/nn'
import { checkGrads, grad } from '@adjoint/autograd'
import { sum, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { law, near as nearTo, values } from '../policy/rollouts.support.ts'
import { at, logits, row } from './divergence.support.ts'
import { atTemperature, type Divergence, forwardKl, generalizedJsd, reverseKl } from './divergence.ts'
import { onTop, renormalised, tailBucket, topLogprobs, truncated } from './top-k.ts'

const near = (x: number, y: number): boolean => nearTo(x, y, 1e-5)
const pairs = fc
  .integer({ min: 2, max: 6 })
  .chain((n) => fc.record({ t: logits(n), s: logits(n), k: fc.integer({ min: 1, max: n }) }))
const kinds: readonly Divergence[] = [forwardKl, reverseKl, generalizedJsd(0.5), generalizedJsd(0.2)]
const bucket = (k: number) => truncated({ k, tail: tailBucket })
const given = (k: number) => truncated({ k, tail: renormalised })
const logOf = (p: readonly number[]): readonly number[] => p.map(Math.log)

describe('top-k teachers', () => {
  test('known values: T = (.6,.3,.1), S = (.2,.3,.5), k = 1 and 2', () => {
    const [t, s] = [logOf([0.6, 0.3, 0.1]), logOf([0.2, 0.3, 0.5])]
    expect(at(bucket(1)(forwardKl), t, s)).toBeCloseTo(0.6 * Math.log(3) + 0.4 * Math.log(0.4 / 0.8), 6)
    expect(at(given(2)(forwardKl), t, s)).toBeCloseTo(
      (2 / 3) * Math.log(2 / 3 / 0.4) + (1 / 3) * Math.log(1 / 3 / 0.6),
      6,
    )
    expect(at(given(1)(forwardKl), t, s)).toBeCloseTo(0, 9)
  })

  law('the likeliest come first, with their log-probabilities among all', pairs, ({ t, k }) => {
    const { tokens, logp } = topLogprobs(k)(row(t))
    const ids = Array.from(evaluate([tokens])[0]!.data)
    const normaliser = Math.log(t.reduce((total, x) => total + Math.exp(x), 0))
    return (
      values(logp).every((v, i) => near(v, t[ids[i]!]! - normaliser)) &&
      ids.every((id, i) => i === 0 || t[ids[i - 1]!]! >= t[id]! - 1e-6) &&
      new Set(ids).size === k
    )
  })

  law('with a bucket for the rest: at most the whole divergence, growing with k, and the whole at k = V', pairs, (c) =>
    kinds.every((d) => {
      const of = (k: number): number => at(bucket(k)(d), c.t, c.s)
      const V = c.t.length
      return (
        of(c.k) <= at(d, c.t, c.s) + 1e-6 &&
        (c.k === V || of(c.k) <= of(c.k + 1) + 1e-6) &&
        near(of(V), at(d, c.t, c.s)) &&
        near(of(V - 1), at(d, c.t, c.s)) &&
        of(c.k) > -1e-6
      )
    }),
  )

  law('renormalised: a proper divergence of what is given, the whole at k = V', pairs, ({ t, s, k }) =>
    kinds.every(
      (d) =>
        near(at(given(t.length)(d), t, s), at(d, t, s)) &&
        at(given(k)(d), t, s) > -1e-7 &&
        Math.abs(at(given(k)(d), t, t)) < 1e-6,
    ),
  )

  law('gradients are those of differences, and of the rest the student learns how much, not what', pairs, (c) => {
    const teacher = topLogprobs(c.k)(row(c.t))
    for (const tail of [tailBucket, renormalised])
      checkGrads((s: Floats) => sum()(onTop(tail)(forwardKl)(teacher, s)), { order: 1 })(row(c.s))
    const g = values(grad((s: Floats) => sum()(onTop(tailBucket)(forwardKl)(teacher, s)))(row(c.s)))
    const weights = c.s.map((x) => Math.exp(x))
    const named = new Set(Array.from(evaluate([teacher.tokens])[0]!.data))
    const others = c.s.map((_, i) => i).filter((i) => !named.has(i))
    // Within the rest, logits move in proportion to their probabilities.
    return others.every((i) => near(g[i]! * weights[others[0]!]!, g[others[0]!]! * weights[i]!))
  })

  test('finite at extreme logits, whatever the rest holds', () => {
    const [t, s] = [
      [1e4, 0, -1e4, 3],
      [-1e4, 0, 1e4, 1e4],
    ]
    for (const d of kinds)
      for (const k of [1, 2, 3, 4]) {
        const g = values(grad((x: Floats) => sum()(bucket(k)(d)(row(t), x)))(row(s)))
        expect([at(bucket(k)(d), t, s), ...g].every(Number.isFinite)).toBe(true)
      }
  })

  test('a temperature acts on the whole teacher when it is outside', () => {
    const [t, s] = [
      [2, 1, 0],
      [0, 0, 1],
    ]
    const soft = atTemperature(2)(bucket(2)(forwardKl))
    expect(at(soft, t, s)).toBeCloseTo(at(atTemperature(2)(forwardKl), t, s), 6)
  })

  test('rows that differ are refused', () => {
    const teacher = topLogprobs(1)(tensor([0, 1, 2, 3], [2, 2]))
    expect(() => onTop(renormalised)(forwardKl)(teacher, row([0, 1]))).toThrow(/same leading axes/)
  })
})

import { grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { ones, sum, tensor } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { lowHigh, symmetric, unclipped } from './clip.ts'
import type { ObjectiveConfig } from './objective.ts'
import { geometric, sequenceRatio, sequenceTokenRatio, tokenRatio } from './ratio.ts'
import {
  allNear,
  batches,
  gradOf,
  type Host,
  law,
  logpOf,
  lossOf,
  maskOf,
  near,
  sumOf,
  values,
  withClip,
} from '../policy/rollouts.support.ts'

describe('ratios', () => {
  const sequence = (h: Host): Floats =>
    sequenceRatio(logpOf(h), tensor(h.oldLogp, [h.B, h.T]), tensor(maskOf(h), [h.B, h.T]))

  law(
    'GSPO at length 1 is the token ratio',
    batches.map((h) => ({
      ...h,
      T: 1,
      lengths: h.lengths.map(() => 1),
      logp: h.logp.slice(0, h.B),
      oldLogp: h.oldLogp.slice(0, h.B),
    })),
    (h) =>
      allNear(
        values(sequence(h)),
        h.logp.map((l, i) => l - h.oldLogp[i]!),
      ),
  )

  law('GSPO does not change when the tokens are repeated', batches, (h) => {
    const twice = (xs: readonly number[]): readonly number[] => xs.flatMap((x) => [x, x])
    const repeated = {
      ...h,
      T: 2 * h.T,
      lengths: h.lengths.map((n) => 2 * n),
      logp: twice(h.logp),
      oldLogp: twice(h.oldLogp),
    }
    return allNear(values(sequence(h)), values(sequence(repeated)))
  })

  law('GSPO-token has the value of GSPO, and with one advantage a sequence its gradient', batches, (h) => {
    const of = (ratio: ObjectiveConfig['ratio']): ObjectiveConfig => ({ ...withClip(symmetric(0.2)), ratio })
    const total = (ratio: ObjectiveConfig['ratio']) => gradOf(of(ratio), h)
    if (values(sequence(h)).some((s) => Math.abs(Math.exp(s) - 1.2) < 1e-3 || Math.abs(Math.exp(s) - 0.8) < 1e-3))
      return
    return (
      near(lossOf(of(sequenceRatio), h), lossOf(of(sequenceTokenRatio), h)) &&
      allNear(total(sequenceRatio), total(sequenceTokenRatio), 1e-5)
    )
  })

  law('a token ratio is that of the token', batches, (h) =>
    allNear(
      values(tokenRatio(logpOf(h), tensor(h.oldLogp, [h.B, h.T]), logpOf(h))),
      h.logp.map((l, i) => l - h.oldLogp[i]!),
    ),
  )

  law('GSPO gives every token of a sequence the same gradient', batches, (h) => {
    const g = gradOf({ ...withClip(unclipped), ratio: sequenceRatio }, h)
    return h.lengths.every((n, b) =>
      Array.from({ length: n }, (_, t) => near(g[b * h.T + t]!, g[b * h.T]!, 1e-9)).every(Boolean),
    )
  })

  test('GSPO is the exponential of the mean, over the tokens that count', () => {
    const [logp, old] = [tensor([-1, -2, -3], [1, 3]), tensor([-2, -2, 50], [1, 3])]
    expect(values(sequenceRatio(logp, old, tensor([1, 1, 0], [1, 3])))).toEqual([0.5])
    expect(values(sequenceRatio(logp, logp, tensor([0, 0, 0], [1, 3])))).toEqual([0])
  })

  test('GSPO-token with advantages that differ by token: each token has its own', () => {
    const loss = (logp: Floats): Floats => sequenceTokenRatio(logp, tensor([-1, -2], [1, 2]), ones([1, 2]))
    const g = grad((logp: Floats) => sum()(loss(logp)))(tensor([-1, -2], [1, 2]))
    expect(values(g)).toEqual([1, 1])
  })
})

describe('the geometric mean (GMPO)', () => {
  const bounds = { low: 0.3, high: 0.5 }
  const gmpo: ObjectiveConfig = { ...withClip(unclipped), ratio: geometric(bounds) }
  /** The log-ratio of a token, held on the side that A pulls to. */
  const heldAt = (d: number, A: number): number => (A > 0 ? Math.min(d, bounds.high) : Math.max(d, -bounds.low))

  law("is the paper's product: (prod_t held rho_t)^(1/len) A", batches, (h) => {
    const J = h.lengths.map((n, b) => {
      const logs = Array.from({ length: n }, (_, t) =>
        heldAt(h.logp[b * h.T + t]! - h.oldLogp[b * h.T + t]!, h.advantages[b]!),
      )
      return n === 0 ? 0 : Math.exp(sumOf(logs) / n) * h.advantages[b]!
    })
    return near(lossOf(gmpo, h), -sumOf(J) / h.B, 1e-5)
  })

  law(
    'a token has no gradient iff its ratio has left the range on the side that the advantage pulls to',
    batches,
    (h) => {
      const mask = maskOf(h)
      return gradOf(gmpo, h).every((g, i) => {
        const d = h.logp[i]! - h.oldLogp[i]!
        const A = h.advantages[Math.floor(i / h.T)]!
        if (Math.abs(d - bounds.high) < 1e-3 || Math.abs(d + bounds.low) < 1e-3 || Math.abs(A) < 1e-3) return true
        const held = A > 0 ? d > bounds.high : d < -bounds.low
        return (g === 0) === (held || mask[i] === 0)
      })
    },
  )

  law(
    'clipped, it is at most what it is unclipped',
    batches,
    (h) => lossOf(gmpo, h) >= lossOf({ ...gmpo, ratio: sequenceRatio }, h) - 1e-6,
  )

  law('with bounds far out it is GSPO', batches, (h) => {
    const wide: ObjectiveConfig = { ...gmpo, ratio: geometric({ low: 50, high: 50 }) }
    const gspo: ObjectiveConfig = { ...gmpo, ratio: sequenceRatio }
    return near(lossOf(wide, h), lossOf(gspo, h), 1e-9) && allNear(gradOf(wide, h), gradOf(gspo, h), 1e-9)
  })

  law(
    'at length 1 it is the clip of PPO with bounds e^-low and e^high',
    batches.map((h): Host => ({ ...h, lengths: h.lengths.map((n) => Math.min(n, 1)) })),
    (h) => {
      const ppo = withClip(lowHigh({ low: 1 - Math.exp(-bounds.low), high: Math.exp(bounds.high) - 1 }))
      return near(lossOf(gmpo, h), lossOf(ppo, h), 1e-6)
    },
  )
})

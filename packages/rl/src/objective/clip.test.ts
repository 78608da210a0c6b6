import type { Floats } from '@adjoint/nn'
import { grad } from '@adjoint/autograd'
import { cast, sub, sum, tensor } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { tokenMean } from './aggregate.ts'
import { cispo, type Clip, dppo, lowHigh, sapo, symmetric, unclipped } from './clip.ts'
import { objectiveMetrics } from './objective.ts'
import { sequenceRatio, sequenceTokenRatio, tokenRatio } from './ratio.ts'
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
  rolloutsOf,
  sumOf,
  value,
  values,
  withClip,
} from '../policy/rollouts.support.ts'

describe('clipping', () => {
  const clipped = withClip(lowHigh({ low: 0.2, high: 0.28 }))
  law('no gradient iff the ratio has left the range on the side that the advantage pulls to', batches, (h) => {
    const mask = maskOf(h)
    const g = gradOf(clipped, h)
    return g.every((x, i) => {
      const rho = Math.exp(h.logp[i]! - h.oldLogp[i]!)
      const A = h.advantages[Math.floor(i / h.T)]!
      const held = (A > 0 && rho > 1.28) || (A < 0 && rho < 0.8)
      if (Math.abs(rho - 1.28) < 1e-3 || Math.abs(rho - 0.8) < 1e-3 || Math.abs(A) < 1e-3) return true
      return (x === 0) === (held || mask[i] === 0)
    })
  })

  law(
    'the clipped loss is at least the unclipped one',
    batches,
    (h) => lossOf(clipped, h) >= lossOf(withClip(unclipped), h) - 1e-6,
  )

  law('epsilon -> infinity is importance sampling', batches, (h) => {
    const wide = withClip(symmetric(1e6))
    return (
      near(lossOf(wide, h), lossOf(withClip(unclipped), h)) && allNear(gradOf(wide, h), gradOf(withClip(unclipped), h))
    )
  })

  law('delta is the dual clip: max(min(rho A, clip A), delta A) for A < 0', batches, (h) => {
    const delta = 1.5
    const { T } = h
    const config = withClip(lowHigh({ low: 0.2, high: 0.28, delta }), tokenMean)
    const mask = maskOf(h)
    const tokens = Math.max(
      1,
      mask.reduce((s, m) => s + m, 0),
    )
    const J = mask.reduce((s, m, i) => {
      const rho = Math.exp(h.logp[i]! - h.oldLogp[i]!)
      const A = h.advantages[Math.floor(i / T)]!
      const pessimist = Math.min(rho * A, Math.min(Math.max(rho, 0.8), 1.28) * A)
      return s + (m * (A < 0 ? Math.max(pessimist, delta * A) : pessimist)) / tokens
    }, 0)
    return near(lossOf(config, h), -J, 1e-5)
  })

  law('cispo never loses its gradient to the clip', batches, (h) => {
    const g = gradOf(withClip(cispo(0.28)), h)
    return maskOf(h).every((m, i) => m === 0 || Math.abs(h.advantages[Math.floor(i / h.T)]!) < 1e-6 || g[i] !== 0)
  })

  law('clip shares count the tokens that are held', batches, (h) => {
    const metrics = objectiveMetrics(clipped)(rolloutsOf(h))(logpOf(h), logpOf(h))
    const mask = maskOf(h)
    const tokens = Math.max(
      1,
      mask.reduce((s, m) => s + m, 0),
    )
    const rhos = h.logp.map((l, i) => Math.exp(l - h.oldLogp[i]!))
    if (rhos.some((r) => Math.abs(r - 1.28) < 1e-3 || Math.abs(r - 0.8) < 1e-3)) return
    const count = (f: (rho: number, A: number) => boolean): number =>
      rhos.filter((r, i) => mask[i] === 1 && f(r, h.advantages[Math.floor(i / h.T)]!)).length / tokens
    return (
      near(
        value(metrics['clip_ratio/low']),
        count((r, A) => A < 0 && r < 0.8),
      ) &&
      near(
        value(metrics['clip_ratio/high']),
        count((r, A) => A > 0 && r > 1.28),
      )
    )
  })

  law('with delta, no gradient also where A < 0 and the ratio is above delta', batches, (h) => {
    const delta = 1.5
    const g = gradOf(withClip(lowHigh({ low: 0.2, high: 0.28, delta })), h)
    const mask = maskOf(h)
    return g.every((x, i) => {
      const rho = Math.exp(h.logp[i]! - h.oldLogp[i]!)
      const A = h.advantages[Math.floor(i / h.T)]!
      if ([0.8, 1.28, delta].some((bound) => Math.abs(rho - bound) < 1e-3) || Math.abs(A) < 1e-3) return true
      const held = A > 0 ? rho > 1.28 : rho < 0.8 || rho > delta
      return (x === 0) === (held || mask[i] === 0)
    })
  })

  // Log-probabilities of the batches are below 0 and at least e^-4, so that probabilities of both policies differ by up to 1.
  const delta = 0.15
  const shifts = ({ logp, oldLogp }: Host): readonly number[] => logp.map((l, i) => Math.exp(l) - Math.exp(oldLogp[i]!))
  const leftOut = (shift: number, A: number): boolean => (A > 0 && shift > delta) || (A < 0 && shift < -delta)
  const clear = (h: Host): boolean => shifts(h).every((x) => Math.abs(Math.abs(x) - delta) > 1e-6)

  law(
    'dppo leaves a token out iff its probability has moved by more than delta the way its advantage pulls',
    batches,
    (h) => {
      if (!clear(h)) return
      const mask = maskOf(h)
      const moved = shifts(h)
      // Every other token has the gradient of importance sampling, however large its ratio is.
      const free = gradOf(withClip(unclipped, tokenMean), h)
      return gradOf(withClip(dppo(delta), tokenMean), h).every((g, i) =>
        near(g, mask[i] === 1 && leftOut(moved[i]!, h.advantages[Math.floor(i / h.T)]!) ? 0 : free[i]!),
      )
    },
  )

  law('dppo looks at tokens whatever the ratio is, and counts what it leaves out', batches, (h) => {
    if (!clear(h)) return
    const mask = maskOf(h)
    const moved = shifts(h)
    const tokens = Math.max(1, sumOf(mask))
    const share = (sign: number): number =>
      moved.filter((x, i) => {
        const A = h.advantages[Math.floor(i / h.T)]!
        return mask[i] === 1 && A * sign > 0 && x * sign > delta
      }).length / tokens
    return [tokenRatio, sequenceRatio, sequenceTokenRatio].every((ratio) => {
      const config = { ...withClip(dppo(delta)), ratio }
      const metrics = objectiveMetrics(config)(rolloutsOf(h))(logpOf(h), logpOf(h))
      return near(value(metrics['clip_ratio/low']), share(-1)) && near(value(metrics['clip_ratio/high']), share(1))
    })
  })

  law('dppo with delta 1 is importance sampling', batches, (h) => {
    if (h.oldLogp.some((l) => l > 0)) return
    const [wide, free] = [withClip(dppo(1)), withClip(unclipped)]
    return near(lossOf(wide, h), lossOf(free, h)) && allNear(gradOf(wide, h), gradOf(free, h))
  })
})

const about = (x: number): unknown => expect.closeTo(x, 5)

// One token of ratio rho and advantage A: the surrogate, and its derivative by logp.
const at = (clip: Clip, rho: number, A: number): readonly [surrogate: number, slope: number] => {
  const advantages = tensor([A], [1, 1])
  const old = tensor([-1 - Math.log(rho)], [1, 1])
  const surrogate = (logp: Floats): Floats => clip.surrogate(sub(logp, old), advantages, logp, old)
  const logp: Floats = tensor([-1], [1, 1])
  return [values(surrogate(logp))[0]!, values(grad((x: Floats) => sum()(surrogate(x)))(logp))[0]!]
}
const held = (clip: Clip, rho: number, A: number): readonly [low: boolean, high: boolean] => {
  const one = (x: number): Floats => tensor([x], [1, 1])
  const of = [one(Math.log(rho)), one(A), one(-1), one(-1 - Math.log(rho))] as const
  return [values(cast('f32')(clip.low(...of)))[0] === 1, values(cast('f32')(clip.high(...of)))[0] === 1]
}

describe('by hand, at ratios on both sides of the range', () => {
  test('symmetric is min(rho A, clip(rho) A)', () => {
    expect(at(symmetric(0.2), 2, 1)).toEqual([about(1.2), about(0)])
    expect(at(symmetric(0.2), 2, -1)).toEqual([about(-2), about(-2)])
    expect(at(symmetric(0.2), 0.5, 1)).toEqual([about(0.5), about(0.5)])
    expect(at(symmetric(0.2), 0.5, -1)).toEqual([about(-0.8), about(0)])
  })

  test('low and high are apart, delta holds where the pessimist does not', () => {
    const clip = lowHigh({ low: 0.1, high: 0.3, delta: 1.5 })
    expect(at(clip, 2, 1)[0]).toBeCloseTo(1.3, 6)
    expect(at(clip, 0.5, -1)[0]).toBeCloseTo(-0.9, 6)
    expect(at(clip, 2, -1)).toEqual([about(-1.5), about(0)])
    expect(at(clip, 1.4, -1)).toEqual([about(-1.4), about(-1.4)])
  })

  test('cispo bounds the weight from above alone, and differentiates log pi', () => {
    // The surrogate is w A logp at logp = -1.
    expect(at(cispo(0.28), 2, 1)).toEqual([about(-1.28), about(1.28)])
    expect(at(cispo(0.28), 2, -1)).toEqual([about(1.28), about(-1.28)])
    expect(at(cispo(0.28), 0.1, 1)).toEqual([about(-0.1), about(0.1)])
  })

  test('sapo is a sigmoid whose gradient fades off policy, by a temperature for each sign', () => {
    const s = (x: number): number => 1 / (1 + Math.exp(-x))
    // d/dlogp (4/tau) sigmoid(tau (rho - 1)) = 4 s (1 - s) rho
    const slope = (tau: number, rho: number): number => 4 * s(tau * (rho - 1)) * (1 - s(tau * (rho - 1))) * rho
    for (const [A, tau] of [
      [1, 1],
      [-1, 3],
    ] as const) {
      for (const rho of [0.5, 1, 2]) {
        const [surrogate, gradient] = at(sapo(1, 3), rho, A)
        expect(surrogate).toBeCloseTo((A * 4 * s(tau * (rho - 1))) / tau, 5)
        expect(gradient).toBeCloseTo(A * slope(tau, rho), 5)
      }
    }
    expect(slope(3, 3) / 3).toBeLessThan(0.05)
    expect(at(sapo(2), 2, -1)).toEqual(at(sapo(2, 2), 2, -1))
  })

  test('dppo holds probabilities and not ratios', () => {
    // p is e^-1 = 0.368; p_old 0.184, 0.736 and 0.334.
    expect(at(dppo(0.15), 2, 1)).toEqual([about(0), about(0)])
    expect(at(dppo(0.15), 2, -1)).toEqual([about(-2), about(-2)])
    expect(at(dppo(0.15), 0.5, -1)).toEqual([about(0), about(0)])
    expect(at(dppo(0.15), 0.5, 1)).toEqual([about(0.5), about(0.5)])
    expect(at(dppo(0.15), 1.1, 1)).toEqual([about(1.1), about(1.1)])
    expect(held(dppo(0.15), 2, 1)).toEqual([false, true])
    expect(held(dppo(0.15), 0.5, -1)).toEqual([true, false])
    for (const A of [1, -1]) expect(held(dppo(0.15), 1.1, A)).toEqual([false, false])
    for (const rho of [2, 0.5]) expect(held(dppo(0.15), rho, rho > 1 ? -1 : 1)).toEqual([false, false])
  })

  test('unclipped is rho A', () => {
    expect(at(unclipped, 3, -2)).toEqual([about(-6), about(-6)])
  })

  test('what the log counts as held', () => {
    const clip = lowHigh({ low: 0.2, high: 0.28, delta: 3 })
    expect(held(clip, 0.7, -1)).toEqual([true, false])
    expect(held(clip, 0.7, 1)).toEqual([false, false])
    expect(held(clip, 0.75, -1)).toEqual([true, false])
    expect(held(clip, 0.85, -1)).toEqual([false, false])
    expect(held(clip, 1.3, 1)).toEqual([false, true])
    expect(held(clip, 1.3, -1)).toEqual([false, false])
    expect(held(clip, 4, -1)).toEqual([false, true])
    expect(held(lowHigh({ low: 0.2, high: 0.28 }), 4, -1)).toEqual([false, false])
    expect(held(cispo(0.28), 1.3, 1)).toEqual([false, true])
    expect(held(cispo(0.28), 1.3, -1)).toEqual([false, false])
    expect(held(cispo(0.28), 0.1, -1)).toEqual([false, false])
    for (const free of [unclipped, sapo(1)]) expect(held(free, 9, 1)).toEqual([false, false])
    for (const free of [unclipped, sapo(1)]) expect(held(free, 0.1, -1)).toEqual([false, false])
  })
})

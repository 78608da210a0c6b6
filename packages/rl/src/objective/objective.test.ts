import { grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { add, expandDims, logSoftmax, mul, squeeze, stopGradient, takeAlongAxis, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drGrpo, group } from '../credit/advantage.ts'
import { cispo, type Clip, lowHigh, sapo, symmetric, unclipped } from './clip.ts'
import { importanceK3 } from './kl.ts'
import { GRPO_OBJECTIVE, objective, objectiveMetrics, type Rollouts } from './objective.ts'
import { geometric, sequenceRatio } from './ratio.ts'
import {
  allNear,
  batches,
  full,
  gradOf,
  type Host,
  law,
  logpOf,
  lossOf,
  many,
  maskOf,
  near,
  onPolicy,
  rolloutsOf,
  sumOf,
  value,
  values,
  withClip,
} from '../policy/rollouts.support.ts'

const clips: readonly (readonly [string, Clip])[] = [
  ['symmetric', symmetric(0.2)],
  ['lowHigh', lowHigh({ low: 0.2, high: 0.28 })],
  ['dual', lowHigh({ low: 0.2, high: 0.28, delta: 3 })],
  ['unclipped', unclipped],
  ['cispo', cispo(0.28)],
  ['sapo', sapo(1)],
]

describe('against the formula written out', () => {
  law('the loss is -J of DeepSeekMath eq. 3', batches, (h) => {
    const { B, T, lengths, logp, oldLogp, refLogp, advantages } = h
    let J = 0
    for (let b = 0; b < B; b++) {
      let ofSequence = 0
      for (let t = 0; t < lengths[b]!; t++) {
        const i = b * T + t
        const rho = Math.exp(logp[i]! - oldLogp[i]!)
        const l = refLogp[i]! - logp[i]!
        const A = advantages[b]!
        const clipped = Math.min(Math.max(rho, 0.8), 1.28)
        ofSequence += Math.min(rho * A, clipped * A) - 0.1 * (Math.exp(l) - l - 1)
      }
      if (lengths[b]! > 0) J += ofSequence / lengths[b]! / B
    }
    return near(lossOf(full, h), -J, 1e-5)
  })
})

describe('on policy', () => {
  test.each(clips)('%s: the gradient is that of REINFORCE', (_, clip) => {
    fc.assert(
      fc.property(onPolicy, (h) => {
        const expected = maskOf(h).map((m, i) => {
          const b = Math.floor(i / h.T)
          return (-m * h.advantages[b]!) / Math.max(1, h.lengths[b]!) / h.B
        })
        return allNear(gradOf(withClip(clip), h), expected, 1e-5)
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  test('the sequence-mean loss is 0 while its gradient is not', () => {
    const [advantages] = group()([[1, 0, 0, 1]])
    const h: Host = {
      B: 4,
      T: 2,
      lengths: [2, 1, 2, 2],
      logp: Array(8).fill(-1),
      oldLogp: Array(8).fill(-1),
      refLogp: [],
      advantages: advantages!,
    }
    const rollouts = { ...rolloutsOf({ ...h, refLogp: Array(8).fill(-1) }), refLogp: null }
    expect(value(objective(GRPO_OBJECTIVE)(rollouts)(logpOf(h)))).toBeCloseTo(0, 6)
    expect(Math.max(...gradOf(GRPO_OBJECTIVE, { ...h, refLogp: Array(8).fill(-1) }))).toBeGreaterThan(0.1)
  })

  law('equal rewards give exactly zero gradient', onPolicy, (h) => {
    const [advantages] = drGrpo([Array<number>(h.B).fill(0.3)])
    return gradOf(withClip(symmetric(0.2)), { ...h, advantages: advantages! }).every((g) => g === 0)
  })
})

describe('factors on the surrogate', () => {
  const weighted = batches.chain((h) =>
    fc.record({
      h: fc.constant(h),
      w: many(
        fc.integer({ min: 0, max: 16 }).map((n) => n / 8),
        h.B * h.T,
      ),
    }),
  )
  const grid = (h: Host, w: readonly number[]): Floats => tensor(w, [h.B, h.T])

  law(
    'scale the surrogate of their token, and not the KL term',
    weighted,
    ({ h, w }) => {
      const weights = grid(h, w)
      const bare = { ...full, beta: 0 }
      // The KL term alone is what advantages of 0 leave.
      const kl = { ...h, advantages: h.advantages.map(() => 0) }
      const scaled = gradOf(bare, h).map((g, i) => g * w[i]!)
      return (
        allNear(gradOf(bare, h, { weights }), scaled, 1e-6) &&
        allNear(
          gradOf(full, h, { weights }),
          scaled.map((g, i) => g + gradOf(full, kl)[i]!),
          1e-6,
        )
      )
    },
    20,
  )

  law('of 1 change nothing, of 0 leave the KL term; one a sequence serves all its tokens', weighted, ({ h, w }) => {
    const one = tensor(w.slice(0, h.B), [h.B, 1])
    const each = grid(
      h,
      Array.from({ length: h.B * h.T }, (_, i) => w[Math.floor(i / h.T)]!),
    )
    const constantly = (x: number): Floats => grid(h, Array<number>(h.B * h.T).fill(x))
    const kl = { ...h, advantages: h.advantages.map(() => 0) }
    return (
      lossOf(full, h, { weights: constantly(1) }) === lossOf(full, h) &&
      near(lossOf(full, h, { weights: constantly(0) }), lossOf(full, kl), 1e-9) &&
      near(lossOf(full, h, { weights: one }), lossOf(full, h, { weights: each }), 1e-9)
    )
  })

  law('are constants to the gradient', weighted, ({ h, w }) => {
    // Weights that are made of logp itself.
    const of = (logp: Floats, weights: Floats) => objective(full)({ ...rolloutsOf(h), weights })(logp)
    const through = values(grad((logp: Floats) => of(logp, mul(logp, grid(h, w))))(logpOf(h)))
    const beside = values(grad((logp: Floats) => of(logp, stopGradient(mul(logpOf(h), grid(h, w)))))(logpOf(h)))
    return allNear(through, beside, 1e-9)
  })
})

describe('the KL term', () => {
  law('rho of rho k3 is the token ratio, whatever the ratio of the surrogate', batches, (h) => {
    const base = { ...full, kl: importanceK3 }
    const none = { ...h, advantages: h.advantages.map(() => 0) }
    return [sequenceRatio, geometric({ low: 0.1, high: 0.1 })].every((ratio) =>
      near(lossOf({ ...base, ratio }, none), lossOf(base, none), 1e-9),
    )
  })
})

describe('metrics', () => {
  law('are of the same numbers as the loss, and means over tokens', batches, (h) => {
    const m = objectiveMetrics(full)(rolloutsOf(h))(logpOf(h), logpOf(h))
    const mask = maskOf(h)
    const tokens = Math.max(1, sumOf(mask))
    const share = (f: (i: number) => number): number => sumOf(mask.map((x, i) => (x === 1 ? f(i) : 0))) / tokens
    const rho = (i: number): number => Math.exp(h.logp[i]! - h.oldLogp[i]!)
    const A = (i: number): number => h.advantages[Math.floor(i / h.T)]!
    if (h.logp.some((_, i) => [0.8, 1.28].some((bound) => Math.abs(rho(i) - bound) < 1e-3))) return
    const [low, high] = [
      share((i) => (rho(i) < 0.8 && A(i) < 0 ? 1 : 0)),
      share((i) => (rho(i) > 1.28 && A(i) > 0 ? 1 : 0)),
    ]
    const k = (i: number): number => Math.expm1(h.refLogp[i]! - h.logp[i]!) - (h.refLogp[i]! - h.logp[i]!)
    return (
      near(value(m.policy_loss), lossOf(full, h)) &&
      near(value(m.kl), share(k), 1e-5) &&
      near(
        value(m.entropy),
        share((i) => h.logp[i]!),
      ) &&
      near(value(m['clip_ratio/low']), low) &&
      near(value(m['clip_ratio/high']), high) &&
      near(value(m['clip_ratio/region']), low + high)
    )
  })

  law('have no gradient, and no KL without a reference', batches, (h) => {
    const total = (logp: Floats) => {
      const m = objectiveMetrics(full)(rolloutsOf(h))(logp, logp)
      return add(m.policy_loss, add(m.kl, m.entropy))
    }
    const without = objectiveMetrics(GRPO_OBJECTIVE)({ ...rolloutsOf(h), refLogp: null })(logpOf(h), logpOf(h))
    return values(grad(total)(logpOf(h))).every((g) => g === 0) && value(without.kl) === 0
  })
})

describe('the entropy bonus', () => {
  test('raises the objective by its weight times the mean entropy, and is asked for', () => {
    const h: Host = { B: 1, T: 2, lengths: [2], logp: [-1, -2], oldLogp: [-1, -2], refLogp: [-1, -2], advantages: [1] }
    const config = { ...GRPO_OBJECTIVE, entropyBonus: 0.5 }
    const entropy = tensor([1, 3], [1, 2])
    const bonus = value(objective(config)(rolloutsOf(h))(logpOf(h), entropy)) - lossOf(GRPO_OBJECTIVE, h)
    expect(bonus).toBeCloseTo(-1, 6)
    expect(() => objective(config)(rolloutsOf(h))(logpOf(h))).toThrow(/entropyBonus/)
    expect(() => objective(full)({ ...rolloutsOf(h), refLogp: null })(logpOf(h))).toThrow(/refLogp is null/)
  })
})

describe('the whole way to a policy', () => {
  // Logits of one step over K tokens; G sampled tokens. grad of the loss by the logits, against REINFORCE's.
  test('the gradient by the logits is (1/G) sum A (pi - e_a)', () => {
    const theta = [0.3, -0.2, 0.5]
    const actions = [0, 2, 2, 1]
    const [advantages] = group()([[1, 0, 0, 1]])
    const logp = (t: Floats): Floats => {
      const rows = mul(
        expandDims(0)(logSoftmax(-1)(t)),
        tensor(new Float32Array(actions.length).fill(1), [actions.length, 1]),
      )
      return squeeze(-1)(takeAlongAxis(-1)(rows, tensor(Int32Array.from(actions), [actions.length, 1])))
    }
    const oldLogp = stopGradient(expandDims(-1)(logp(tensor(theta))))
    const rollouts: Rollouts = {
      mask: tensor([1, 1, 1, 1], [4, 1]),
      oldLogp,
      refLogp: null,
      advantages: tensor(advantages!, [4, 1]),
      weights: null,
      totals: null,
    }
    const g = values(grad((t: Floats) => objective(GRPO_OBJECTIVE)(rollouts)(expandDims(-1)(logp(t))))(tensor(theta)))
    const e = theta.map(Math.exp)
    const pi = e.map((x) => x / e.reduce((s, y) => s + y, 0))
    const expected = pi.map((p, j) => actions.reduce((s, a, i) => s + advantages![i]! * (p - (a === j ? 1 : 0)), 0) / 4)
    expect(allNear(g, expected, 1e-5)).toBe(true)
  })
})

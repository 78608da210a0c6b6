import type { Floats } from '@adjoint/nn'
import { grad } from '@adjoint/autograd'
import {
  expandDims,
  logSoftmax,
  mul,
  scalar,
  type Scalar,
  squeeze,
  stopGradient,
  takeAlongAxis,
  tensor,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drGrpo, group } from './advantage.ts'
import { type Aggregate, constant, sequenceMean, tokenMean } from './aggregate.ts'
import { cispo, type Clip, lowHigh, sapo, symmetric, unclipped } from './clip.ts'
import { GRPO_OBJECTIVE, objective, type ObjectiveConfig, objectiveMetrics, type Rollouts } from './objective.ts'
import { sequenceRatio, sequenceTokenRatio, tokenRatio } from './ratio.ts'

// Everything here is evaluated in double precision by the reference interpreter.
const values = (x: Floats | Scalar): readonly number[] => Array.from(evaluate([x])[0]!.data)
const value = (x: Scalar): number => values(x)[0]!
const near = (x: number, y: number, tol = 1e-6): boolean => Math.abs(x - y) <= tol * (1 + Math.abs(x) + Math.abs(y))
const allNear = (xs: readonly number[], ys: readonly number[], tol?: number): boolean =>
  xs.length === ys.length && xs.every((x, i) => near(x, ys[i]!, tol))
const law = <T>(name: string, arbitrary: fc.Arbitrary<T>, holds: (t: T) => boolean | undefined, numRuns = 60): void => {
  test(name, () => {
    fc.assert(
      fc.property(arbitrary, (t) => holds(t) ?? true),
      { seed: 1, numRuns },
    )
  })
}

// -- batches on the host, made valid by construction ----------------------------------------------
interface Host {
  readonly B: number
  readonly T: number
  readonly lengths: readonly number[]
  readonly logp: readonly number[]
  readonly oldLogp: readonly number[]
  readonly refLogp: readonly number[]
  readonly advantages: readonly number[]
}
const logProb = fc.double({ min: -4, max: -0.05, noNaN: true })
const gap = fc.double({ min: -1.2, max: 1.2, noNaN: true })
const many = <T>(x: fc.Arbitrary<T>, n: number): fc.Arbitrary<readonly T[]> =>
  fc.array(x, { minLength: n, maxLength: n })
const batches = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })).chain(([B, T]) =>
  fc
    .record({
      B: fc.constant(B),
      T: fc.constant(T),
      lengths: many(fc.integer({ min: 0, max: T }), B),
      logp: many(logProb, B * T),
      oldGap: many(gap, B * T),
      refGap: many(gap, B * T),
      advantages: many(
        fc.integer({ min: -192, max: 192 }).map((n) => n / 64),
        B,
      ),
    })
    .map(({ oldGap, refGap, ...rest }): Host => ({
      ...rest,
      oldLogp: rest.logp.map((l, i) => l + oldGap[i]!),
      refLogp: rest.logp.map((l, i) => l + refGap[i]!),
    })),
)
const onPolicy = batches.map((h): Host => ({ ...h, oldLogp: h.logp }))
const maskOf = ({ B, T, lengths }: Host): readonly number[] =>
  Array.from({ length: B * T }, (_, i) => (i % T < lengths[Math.floor(i / T)]! ? 1 : 0))
const rolloutsOf = (h: Host): Rollouts => ({
  mask: tensor(maskOf(h), [h.B, h.T]),
  oldLogp: tensor(h.oldLogp, [h.B, h.T]),
  refLogp: tensor(h.refLogp, [h.B, h.T]),
  advantages: tensor(h.advantages, [h.B, 1]),
  weights: null,
  totals: null,
})
const logpOf = (h: Host): Floats => tensor(h.logp, [h.B, h.T])
const lossOf = (config: ObjectiveConfig, h: Host): number => value(objective(config)(rolloutsOf(h))(logpOf(h)))
const gradOf = (config: ObjectiveConfig, h: Host): readonly number[] =>
  values(grad((logp: Floats) => objective(config)(rolloutsOf(h))(logp))(logpOf(h)))

const withClip = (clip: Clip, aggregate: Aggregate = sequenceMean): ObjectiveConfig => ({
  ...GRPO_OBJECTIVE,
  clip,
  aggregate,
})
const full: ObjectiveConfig = { ...GRPO_OBJECTIVE, beta: 0.1, clip: lowHigh({ low: 0.2, high: 0.28 }) }
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
})

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
})

describe('masks', () => {
  const configs: readonly (readonly [string, ObjectiveConfig])[] = [
    ['full', full],
    ['tokenMean', { ...full, aggregate: tokenMean }],
    ['gspo', { ...full, ratio: sequenceRatio }],
    ['cispo', { ...full, clip: cispo(0.28) }],
  ]
  test.each(configs)('%s: what padding holds changes nothing, and has no gradient', (_, config) => {
    const junk = fc.constantFrom(-1e4, 1e4, 0, -Infinity)
    fc.assert(
      fc.property(batches, junk, junk, (h, x, y) => {
        const mask = maskOf(h)
        const filled = (xs: readonly number[], with_: number): readonly number[] =>
          xs.map((v, i) => (mask[i] === 1 ? v : with_))
        const dirty = { ...h, logp: filled(h.logp, x), oldLogp: filled(h.oldLogp, y), refLogp: filled(h.refLogp, -y) }
        const g = gradOf(config, dirty)
        return (
          lossOf(config, dirty) === lossOf(config, h) &&
          allNear(g, gradOf(config, h), 1e-12) &&
          g.every((v, i) => mask[i] === 1 || v === 0)
        )
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  law('wider padding changes nothing', batches, (h) => {
    const widen = (xs: readonly number[]): readonly number[] =>
      Array.from({ length: h.B * (h.T + 2) }, (_, i) =>
        i % (h.T + 2) < h.T ? xs[Math.floor(i / (h.T + 2)) * h.T + (i % (h.T + 2))]! : -7,
      )
    const wide = { ...h, T: h.T + 2, logp: widen(h.logp), oldLogp: widen(h.oldLogp), refLogp: widen(h.refLogp) }
    return near(lossOf(full, h), lossOf(full, wide), 1e-9)
  })

  law('all masked gives 0, not NaN', batches, (h) => {
    const none = { ...h, lengths: h.lengths.map(() => 0) }
    return [sequenceMean, tokenMean, constant(8)].every((aggregate) => {
      const config = { ...full, aggregate }
      return lossOf(config, none) === 0 && gradOf(config, none).every((g) => g === 0)
    })
  })
})

describe('micro-batches', () => {
  const aggregates: readonly (readonly [string, Aggregate])[] = [
    ['sequenceMean', sequenceMean],
    ['tokenMean', tokenMean],
    ['constant', constant(6)],
  ]
  test.each(aggregates)('%s: the losses and gradients of the parts add up to those of the whole', (_, aggregate) => {
    const cut = batches.chain((h) => fc.tuple(fc.constant(h), fc.integer({ min: 0, max: h.B })))
    fc.assert(
      fc.property(cut, ([h, at]) => {
        const config = { ...full, aggregate }
        const totals = {
          sequences: scalar(h.B),
          tokens: scalar(h.lengths.reduce((s, n) => s + n, 0)),
        }
        const part = (from: number, to: number): Host => {
          const rows = (xs: readonly number[]): readonly number[] => xs.slice(from * h.T, to * h.T)
          return {
            B: to - from,
            T: h.T,
            lengths: h.lengths.slice(from, to),
            logp: rows(h.logp),
            oldLogp: rows(h.oldLogp),
            refLogp: rows(h.refLogp),
            advantages: h.advantages.slice(from, to),
          }
        }
        const parts = [part(0, at), part(at, h.B)].filter((p) => p.B > 0)
        const loss = (p: Host) => (logp: Floats) => objective(config)({ ...rolloutsOf(p), totals })(logp)
        const total = parts.reduce((s, p) => s + value(loss(p)(logpOf(p))), 0)
        const grads = parts.flatMap((p) => values(grad(loss(p))(logpOf(p))))
        return near(total, lossOf(config, h), 1e-5) && allNear(grads, gradOf(config, h), 1e-5)
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  law('at equal lengths sequenceMean = tokenMean = (L_max / len) constant', batches, (h) => {
    const equal = { ...h, lengths: h.lengths.map(() => h.T) }
    const of = (aggregate: Aggregate): number => lossOf({ ...full, aggregate }, equal)
    return near(of(sequenceMean), of(tokenMean), 1e-5) && near(of(sequenceMean), (8 / h.T) * of(constant(8)), 1e-5)
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

// Nothing that is finite becomes NaN: log-probabilities that are any number of nats apart, advantages of any sign and 0,
// and whatever stands where the mask is 0. Every exported clip, ratio, KL estimator, aggregate, correction and preset takes
// part: a new export of those files fails here until it is listed.
import { valueAndGrad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { presentDevices } from '@adjoint/testing'
import { add, gt, jit, readAsync, type Scalar, sum, tensor, where } from '@adjoint/tensor'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import * as aggregates from './aggregate.ts'
import * as clips from './clip.ts'
import * as corrections from './correction.ts'
import * as kls from './kl.ts'
import { GRPO_OBJECTIVE, objective, type ObjectiveConfig, objectiveMetrics } from './objective.ts'
import { presets } from './presets.ts'
import * as ratios from './ratio.ts'
import { many } from '../policy/rollouts.support.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const [B, T] = [6, 4]
const N = B * T

// --- what is exported, by name

const clipsByName: Readonly<Record<keyof typeof clips, readonly clips.Clip[]>> = {
  lowHigh: [clips.lowHigh({ low: 0.2, high: 0.28 }), clips.lowHigh({ low: 0.2, high: 0.28, delta: 3 })],
  symmetric: [clips.symmetric(0.2), clips.symmetric(1e12)],
  unclipped: [clips.unclipped],
  cispo: [clips.cispo(4), clips.cispo(1e12)],
  sapo: [clips.sapo(1), clips.sapo(1, 1.05)],
  dppo: [clips.dppo(0.15), clips.dppo(0)],
}
const ratiosByName: Readonly<Record<keyof typeof ratios, readonly ratios.Ratio[]>> = {
  tokenRatio: [ratios.tokenRatio],
  sequenceRatio: [ratios.sequenceRatio],
  sequenceTokenRatio: [ratios.sequenceTokenRatio],
  geometric: [ratios.geometric({ low: 0.4, high: 0.4 }), ratios.geometric({ low: 1e9, high: 1e9 })],
  // what they are made of
  logRatioOf: [],
  ratioOf: [],
  exponentOf: [],
  held: [],
}
const klsByName: Readonly<Record<keyof typeof kls, readonly kls.Kl[]>> = {
  k1: [kls.k1],
  k2: [kls.k2],
  k3: [kls.k3],
  importanceK3: [kls.importanceK3],
}
const aggregatesByName: Readonly<Record<keyof typeof aggregates, readonly aggregates.Aggregate[]>> = {
  sequenceMean: [aggregates.sequenceMean],
  tokenMean: [aggregates.tokenMean],
  constant: [aggregates.constant(T)],
  totalsOf: [],
}
const { tis, mis, tokenLevel, sequenceLevel, offPolicyMask, correctionMonoid } = corrections
const levels = [tokenLevel, sequenceLevel]
const correctionsByName: Readonly<Record<keyof typeof corrections, readonly corrections.Correction[]>> = {
  tis: levels.flatMap((level) => [tis({ level, high: 2 }), tis({ level, high: Infinity })]),
  mis: levels.flatMap((level) => [mis({ level, low: 0.5, high: 2 }), mis({ level, low: 0, high: Infinity })]),
  offPolicyMask: [offPolicyMask(0.5)],
  correctionMonoid: [
    correctionMonoid.concat(offPolicyMask(0.5), tis({ level: tokenLevel, high: 2 })),
    correctionMonoid.empty,
  ],
  tokenLevel: [],
  sequenceLevel: [],
}
const presetsByName: Readonly<Record<keyof typeof presets, { readonly objective: ObjectiveConfig }>> = {
  ...presets,
  drGrpo: presets.drGrpo(T),
  gdpo: presets.gdpo({ correct: 1 }),
}

test('every export of these files is listed', () => {
  for (const [listed, exported] of [
    [clipsByName, clips],
    [ratiosByName, ratios],
    [klsByName, kls],
    [aggregatesByName, aggregates],
    [correctionsByName, corrections],
    [presetsByName, presets],
  ] as const)
    expect(Object.keys(listed).sort()).toEqual(Object.keys(exported).sort())
})

const listed = <A>(byName: Readonly<Record<string, readonly A[]>>): readonly (readonly [string, A])[] =>
  Object.entries(byName).flatMap(([name, all]) => all.map((one, i): [string, A] => [`${name} ${i}`, one]))

/** Every part by itself in the objective of GRPO with all terms in use, and every preset with a KL term. */
const whole: ObjectiveConfig = { ...GRPO_OBJECTIVE, beta: 0.1, entropyBonus: 0.01 }
const objectives: readonly (readonly [string, ObjectiveConfig])[] = [
  ...listed(clipsByName).map(([name, clip]) => [name, { ...whole, clip }] as const),
  ...listed(ratiosByName).flatMap(([name, ratio]) => [
    [`${name}, clipped`, { ...whole, ratio }] as const,
    [`${name}, unclipped`, { ...whole, ratio, clip: clips.unclipped }] as const,
  ]),
  ...listed(klsByName).map(([name, kl]) => [name, { ...whole, kl }] as const),
  ...listed(aggregatesByName).map(([name, aggregate]) => [name, { ...whole, aggregate }] as const),
  ...Object.entries(presetsByName).map(([name, { objective: parts }]) => [name, { ...parts, beta: 0.1 }] as const),
]

// --- batches of anything finite

const sizes = [0, 0.1, 1, 10, 19.9, 20, 20.1, 50, 88, 89, 100, 1e4, 1e18, 1e30] as const
const nats = fc.constantFrom(...sizes).map((x) => -x)
const signed = fc.constantFrom(0, 1, -1, 0.3, -0.3, 1e4, -1e4)
const junk = fc.constantFrom(NaN, Infinity, -Infinity, 1e30, -1e30, 0)

interface Host {
  readonly mask: readonly number[]
  readonly logp: readonly number[]
  readonly oldLogp: readonly number[]
  readonly refLogp: readonly number[]
  readonly entropy: readonly number[]
  readonly advantages: readonly number[]
  readonly weights: readonly number[]
}
// A row without tokens is among them, and now and then a batch without any.
const batches: fc.Arbitrary<Host> = fc
  .record({
    lengths: fc.oneof(
      { weight: 9, arbitrary: many(fc.nat(T), B) },
      { weight: 1, arbitrary: fc.constant(Array(B).fill(0)) },
    ),
    logp: many(nats, N),
    oldLogp: many(nats, N),
    refLogp: many(nats, N),
    entropy: many(fc.constantFrom(0, 1, 3), N),
    advantages: many(signed, N),
    weights: many(fc.constantFrom(0, 1, 1e6), N),
    junk: many(junk, N),
  })
  .map(({ lengths, junk: dirt, ...rest }) => {
    const mask = Array.from({ length: N }, (_, i) => (i % T < lengths[Math.floor(i / T)]! ? 1 : 0))
    const dirtied = (xs: readonly number[]) => xs.map((x, i) => (mask[i] === 1 ? x : dirt[i]!))
    return {
      mask,
      logp: dirtied(rest.logp),
      oldLogp: dirtied(rest.oldLogp),
      refLogp: dirtied(rest.refLogp),
      entropy: dirtied(rest.entropy),
      advantages: dirtied(rest.advantages),
      weights: dirtied(rest.weights),
    }
  })

const grid = (xs: readonly number[]): Floats => tensor(xs, [B, T])
const argumentsOf = ({ mask, logp, ...rest }: Host) =>
  [
    grid(logp),
    grid(mask),
    {
      o: grid(rest.oldLogp),
      r: grid(rest.refLogp),
      e: grid(rest.entropy),
      a: grid(rest.advantages),
      w: grid(rest.weights),
    },
  ] as const
type Rest = ReturnType<typeof argumentsOf>[2]

const allFinite = (xs: ArrayLike<number>): boolean => Array.from(xs).every(Number.isFinite)

/** All tokens count, and one of them has no log-probability. */
const broken: Host = {
  mask: Array<number>(N).fill(1),
  logp: Array.from({ length: N }, (_, i) => (i === 5 ? NaN : -1)),
  oldLogp: Array<number>(N).fill(-1),
  refLogp: Array<number>(N).fill(-1),
  entropy: Array<number>(N).fill(1),
  advantages: Array<number>(N).fill(1),
  weights: Array<number>(N).fill(1),
}

/** Runs `f` on samples; the gradient is that of its scalar by the log-probabilities. And its scalar of the broken batch. */
const check = async (
  f: (logp: Floats, mask: Floats, rest: Rest) => Scalar,
  holds: (h: Host, value: number, gradient: readonly number[]) => boolean,
): Promise<readonly number[]> => {
  const ofBroken: number[] = []
  for (const device of devices) {
    const run = jit(valueAndGrad(f), { device })
    await fc.assert(
      fc.asyncProperty(batches, async (h) => {
        const [value, gradient] = run(...argumentsOf(h))
        const [v, g] = [(await readAsync(value, device))[0]!, Array.from(await readAsync(gradient, device))]
        return holds(h, v, g)
      }),
      { seed: 3, numRuns: 25 },
    )
    ofBroken.push((await readAsync(run(...argumentsOf(broken))[0], device))[0]!)
  }
  return ofBroken
}

const lossOf =
  (config: ObjectiveConfig) =>
  (logp: Floats, mask: Floats, { o, r, e, a, w }: Rest) =>
    objective(config)({ mask, oldLogp: o, refLogp: r, advantages: a, weights: w, totals: null })(logp, e)

describe('the objective is finite, with a finite gradient that is 0 where the mask is', () => {
  test.each(objectives)(
    '%s; a NaN that counts is seen in it',
    async (_, config) => {
      const ofBroken = await check(
        lossOf(config),
        (h, value, gradient) =>
          Number.isFinite(value) &&
          allFinite(gradient) &&
          gradient.every((g, i) => h.mask[i] === 1 || g === 0) &&
          (h.mask.includes(1) || value === 0),
      )
      expect(ofBroken).toEqual(devices.map(() => NaN))
    },
    120_000,
  )

  test('and so are its metrics', async () => {
    const total = (logp: Floats, mask: Floats, { o, r, e, a, w }: Rest): Scalar =>
      Object.values(
        objectiveMetrics({ ...whole, kl: kls.importanceK3, clip: clips.unclipped })({
          mask,
          oldLogp: o,
          refLogp: r,
          advantages: a,
          weights: w,
          totals: null,
        })(logp, e),
      ).reduce((x, y) => add(x, y))
    await check(total, (_, value, gradient) => Number.isFinite(value) && gradient.every((g) => g === 0))
  })
})

describe('a correction is finite, and never negative', () => {
  test.each(listed(correctionsByName))('%s', async (_, correction) => {
    const total = (logp: Floats, mask: Floats, { o, a }: Rest): Scalar => {
      const counts = gt(mask, 0)
      return sum()(where(counts, correction(logp, o, mask, where(counts, a, 0)), 0))
    }
    await check(total, (_h, value, gradient) => Number.isFinite(value) && value >= 0 && allFinite(gradient))
  })
})

test.each<readonly [string, () => unknown, RegExp]>([
  ['symmetric', () => clips.symmetric(undefined as never), /lowHigh: low is undefined/],
  ['lowHigh', () => clips.lowHigh({ low: 0.2, high: NaN }), /lowHigh: high is NaN/],
  ['cispo', () => clips.cispo(-1), /cispo: high is -1/],
  ['dppo', () => clips.dppo(NaN), /dppo: delta is NaN/],
  ['sapo', () => clips.sapo(0), /sapo: positive is 0/],
  ['geometric', () => ratios.geometric({ low: 0.4 } as never), /geometric: high is undefined/],
  ['drGrpo', () => presets.drGrpo(undefined as never), /constant: maxLength is undefined/],
])('%s: a setting that was left out or is none is refused where it is made', (_, make, message) => {
  expect(make).toThrow(message)
})

describe('known values', () => {
  const slope = (clip: clips.Clip, logRatio: number, advantage: number): Promise<readonly number[]>[] =>
    devices.map(async (device) => {
      const f = (l: Floats) => sum()(clip.surrogate(l, tensor([advantage]), l, tensor([0])))
      const [value, gradient] = valueAndGrad(f)(tensor([logRatio]))
      return [(await readAsync(value, device))[0]!, (await readAsync(gradient, device))[0]!]
    })

  test.each([
    ['symmetric, above the range', clips.symmetric(0.2), 100, 1, [1.2, 0]],
    ['unclipped, no advantage', clips.unclipped, 100, 0, [0, 0]],
    ['unclipped, at 10', clips.unclipped, 10, 2, [2 * Math.exp(10), 2 * Math.exp(10)]],
    ['unclipped, beyond 20', clips.unclipped, 1e30, 1, [Math.exp(20), 0]],
    ['symmetric, A < 0 beyond 20', clips.symmetric(0.2), 1e4, -1, [-Math.exp(20), 0]],
    ['unclipped, far below', clips.unclipped, -1e30, 1, [0, 0]],
    ['symmetric, far below, A < 0', clips.symmetric(0.2), -1e30, -1, [-0.8, 0]],
  ] as const)('%s', async (_, clip, logRatio, advantage, expected) => {
    for (const found of await Promise.all(slope(clip, logRatio, advantage)))
      found.forEach((x, i) =>
        expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(expected[i]!))),
      )
  })

  test('k3 is held from above, and linear below', async () => {
    const l = [1, -1, 100, -100, 1e30]
    const expected = [0.71828, 0.36788, Math.exp(20) - 21, 99, Math.exp(20) - 21]
    for (const device of devices) {
      const k = await readAsync(kls.k3(tensor(l.map((x) => -x)), tensor(l.map(() => 0)), tensor([0])), device)
      expected.forEach((x, i) => expect(Math.abs(k[i]! - x)).toBeLessThanOrEqual(1e-5 * (1 + x)))
    }
  })

  test.each(listed(aggregatesByName))('%s leaves out NaN, and is 0 of nothing', async (_, aggregate) => {
    const whole = tensor([1, 0, 1, 1], [2, 2])
    for (const device of devices) {
      const of = async (x: readonly number[], mask: Floats): Promise<number> =>
        (await readAsync(aggregate(tensor(x, [2, 2]), mask, aggregates.totalsOf(mask)), device))[0]!
      expect(await of([1, NaN, 2, 3], whole)).toBe(await of([1, 0, 2, 3], whole))
      expect(await of([NaN, Infinity, 1, 2], tensor([0, 0, 0, 0], [2, 2]))).toBe(0)
      const none = aggregate(tensor([], [0, 2]), tensor([], [0, 2]), aggregates.totalsOf(tensor([], [0, 2])))
      expect((await readAsync(none, device))[0]).toBe(0)
    }
  })
})

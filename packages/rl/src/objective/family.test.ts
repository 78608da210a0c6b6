/**
 * Every advantage with every ratio, clip, KL estimate and aggregation: 2,688 variants, most of them in no paper, and the
 * laws that all of them share. A new variant is a new part in one of these lists.
 */
import { scalar } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Advantage, batchStd, drGrpo, group, maxRl, reinforcePlusPlus, rloo } from '../credit/advantage.ts'
import { gdpo } from '../credit/gdpo.ts'
import { type Aggregate, constant, sequenceMean, tokenMean } from './aggregate.ts'
import { cispo, type Clip, dppo, lowHigh, sapo, symmetric, unclipped } from './clip.ts'
import { importanceK3, k1, k2, k3, type Kl } from './kl.ts'
import { GRPO_OBJECTIVE, type ObjectiveConfig } from './objective.ts'
import { geometric, type Ratio, sequenceRatio, sequenceTokenRatio, tokenRatio } from './ratio.ts'
import {
  allNear,
  batches,
  dirtied,
  gradOf,
  type Host,
  lossOf,
  maskOf,
  near,
  rowsOf,
  sumOf,
} from '../policy/rollouts.support.ts'

const L_MAX = 7
const advantages: Readonly<Record<string, Advantage>> = {
  group: group(),
  drGrpo,
  rloo,
  batchStd: batchStd(),
  maxRl,
  reinforcePlusPlus: reinforcePlusPlus(),
  gdpo: (correct) => gdpo({ correct: 1 })({ correct }),
  'group, ddof 0': group({ ddof: 0, eps: 0 }),
}
const ratios: Readonly<Record<string, Ratio>> = {
  token: tokenRatio,
  sequence: sequenceRatio,
  'sequence, token gradient': sequenceTokenRatio,
  geometric: geometric({ low: 0.4, high: 0.4 }),
}
const clips: Readonly<Record<string, Clip>> = {
  symmetric: symmetric(0.2),
  'low/high': lowHigh({ low: 0.2, high: 0.28 }),
  dual: lowHigh({ low: 0.2, high: 0.28, delta: 3 }),
  cispo: cispo(0.28),
  sapo: sapo(1, 1.05),
  dppo: dppo(0.15),
  none: unclipped,
}
const kls: Readonly<Record<string, Kl>> = { k1, k2, k3, 'rho k3': importanceK3 }
const aggregates: Readonly<Record<string, readonly [Aggregate, (length: number, h: Host) => number]>> = {
  // With the weight that a token has in a sequence of this length.
  sequenceMean: [sequenceMean, (length, h) => 1 / (length * h.B)],
  tokenMean: [tokenMean, (_, h) => 1 / sumOf(h.lengths)],
  constant: [constant(L_MAX), (_, h) => 1 / (L_MAX * h.B)],
}

interface Variant {
  readonly name: string
  readonly advantage: Advantage
  readonly parts: ObjectiveConfig
  readonly kl: string
  readonly aggregate: string
  readonly tokenWeight: (length: number, h: Host) => number
}
const variants: readonly Variant[] = Object.entries(advantages).flatMap(([a, advantage]) =>
  Object.entries(ratios).flatMap(([r, ratio]) =>
    Object.entries(clips).flatMap(([c, clip]) =>
      Object.entries(kls).flatMap(([k, kl]) =>
        Object.entries(aggregates).map(([g, [aggregate, tokenWeight]]) => ({
          name: [a, r, c, k, g].join(' x '),
          advantage,
          parts: { ...GRPO_OBJECTIVE, ratio, clip, kl, aggregate },
          kl: k,
          aggregate: g,
          tokenWeight,
        })),
      ),
    ),
  ),
)

// A batch of one group for each variant: the same for the same variant, none for two.
const samples = fc.sample(
  fc.record({
    h: batches,
    rewards: fc.array(
      fc.integer({ min: 0, max: 8 }).map((n) => n / 8),
      { minLength: 5, maxLength: 5 },
    ),
  }),
  { seed: 1, numRuns: variants.length },
)
/** The variants for which a law does not hold: of all, or of every objective with one of the advantages in turn. */
const failing = (of: 'all' | 'objectives', holds: (variant: Variant, h: Host) => boolean): readonly string[] =>
  variants.flatMap((variant, i) => {
    const objectives = variants.length / Object.keys(advantages).length
    if (of === 'objectives' && (i % objectives) % 8 !== Math.floor(i / objectives)) return []
    const { h, rewards } = samples[i]!
    const [as] = variant.advantage([rewards.slice(0, h.B)])
    return holds(variant, { ...h, advantages: as! }) ? [] : [variant.name]
  })

describe(`${variants.length} variants`, () => {
  test('on policy, the gradient is that of REINFORCE with the weights of the aggregation', () => {
    expect(
      failing('all', ({ parts, tokenWeight }, h) => {
        const expected = maskOf(h).map((m, i) => {
          const b = Math.floor(i / h.T)
          return m === 0 ? 0 : -h.advantages[b]! * tokenWeight(h.lengths[b]!, h)
        })
        return allNear(gradOf(parts, { ...h, oldLogp: h.logp }), expected, 1e-5)
      }),
    ).toEqual([])
  })

  test('equal rewards give exactly no gradient, on policy or off it', () => {
    expect(
      failing('all', ({ advantage, parts }, h) => {
        const [as] = advantage([Array<number>(h.B).fill(0.3)])
        return gradOf(parts, { ...h, advantages: as! }).every((g) => g === 0)
      }),
    ).toEqual([])
  })

  test('the parts of a batch add up to the whole, the KL term included', () => {
    expect(
      failing('objectives', ({ parts }, h) => {
        const config = { ...parts, beta: 0.1 }
        const totals = { sequences: scalar(h.B), tokens: scalar(sumOf(h.lengths)) }
        const at = Math.floor(h.B / 2)
        const halves = [rowsOf(h, 0, at), rowsOf(h, at, h.B)].filter((part) => part.B > 0)
        return (
          near(sumOf(halves.map((part) => lossOf(config, part, { totals }))), lossOf(config, h), 1e-5) &&
          allNear(
            halves.flatMap((part) => gradOf(config, part, { totals })),
            gradOf(config, h),
            1e-5,
          )
        )
      }),
    ).toEqual([])
  })

  test('the KL term is beta times an amount that no other part than estimate and aggregation decides', () => {
    expect(
      failing('objectives', ({ parts, kl, aggregate }, h) => {
        const own = { ...GRPO_OBJECTIVE, kl: kls[kl]!, aggregate: aggregates[aggregate]![0], beta: 1 }
        const alone = lossOf(own, { ...h, advantages: h.advantages.map(() => 0) })
        const added = (beta: number): number => lossOf({ ...parts, beta }, h) - lossOf(parts, h)
        return near(added(0.5), 0.5 * alone, 1e-5) && near(added(2), 2 * alone, 1e-5)
      }),
    ).toEqual([])
  })

  test('what stands under the padding changes neither loss nor gradient', () => {
    expect(
      failing('objectives', ({ parts }, h) => {
        const config = { ...parts, beta: 0.1 }
        const dirty = dirtied(h, 1e4, -1e4)
        return lossOf(config, dirty) === lossOf(config, h) && allNear(gradOf(config, dirty), gradOf(config, h), 1e-12)
      }),
    ).toEqual([])
  })
})

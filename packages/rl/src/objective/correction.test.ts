import { type Floats } from '@adjoint/nn'
import { ones, tensor, zeros } from '@adjoint/tensor'
import fc from 'fast-check'
import { concatAll } from 'fp-ts/lib/Monoid.js'
import { describe, expect, test } from 'vitest'
import { type Correction, correctionMonoid, mis, offPolicyMask, sequenceLevel, tis, tokenLevel } from './correction.ts'
import {
  allNear,
  batches,
  dirtied,
  type Host,
  junk,
  law,
  maskOf,
  near,
  sumOf,
  values,
} from '../policy/rollouts.support.ts'

/** A correction for the batch whose sampler is what `Host` calls the old policy. */
const of = (correction: Correction, h: Host): readonly number[] =>
  values(
    correction(
      tensor(h.logp, [h.B, h.T]),
      tensor(h.oldLogp, [h.B, h.T]),
      tensor(maskOf(h), [h.B, h.T]),
      tensor(h.advantages, [h.B, 1]),
    ),
  )
const rhos = (h: Host): readonly number[] =>
  maskOf(h).map((m, i) => (m === 1 ? Math.exp(h.logp[i]! - h.oldLogp[i]!) : 1))
const sequenceRhos = (h: Host): readonly number[] =>
  h.lengths.map((_, b) =>
    rhos(h)
      .slice(b * h.T, (b + 1) * h.T)
      .reduce((p, r) => p * r, 1),
  )
const clear = (xs: readonly number[], bounds: readonly number[]): boolean =>
  xs.every((x) => bounds.every((bound) => Math.abs(x - bound) > 1e-6))

const corrections: readonly (readonly [string, Correction])[] = [
  ['tis by token', tis({ level: tokenLevel, high: 1.5 })],
  ['tis by sequence', tis({ level: sequenceLevel, high: 1.5 })],
  ['mis by token', mis({ level: tokenLevel, low: 0.5, high: 2 })],
  ['mis by sequence', mis({ level: sequenceLevel, low: 0.5, high: 2 })],
  ['off-policy mask', offPolicyMask(0.3)],
]

describe('known values', () => {
  const ratios = [0.25, 0.5, 1, 2, 4]
  const logp: Floats = tensor(ratios.map(Math.log), [1, 5])
  const at = (correction: Correction): readonly number[] =>
    values(correction(logp, zeros([1, 5]), ones([1, 5]), ones([1, 1])))

  test('masked to [.5, 2], the bounds within', () => {
    expect(at(mis({ level: tokenLevel, low: 0.5, high: 2 }))).toEqual(
      [0, 0.5, 1, 2, 0].map((x) => expect.closeTo(x, 6) as unknown),
    )
  })
  test('truncated at 2; truncated and masked', () => {
    expect(at(tis({ level: tokenLevel, high: 2 }))).toEqual(
      [0.25, 0.5, 1, 2, 2].map((x) => expect.closeTo(x, 6) as unknown),
    )
    const both = correctionMonoid.concat(
      mis({ level: tokenLevel, low: 0.5, high: 4 }),
      tis({ level: tokenLevel, high: 1 }),
    )
    expect(at(both)).toEqual([0, 0.25, 1, 2, 4].map((x) => expect.closeTo(x, 6) as unknown))
  })
  test('a sequence has the product of its tokens', () => {
    const two = tensor([Math.log(2), Math.log(3)], [1, 2])
    const weight = (correction: Correction): readonly number[] =>
      values(correction(two, zeros([1, 2]), ones([1, 2]), ones([1, 1])))
    expect(weight(tis({ level: sequenceLevel, high: 10 }))).toEqual([expect.closeTo(6, 5)])
    expect(weight(tis({ level: sequenceLevel, high: 5 }))).toEqual([5])
    expect(weight(mis({ level: sequenceLevel, low: 0.5, high: 5 }))).toEqual([0])
  })
  test('the off-policy mask takes advantages into account, and the mean over tokens', () => {
    const logps = tensor([-3, -3, -1, -3, -3, 0], [3, 2])
    const sampler = tensor([-1, -1, -1, -1, -1, 0], [3, 2])
    const mask = tensor([1, 1, 1, 1, 1, 0], [3, 2])
    const kept = (delta: number, advantages: readonly number[]): readonly number[] =>
      values(offPolicyMask(delta)(logps, sampler, mask, tensor(advantages, [3, 1])))
    // The sampler's lead, in nats a token: 2, 1, 2.
    expect(kept(1.5, [-1, -1, -1])).toEqual([0, 1, 0])
    expect(kept(1.5, [1, -1, 0])).toEqual([1, 1, 1])
    expect(kept(0.5, [-1, -1, 1])).toEqual([0, 0, 1])
    expect(kept(2, [-1, -1, -1])).toEqual([1, 1, 1])
  })
})

describe.each(corrections)('%s', (name, correction) => {
  law('is 1 where the sampler is the policy', batches, (h) =>
    of(correction, { ...h, oldLogp: h.logp }).every((w) => w === 1),
  )

  law('does not see what padding holds', fc.tuple(batches, junk, junk), ([h, x, y]) => {
    const [clean, dirty] = [of(correction, h), of(correction, dirtied(h, x, y))]
    return clean.length === dirty.length && clean.every((w, i) => w === dirty[i])
  })

  law(
    'is one factor a token, or one a sequence',
    batches,
    (h) => of(correction, h).length === (name.endsWith('token') ? h.B * h.T : h.B),
  )

  law('is a number, however far apart the two are', fc.tuple(batches, fc.constantFrom(-1e4, 1e4)), ([h, far]) =>
    of(correction, { ...h, oldLogp: h.oldLogp.map((l) => l + far) }).every((w) => w >= 0 && w <= 2),
  )
})

describe('importance weights', () => {
  law('are rho, held or dropped', batches, (h) => {
    if (!clear([...rhos(h), ...sequenceRhos(h)], [0.5, 1.5, 2])) return
    const truncated = (r: number): number => Math.min(r, 1.5)
    const kept = (r: number): number => (r >= 0.5 && r <= 2 ? r : 0)
    return (
      allNear(of(corrections[0]![1], h), rhos(h).map(truncated)) &&
      allNear(of(corrections[1]![1], h), sequenceRhos(h).map(truncated)) &&
      allNear(of(corrections[2]![1], h), rhos(h).map(kept)) &&
      allNear(of(corrections[3]![1], h), sequenceRhos(h).map(kept))
    )
  })

  // Two tokens over three actions each, both positions of one distribution: 9 sequences, enumerated.
  const policy = fc
    .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
    .map((t) => t.map((x) => x - Math.log(sumOf(t.map(Math.exp)))))
  law(
    'by sequence, uncut, they make expectations under the sampler those under the policy',
    fc.tuple(policy, policy, fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 9, maxLength: 9 })),
    ([pi, mu, f]) => {
      const sequences = Array.from({ length: 9 }, (_, i) => [i % 3, Math.floor(i / 3)] as const)
      const scored = (p: readonly number[]): Floats =>
        tensor(
          sequences.flatMap(([a, b]) => [p[a]!, p[b]!]),
          [9, 2],
        )
      const w = values(tis({ level: sequenceLevel, high: 1e6 })(scored(pi), scored(mu), ones([9, 2]), ones([9, 1])))
      const chance = (p: readonly number[], i: number): number => Math.exp(p[sequences[i]![0]]! + p[sequences[i]![1]]!)
      const under = (p: readonly number[], weigh: (i: number) => number): number =>
        sumOf(f.map((v, i) => chance(p, i) * weigh(i) * v))
      return near(
        under(mu, (i) => w[i]!),
        under(pi, () => 1),
        1e-5,
      )
    },
  )

  law('the tighter the truncation, the smaller the weights; never above rho', batches, (h) => {
    const [tight, loose] = [1.2, 1.8].map((high) => of(tis({ level: tokenLevel, high }), h)) as [
      readonly number[],
      readonly number[],
    ]
    return tight.every((w, i) => w <= loose[i]! + 1e-12 && loose[i]! <= rhos(h)[i]! * (1 + 1e-6))
  })
})

describe('the monoid of corrections', () => {
  const some = fc.constantFrom(...corrections.map(([, c]) => c))
  law(
    'is associative, has 1 as its unit, and multiplies',
    fc.tuple(batches, some, some, some),
    ([h, f, g, k]) => {
      const { concat, empty } = correctionMonoid
      const spread = (c: Correction): readonly number[] => {
        const w = of(c, h)
        return w.length === h.B ? w.flatMap((x) => Array<number>(h.T).fill(x)) : w
      }
      const product = spread(f).map((x, i) => x * spread(g)[i]!)
      return (
        allNear(spread(concat(f, g)), product) &&
        allNear(spread(concat(concat(f, g), k)), spread(concat(f, concat(g, k)))) &&
        allNear(spread(concat(f, empty)), spread(f)) &&
        allNear(spread(concat(empty, f)), spread(f)) &&
        allNear(spread(concatAll(correctionMonoid)([f, g])), product)
      )
    },
    40,
  )
})

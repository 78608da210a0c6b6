import { type Floats, transformer } from '@adjoint/nn'
import { grad } from '@adjoint/autograd'
import { type Scalar, slice, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sequenceMean, totalsOf } from '../objective/aggregate.ts'
import { near, value, values } from '../policy/rollouts.support.ts'
import { forwardKl, generalizedJsd, reverseKl } from './divergence.ts'
import { demandVocabulary, distillLoss } from './loss.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { mod10Chain } from '../task/chain.ts'

const [T, V] = [3, 4]
const logits = (rows: number): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: rows * T * V, maxLength: rows * T * V })
interface Host {
  readonly B: number
  readonly lengths: readonly number[]
  readonly t: readonly number[]
  readonly s: readonly number[]
}
const batches = fc.integer({ min: 1, max: 4 }).chain((B) =>
  fc.record({
    B: fc.constant(B),
    lengths: fc.array(fc.integer({ min: 0, max: T }), { minLength: B, maxLength: B }),
    t: logits(B),
    s: logits(B),
  }),
)
const isKept = ({ lengths }: Host, token: number): boolean => token % T < lengths[Math.floor(token / T)]!
const maskOf = (h: Host): Floats =>
  tensor(
    Array.from({ length: h.B * T }, (_, i) => (isKept(h, i) ? 1 : 0)),
    [h.B, T],
  )
const cube = (h: Host, xs: readonly number[]): Floats => tensor(xs, [h.B, T, V])
const kinds = [forwardKl, reverseKl, generalizedJsd(0.5), generalizedJsd(0.1)]

describe('the loss', () => {
  test('is the mean over kept tokens; nothing kept is 0', () => {
    fc.assert(
      fc.property(batches, (h) => {
        for (const divergence of kinds) {
          const each = values(divergence(cube(h, h.t), cube(h, h.s)))
          const kept = each.filter((_, i) => isKept(h, i))
          const mean = kept.reduce((a, b) => a + b, 0) / Math.max(1, kept.length)
          expect(value(distillLoss({ divergence })(cube(h, h.t), cube(h, h.s), maskOf(h)))).toBeCloseTo(mean, 6)
        }
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  test('and its gradient do not see padding, whatever stands there', () => {
    fc.assert(
      fc.property(batches, fc.constantFrom(1e4, -1e4, NaN, Infinity, -Infinity), (h, noise) => {
        const spoilt = (xs: readonly number[]): readonly number[] =>
          xs.map((x, i) => (isKept(h, Math.floor(i / V)) ? x : i % 2 === 0 ? noise : 0))
        for (const divergence of kinds) {
          const loss = (t: readonly number[]) => (s: Floats) => distillLoss({ divergence })(cube(h, t), s, maskOf(h))
          const clean = values(grad(loss(h.t))(cube(h, h.s)))
          expect(value(loss(spoilt(h.t))(cube(h, spoilt(h.s))))).toBe(value(loss(h.t)(cube(h, h.s))))
          expect(values(grad(loss(spoilt(h.t)))(cube(h, spoilt(h.s))))).toEqual(clean)
          expect(clean.every((g, i) => isKept(h, Math.floor(i / V)) || g === 0)).toBe(true)
        }
      }),
      { seed: 1, numRuns: 30 },
    )
  })

  test('teaches the student and not the teacher', () => {
    const h: Host = {
      B: 1,
      lengths: [3],
      t: Array.from({ length: 12 }, (_, i) => Math.sin(i)),
      s: Array.from({ length: 12 }, (_, i) => Math.cos(i)),
    }
    const loss = (t: Floats, s: Floats): Scalar => distillLoss({ divergence: reverseKl })(t, s, maskOf(h))
    expect(values(grad((t: Floats) => loss(t, cube(h, h.s)))(cube(h, h.t))).every((g) => g === 0)).toBe(true)
    expect(values(grad((s: Floats) => loss(cube(h, h.t), s))(cube(h, h.s))).some((g) => g !== 0)).toBe(true)
  })

  test('of parts of uneven length add up to that of the whole, by tokens and by sequences', () => {
    fc.assert(
      fc.property(
        batches.filter((h) => h.B > 1),
        (h) => {
          for (const objective of [{ divergence: forwardKl }, { divergence: forwardKl, aggregate: sequenceMean }]) {
            const [t, s, mask] = [cube(h, h.t), cube(h, h.s), maskOf(h)]
            const totals = totalsOf(mask)
            const part = (from: number, to: number): number =>
              value(
                distillLoss(objective)(
                  slice([from, 0, 0], [to, T, V])(t),
                  slice([from, 0, 0], [to, T, V])(s),
                  slice([from, 0], [to, T])(mask),
                  totals,
                ),
              )
            const whole = value(distillLoss(objective)(t, s, mask))
            expect(near(part(0, 1) + part(1, h.B), whole)).toBe(true)
          }
        },
      ),
      { seed: 1, numRuns: 30 },
    )
  })

  test('asks for one vocabulary', () => {
    const of = (vocab: number) =>
      transformerPolicy(transformer({ vocab, width: 8, layers: 1, heads: 1, context: 4 }), {
        ...mod10Chain.vocabulary,
        size: 5,
      })
    expect(() => demandVocabulary('distillation', of(5), of(6))).toThrow(/5 tokens and the teacher 6/)
    expect(() => demandVocabulary('distillation', of(5), of(5))).not.toThrow()
  })
})

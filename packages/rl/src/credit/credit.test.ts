import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drGrpo, group, type Groups, rloo } from './advantage.ts'
import { gdpo } from './gdpo.ts'
import { processReward } from './process.ts'
import { byReward, type Graded, klInReward, outcome, relabelled, returnsToGo, stepwise } from './credit.ts'
import { hostKey } from '../run/keys.ts'

const key = hostKey(0)
const row = fc.record({
  reward: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: -8, max: 8 }).map((n) => n / 4) }, fc.constant(NaN)),
  kl: fc.array(
    fc.integer({ min: -8, max: 8 }).map((n) => n / 8),
    { minLength: 1, maxLength: 4 },
  ),
})
const graded = fc.integer({ min: 1, max: 4 }).chain((size) =>
  fc
    .array(fc.array(row, { minLength: size, maxLength: size }), { minLength: 1, maxLength: 4 })
    .map((groups): Graded<null> => {
      const rows = groups.flat()
      return {
        group: size,
        samples: rows.map(({ kl }) => ({
          problem: null,
          prompt: '',
          completion: '',
          length: kl.length,
          terminated: true,
        })),
        breakdowns: rows.map(({ reward }) => ({ total: 2 * reward, parts: { correct: reward } })),
        steps: rows.map(({ reward, kl }) => [{ end: kl.length - 1, reward: 2 * reward }]),
        kl: rows.map((r) => r.kl),
      }
    }),
)
const config = { seed: 1, numRuns: 300 }
const totals = ({ breakdowns, group: size }: Graded<null>): readonly (readonly number[])[] =>
  Array.from({ length: breakdowns.length / size }, (_, g) =>
    breakdowns.slice(g * size, (g + 1) * size).map((b) => b.total),
  )

describe('credit', () => {
  test('by outcome is the advantage of the totals, row by row', () => {
    fc.assert(
      fc.property(graded, (g) => {
        expect(outcome(drGrpo)(g, key)).toEqual(drGrpo(totals(g)).flat())
      }),
      config,
    )
  })

  test('by each reward sees the parts, not the totals', () => {
    fc.assert(
      fc.property(graded, (g) => {
        const parts = totals(g).map((rewards) => rewards.map((r) => r / 2))
        expect(byReward(({ correct }) => drGrpo(correct!))(g, key)).toEqual(drGrpo(parts).flat())
        expect(byReward(gdpo({ correct: 1 }))(g, key)).toEqual(gdpo({ correct: 1 })({ correct: parts }).flat())
      }),
      config,
    )
  })

  test('by steps, one at the end of each completion, is that by outcome at every token', () => {
    fc.assert(
      fc.property(graded, (g) => {
        const whole = outcome(group())(g, key)
        const each = stepwise(processReward())(g, key)
        each.forEach((credit, i) => {
          expect(credit).toHaveLength(g.samples[i]!.length)
          for (const a of credit as readonly number[]) expect(a).toBeCloseTo(whole[i] as number, 10)
        })
      }),
      config,
    )
    const none = { group: 1, samples: [], breakdowns: [], steps: null, kl: null }
    expect(() => stepwise(processReward())(none, key)).toThrow(/no rewards of steps/)
  })

  test('relabelled by the identity is itself; relabelling is a functor', () => {
    const double = (rewards: readonly (readonly number[])[]) => rewards.map((g) => g.map((r) => 2 * r))
    fc.assert(
      fc.property(graded, (g) => {
        const credit = outcome(rloo)
        expect(relabelled((rewards) => rewards)(credit)(g, key)).toEqual(credit(g, key))
        expect(relabelled(double)(relabelled(double)(credit))(g, key)).toEqual(
          relabelled((r) => double(double(r)))(credit)(g, key),
        )
      }),
      config,
    )
    const keys: unknown[] = []
    const spy = relabelled((rewards, k) => (keys.push(k), rewards))(outcome(rloo))
    spy({ group: 1, samples: [], breakdowns: [], steps: null, kl: null }, key)
    expect(keys).toEqual([key])
  })

  test('KL in the reward charges the whole completion, before the baseline', () => {
    fc.assert(
      fc.property(graded, (g) => {
        const charged = totals(g).map((rewards, i) =>
          rewards.map((r, j) => r - 0.5 * g.kl![i * g.group + j]!.reduce((s, x) => s + x, 0)),
        )
        expect(klInReward(0.5)(outcome(drGrpo))(g, key)).toEqual(drGrpo(charged).flat())
        expect(klInReward(0)(outcome(drGrpo))(g, key)).toEqual(outcome(drGrpo)(g, key))
      }),
      config,
    )
    const none = { group: 1, samples: [], breakdowns: [], steps: [], kl: null }
    expect(() => klInReward(1)(outcome(drGrpo))(none, key)).toThrow(/no reference policy/)
    expect(() => returnsToGo(1)(none, key)).toThrow(/no reference policy/)
  })

  test('returns to go: without KL all tokens of a completion have one credit, and those of the batch sum to 0', () => {
    fc.assert(
      fc.property(graded, (g) => {
        const plain = returnsToGo(0)(g, key) as readonly (readonly number[])[]
        plain.forEach((tokens) => expect(new Set(tokens).size).toBe(1))
        const charged = returnsToGo(0.5)(g, key) as readonly (readonly number[])[]
        expect(charged.flat().reduce((s, x) => s + x, 0)).toBeCloseTo(0, 6)
      }),
      config,
    )
  })
})

test('what relabels rewards draws from the key of the credit', () => {
  const drawn = relabelled((rewards, [, low]) => rewards.map((g) => g.map((_, i) => i * low)))(outcome(drGrpo))
  const sample = { problem: null, prompt: '', completion: '', length: 1, terminated: true }
  const two: Graded<null> = {
    group: 2,
    samples: [sample, sample],
    breakdowns: [0, 0].map((total) => ({ total, parts: {} })),
    steps: null,
    kl: null,
  }
  expect(drawn(two, hostKey(8))).toEqual([-4, 4])
})

test('what relabels rewards gives as many to each group, and no infinity', () => {
  fc.assert(
    fc.property(graded, (g) => {
      const to = (relabel: (rewards: readonly (readonly number[])[]) => readonly (readonly number[])[]) => () =>
        relabelled(relabel)(outcome(drGrpo))(g, key)
      expect(to((rewards) => rewards.slice(1))).toThrow(/relabelled: groups of .* rewards were relabelled as/)
      expect(to((rewards) => rewards.map((one) => one.slice(1)))).toThrow(/relabelled: groups/)
      expect(to((rewards) => rewards.map((one) => one.map(() => Infinity)))).toThrow(/relabelled: groups/)
      expect(to((rewards) => rewards.map((one) => one.map(() => NaN)))()).toEqual(g.samples.map(() => 0))
    }),
    config,
  )
})

test.each([
  ['flat', (rewards: Groups) => rewards.flat()],
  ['in one group', (rewards: Groups) => [rewards.flat()]],
  ['of other lengths', (rewards: Groups) => rewards.map((rs, g) => (g === 0 ? rs.slice(1) : [...rs, 0]))],
  ['promised', (rewards: Groups) => Promise.resolve(rewards)],
])('advantages that are %s are refused: they would go to other completions', (_, advantage) => {
  const breakdowns = [1, 0, 0, 1].map((total) => ({ total, parts: { correct: total } }))
  const graded = { group: 2, samples: [], breakdowns, kl: null } as unknown as Graded<unknown>
  const said = /: groups of 2, 2 rewards, and the advantage gave .+\. Give a list for each group/
  expect(() => outcome(advantage as never)(graded, hostKey(0))).toThrow(said)
  expect(() =>
    byReward((({ correct }: { correct: Groups }) => advantage(correct)) as never)(graded, hostKey(0)),
  ).toThrow(said)
  expect(outcome((rewards) => rewards)(graded, hostKey(0))).toEqual([1, 0, 0, 1])
})

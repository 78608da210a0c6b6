import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostKey } from '../run/keys.ts'
import { batchStd, drGrpo, group, maxRl, reinforcePlusPlus, rloo } from './advantage.ts'
import { byReward, type Credit, type Graded, klInReward, outcome, relabelled, returnsToGo, stepwise } from './credit.ts'
import { gdpo } from './gdpo.ts'
import { assign, type Offer, requireCredit, requireReference } from './demands.ts'
import { processReward } from './process.ts'
import { presets } from '../objective/presets.ts'

const key = hostKey(0)
const rewards = [
  { name: 'correct', weight: 1 },
  { name: 'format', weight: 0.1 },
]
const credits: Readonly<Record<string, Credit<unknown>>> = {
  ...Object.fromEntries(
    Object.entries({
      group: group(),
      drGrpo,
      rloo,
      batchStd: batchStd(),
      maxRl,
      reinforcePlusPlus: reinforcePlusPlus(),
    }).map(([name, advantage]) => [name, outcome(advantage)]),
  ),
  gdpo: byReward(gdpo({ correct: 1, format: 0.5 })),
  byReward: byReward(({ correct }) => drGrpo(correct!)),
  stepwise: stepwise(processReward()),
  returnsToGo: returnsToGo(0.1),
}
const wrapped = fc
  .tuple(fc.constantFrom(...Object.entries(credits)), fc.array(fc.constantFrom('relabelled', 'klInReward')))
  .map(([[name, credit], wrappers]) => ({
    name,
    credit: wrappers.reduce(
      (inner, wrapper) => (wrapper === 'relabelled' ? relabelled((r) => r)(inner) : klInReward(0.1)(inner)),
      credit,
    ),
    reference: name === 'returnsToGo' || wrappers.includes('klInReward'),
  }))
const offer = { group: 4, prompts: 2, rewards, processReward: () => undefined }
const refused = (over: Partial<Offer> & { readonly credit: unknown }) => () =>
  requireCredit('step', { ...offer, ...over })

// Rewards of all kinds, of one group: what a credit that compares completions says of a group of one is 0, always.
const batch = (size: number, totals: readonly number[]): Graded<unknown> => ({
  group: size,
  samples: totals.map(() => ({ problem: null, prompt: 'p', completion: 'c', length: 2, terminated: true })),
  breakdowns: totals.map((total) => ({ total, parts: { correct: total, format: total } })),
  steps: totals.map((reward) => [{ end: 1, reward }]),
  kl: totals.map(() => [0.5, -0.25]),
})

describe('what a credit needs', () => {
  test('goes with it through whatever wraps it', () => {
    fc.assert(
      fc.property(wrapped, ({ name, credit, reference }) => {
        expect(refused({ credit })).not.toThrow()
        const compares = !['reinforcePlusPlus', 'byReward', 'stepwise', 'returnsToGo'].includes(name)
        const alone = expect(refused({ credit, group: 1 }))
        if (compares) alone.toThrow('step: group is 1, and the credit compares at least 2 completions to a prompt')
        else alone.not.toThrow()
        const single = expect(refused({ credit, group: 1, prompts: 1 }))
        if (name === 'reinforcePlusPlus') single.toThrow('step: a batch has 1 x 1 completions')
        const none = expect(refused({ credit, rewards: [] }))
        if (name === 'stepwise') none.not.toThrow()
        else
          none.toThrow(
            name === 'gdpo' ? /reads the rewards "correct", "format", and those given are none/ : /there are none/,
          )
        const noSteps = expect(refused({ credit, processReward: undefined }))
        if (name === 'stepwise') noSteps.toThrow(/there is no processReward/)
        else noSteps.not.toThrow()
        const asked = expect(() => requireReference('step', { credit, objective: { beta: 0 } }, null))
        if (reference) asked.toThrow('step: the credit reads the KL, but the state has no reference')
        else asked.not.toThrow()
        expect(() => requireReference('step', { credit, objective: { beta: 0 } }, {})).not.toThrow()
        expect(() => requireReference('step', { credit, objective: { beta: 0.1 } }, null)).toThrow(
          'step: beta is not 0',
        )
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('is what it says: alone in its group, a completion that is compared gets 0 whatever its reward', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 5 }), (totals) => {
        for (const credit of Object.values(credits))
          if (credit.needs?.group === 2) expect(credit(batch(1, totals), key)).toEqual(totals.map(() => 0))
      }),
      { seed: 1, numRuns: 50 },
    )
    // And two that differ get something else.
    for (const credit of Object.values(credits))
      expect(
        credit(batch(2, [1, 0]), key)
          .flat()
          .some((a) => a !== 0),
      ).toBe(true)
  })

  test('is asked of all presets', () => {
    const all = { ...presets, drGrpo: presets.drGrpo(8), gdpo: presets.gdpo({ correct: 1 }) }
    for (const [name, { credit }] of Object.entries(all)) {
      expect(refused({ credit }), name).not.toThrow()
      expect(refused({ credit, group: 1, prompts: 1 }), name).toThrow()
      expect(refused({ credit, rewards: [] }), name).toThrow()
    }
    expect(refused({ credit: presets.gdpo({ right: 1 }).credit })).toThrow(
      'the credit reads the rewards "right", and those given are "correct", "format"',
    )
  })

  test('no credit, no weight and settings that are none are refused', () => {
    for (const credit of [undefined, null, 'rloo', presets.grpo])
      expect(refused({ credit })).toThrow(/step: credit is .*\{ \.\.\.presets\.drGrpo\(512\) \}/)
    const watched = rewards.map(({ name }) => ({ name, weight: 0 }))
    expect(refused({ credit: outcome(rloo), rewards: watched })).toThrow('all have weight 0')
    expect(refused({ credit: byReward(gdpo({ correct: 1 })), rewards: watched })).not.toThrow()
    expect(refused({ credit: () => [] })).not.toThrow()
    for (const bad of [
      { ddof: 1, eps: NaN },
      { ddof: 2, eps: 0 },
      { ddof: 1, eps: -1 },
    ] as never[])
      for (const make of [group, batchStd, reinforcePlusPlus, processReward])
        expect(() => make(bad)).toThrow(/a deviation of ddof \d and eps/)
    for (const beta of [NaN, -1]) {
      expect(() => klInReward(beta)).toThrow(/klInReward: beta is/)
      expect(() => returnsToGo(beta)).toThrow(/returnsToGo: beta is/)
    }
  })
})

describe('assigned credit', () => {
  const given = (...advantages: readonly unknown[]) =>
    assign('step', (() => advantages) as unknown as Credit<unknown>)(batch(2, [1, 0]), key)

  test('is passed on where there is one a completion, or one a token of it', () => {
    expect(given(1, [2, 3])).toEqual([1, [2, 3]])
    expect(given([0, 0], -0.5)).toEqual([[0, 0], -0.5])
    for (const credit of Object.values(credits))
      expect(assign('step', credit)(batch(2, [1, 0, 2, 2]), key)).toEqual(credit(batch(2, [1, 0, 2, 2]), key))
  })

  test('of another length, or that is no number, is refused, and says where', () => {
    expect(() => given(1)).toThrow('step: the credit gave 1 advantages for 2 completions')
    expect(() => given(1, 2, 3)).toThrow('step: the credit gave 3 advantages for 2 completions')
    for (const list of [[], [1], [1, 2, 3]])
      expect(() => given(1, list)).toThrow(
        `step: the credit gave ${list.length} advantages for the 2 tokens of sample 2 of 2 (prompt "p", completion "c")`,
      )
    for (const bad of [NaN, Infinity, undefined, null, '1', {}]) {
      expect(() => given(bad, 1)).toThrow(/step: the credit gave the advantage .* to sample 1 of 2/)
      expect(() => given(1, [0, bad])).toThrow(/step: the credit gave the advantage .* to sample 2 of 2/)
    }
    const nothing = (() => undefined) as unknown as Credit<unknown>
    expect(() => assign('step', nothing)(batch(1, [1]), key)).toThrow('gave undefined advantages for 1 completions')
  })
})

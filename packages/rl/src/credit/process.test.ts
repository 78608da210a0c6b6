import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { group } from './advantage.ts'
import { processReward, type Steps } from './process.ts'
import { allNear, law, sumOf } from '../policy/rollouts.support.ts'

const sharp = { ddof: 1, eps: 0 } as const
const reward = fc.integer({ min: -8, max: 8 }).map((n) => n / 4)
const completion = (of: fc.Arbitrary<number>): fc.Arbitrary<Steps> =>
  fc.integer({ min: 1, max: 6 }).chain((length) =>
    fc.record({
      length: fc.constant(length),
      steps: fc
        .uniqueArray(fc.nat({ max: length - 1 }), { maxLength: length })
        .chain((ends) => fc.tuple(...ends.map((end) => of.map((r) => ({ end, reward: r }))))),
    }),
  )
const groups = (of = reward): fc.Arbitrary<readonly Steps[]> => fc.array(completion(of), { minLength: 1, maxLength: 4 })
const one = (
  completions: readonly Steps[],
  deviation?: Parameters<typeof processReward>[0],
): readonly (readonly number[])[] => processReward(deviation)([completions])[0]!

describe('processReward', () => {
  test('by hand', () => {
    const right = {
      length: 3,
      steps: [
        { end: 0, reward: 1 },
        { end: 2, reward: 1 },
      ],
    }
    const wrong = {
      length: 2,
      steps: [
        { end: 0, reward: 1 },
        { end: 1, reward: 0 },
      ],
    }
    // Rewards 1, 1, 1, 0: mean 3/4, deviation 1/2; z-scores 1/2, 1/2, 1/2, -3/2.
    expect(one([right, wrong], sharp)).toEqual([
      [1, 0.5, 0.5],
      [-1, -1.5],
    ])
  })

  law(
    'with one step a completion, at its last token, is group at every token',
    fc.array(fc.tuple(reward, fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 6 }),
    (cs) => {
      const as = one(cs.map(([r, length]) => ({ length, steps: [{ end: length - 1, reward: r }] })))
      const expected = group()([cs.map(([r]) => r)])[0]!
      return as.every((tokens, i) => tokens.length === cs[i]![1] && tokens.every((a) => a === expected[i]))
    },
  )

  law(
    'falls from token t to t + 1 by the score of the step that ends at t; nothing after the last step',
    groups(),
    (cs) => {
      const scores = group()([cs.flatMap((c) => c.steps.map((s) => s.reward))])[0]!
      let at = 0
      return one(cs).every((as, i) => {
        const ends = new Map(cs[i]!.steps.map((s) => [s.end, scores[at++]!]))
        const falls = as.map((a, t) => a - (as[t + 1] ?? 0))
        return allNear(
          falls,
          falls.map((_, t) => ends.get(t) ?? 0),
          1e-9,
        )
      })
    },
  )

  law('the scores of a group sum to 0', groups(), (cs) => {
    const as = one(cs)
    // What starts a completion holds all of its scores.
    return Math.abs(sumOf(as.map((tokens) => tokens[0]!))) < 1e-9
  })

  law('the order of steps, and that of completions, do not matter', groups(), (cs) => {
    const turned = [...cs].reverse().map((c) => ({ ...c, steps: [...c.steps].reverse() }))
    return allNear([...one(turned)].reverse().flat(), one(cs).flat(), 1e-9)
  })

  law(
    'does not change under r + c, near or far, nor under scaling',
    fc.tuple(groups(), fc.constantFrom(1e4, -3), fc.constantFrom(0.5, 4)),
    ([cs, c, k]) => {
      const of = (f: (r: number) => number): readonly number[] =>
        one(
          cs.map((x) => ({ ...x, steps: x.steps.map((s) => ({ ...s, reward: f(s.reward) })) })),
          sharp,
        ).flat()
      return (
        allNear(
          of((r) => r + c),
          of((r) => r),
          1e-9,
        ) &&
        allNear(
          of((r) => k * r),
          of((r) => r),
          1e-9,
        )
      )
    },
  )

  law('equal rewards give exactly 0', fc.tuple(groups(), reward), ([cs, r]) =>
    one(cs.map((c) => ({ ...c, steps: c.steps.map(({ end }) => ({ end, reward: r })) })))
      .flat()
      .every((a) => a === 0),
  )

  law('an absent reward is as a step that is not there', groups(fc.oneof(reward, fc.constant(NaN))), (cs) => {
    const known = cs.map((c) => ({ ...c, steps: c.steps.filter((s) => !Number.isNaN(s.reward)) }))
    return allNear(one(cs).flat(), one(known).flat(), 1e-12)
  })

  law('groups do not see each other', fc.tuple(groups(), groups()), ([x, y]) =>
    allNear(processReward()([x, y]).flat(2), [...one(x).flat(), ...one(y).flat()], 0),
  )

  test('a step must end within its completion', () => {
    for (const end of [2, -1, 0.5])
      expect(() => one([{ length: 2, steps: [{ end, reward: 1 }] }])).toThrow(/ends at token .* of 2 tokens/)
    expect(processReward()([[], [{ length: 0, steps: [] }]])).toEqual([[], [[]]])
  })
})

import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mod10Chain } from '../task/chain.ts'
import { cap, gate, type Reward, rewardMonoid, type Sample, type Score, sum, weighted } from './reward.ts'
import { accuracy, format } from './rules.ts'

type Text = Sample<null>
const sample = (completion: string, length = completion.length): Text => ({
  problem: null,
  prompt: '',
  completion,
  length,
  terminated: true,
})
// Adding 0 turns -0 into 0: the two are one number here.
const settle = async (score: Score): Promise<E.Either<unknown, number>> =>
  E.map((n: number) => n + 0)(typeof score === 'number' ? E.right(score) : await score())

// Rewards of every kind: at once, later, absent, failed. Dyadic numbers, so that addition is exactly associative.
const dyadic = fc.integer({ min: -64, max: 64 }).map((n) => n / 8)
const reward: fc.Arbitrary<Reward<null>> = fc.oneof(
  dyadic.map((x) => () => x),
  dyadic.map((x) => (s: Text) => s.length * x),
  dyadic.map((x) => () => TE.right(x)),
  fc.constantFrom<Reward<null>>(
    () => NaN,
    () => TE.left({ _tag: 'RewardFailed', message: 'down' }),
  ),
)
const samples = fc.nat({ max: 20 }).map((n) => sample('x'.repeat(n)))
const { concat, empty } = rewardMonoid<null>()

describe('rewards under addition', () => {
  test('are a monoid', async () => {
    await fc.assert(
      fc.asyncProperty(reward, reward, reward, samples, async (x, y, z, s) => {
        expect(await settle(concat(concat(x, y), z)(s))).toEqual(await settle(concat(x, concat(y, z))(s)))
        expect(await settle(concat(empty, x)(s))).toEqual(await settle(x(s)))
        expect(await settle(concat(x, empty)(s))).toEqual(await settle(x(s)))
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('weighing distributes over the sum', async () => {
    await fc.assert(
      fc.asyncProperty(reward, reward, samples, async (x, y, s) => {
        const left = await settle(weighted(0.5)(sum([x, y]))(s))
        expect(left).toEqual(await settle(sum([weighted(0.5)(x), weighted(0.5)(y)])(s)))
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('gate and cap', () => {
    const long = gate((s: Text) => s.length > 3)(() => 2)
    expect([long(sample('ab')), long(sample('abcd'))]).toEqual([0, 2])
    expect([-3, 0.5, 3].map((x) => cap({ min: -1, max: 1 })(() => x)(sample('')))).toEqual([-1, 0.5, 1])
    expect(cap({ max: 1 })(() => NaN)(sample(''))).toBeNaN()
  })
})

describe('rules', () => {
  test('accuracy reads the last answer, in whatever format', () => {
    const problem = { digits: [3, 8, 2, 9, 5], operators: ['+', '*', '-', '*'] } as const
    const correct = accuracy(mod10Chain.verify)
    const of = (completion: string): number => correct({ ...sample(completion), problem })
    expect(of('<think>1235</think><answer>5</answer>')).toBe(1)
    expect(of('<answer> 5 </answer>')).toBe(1)
    expect(of('<answer>5</answer><answer>4</answer>')).toBe(0)
    expect(of('5')).toBe(0)
  })

  test('format', () => {
    expect(format(sample('<think></think><answer>5</answer>'))).toBe(1)
    expect(format(sample('<answer>5</answer>'))).toBe(0)
  })
})

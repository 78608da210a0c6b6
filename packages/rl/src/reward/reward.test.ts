import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mod10Chain } from '../task/chain.ts'
import { cap, gate, type Reward, rewardMonoid, sum, weighted } from './reward.ts'
import type { Sample, Score } from './sample.ts'
import { accuracy, format } from './rules.ts'

type Text = Sample<null>
const sample = (completion: string, length = completion.length): Text => ({
  problem: null,
  prompt: '',
  completion,
  length,
  terminated: true,
})
const failed = E.left({ _tag: 'RewardFailed', message: 'down' } as const)
// Adding 0 turns -0 into 0: the two are one number here.
const settle = async (score: Score): Promise<E.Either<unknown, number>> =>
  E.map((n: number) => n + 0)(
    typeof score === 'number'
      ? E.right(score)
      : typeof score === 'function'
        ? await score()
        : await score.then(E.right, () => failed),
  )

// Rewards of every kind: at once, later, absent, failed. Dyadic numbers, so that addition is exactly associative.
const dyadic = fc.integer({ min: -64, max: 64 }).map((n) => n / 8)
const reward: fc.Arbitrary<Reward<null>> = fc.oneof(
  dyadic.map((x) => () => x),
  dyadic.map((x) => (s: Text) => s.length * x),
  dyadic.map((x) => () => TE.right(x)),
  dyadic.map((x) => () => Promise.resolve(x)),
  fc.constantFrom<Reward<null>>(
    () => NaN,
    () => TE.left({ _tag: 'RewardFailed', message: 'down' }),
    () => Promise.reject(new Error('down')),
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
    expect(cap({ max: 1 })(() => Infinity)(sample(''))).toBe(1)
  })

  // In arithmetic, undefined would be NaN, which says absent, and '7' would be 7.
  test('what is no number is thrown by whatever composes it, and not made one', async () => {
    const compositions: readonly ((reward: Reward<null>) => Reward<null>)[] = [
      weighted(0.5),
      cap({ max: 1 }),
      (reward) => concat(() => 1, reward),
      (reward) => concat(reward, () => Promise.resolve(1)),
    ]
    for (const compose of compositions) {
      for (const bad of [undefined, '7', null, {}]) {
        const now = compose(() => bad as number)
        expect(() => now(sample(''))).toThrow(/gave .*, which is no number/)
        const later = compose(() => Promise.resolve(bad as number))(sample(''))
        await expect((later as TE.TaskEither<unknown, number>)()).rejects.toThrow(/gave .*, which is no number/)
        const task = compose(() => TE.right(bad as number))(sample(''))
        await expect((task as TE.TaskEither<unknown, number>)()).rejects.toThrow(/gave .*, which is no number/)
      }
      const forgotten = compose((() => () => Promise.resolve(5)) as unknown as Reward<null>)(sample(''))
      await expect((forgotten as TE.TaskEither<unknown, number>)()).rejects.toThrow(/a task of 5, which is no Either/)
    }
  })

  test('a gate whose condition is a promise is refused: it would be open always', () => {
    const asked = gate((() => Promise.reject(new Error('down'))) as unknown as () => boolean)(() => 1)
    expect(() => asked(sample(''))).toThrow(/gave Promise.*, which is neither true nor false/)
  })

  test('a rejection beside a throw is nobody’s, and kills nothing', async () => {
    const loose: unknown[] = []
    const hear = (reason: unknown) => void loose.push(reason)
    process.on('unhandledRejection', hear)
    const both = concat(
      () => Promise.reject(new Error('down')),
      () => {
        throw new TypeError('a bug')
      },
    )
    expect(() => both(sample(''))).toThrow('a bug')
    await new Promise((done) => setTimeout(done, 20))
    process.off('unhandledRejection', hear)
    expect(loose).toEqual([])
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

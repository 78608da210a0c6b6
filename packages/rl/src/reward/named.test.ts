import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Breakdown, breakdownMonoid, named, namedBatch, type NamedReward, scoreSamples } from './named.ts'
import type { Reward, Sample } from './reward.ts'

type Text = Sample<null>
const sample = (length: number): Text => ({
  problem: null,
  prompt: '',
  completion: 'x'.repeat(length),
  length,
  terminated: true,
})
const failed = TE.left({ _tag: 'RewardFailed', message: 'down' } as const)

// Rewards of one sample, of every kind; dyadic numbers and weights, so that addition is exactly associative.
const dyadic = fc.integer({ min: -64, max: 64 }).map((n) => n / 8)
const reward: fc.Arbitrary<Reward<null>> = fc.oneof(
  dyadic.map((x) => (s: Text) => s.length * x),
  dyadic.map((x) => () => TE.right(x)),
  fc.constantFrom<Reward<null>>(
    (s) => (s.length % 2 === 0 ? NaN : 1),
    () => failed,
  ),
)
const lifted = fc
  .tuple(reward, dyadic, fc.boolean())
  .map(([score, weight, batch]) => (name: string): NamedReward<null> => {
    const single = named(name, score, weight)
    return batch ? namedBatch(name, single.score, weight) : single
  })
const rewards = (prefix: string): fc.Arbitrary<readonly NamedReward<null>[]> =>
  fc.array(lifted, { maxLength: 4 }).map((fs) => fs.map((f, i) => f(`${prefix}${i}`)))
const samples = fc.array(fc.nat({ max: 9 }).map(sample), { maxLength: 5 })

describe('named rewards', () => {
  test('scoring is a homomorphism from lists to breakdowns', async () => {
    await fc.assert(
      fc.asyncProperty(rewards('x'), rewards('y'), samples, async (xs, ys, batch) => {
        const joined = await scoreSamples([...xs, ...ys])(batch)
        const [left, right] = [await scoreSamples(xs)(batch), await scoreSamples(ys)(batch)]
        expect(joined).toEqual(batch.map((_, i) => breakdownMonoid.concat(left[i]!, right[i]!)))
        expect(await scoreSamples<null>([])(batch)).toEqual(batch.map(() => breakdownMonoid.empty))
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('breakdowns are a monoid', () => {
    const part = fc.oneof(dyadic, fc.constant(NaN))
    const breakdown = (prefix: string): fc.Arbitrary<Breakdown> =>
      fc.record({
        total: part,
        parts: fc.dictionary(
          fc.constantFrom('a', 'b').map((n) => prefix + n),
          part,
        ),
      })
    const { concat, empty } = breakdownMonoid
    fc.assert(
      fc.property(breakdown('x'), breakdown('y'), breakdown('z'), (x, y, z) => {
        expect(concat(concat(x, y), z)).toEqual(concat(x, concat(y, z)))
        expect(concat(empty, x)).toEqual(x)
        expect(concat(x, empty)).toEqual(x)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('what a sample gets does not depend on the others of its batch, nor on their order', async () => {
    await fc.assert(
      fc.asyncProperty(rewards('x'), samples, async (xs, batch) => {
        const score = scoreSamples(xs)
        const alone = await Promise.all(batch.map(async (s) => (await score([s]))[0]!))
        expect(await score(batch)).toEqual(alone)
        expect(await score([...batch].reverse())).toEqual([...alone].reverse())
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('keep their parts; a failed one is absent from the total, never 0', async () => {
    const list = [
      named('correct', (s: Text) => (s.length > 1 ? 1 : NaN)),
      named('format', () => TE.right(1), 0.1),
      named('watched', () => failed, 0),
    ]
    expect(await scoreSamples<null>(list)([sample(2), sample(1)])).toEqual([
      { total: 1.1, parts: { correct: 1, format: 1, watched: NaN } },
      { total: NaN, parts: { correct: NaN, format: 1, watched: NaN } },
    ])
  })

  test('whatever goes wrong makes the reward absent for its sample alone', async () => {
    const broken: Readonly<Record<string, Reward<null>>> = {
      failed: () => failed,
      thrown: () => {
        throw new Error('bug')
      },
      rejected: () => () => Promise.reject(new Error('no answer')),
      infinite: () => Infinity,
      later: () => TE.right(-Infinity),
    }
    for (const [name, bad] of Object.entries(broken)) {
      const flaky = named(name, (s: Text) => (s.length === 1 ? bad(s) : 5), 2)
      expect(await scoreSamples([flaky])([sample(0), sample(1), sample(2)]), name).toEqual([
        { total: 10, parts: { [name]: 5 } },
        { total: NaN, parts: { [name]: NaN } },
        { total: 10, parts: { [name]: 5 } },
      ])
    }
  })

  test('a batch scorer sees all samples at once; where it fails all are absent', async () => {
    const seen: number[] = []
    const watch = namedBatch<null>('longest', (batch) => {
      seen.push(batch.length)
      const longest = Math.max(...batch.map((s) => s.length))
      return Promise.resolve(batch.map((s) => (s.length === longest ? 1 : s.length === 0 ? Infinity : 0)))
    })
    const parts = async (reward: NamedReward<null>) =>
      (await scoreSamples([reward])([sample(1), sample(3), sample(0)])).map((b) => b.parts[reward.name])
    expect(await parts(watch)).toEqual([0, 1, NaN])
    expect(seen).toEqual([3])
    const absent = [NaN, NaN, NaN]
    expect(await parts(namedBatch('rejects', () => Promise.reject(new Error('down'))))).toEqual(absent)
    const throws = namedBatch('throws', () => {
      throw new Error('bug')
    })
    expect(await parts(throws)).toEqual(absent)
  })

  test('mistakes throw', async () => {
    const one = named<null>('format', () => 1)
    expect(() => scoreSamples([one, named<null>('correct', () => 1), one])).toThrow(
      'two rewards are named "format" (of format, correct, format)',
    )
    expect(() => breakdownMonoid.concat({ total: 1, parts: { a: 1 } }, { total: 1, parts: { a: 1 } })).toThrow(/"a"/)
    const short = namedBatch<null>('judge', () => Promise.resolve([1]))
    await expect(scoreSamples([short])([sample(1), sample(2)])).rejects.toThrow(
      'reward "judge": 1 scores for 2 samples',
    )
  })
})

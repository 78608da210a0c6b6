import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeError } from '../run/errors.ts'
import { absenceRecord, absences, lostReward } from './absence.ts'
import { type Breakdown, breakdownMonoid, named, namedBatch, type NamedReward, scoreSamples } from './named.ts'
import { languageConsistency } from './language.ts'
import { cosineLength, groupLength } from './length.ts'
import type { Reward } from './reward.ts'
import type { Sample } from './sample.ts'
import { accuracy, type Rule } from './rules.ts'

type Text = Sample<null>
const sample = (length: number): Text => ({
  problem: null,
  prompt: '',
  completion: 'x'.repeat(length),
  length,
  terminated: true,
})
const left = E.left({ _tag: 'RewardFailed', message: 'down' } as const)
const failed = TE.fromEither(left)
const raise = (thrown: unknown): never => {
  throw thrown
}

// Rewards of one sample, of every kind; dyadic numbers and weights, so that addition is exactly associative.
const dyadic = fc.integer({ min: -64, max: 64 }).map((n) => n / 8)
const reward: fc.Arbitrary<Reward<null>> = fc.oneof(
  dyadic.map((x) => (s: Text) => s.length * x),
  dyadic.map((x) => () => TE.right(x)),
  dyadic.map((x) => () => Promise.resolve(x)),
  fc.constantFrom<Reward<null>>(
    (s) => (s.length % 2 === 0 ? NaN : 1),
    () => failed,
    () => Promise.reject(new Error('down')),
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
      fc
        .record({
          total: part,
          parts: fc.dictionary(
            fc.constantFrom('a', 'b').map((n) => prefix + n),
            part,
          ),
          absent: fc.option(
            fc.dictionary(
              fc.constantFrom('a', 'b').map((n) => prefix + n),
              fc.constant('down'),
            ),
            {
              nil: undefined,
            },
          ),
        })
        .map(({ absent, ...whole }): Breakdown => (absent === undefined ? whole : { ...whole, absent }))
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

  test('keep their parts; a failed one is absent from the total, never 0, and says why', async () => {
    const list = [
      named('correct', (s: Text) => (s.length > 1 ? 1 : NaN)),
      named('format', () => TE.right(1), 0.1),
      named('watched', () => failed, 0),
    ]
    expect(await scoreSamples<null>(list)([sample(2), sample(1)])).toEqual([
      { total: 1.1, parts: { correct: 1, format: 1, watched: NaN }, absent: { watched: 'down' } },
      {
        total: NaN,
        parts: { correct: NaN, format: 1, watched: NaN },
        absent: { correct: 'gave NaN', watched: 'down' },
      },
    ])
  })

  test('what the world does makes a reward absent for its sample alone, with its cause', async () => {
    const broken: Readonly<Record<string, readonly [Reward<null>, string]>> = {
      failed: [() => failed, 'down'],
      nothing: [() => NaN, 'gave NaN'],
      'a task that rejects': [() => () => Promise.reject(new Error('no answer')), 'no answer'],
      'a task of nothing': [() => TE.right(NaN), 'gave NaN'],

      'an async function': [async () => raise('a bug, but later'), 'a bug, but later'],
      'a promise that rejects': [() => Promise.reject(new Error('HTTP 500\u001b[2J')), String.raw`HTTP 500\u{1b}[2J`],
    }
    for (const [name, [bad, cause]] of Object.entries(broken)) {
      const flaky = named(name, (s: Text) => (s.length === 1 ? bad(s) : 5), 2)
      expect(await scoreSamples([flaky])([sample(0), sample(1), sample(2)]), name).toEqual([
        { total: 10, parts: { [name]: 5 } },
        { total: NaN, parts: { [name]: NaN }, absent: { [name]: cause } },
        { total: 10, parts: { [name]: 5 } },
      ])
    }
  })

  test('a batch scorer sees all samples at once; where it fails all are absent', async () => {
    const seen: number[] = []
    const watch = namedBatch<null>('longest', (batch) => {
      seen.push(batch.length)
      const longest = Math.max(...batch.map((s) => s.length))
      return Promise.resolve(batch.map((s) => (s.length === longest ? 1 : s.length === 0 ? NaN : left)))
    })
    const parts = async (reward: NamedReward<null>) =>
      (await scoreSamples([reward])([sample(1), sample(3), sample(0)])).map((b) => [b.parts[reward.name], b.absent])
    expect(await parts(watch)).toEqual([
      [NaN, { longest: 'down' }],
      [1, undefined],
      [NaN, { longest: 'gave NaN' }],
    ])
    expect(seen).toEqual([3])
    const rejects = namedBatch<null>('rejects', () => Promise.reject(new Error('off')))
    expect(await parts(rejects)).toEqual([1, 3, 0].map(() => [NaN, { rejects: 'off' }]))
  })
})

describe('a mistake in a reward', () => {
  const batch = [sample(0), sample(1), { ...sample(2), prompt: '1+1=', completion: '\u001b[31mtwo\u202e' }]
  const at = String.raw`at sample 3 of 3 (prompt "1+1=", completion "\u001b[31mtwo\u{202e}")`
  const bug = new TypeError('no such field')
  const bugs: Readonly<Record<string, readonly [Reward<null>, string]>> = {
    'a throw': [() => raise(bug), 'threw TypeError: no such field'],
    'a throw of something else': [() => raise('plain'), 'threw plain'],
    'a task that throws at once': [() => () => raise(bug), 'threw TypeError: no such field'],
    nothing: [() => undefined as unknown as number, 'gave undefined, which is no number'],
    'a text': [() => '7' as unknown as number, 'gave "7", which is no number'],
    infinity: [() => Infinity, 'gave Infinity, which is no finite number'],
    'a later text': [() => Promise.resolve('7' as unknown as number), 'gave "7", which is no number'],
    'a task of infinity': [() => TE.right(-Infinity), 'gave -Infinity, which is no finite number'],
    'a task of no Either': [(() => () => Promise.resolve(7)) as unknown as Reward<null>, 'gave a task of 7'],
  }

  test('is thrown with its name, what it was, and where; what was thrown is the cause', async () => {
    for (const [name, [bad, what]] of Object.entries(bugs)) {
      const broken = named(name, (s: Text) => (s.length === 2 ? bad(s) : 5))
      const thrown: unknown = await scoreSamples([named('one', () => 1), broken])(batch).catch((e: unknown) => e)
      if (!(thrown instanceof Error)) throw new Error(`${name} was not thrown`)
      expect(thrown.message).toContain(`reward ${JSON.stringify(name)} ${what}`)
      expect(thrown.message).toContain(at)
      if (what.includes('no such field')) expect(thrown.cause).toBe(bug)
    }
  })

  test('at the first of the samples ends it: those after it are not asked', async () => {
    let asked = 0
    const broken = named<null>('broken', (s) => (asked++, s.length === 1 ? raise(bug) : 1))
    await expect(scoreSamples([broken])(batch)).rejects.toThrow(/"broken".* sample 2 of 3/)
    expect(asked).toBe(2)
  })

  test('is thrown from a batch scorer too, and through one that wraps another', async () => {
    const of = (scores: () => unknown) =>
      scoreSamples([namedBatch<null>('judge', scores as () => Promise<readonly number[]>)])(batch)
    await expect(of(() => raise(bug))).rejects.toThrow('reward "judge" threw TypeError: no such field, at a batch of 3')
    await expect(of(() => Promise.resolve([1]))).rejects.toThrow('reward "judge": 1 scores for 3 samples')
    await expect(of(() => Promise.resolve(5))).rejects.toThrow('reward "judge" gave 5, which is no list')
    await expect(of(() => Promise.resolve([1, 2, '3']))).rejects.toThrow('reward "judge" gave "3", which is no number')
    await expect(of(() => Promise.resolve([1, Infinity, 3]))).rejects.toThrow(/gave Infinity.* sample 2 of 3/)
    expect(await of(() => Promise.resolve(Float32Array.of(1, 2, 3)))).toHaveLength(3)
    const inner = named<null>('inner', () => raise(bug))
    const outer = scoreSamples([namedBatch('outer', inner.score)])
    await expect(outer(batch)).rejects.toThrow('reward "inner" threw TypeError: no such field, at sample 1')
  })

  test('beside rejections of the others kills nothing', async () => {
    const loose: unknown[] = []
    const hear = (reason: unknown) => void loose.push(reason)
    process.on('unhandledRejection', hear)
    const late = () => new Promise<number>((_, fail) => setTimeout(fail, 5, new Error('down')))
    const rewards = [
      named<null>('late', late),
      named<null>('mixed', (s) => (s.length === 1 ? raise(bug) : late())),
      named<null>('wrong later', () => late().catch(() => undefined as unknown as number)),
      namedBatch<null>('all', () => late().then(() => [])),
    ]
    await expect(scoreSamples(rewards)(batch)).rejects.toThrow('"mixed"')
    // Rules, and lists of promises, that are no rules and no lists.
    const rejecting = (() => late()) as unknown as Rule<null>
    const promises = ((all: readonly Text[]) => Promise.resolve(all.map(late))) as unknown as () => Promise<
      readonly number[]
    >
    const wrong: readonly (readonly [NamedReward<null>, RegExp])[] = [
      [named('cosine', cosineLength({ max: 9 })(rejecting)), /"cosine" gave Promise.*no number, at sample 1/],
      [namedBatch('brevity', groupLength(rejecting)), /"brevity" gave Promise.*no number, at a batch/],
      [namedBatch('promises', promises), /"promises" gave Promise.*no number, at sample 1/],
      [named('correct', accuracy((() => late) as never)), /"correct" gave Promise.*neither true nor false/],
      [named('language', languageConsistency({ belongs: late as never })), /"language" gave Promise/],
    ]
    const thinking = [1, 2].map((n) => ({
      ...sample(n),
      completion: `<think>so${'x'.repeat(n)}</think><answer>5</answer>`,
    }))
    for (const [reward, message] of wrong) await expect(scoreSamples([reward])(thinking)).rejects.toThrow(message)
    await new Promise((done) => setTimeout(done, 30))
    process.off('unhandledRejection', hear)
    expect(loose).toEqual([])
  })

  test('in a name, a weight or the list is thrown before anything is scored', () => {
    const one = named<null>('format', () => 1)
    expect(() => scoreSamples([one, named<null>('correct', () => 1), one])).toThrow(
      'two rewards are named "format" (of format, correct, format)',
    )
    expect(() => breakdownMonoid.concat({ total: 1, parts: { a: 1 } }, { total: 1, parts: { a: 1 } })).toThrow(/"a"/)
    expect(() => named('', () => 1)).toThrow('named: the name is ""')
    expect(() => named('x', () => 1, NaN)).toThrow('named: the weight of "x" is NaN')
    expect(() => namedBatch('x', () => Promise.resolve([]), Infinity)).toThrow(
      'namedBatch: the weight of "x" is Infinity',
    )
  })
})

describe('absences', () => {
  const judged = (s: Text) => (s.length % 3 === 0 ? failed : s.length % 3 === 1 ? NaN : 1)

  test('count what the parts lack, and tell why the first does', async () => {
    await fc.assert(
      fc.asyncProperty(samples, async (batch) => {
        const list = [named<null>('one', () => 1), named('judge', judged)]
        const lacking = batch.filter((s) => s.length % 3 !== 2)
        const found = absences(await scoreSamples(list)(batch))
        expect(found).toEqual(
          lacking.length === 0
            ? []
            : [
                {
                  ...{ reward: 'judge', absent: lacking.length, of: batch.length },
                  cause: lacking[0]!.length % 3 === 0 ? 'down' : 'gave NaN',
                },
              ],
        )
        expect(found.map(absenceRecord)).toEqual(found.map((of) => ({ kind: 'absent', ...of })))
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('of all of a batch, or of so many that no total is left, lose it; of one that is watched do not', async () => {
    const lost = async (...list: readonly NamedReward<null>[]) =>
      lostReward(list, await scoreSamples(list)([sample(0), sample(1), sample(2)]))
    const but = (length: number) => (s: Text) => (s.length === length ? 1 : failed)
    const one = named<null>('one', () => 1)
    expect(await lost(one, named('judge', but(1)))).toBeNull()
    expect(await lost(one, named('judge', but(9)))).toEqual({
      ...{ _tag: 'RewardAbsent', reward: 'judge', absent: 3, of: 3, cause: 'down' },
    })
    expect(await lost(one, named('judge', but(9), 0))).toBeNull()
    const between = await lost(
      named('a', (s: Text) => (s.length === 0 ? NaN : 1)),
      named('b', but(0)),
    )
    expect(between).toMatchObject({ reward: 'b', absent: 2, of: 3 })
    expect(describeError(between!)).toContain('"b" is absent for 2 of 3 completions of a batch, and no completion has')
    expect(await lost()).toBeNull()
    expect(lostReward([one], [])).toBeNull()
  })
})

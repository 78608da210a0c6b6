import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { named, scoreSamples } from './named.ts'
import { type Patience, patient, type SlowReward } from './patient.ts'
import type { RewardError, Sample } from './sample.ts'

type Text = Sample<null>
const sample = (length: number): Text => ({ problem: null, prompt: '', completion: '', length, terminated: true })

// The clock is the test's: every time below is exact.
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const PATIENCE: Patience = { concurrency: 4, timeout: 100, retries: 2, backoff: { first: 10 }, jitter: () => 0 }
const never = (): Promise<number> => new Promise(() => undefined)
const after = (ms: number, value: number): Promise<number> => new Promise((done) => setTimeout(done, ms, value))

/** What a reward gives to one sample, and after how many ms. */
const outcome = async (patience: Patience, reward: SlowReward<null>) => {
  const score = patient(patience)(reward)(sample(1))
  const begun = Date.now()
  const ended = score().then((result) => ({ result, ms: Date.now() - begun }))
  await vi.runAllTimersAsync()
  return ended
}
const raise = (thrown: unknown): never => {
  throw thrown
}
const failure = (message: string) => E.left({ _tag: 'RewardFailed', message })

describe('a patient reward', () => {
  test('passes on whatever answers in time', async () => {
    const kinds: readonly SlowReward<null>[] = [
      () => 2,
      () => TE.right(2),
      () => after(99, 2),
      () => () => after(99, 2).then(E.right),
    ]
    for (const kind of kinds) expect((await outcome(PATIENCE, kind)).result).toEqual(E.right(2))
  })

  test('says what happened, and how often', async () => {
    const broken: readonly (readonly [SlowReward<null>, string])[] = [
      [() => NaN, 'gave NaN, not a finite number (3 times)'],
      [() => TE.right(Infinity), 'gave Infinity, not a finite number (3 times)'],
      // What an endpoint sends is not always what its type says.
      [() => Promise.resolve(undefined as unknown as number), 'gave undefined, not a finite number (3 times)'],
      [() => Promise.resolve('7' as unknown as number), 'gave "7", not a finite number (3 times)'],
      [() => () => Promise.resolve(E.right('7' as unknown as number)), 'gave "7", not a finite number (3 times)'],
      [() => TE.left({ _tag: 'RewardFailed', message: 'HTTP 500' }), 'HTTP 500 (3 times)'],
      [() => Promise.reject(new TypeError('no such host')), 'no such host (3 times)'],
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what others reject with is theirs
      [() => Promise.reject('plain text'), 'plain text (3 times)'],
      [never, 'no answer within 100 ms (3 times)'],

      [async () => raise(new TypeError('a bug, but later')), 'a bug, but later (3 times)'],
    ]
    for (const [reward, message] of broken)
      expect((await outcome(PATIENCE, reward)).result).toEqual(failure(`gave up after 3 attempts: ${message}`))
    expect((await outcome({ ...PATIENCE, retries: 0 }, never)).result).toEqual(
      failure('gave up after 1 attempt: no answer within 100 ms'),
    )
    const each = [() => NaN, never, () => NaN]
    expect((await outcome(PATIENCE, () => each.shift()!())).result).toEqual(
      failure('gave up after 3 attempts: gave NaN, not a finite number (2 times), no answer within 100 ms'),
    )
  })

  test('tries again after 10, 20, 40.. ms, at most `most`, stretched by the jitter', async () => {
    const times = async (over: Partial<Patience>): Promise<readonly number[]> => {
      const begun = Date.now()
      const at: number[] = []
      await outcome({ ...PATIENCE, retries: 4, ...over }, () => (at.push(Date.now() - begun), NaN))
      return at.map((t, i) => t - (at[i - 1] ?? 0))
    }
    expect(await times({})).toEqual([0, 10, 20, 40, 80])
    expect(await times({ backoff: { first: 10, factor: 3, most: 50 } })).toEqual([0, 10, 30, 50, 50])
    expect(await times({ jitter: () => 0.5 })).toEqual([0, 15, 30, 60, 120])
    expect(await times({ backoff: { first: 10, most: 50 }, jitter: () => 0.5 })).toEqual([0, 15, 30, 60, 75])
    expect(await times({ backoff: { first: 0 } })).toEqual([0, 0, 0, 0, 0])
  })

  test('succeeds where the last attempt does, and is not asked again', async () => {
    let asked = 0
    const { result, ms } = await outcome(PATIENCE, () => (++asked < 3 ? never() : 5))
    expect({ result, ms, asked }).toEqual({ result: E.right(5), ms: 100 + 10 + 100 + 20, asked: 3 })
  })

  test('tells an attempt that nobody waits for any more, and only such a one', async () => {
    const signals: AbortSignal[] = []
    const { result } = await outcome(PATIENCE, (_, signal) => {
      signals.push(signal)
      return signals.length === 1 ? never() : after(50, 1)
    })
    expect(result).toEqual(E.right(1))
    expect(signals.map((s) => s.aborted)).toEqual([true, false])
    expect(String(signals[0]!.reason)).toContain('no answer within 100 ms')
  })

  test('an attempt that fails after its time is not heard of again', async () => {
    const late = (): Promise<number> => after(150, 0).then(() => Promise.reject(new Error('too late')))
    const { result } = await outcome({ ...PATIENCE, retries: 0 }, late)
    expect(result).toEqual(failure('gave up after 1 attempt: no answer within 100 ms'))
  })

  test('never runs more at once than it may, uses what it may, and gives each sample its own score', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.record({ ms: fc.integer({ min: 1, max: 150 }), fails: fc.nat({ max: 3 }) }), { maxLength: 12 }),
        async (concurrency, plans) => {
          let [running, most] = [0, 0]
          const asked = plans.map(() => 0)
          const reward = patient({ ...PATIENCE, concurrency })<null>(async ({ length: i }) => {
            most = Math.max(most, ++running)
            const { ms, fails } = plans[i]!
            try {
              // An attempt over its time is left behind: it stops at once, as a fetch with the signal would.
              await after(Math.min(ms, 100), 0)
              if (asked[i]!++ < fails) throw new Error('flaky')
              return i
            } finally {
              running--
            }
          })
          const scored = scoreSamples([named('slow', reward)])(plans.map((_, i) => sample(i)))
          await vi.runAllTimersAsync()
          const parts = (await scored).map((b) => b.parts['slow']!)
          parts.forEach((part, i) => {
            if (plans[i]!.ms < 100) expect(part).toEqual(plans[i]!.fails <= 2 ? i : NaN)
          })
          expect(most).toBeLessThanOrEqual(concurrency)
          expect(most).toBeGreaterThanOrEqual(Math.min(concurrency, plans.length))
        },
      ),
      { seed: 1, numRuns: 60 },
    )
  })

  test('waiting for a turn takes nothing from the time of an attempt, nor a wait a turn', async () => {
    // Five in a row through one door, each nearly at its limit.
    const queue = patient({ ...PATIENCE, concurrency: 1, retries: 0 })<null>(() => after(90, 1))
    const scored = scoreSamples([named('queue', queue)])([1, 2, 3, 4, 5].map(sample))
    await vi.runAllTimersAsync()
    expect((await scored).map((b) => b.total)).toEqual([1, 1, 1, 1, 1])
    // While the first waits for its retry, the second passes.
    const order: number[] = []
    const door = patient({ ...PATIENCE, concurrency: 1, retries: 1, backoff: { first: 1000 } })<null>(({ length }) => {
      order.push(length)
      return length === 1 ? NaN : 1
    })
    const passed = scoreSamples([named('door', door)])([sample(1), sample(2)])
    await vi.runAllTimersAsync()
    expect((await passed).map((b) => b.total)).toEqual([NaN, 1])
    expect(order).toEqual([1, 2, 1])
  })

  test('one that hangs or fails is absent for its sample alone, and is told of once', async () => {
    const told: RewardError[] = []
    const judge = patient({ ...PATIENCE, retries: 1, onFailure: (error) => told.push(error) })<null>(({ length }) =>
      length === 1 ? never() : length === 2 ? Promise.reject(new Error('HTTP 429')) : length,
    )
    const scored = scoreSamples([named('judge', judge), named('one', () => 1, 0.5)])([0, 1, 2, 3].map(sample))
    await vi.runAllTimersAsync()
    expect(await scored).toEqual([
      { total: 0.5, parts: { judge: 0, one: 1 } },
      {
        ...{ total: NaN, parts: { judge: NaN, one: 1 } },
        absent: { judge: 'gave up after 2 attempts: no answer within 100 ms (2 times)' },
      },
      {
        ...{ total: NaN, parts: { judge: NaN, one: 1 } },
        absent: { judge: 'gave up after 2 attempts: HTTP 429 (2 times)' },
      },
      { total: 3.5, parts: { judge: 3, one: 1 } },
    ])
    expect(told.map((e) => e.message).sort()).toEqual([
      'gave up after 2 attempts: HTTP 429 (2 times)',
      'gave up after 2 attempts: no answer within 100 ms (2 times)',
    ])
  })

  test('a mistake is not tried again: it is thrown, with the name of the reward', async () => {
    const bug = new TypeError('a bug')
    const patience = { ...PATIENCE, retries: 0, onFailure: () => raise(bug) }
    const rejects: () => unknown = () => Promise.reject(bug)
    const mistakes: readonly (readonly [SlowReward<null>, Patience, string])[] = [
      [() => raise(bug), PATIENCE, 'threw TypeError: a bug'],
      [() => () => raise(bug), PATIENCE, 'threw TypeError: a bug'],
      [() => undefined as unknown as number, PATIENCE, 'gave undefined, which is no number'],
      [() => NaN, patience, 'threw TypeError: a bug'],
      [() => NaN, { ...patience, onFailure: rejects }, 'threw TypeError: a bug'],
      [() => 1, { ...PATIENCE, jitter: () => raise(bug) }, 'threw TypeError: a bug'],
      [() => 1, { ...PATIENCE, jitter: () => NaN }, 'threw RangeError: patient: jitter gave NaN'],
    ]
    for (const [reward, how, message] of mistakes) {
      let asked = 0
      const slow = patient(how)<null>((s, signal) => (asked++, reward(s, signal)))
      const scored = scoreSamples([named('slow', slow)])([sample(1)]).catch((e: unknown) => e)
      await vi.runAllTimersAsync()
      expect(String(await scored)).toContain(`reward "slow" ${message}`)
      expect(asked).toBeLessThanOrEqual(1)
    }
  })

  test('wrong settings throw', () => {
    const wrong: readonly Partial<Patience>[] = [
      { concurrency: 0 },
      { concurrency: 1.5 },
      { timeout: 0 },
      { timeout: NaN },
      { timeout: 2 ** 31 },
      { retries: -1 },
      { retries: 0.5 },
      { backoff: { first: -1 } },
      { backoff: { factor: 0.5 } },
      { backoff: { most: Infinity } },
    ]
    for (const over of wrong) expect(() => patient({ ...PATIENCE, ...over })).toThrow(/patient: .* is /)
    expect(() => patient({ ...PATIENCE, concurrency: Infinity, timeout: Infinity })).not.toThrow()
  })
})

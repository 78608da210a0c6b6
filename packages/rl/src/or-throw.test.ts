import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { curriedTwin, isStageCause, orThrow, type RlError, RlFailure, tasked, twin } from './or-throw.ts'

describe('orThrow', () => {
  test('gives what a task comes to', async () => {
    await expect(orThrow(TE.right(3))).resolves.toBe(3)
  })

  test.each<[RlError, string]>([
    [{ _tag: 'EmptyDataset', name: 'the log' }, 'the log is empty'],
    [{ stage: '2-rl', error: { _tag: 'EmptyDataset', name: 'the log' } }, '2-rl: the log is empty'],
    [{ stage: '2-rl', error: { _tag: 'OtherStart', folder: 'a' } }, '2-rl: a began from other'],
    [{ _tag: 'Aborted' }, 'abort'],
    [{ _tag: 'RewardFailed', message: 'gave up after 3 attempts' }, 'gave up after 3 attempts'],
    [{ _tag: 'NotACache', path: 'a.jsonl', line: 2, reason: 'no JSON' }, 'a.jsonl'],
  ])('throws %o with the sentence that says so, and itself', async (error, sentence) => {
    const thrown = await orThrow(TE.left(error)).catch((failure: unknown) => failure)
    expect(thrown).toBeInstanceOf(RlFailure)
    expect(thrown).toMatchObject({ name: 'RlFailure', error, message: expect.stringContaining(sentence) as string })
  })

  test('what a task throws is no failure of the world, and stays what it is', async () => {
    const mistake = new RangeError('steps is -1')
    await expect(orThrow(() => Promise.reject(mistake))).rejects.toBe(mistake)
  })
})

/** What an effect comes to, and what it was called with. */
const given = fc.array(fc.anything(), { maxLength: 3 })
const outcome: fc.Arbitrary<E.Either<RlError, unknown>> = fc.oneof(
  fc.anything().map(E.right),
  fc.string().map((name) => E.left({ _tag: 'EmptyDataset' as const, name })),
)

describe('law: a twin', () => {
  test('hands on its arguments, and comes to the Right or throws the Left', async () => {
    await fc.assert(
      fc.asyncProperty(given, given, outcome, async (first, then, came) => {
        const seen: unknown[] = []
        const effect = (...args: readonly unknown[]) => {
          seen.push(args)
          return TE.fromEither(came)
        }
        const curried = curriedTwin((...args: readonly unknown[]) => {
          seen.push(args)
          return effect
        })
        const [plain, configured] = await Promise.allSettled([twin(effect)(...then), curried(...first)(...then)])
        expect(seen).toEqual([then, first, then])
        for (const settled of [plain, configured])
          if (E.isRight(came)) expect(settled).toEqual({ status: 'fulfilled', value: came.right })
          else expect(settled).toMatchObject({ status: 'rejected', reason: { name: 'RlFailure', error: came.left } })
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('configures once, at once, and begins an effect at its last call', () => {
    const told: string[] = []
    const configured = curriedTwin((name: string) => {
      told.push(name)
      return (step: string) => {
        told.push(step)
        return TE.right(step)
      }
    })('configured')
    expect(told).toEqual(['configured'])
    void configured('one')
    void configured('two')
    expect(told).toEqual(['configured', 'one', 'two'])
  })
})

describe('tasked', () => {
  test('begins nothing before its task is run, and is a task of either kind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), outcome, async (promised, came) => {
        let begun = 0
        const task = tasked('the test')((name: string) => {
          begun++
          expect(name).toBe('the argument')
          return promised ? orThrow(TE.fromEither(came)) : TE.fromEither(came)
        })('the argument')
        expect(begun).toBe(0)
        if (promised && E.isLeft(came)) await expect(task()).rejects.toMatchObject({ error: came.left })
        else expect(await task()).toEqual(came)
        expect(begun).toBe(1)
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('law: a promise of a task, or of what one comes to, is a mistake that names whose and what to do', async () => {
    await fc.assert(
      fc.asyncProperty(outcome, fc.boolean(), async (came, run) => {
        const task = TE.fromEither(came)
        const mistaken = tasked('f: stage 1')(async () => (run ? task() : Promise.resolve(task)))()
        const found = run ? came._tag : 'function'
        const thrown = await mistaken().catch((reason: unknown) => reason)
        expect(thrown).toBeInstanceOf(TypeError)
        expect(String(thrown)).toContain(`f: stage 1 came to a ${found}. `)
        expect(String(thrown)).toContain('orThrow(task)')
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test.each([null, undefined, 0, '', { _tag: 'Some' }, [1]])('%o is a value as any other', async (value) => {
    expect(await tasked('f')(() => Promise.resolve(value))()()).toEqual(E.right(value))
  })
})

test.each<[RlError, boolean]>([
  [{ _tag: 'EmptyDataset', name: 'the log' }, true],
  [{ _tag: 'Interrupted', phase: 'rl', step: 2 }, true],
  [{ stage: '2-rl', error: { _tag: 'EmptyDataset', name: 'the log' } }, false],
  [{ _tag: 'Aborted' }, false],
  [{ _tag: 'RewardFailed', message: 'gave up' }, false],
])('%o ends a stage without its name: %s', (error, is) => {
  expect(isStageCause(error)).toBe(is)
})

import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeStageError, type StageCause } from './errors.ts'
import { type Stage, stageMonoid, stages } from './stage.ts'

/** Stages that write their name at the end of the state, and stages that fail. */
const stage: fc.Arbitrary<Stage<string>> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 3 }).map((name) => (state: string) => TE.right(state + name)) },
  {
    weight: 1,
    arbitrary: fc
      .string({ maxLength: 3 })
      .map((name) => () => TE.left({ stage: name, error: { _tag: 'EmptyDataset' as const, name } })),
  },
)
const { concat, empty } = stageMonoid<string>()

describe('stages under composition', () => {
  test('are a monoid', async () => {
    await fc.assert(
      fc.asyncProperty(stage, stage, stage, fc.string(), async (f, g, h, state) => {
        expect(await concat(concat(f, g), h)(state)()).toEqual(await concat(f, concat(g, h))(state)())
        expect(await concat(empty, f)(state)()).toEqual(await f(state)())
        expect(await concat(f, empty)(state)()).toEqual(await f(state)())
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('run in order: a list of lists is their concatenation', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stage), fc.array(stage), fc.string(), async (xs, ys, state) => {
        expect(await stages([...xs, ...ys])(state)()).toEqual(await concat(stages(xs), stages(ys))(state)())
      }),
      { seed: 1, numRuns: 200 },
    )
    const append = (name: string) => (state: string) => TE.right(state + name)
    expect(await stages([append('a'), append('b'), append('c')])('>')()).toEqual(E.right('>abc'))
  })

  test('after one that failed do not start', async () => {
    const started: string[] = []
    const named =
      (name: string, fails: boolean): Stage<string> =>
      (state) => {
        started.push(name)
        return fails ? TE.left({ stage: name, error: { _tag: 'EmptyDataset', name } }) : TE.right(state)
      }
    const result = await stages([named('a', false), named('b', true), named('c', false)])('')()
    expect(result).toEqual(E.left({ stage: 'b', error: { _tag: 'EmptyDataset', name: 'b' } }))
    expect(started).toEqual(['a', 'b'])
  })
})

describe('what failed', () => {
  const causes: readonly (readonly [StageCause, string])[] = [
    [{ _tag: 'Occupied', folder: 'runs/r1', found: '1-cold-start' }, 'holds 1-cold-start already'],
    [{ _tag: 'OtherStage', folder: 'runs/r1', found: '1-a', wanted: '1-b' }, 'holds 1-a where this recipe has 1-b'],
    [{ _tag: 'OtherStart', folder: 'runs/r1/2-a' }, 'other parameters or traces'],
    [{ _tag: 'SequenceTooLong', length: 40, context: 32 }, 'does not fit the context of 32'],
  ]
  test.each(causes)('%o is said with its stage and what to do', (error, words) => {
    const said = describeStageError({ stage: '2-a', error })
    expect(said).toMatch(/^2-a: /)
    expect(said).toContain(words)
    expect(said).toMatch(/(choose|move|make)/)
  })
})

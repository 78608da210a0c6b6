// What a script gives to a twin: `async` functions and functions that make tasks, in the place of one another.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adam, transformer } from '@adjoint/nn'
import { add, random, readAsync, scalar, type Scalar } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import {
  type AsyncPhase,
  type AsyncRecipe,
  type AsyncSource,
  type AsyncStage,
  type Chain,
  emptyReplay,
  grpoFromAsync,
  hostKey,
  mod10Chains,
  named,
  orThrow,
  performAsync,
  presets,
  replayAsync,
  RlFailure,
  run,
  runAsync,
  type RunError,
  sampler,
  samplerAsync,
  stagesAsync,
  transformerPolicy,
} from './index.ts'
import { testDevice } from './run/device.support.ts'

const device = await testDevice()
const root = await mkdtemp(join(tmpdir(), 'adjoint-callbacks-'))
afterAll(() => rm(root, { recursive: true }))
let folders = 0
const fresh = (): string => join(root, `${folders++}`)

const EMPTY: RunError = { _tag: 'EmptyDataset', name: 'the test' }
const failure = new RlFailure(EMPTY)
const mistake = new RangeError('a mistake in what was given')

describe('a step of a run', () => {
  const next = (x: Scalar) => ({ state: add(x, 1), metrics: { done: 1 } })
  const counts = { name: 'count', steps: 4, enter: (x: Scalar) => x }
  const place = (folder: string) => ({ folder, seed: 0, checkpointEvery: 2, settings: {} })
  const counted = (folder: string, advance: AsyncPhase<Scalar>['advance'], resume = false) =>
    runAsync({ ...place(folder), phases: [{ ...counts, advance }] })(scalar(0), { resume })
  const asTask = (x: Scalar) => TE.right(next(x))
  const awaited = (x: Scalar) => Promise.resolve(next(x))

  test('may be either: the run and its log are the same, byte for byte', async () => {
    const folders = [fresh(), fresh(), fresh(), fresh()] as const
    const ends = [
      await orThrow(
        run({ ...place(folders[0]), phases: [{ ...counts, advance: asTask }] })(scalar(0), { resume: false }),
      ),
      await counted(folders[1], asTask),
      await counted(folders[2], awaited),
      await counted(folders[3], (x, { step }) => (step % 2 === 0 ? asTask(x) : awaited(x))),
    ]
    for (const end of ends) expect(await readAsync(end)).toEqual(new Float32Array([4]))
    const [plain, ...others] = await Promise.all(folders.map((folder) => readFile(join(folder, 'log.jsonl'), 'utf8')))
    for (const log of others) expect(log).toBe(plain)
  })

  test.each([failure, mistake])(
    'that throws %s ends the run with just that, and the folder is free',
    async (thrown) => {
      const folder = fresh()
      const ended = counted(folder, (x, { step }) => (step === 3 ? Promise.reject(thrown) : awaited(x)))
      await expect(ended).rejects.toBe(thrown)
      expect(await readAsync(await counted(folder, awaited, true))).toEqual(new Float32Array([4]))
    },
  )

  test.each([
    [TE.right(next(scalar(0))), 'advance came to a function'],
    [E.right(next(scalar(0))), 'advance came to a Right'],
    [E.left(EMPTY), 'advance came to a Left'],
    [undefined, 'advance gives nothing'],
    [null, 'advance gives no step'],
    [3, 'advance gives no step'],
    [{ metrics: {} }, 'advance gives no step'],
    [{ state: scalar(0) }, 'advance gives no step'],
    [{ state: scalar(0), metrics: null }, 'advance gives no step'],
  ])('that comes to %o is a mistake of its phase', async (value, said) => {
    const mistaken = (() => Promise.resolve(value)) as unknown as AsyncPhase<Scalar>['advance'] // as a script in JavaScript
    const ended = await counted(fresh(), mistaken).catch((reason: unknown) => reason)
    expect(ended).toBeInstanceOf(TypeError)
    expect(String(ended)).toContain(`run, phase count: ${said}. `)
  })

  test('that leaves something as a task has it thrown', async () => {
    await expect(counted(fresh(), () => TE.left(EMPTY))).rejects.toMatchObject({ name: 'RlFailure', error: EMPTY })
  })
})

/** Stages that write their name, as either kind, and some that fail. */
const stage: fc.Arbitrary<AsyncStage<string>> = fc.oneof(
  { weight: 4, arbitrary: fc.string().map((name) => (state: string) => TE.right(state + name)) },
  { weight: 4, arbitrary: fc.string().map((name) => (state: string) => Promise.resolve(state + name)) },
  { weight: 1, arbitrary: fc.constantFrom(failure, mistake).map((thrown) => () => Promise.reject(thrown)) },
  { weight: 1, arbitrary: fc.string().map((name) => () => TE.left({ stage: name, error: EMPTY })) },
)

describe('a stage', () => {
  test('law: may be either, in a list and in a recipe: they run in order, and the first that fails ends them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stage, { maxLength: 5 }), async (all) => {
        const inOrder = (stages: readonly AsyncStage<string>[]) =>
          stages.reduce(async (before, each) => {
            const made = each(await before)
            return typeof made === 'function' ? orThrow(made) : made
          }, Promise.resolve('>'))
        /** What a recipe says of a stage that fails without its name. */
        const named = all.map((each, i) => (state: string) => {
          const made = each(state)
          if (typeof made === 'function') return made
          return made.catch((thrown: unknown) => {
            throw thrown === failure ? new RlFailure({ stage: `${i + 1}-stage`, error: EMPTY }) : thrown
          })
        })
        const recipe: AsyncRecipe<string> = all.map((each) => ({ name: 'stage', at: () => each }))
        const env = { device, folder: fresh(), seed: 0, resume: false, checkpointEvery: 1 }
        const [listed, ofList, placed, ofRecipe] = await Promise.allSettled([
          inOrder(all),
          stagesAsync(all)('>'),
          inOrder(named),
          performAsync(recipe)(env)('>'),
        ])
        expect(ofList).toEqual(listed)
        expect(ofRecipe).toEqual(placed)
        if (ofRecipe.status === 'rejected' && placed.status === 'rejected')
          expect(ofRecipe.reason).toMatchObject({ ...placed.reason })
        // The folder is given back, whatever became of them.
        await expect(performAsync<string>([])(env)('')).resolves.toBe('')
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test.each([failure, mistake])(
    'that throws %s has it thrown as it is, and those after it do not start',
    async (thrown) => {
      const started: string[] = []
      const last = (n: number) => {
        started.push('last')
        return Promise.resolve(n)
      }
      await expect(stagesAsync([() => Promise.reject(thrown), last])(0)).rejects.toBe(thrown)
      expect(started).toEqual([])
    },
  )
})

describe('an async stage of a recipe that fails', () => {
  const thrownBy = (thrown: Error): Promise<unknown> => {
    const recipe: AsyncRecipe<number> = [
      { name: 'first', at: () => (n) => Promise.resolve(n + 1) },
      { name: 'second', at: () => () => Promise.reject(thrown) },
    ]
    const env = { device, folder: fresh(), seed: 0, resume: false, checkpointEvery: 1 }
    return performAsync(recipe)(env)(0).catch((reason: unknown) => reason)
  }

  test('is named', async () => {
    const reason = await thrownBy(failure)
    expect(reason).toBeInstanceOf(RlFailure)
    expect(reason).toMatchObject({
      error: { stage: '2-second', error: EMPTY },
      message: expect.stringMatching(/^2-second: /) as string,
    })
  })

  test.each([
    mistake,
    new RlFailure({ stage: '1-within', error: EMPTY }),
    new RlFailure({ _tag: 'Aborted' }),
    new RlFailure({ _tag: 'RewardFailed', message: 'gave up' }),
  ])('is thrown as it is: %s', async (thrown) => {
    expect(await thrownBy(thrown)).toBe(thrown)
  })
})

describe('what is async and comes to a task', () => {
  const left = TE.left({ stage: 'here', error: EMPTY })
  // The types of a state that is inferred let it pass: it is found when it runs.
  const stage: AsyncStage<unknown> = async () => left()
  const env = { device, folder: fresh(), seed: 0, resume: false, checkpointEvery: 1 }

  test('is a mistake of the stage that is named', async () => {
    await expect(stagesAsync([TE.right, stage])(0)).rejects.toThrow(
      /^stagesAsync: stage 2 of 2 came to a Left\..*orThrow\(task\)/,
    )
    await expect(performAsync([{ name: 'a', at: () => stage }])(env)(0)).rejects.toThrow(
      /^performAsync: stage 1-a came to a Left\./,
    )
  })
})

describe('a source of experience', () => {
  const task = mod10Chains(2)
  const model = transformer({ vocab: task.vocabulary.size, width: 8, layers: 1, heads: 2, context: 16 })
  const optimizer = adam({ learningRate: 1e-2 })
  const shared = { policy: transformerPolicy(model, task.vocabulary), maxTokens: 6, temperature: 1, device }
  const rewards = [named<Chain>('short', ({ length }) => 1 / length)]
  const collect = { ...shared, task, prompts: 2, group: 2, rewards }
  const learn = { ...presets.dapo, ...shared, optimizer }
  const stepped = <S>(source: AsyncSource<ReturnType<typeof model.init>, S, Chain>, state: S) => {
    const params = model.init(random.key(0))
    const buffer = replayAsync({ capacity: 2, groups: 1 })(source)
    const learner = { params, opt: optimizer.init(params), reference: null }
    return grpoFromAsync(buffer, learn)({ learner, version: 0, source: emptyReplay<S, Chain>(state) }, hostKey(1))
  }

  test('may be either: the step is the same', async () => {
    const [awaited, task] = [await stepped(samplerAsync(collect), null), await stepped(sampler(collect), null)]
    expect(awaited.metrics).toEqual(task.metrics)
    expect(awaited.state.source).toEqual(task.state.source)
  })

  test.each([failure, mistake])('that throws %s has the step throw just that', async (thrown) => {
    await expect(stepped(() => Promise.reject(thrown), null)).rejects.toBe(thrown)
  })

  test('that is async and comes to a Left is a mistake of whoever took it', async () => {
    const source: AsyncSource<ReturnType<typeof model.init>, null, Chain> = (() =>
      Promise.resolve(E.left(EMPTY))) as unknown as typeof source // as a script in JavaScript
    await expect(stepped(source, null)).rejects.toThrow(/^replayAsync: the source came to a Left\./)
  })
})

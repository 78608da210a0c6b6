// Recipes of small runs: where they are cut and what they are built of, the folder decides.
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { add, mul, readAsync, scalar, type Scalar } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testDevice } from '../run/device.support.ts'
import type { RunError } from '../run/errors.ts'
import { dice } from '../run/keys.ts'
import { begun, perform, type Recipe, type RecipeEnv, type RecipeStage, type StageProgress } from './recipe.ts'
import { describeStageError, type StageError } from './errors.ts'
import { stageMonoid } from './stage.ts'
import { staged } from './staged.ts'
import { freshFolders } from './whole.support.ts'

const device = await testDevice('reference')
const fresh = await freshFolders('recipe')
const envOf = (folder: string, over: Partial<RecipeEnv> = {}): RecipeEnv => ({
  ...{ device, folder, seed: 3, resume: false, checkpointEvery: 2 },
  ...over,
})

/** A number on the host, and the stages that made it. */
interface State {
  readonly x: Scalar
  readonly past: readonly string[]
}
const start: State = { x: scalar(1), past: [] }

type Dies = (name: string, step: number) => boolean
const power: RunError = { _tag: 'EmptyDataset', name: 'the power line' }
const begunStages: string[] = []

/** A stage of so many steps, each of which depends on its state and its key. */
const walk = (name: string, steps: number, dies: Dies = () => false): RecipeStage<State> =>
  staged<State, { readonly x: Scalar }>({
    name,
    settings: { steps },
    begin: ({ x }) => ({ x }),
    reads: ({ past }) => past,
    phases: (_, { stage }) => [
      {
        name,
        steps,
        enter: (state) => state,
        advance:
          ({ x }, { step, key }) =>
          async () => {
            begunStages.push(stage)
            if (dies(name, step)) return E.left(power)
            const drawn = dice(key)(1000)
            return E.right({ state: { x: mul(add(x, drawn), 0.5) }, metrics: { drawn } })
          },
      },
    ],
    end: ({ past }, { tree, stage, records }) =>
      TE.right({ x: tree.x, past: [...past, `${stage}: ${records.length}`] }),
  })
const three = (dies?: Dies): Recipe<State> => [walk('a', 3, dies), walk('b', 0, dies), walk('c', 5, dies)]

const right = async <A>(task: TE.TaskEither<StageError, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(describeStageError(result.left))
  return result.right
}
const left = async <A>(task: TE.TaskEither<StageError, A>): Promise<StageError> => {
  const result = await task()
  if (E.isRight(result)) throw new Error('expected a failure')
  return result.left
}
/** What a state is, as plain data. */
const shown = async ({ x, past }: State): Promise<unknown> => [[...(await readAsync(x))], past]
/** All logs of a recipe's folder. */
const logsOf = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  const names = (await readdir(folder)).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async (n) => [n, await readFile(join(folder, n, 'log.jsonl'), 'utf8')] as const)),
  )
}

describe('a recipe', () => {
  test('maps concatenation to composition', async () => {
    const plan = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat({ max: 3 })), { maxLength: 3 })
    const of = (each: readonly (readonly [string, number])[]): Recipe<State> => each.map(([n, s]) => walk(n, s))
    await fc.assert(
      fc.asyncProperty(plan, plan, async (xs, ys) => {
        const [one, two] = [fresh(), fresh()]
        await Promise.all([one, two].map((f) => mkdir(f)))
        const whole = await right(perform([...of(xs), ...of(ys)])(envOf(one))(start))
        const parts = stageMonoid<State>().concat(
          perform(of(xs))(envOf(two)),
          perform(of(ys))(envOf(two, { first: 1 + xs.length })),
        )
        expect(await shown(await right(parts(start)))).toEqual(await shown(whole))
        expect(await logsOf(two)).toEqual(await logsOf(one))
        expect(await readdir(one)).toHaveLength(xs.length + ys.length)
      }),
      { seed: 1, numRuns: 15 },
    )
  })

  test('numbers the folders of its stages, which share no draws', async () => {
    const folder = fresh()
    await right(perform([walk('a', 2), walk('a', 2)])(envOf(folder))(start))
    const { '1-a': first, '2-a': second, ...others } = await logsOf(folder)
    expect(others).toEqual({})
    const drawn = (log = ''): readonly unknown[] => log.split('\n').flatMap((l) => /"drawn":(\d+)/.exec(l)?.[1] ?? [])
    expect(drawn(first)).toHaveLength(2)
    expect(drawn(first)).not.toEqual(drawn(second))
    const other = fresh()
    await right(perform([walk('a', 2)])(envOf(other, { seed: 4 }))(start))
    expect(drawn((await logsOf(other))['1-a'])).not.toEqual(drawn(first))
  })

  test('cut anywhere, any number of times, and resumed, gives the logs and the state of an uninterrupted one', async () => {
    const whole = fresh()
    const last = await shown(await right(perform(three())(envOf(whole))(start)))
    const logs = await logsOf(whole)
    const cuts = fc.array(fc.tuple(fc.constantFrom('a', 'c'), fc.nat({ max: 4 })), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(cuts, async (planned) => {
        const folder = fresh()
        const waiting = [...planned]
        for (let attempt = 0; attempt <= planned.length; attempt++) {
          const dies: Dies = (name, step) => {
            const at = waiting.findIndex(([n, s]) => n === name && s === step)
            if (at < 0) return false
            waiting.splice(at, 1)
            return true
          }
          const result = await perform(three(dies))(envOf(folder, { resume: attempt > 0 }))(start)()
          if (E.isLeft(result)) {
            expect(result.left.error).toEqual(power)
            // Nothing stands after a stage that has not ended.
            const found = await readdir(folder)
            expect(found.sort().at(-1)).toBe(result.left.stage)
            continue
          }
          expect(await shown(result.right)).toEqual(last)
          expect(await logsOf(folder)).toEqual(logs)
          return
        }
        throw new Error('the recipe never ended')
      }),
      { seed: 1, numRuns: 15 },
    )
  })

  test('that has ended is not run again: its stages are loaded', async () => {
    const folder = fresh()
    const last = await shown(await right(perform(three())(envOf(folder))(start)))
    const logs = await logsOf(folder)
    begunStages.length = 0
    expect(await shown(await right(perform(three())(envOf(folder, { resume: true }))(start)))).toEqual(last)
    expect(begunStages).toEqual([])
    expect(await logsOf(folder)).toEqual(logs)
  })

  test('goes on where a shorter one has ended', async () => {
    const [whole, folder] = [fresh(), fresh()]
    const last = await shown(await right(perform(three())(envOf(whole))(start)))
    await right(perform(three().slice(0, 1))(envOf(folder))(start))
    begunStages.length = 0
    expect(await shown(await right(perform(three())(envOf(folder, { resume: true }))(start)))).toEqual(last)
    expect(new Set(begunStages)).toEqual(new Set(['3-c']))
    expect(await logsOf(folder)).toEqual(await logsOf(whole))
  })

  test('killed while a stage made its folder, begins that stage', async () => {
    const whole = fresh()
    await right(perform(three())(envOf(whole))(start))
    const line = (await logsOf(whole))['3-c']!.split('\n')[0]!
    for (const torn of ['', line.slice(0, 20), `${line}\n`]) {
      const folder = fresh()
      await right(perform(three().slice(0, 2))(envOf(folder))(start))
      await mkdir(join(folder, '3-c'))
      await writeFile(join(folder, '3-c', 'log.jsonl'), torn)
      await writeFile(join(folder, '3-c', 'times.jsonl'), '')
      await right(perform(three())(envOf(folder, { resume: true }))(start))
      expect(await logsOf(folder)).toEqual(await logsOf(whole))
    }
  })

  test('tells its observer of every step, with the stage', async () => {
    const seen: string[] = []
    const observe = (p: StageProgress): void => void seen.push(`${p.stage} ${p.step}/${p.steps}`)
    await right(perform([walk('a', 1), walk('b', 2)])(envOf(fresh(), { observe }))(start))
    expect(seen).toEqual(['1-a 1/1', '2-b 1/2', '2-b 2/2'])
  })

  test('is asked for by a folder, which may be missing', async () => {
    const folder = fresh()
    expect(await begun(folder)()).toEqual(E.right(false))
    await right(perform([walk('a', 1)])(envOf(folder))(start))
    expect(await begun(folder)()).toEqual(E.right(true))
  })
})

describe('what keeps a recipe from starting', () => {
  test('another that is at work in the folder, between its stages too', async () => {
    const folder = fresh()
    const second: E.Either<StageError, State>[] = []
    const begins: RecipeStage<State> = {
      name: 'meanwhile',
      at: () => (state) => async () => {
        second.push(await perform(three())(envOf(folder, { resume: true }))(start)())
        return E.right(state)
      },
    }
    await right(perform([...three(), begins])(envOf(folder))(start))
    expect(second).toMatchObject([{ left: { error: { _tag: 'Locked', folder, pid: process.pid } } }])
    expect(E.isRight(await perform(three())(envOf(folder, { resume: true }))(start)())).toBe(true)
  })

  test('a folder that holds stages is not overwritten, and not begun in', async () => {
    const folder = fresh()
    await right(perform(three())(envOf(folder))(start))
    const logs = await logsOf(folder)
    await rm(join(folder, '1-a'), { recursive: true })
    const error = await left(perform(three())(envOf(folder))(start))
    expect(describeStageError(error)).toContain('holds 2-b already. Nothing was overwritten')
    expect(existsSync(join(folder, '1-a'))).toBe(false)
    expect(await logsOf(folder)).toEqual({ '2-b': logs['2-b'], '3-c': logs['3-c'] })
  })

  test('another recipe is refused, by the stage that stands there', async () => {
    const folder = fresh()
    await right(perform(three())(envOf(folder))(start))
    const error = await left(perform(three().slice(1))(envOf(folder, { resume: true }))(start))
    expect(describeStageError(error)).toContain('holds 1-a where this recipe has 1-b')
    expect(await readdir(folder)).toHaveLength(3)
  })

  test('other settings are refused, by stage and name', async () => {
    const folder = fresh()
    await right(perform(three())(envOf(folder))(start))
    const longer = await left(
      perform([walk('a', 3), walk('b', 0), walk('c', 6)])(envOf(folder, { resume: true }))(start),
    )
    expect(describeStageError(longer)).toMatch(/^3-c: .*started with steps = 5, and is resumed with 6/)
    const seeded = await left(perform(three())(envOf(folder, { resume: true, seed: 4 }))(start))
    expect(describeStageError(seeded)).toMatch(/^1-a: .*started with seed = 3, and is resumed with 4/)
  })

  test('a stage is not gone on with after another past than its own', async () => {
    const [folder, other] = [fresh(), fresh()]
    await right(perform(three())(envOf(folder))(start))
    // Other parameters ..
    const elsewhere = await left(perform(three())(envOf(folder, { resume: true }))({ ...start, x: scalar(2) }))
    expect(elsewhere).toEqual({ stage: '1-a', error: { _tag: 'OtherStart', folder: join(folder, '1-a') } })
    // .. other data ..
    const told = await left(perform(three())(envOf(folder, { resume: true }))({ ...start, past: ['another'] }))
    expect(told.error._tag).toBe('OtherStart')
    // .. and the stage before it put in from another recipe.
    await right(perform([walk('a', 3)])(envOf(other))({ ...start, x: scalar(2) }))
    await rm(join(folder, '1-a'), { recursive: true })
    await cp(join(other, '1-a'), join(folder, '1-a'), { recursive: true })
    const mixed = await left(perform(three())(envOf(folder, { resume: true }))({ ...start, x: scalar(2) }))
    expect(mixed.stage).toBe('2-b')
    expect(describeStageError(mixed)).toContain('began from other parameters or traces')
  })

  test('a stage whose checkpoint is gone is refused, and left as it is', async () => {
    const folder = fresh()
    await right(perform(three())(envOf(folder))(start))
    const logs = await logsOf(folder)
    await rm(join(folder, '3-c', 'checkpoint.safetensors'))
    const error = await left(perform(three())(envOf(folder, { resume: true }))(start))
    expect(describeStageError(error)).toMatch(/^3-c: .*its log has 6 lines, and its checkpoint is missing/)
    expect(await logsOf(folder)).toEqual(logs)
  })
})

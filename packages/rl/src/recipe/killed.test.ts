// A recipe that is killed at any of its file operations, or meets a full disk there, ends as one that was not disturbed.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { add, readAsync, scalar, type Scalar } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test, vi } from 'vitest'
import { testDevice } from '../run/device.support.ts'
import { bury, deadPid, type Fault, withFault } from '../run/faulty-disk.support.ts'
import { dice } from '../run/keys.ts'
import { dataState, recordState, treeState } from '../run/state.ts'
import { rejectionSampling } from './r1.ts'
import { perform, type Recipe, type RecipeStage } from './recipe.ts'
import type { StageError } from './errors.ts'
import { staged } from './staged.ts'
import type { R1State } from './state.ts'
import { ended, filesOf, start, tiny } from './tiny.support.ts'
import { freshFolders } from './whole.support.ts'

vi.mock('node:fs/promises', async (original) =>
  (await import('../run/faulty-disk.support.ts')).faulty(await original()),
)

const device = await testDevice('wasm')
const fresh = await freshFolders('killed')
const grave = await deadPid()

/** A sum that a stage adds its draws to, and how many there were: tensors and data. */
interface Walk {
  readonly x: Scalar
  readonly draws: number
}
const walk = (name: string, steps: number): RecipeStage<Scalar> =>
  staged<Scalar, Walk, Walk>({
    name,
    settings: { steps },
    codec: recordState<Walk>({
      x: treeState(),
      draws: dataState((data) => (typeof data === 'number' ? E.right(data) : E.left('it is no number'))),
    }),
    begin: (x) => ({ x, draws: 0 }),
    reads: () => null,
    phases: () => [
      {
        name,
        steps,
        enter: (state) => state,
        advance:
          ({ x, draws }, { key }) =>
          async () => {
            const drawn = dice(key)(1000)
            return E.right({ state: { x: add(x, drawn), draws: draws + 1 }, metrics: { drawn, draws } })
          },
      },
    ],
    end: (_, { tree: { x, draws } }) => TE.right(add(x, draws)),
  })

/** All that a recipe leaves but times and checkpoints, and what stands in its folders. */
const leftBy = async (folder: string): Promise<unknown> => [
  await filesOf(folder),
  readdirSync(folder, { recursive: true }).map(String).sort(),
]

/** Meets the fault at every operation in turn, each time in a new folder, and goes on; how many there were. */
const everywhere = async <S>(
  faultAt: (operation: number) => Fault,
  recipe: Recipe<S>,
  initial: S,
  shown: (state: S) => Promise<unknown>,
): Promise<number> => {
  const go = (folder: string, resume: boolean): Promise<E.Either<StageError, S>> =>
    perform(recipe)({ device, folder, seed: 3, checkpointEvery: 2, resume })(initial)()
  const whole = fresh()
  const expected = [await shown(ended(await go(whole, false))), await leftBy(whole)]
  for (let at = 1; ; at++) {
    const [folder, fault] = [fresh(), faultAt(at)]
    const { met } = await withFault({ root: folder, at, fault }, () => go(folder, false))
    if (!met) return at - 1
    if (fault !== 'full' && existsSync(folder)) {
      bury(folder, grave)
      for (const stage of readdirSync(folder).filter((name) => /^\d/.test(name))) bury(join(folder, stage), grave)
    }
    const state = ended(await go(folder, true))
    expect([await shown(state), await leftBy(folder)], `operation ${at}`).toEqual(expected)
  }
}

describe('a recipe', () => {
  test.each<Fault>(['torn', 'full'])('that meets "%s" at any operation goes on', async (fault) => {
    const read = async (x: Scalar) => [...(await readAsync(x))]
    const recipe = [walk('a', 0), walk('b', 2)]
    expect(await everywhere(() => fault, recipe, scalar(1), read)).toBeGreaterThan(60)
  })

  test('that samples traces and meets the one or the other at any operation goes on', async () => {
    const recipe: Recipe<R1State> = [rejectionSampling({ ...tiny.rejectionSampling, count: 4, batch: 2, group: 2 })]
    const alternately = (at: number): Fault => (at % 2 === 0 ? 'torn' : 'full')
    expect(await everywhere(alternately, recipe, start, async ({ traces }) => traces)).toBeGreaterThan(50)
  }, 180_000)
})

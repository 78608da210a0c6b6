// A run that is killed at any of its file operations, or meets a full disk there, ends as one that was not disturbed.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { add, mul, readAsync, scalar, type Scalar } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeError, type RunError } from './errors.ts'
import { bury, deadPid, type Fault, withFault } from './faulty-disk.support.ts'
import { dice } from './keys.ts'
import { type Phase, type Resume, run } from './run.ts'
import { dataState, recordState, treeState } from './state.ts'

vi.mock('node:fs/promises', async (original) => (await import('./faulty-disk.support.ts')).faulty(await original()))

/** A state of both kinds: what is learnt, and what was drawn so far. */
interface State {
  readonly x: Scalar
  readonly drawn: readonly number[]
}
const codec = recordState<State>({
  x: treeState(),
  drawn: dataState((data) =>
    Array.isArray(data) && data.every((n) => typeof n === 'number')
      ? E.right(data)
      : E.left('its draws are no numbers'),
  ),
})
const walk = (name: string, steps: number): Phase<State> => ({
  name,
  steps,
  enter: (state) => state,
  advance:
    ({ x, drawn }, { step, key }) =>
    async () => {
      const next = dice(key)(1000)
      const all = [...drawn, next]
      const mean = all.reduce((s, n) => s + n, 0) / all.length
      const moved = mul(add(x, mean), 0.5)
      const seen = (await readAsync(moved))[0]!
      const records = step % 2 === 0 ? [{ kind: 'sample', text: `${next} é` }] : []
      return E.right({ state: { x: moved, drawn: all }, metrics: { mean, seen }, records, times: { took: 1 } })
    },
})

let root = ''
let runs = 0
let grave = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'adjoint-killed-'))
  grave = await deadPid()
})
afterAll(() => rm(root, { recursive: true }))
const fresh = (): string => join(root, String(runs++))

const go = (folder: string, resume: Resume): Promise<E.Either<RunError, State>> =>
  run<State, State>({
    folder,
    seed: 3,
    phases: [walk('first', 3), walk('second', 2)],
    checkpointEvery: 2,
    settings: { seed: 3, name: 'killed' },
    codec,
  })({ x: scalar(1), drawn: [] }, { resume })()

/** All that a run leaves and gives, but what the clock says. */
const outcomeOf = async (folder: string, ended: E.Either<RunError, State>): Promise<unknown> => {
  if (E.isLeft(ended)) throw new Error(describeError(ended.left))
  const { x, drawn } = ended.right
  return {
    x: [...(await readAsync(x))],
    drawn,
    log: readFileSync(join(folder, 'log.jsonl'), 'utf8'),
    checkpoint: readFileSync(join(folder, 'checkpoint.safetensors')).toString('latin1'),
    times: readFileSync(join(folder, 'times.jsonl'), 'utf8').split('\n').length,
    files: readdirSync(folder).sort(),
  }
}

/** Runs until a fault at operation `at`; whether it was met. */
const disturbed = async (folder: string, resume: Resume, at: number, fault: Fault): Promise<boolean> => {
  const { met, result } = await withFault({ root: folder, at, fault }, () => go(folder, resume))
  if (fault !== 'full') bury(folder, grave)
  else if (E.isLeft(result)) expect(describeError(result.left)).toMatch(/ENOSPC|disk is full/)
  return met
}

describe('a run', () => {
  test.each<Fault>(['kill', 'torn', 'full'])(
    'that meets "%s" at any operation, from the first on, goes on',
    async (fault) => {
      const whole = fresh()
      const expected = await outcomeOf(whole, await go(whole, false))
      let at = 1
      for (; ; at++) {
        const folder = fresh()
        if (!(await disturbed(folder, false, at, fault))) break
        // Nothing was begun where there is no folder: that is the one case to start anew.
        expect(await outcomeOf(folder, await go(folder, existsSync(folder))), `operation ${at}`).toEqual(expected)
      }
      expect(at).toBeGreaterThan(50)
    },
  )

  test.each<Fault>(['kill', 'torn', 'full'])(
    'that is started again after "%s" starts where nothing was done',
    async (fault) => {
      const whole = fresh()
      const expected = await outcomeOf(whole, await go(whole, false))
      let started = 0
      for (let at = 1; ; at++) {
        const folder = fresh()
        if (!(await disturbed(folder, false, at, fault))) break
        const saved = existsSync(join(folder, 'checkpoint.safetensors'))
        const again = await go(folder, false)
        if (!saved) expect(await outcomeOf(folder, again), `operation ${at}`).toEqual(expected)
        else expect(again, `operation ${at}`).toMatchObject({ left: { code: 'HasRun' } })
        if (!saved) started++
      }
      expect(started).toBeGreaterThan(5)
    },
  )

  test('that is disturbed again and again, while it goes on too, ends the same', async () => {
    const whole = fresh()
    const expected = await outcomeOf(whole, await go(whole, false))
    const faults = fc.array(fc.tuple(fc.integer({ min: 1, max: 70 }), fc.constantFrom<Fault>('kill', 'torn', 'full')), {
      minLength: 2,
      maxLength: 5,
    })
    await fc.assert(
      fc.asyncProperty(faults, async (planned) => {
        const folder = fresh()
        for (const [at, fault] of planned) await disturbed(folder, 'where begun', at, fault)
        expect(await outcomeOf(folder, await go(folder, 'where begun'))).toEqual(expected)
      }),
      { seed: 1, numRuns: 60 },
    )
  })
})

describe('what is not of this run is left as it is', () => {
  const filesOf = (folder: string) =>
    Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]))
  const line = '{"seed":4,"kind":"settings","phase":"","step":0}\n'
  test.each<readonly [string, Readonly<Record<string, string>>, Resume, RegExp]>([
    ['a log of other settings', { 'log.jsonl': line }, true, /seed = 4, and is resumed with 3/],
    ['a log of other settings', { 'log.jsonl': line }, 'where begun', /seed = 4, and is resumed with 3/],
    ['a log of other settings', { 'log.jsonl': line }, false, /holds a run already/],
    ['the torn line of other settings', { 'log.jsonl': line.slice(0, 9) }, true, /torn, and of other settings/],
    ['a log of something else', { 'log.jsonl': 'hello\n' }, true, /line 1 is no record/],
    ['a checkpoint without a log', { 'checkpoint.safetensors': 'x' }, 'where begun', /its log is missing/],
    ['a checkpoint without a log', { 'checkpoint.safetensors': 'x' }, false, /its log is missing/],
    ['times without a log', { 'times.jsonl': '{}\n' }, false, /holds a run already/],
    ['a folder of another kind', { 'notes.txt': 'x' }, true, /There is no run to go on with/],
    [
      'steps without a checkpoint',
      {
        'log.jsonl':
          '{"seed":3,"name":"killed","kind":"settings","phase":"","step":0}\n{"kind":"step","phase":"first","step":0}\n',
      },
      true,
      /its log has 2 lines, and its checkpoint is missing/,
    ],
  ])('%s: %o, resume %s', async (_, files, resume, words) => {
    const folder = fresh()
    mkdirSync(folder)
    const { writeFile } = await import('node:fs/promises')
    const leftover = { 'checkpoint.safetensors.0123abcd.part': 'y' }
    for (const [name, text] of Object.entries({ ...files, ...leftover })) await writeFile(join(folder, name), text)
    const ended = await go(folder, resume)
    expect(E.isLeft(ended) && describeError(ended.left)).toMatch(words)
    expect(filesOf(folder)).toEqual({ ...files, ...leftover })
  })
})

test('data that are not those of the state are refused', async () => {
  const folder = fresh()
  await go(folder, false)
  const others = recordState<State>({ x: treeState(), drawn: dataState(() => E.left('its draws are not known')) })
  const resumed = run<State, State>({
    ...{ folder, seed: 3, checkpointEvery: 2, settings: { seed: 3, name: 'killed' } },
    phases: [walk('first', 3), walk('second', 2)],
    codec: others,
  })({ x: scalar(1), drawn: [] }, { resume: true })
  expect(await TE.mapLeft(describeError)(resumed)()).toMatchObject({
    left: expect.stringContaining('drawn: its draws are not known') as string,
  })
})

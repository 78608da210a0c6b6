/**
 * A stage as a run: its steps are folded by {@link run} in a folder of its own, and what it gives to the next one is read
 * off what that folder holds at the end. So a stage that has just ended and one that ended yesterday give the same.
 *
 * What goes in and what comes out is copied to the host, here and nowhere else: steps reuse the memory of their arguments,
 * and stages share none.
 */
import { type HostArray, tree, type Tree } from '@adjoint/tensor'
import { createHash } from 'node:crypto'
import { access, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { readOn, snapshot } from '../run/device.ts'
import { fileFailure, type RunError } from '../run/errors.ts'
import { type Json, type LogRecord, readLog } from '../run/log.ts'
import { type Phase, run } from '../run/run.ts'
import { foldIn, type HostKey, hostKey } from '../run/keys.ts'
import type { RecipeStage, StageEnv } from './recipe.ts'
import type { StageCause, StageError } from './stage.ts'

type Settings = { readonly [key: string]: Json }

/** What a stage does, as a run whose state is T. */
export interface StagedRun<S, T extends Tree> {
  readonly name: string
  /** The first line of its log: everything that its results depend on and that is data. */
  readonly settings: Settings
  /** The state of its run at the start: what it takes of the recipe's. */
  readonly begin: (state: S) => T
  /** Further data of the state that its results depend on. */
  readonly reads: (state: S) => Json
  /** What it does, on a device. Made when the stage starts; no phase changes the structure of T on entering. */
  readonly phases: (state: S, env: StageEnv) => readonly Phase<T>[]
  /** The recipe's state after it. */
  readonly end: (state: S, ended: StageEnd<T>) => TE.TaskEither<RunError, S>
}

/** What a stage has left. */
export interface StageEnd<T extends Tree> {
  /** The last state of its run, in memory of its own. */
  readonly tree: T
  readonly records: readonly LogRecord[]
  readonly folder: string
  readonly stage: string
}

/** A seed of its own for the stage of this number, below 2^53: stages share no draws. */
const seedOf = ({ seed, number }: StageEnv): number => {
  const [high, low] = foldIn(hostKey(seed), number)
  return (high & 0x1fffff) * 2 ** 32 + low
}

/** @internal A key for all of a stage, from which no step draws. */
export const stageKey = (env: StageEnv): HostKey => foldIn(hostKey(seedOf(env)), 2 ** 32 - 1)

/** A digest of all that a stage starts from: equal for equal bits. */
const digest =
  ({ device }: StageEnv) =>
  (from: Tree, data: Json): TE.TaskEither<RunError, string> =>
    pipe(
      tree.leaves(from),
      TE.traverseSeqArray((leaf) => readOn(device)(leaf)),
      TE.map((arrays: readonly HostArray[]) => {
        const hash = createHash('sha256')
        const leaves = tree.leaves(from).map(({ shape, dtype }) => [dtype, ...shape])
        hash.update(JSON.stringify([tree.paths(from), leaves, data]))
        for (const { buffer, byteOffset, byteLength } of arrays)
          hash.update(new Uint8Array(buffer, byteOffset, byteLength))
        return hash.digest('hex').slice(0, 16)
      }),
    )

const exists = (path: string): TE.TaskEither<RunError, boolean> =>
  TE.fromTask(() =>
    access(path).then(
      () => true,
      () => false,
    ),
  )

const files = (folder: string) => ({
  log: join(folder, 'log.jsonl'),
  times: join(folder, 'times.jsonl'),
  checkpoint: join(folder, 'checkpoint.safetensors'),
})

/** The log of a folder; empty where there is none yet. */
const logOf = (folder: string): TE.TaskEither<RunError, readonly LogRecord[]> =>
  pipe(
    readLog(files(folder).log),
    TE.orElse((error) => (error._tag === 'FileFailure' && error.code === 'ENOENT' ? TE.right([]) : TE.left(error))),
  )

/** Killed before its first checkpoint, a stage has done nothing: what it left is cleared, and it begins. */
const clear = (folder: string, lines: number): TE.TaskEither<StageCause, { readonly resume: boolean }> =>
  lines > 1
    ? TE.left({
        _tag: 'CorruptCheckpoint',
        path: folder,
        reason: `its log has ${lines} lines, and its checkpoint is missing`,
      })
    : TE.tryCatch(async () => {
        const { log, times } = files(folder)
        await Promise.all([log, times].map((path) => rm(path, { force: true })))
        return { resume: false }
      }, fileFailure(folder))

/** Where it began with the same settings, it must have begun from the same state; other settings are `run`'s to refuse. */
const checkStart = (folder: string, found: LogRecord | undefined, settings: Settings): StageCause | null => {
  const others = Object.keys(settings).filter((name) => name !== 'start')
  const same = others.every((name) => JSON.stringify(found?.[name]) === JSON.stringify(settings[name]))
  return same && found?.['start'] !== settings['start'] ? { _tag: 'OtherStart', folder } : null
}

/** Whether the stage begins, or goes on with what its folder holds. */
const howToStart = (
  { folder, resume }: StageEnv,
  settings: Settings,
): TE.TaskEither<StageCause, { readonly resume: boolean }> =>
  resume
    ? pipe(
        TE.Do,
        TE.bind('records', () => logOf(folder)),
        TE.bind('saved', () => exists(files(folder).checkpoint)),
        TE.flatMap(({ records, saved }): TE.TaskEither<StageCause, { readonly resume: boolean }> => {
          if (!saved) return clear(folder, records.length)
          const problem = checkStart(folder, records[0], settings)
          return problem === null ? TE.right({ resume: true }) : TE.left(problem)
        }),
      )
    : TE.right({ resume: false })

/**
 * The stage of a run. Its log begins with its settings and `start`, a digest of what it started from, so that a stage is
 * not gone on with after another past than its own.
 *
 * @example
 * ```ts
 * import { perform, staged } from '@adjoint/rl'
 * import { add, scalar, type Scalar } from '@adjoint/tensor'
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * const count = staged<Scalar, Scalar>({
 *   name: 'count',
 *   settings: { steps: 3 },
 *   begin: (x) => x,
 *   reads: () => null,
 *   phases: () => [
 *     { name: 'count', steps: 3, enter: (x) => x, advance: (x) => TE.right({ state: add(x, 1), metrics: { done: 1 } }) },
 *   ],
 *   end: (_, { tree }) => TE.right(tree),
 * })
 * const recipe = perform([count, count]) // two folders, 1-count and 2-count; 6 from 0
 * ```
 */
export const staged = <S, T extends Tree>(given: StagedRun<S, T>): RecipeStage<S> => ({
  name: given.name,
  at: (env) => (state) => {
    const { folder, stage, device, checkpointEvery, observe } = env

    const fold = (initial: T, start: string): TE.TaskEither<StageCause, T> => {
      const settings = { ...given.settings, device: device.kind, seed: env.seed, stage, start }
      return pipe(
        howToStart(env, settings),
        TE.flatMap((how) =>
          run({
            folder,
            seed: seedOf(env),
            phases: given.phases(state, env),
            checkpointEvery,
            settings,
            ...(observe === undefined ? {} : { observe: (progress) => observe({ ...progress, stage }) }),
          })(initial, how),
        ),
      )
    }

    return pipe(
      snapshot(device)(given.begin(state)),
      TE.bindTo('initial'),
      TE.bind('start', ({ initial }) => digest(env)(initial, given.reads(state))),
      TE.flatMap(({ initial, start }) => fold(initial, start)),
      TE.flatMap(snapshot(device)),
      TE.bindTo('tree'),
      TE.bindW('records', () => readLog(files(folder).log)),
      TE.flatMap(({ tree: last, records }) => given.end(state, { tree: last, records, folder, stage })),
      TE.mapLeft((error): StageError => ({ stage, error })),
    )
  },
})

/**
 * A recipe as a value: a list of named stages that wait to be told where to run. Lists are the free monoid, so recipes are
 * built, cut and joined as lists are, and {@link perform} is the fold of a recipe into one stage. Each stage has a folder
 * of its own, `1-cold-start`, `2-reasoning-rl`, .., with a log of its own.
 */
import { join, readdir } from '#system'
import type { Device } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { type OptionNames, optionsOf } from '@adjoint/tensor/ir'
import { pipe } from 'fp-ts/lib/function.js'
import type { Reader } from 'fp-ts/lib/Reader.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { fileFailure, type RunError } from '../run/errors.ts'
import { lockFolder } from '../run/lock.ts'
import type { Progress, StopSignal } from '../run/run.ts'
import type { Sink } from '../run/sink.ts'
import type { FolderError, StageCause, StageError } from './errors.ts'
import { type AsyncStage, type Stage, stages } from './stage.ts'
import { isStageCause, RlFailure, tasked, twin } from '../or-throw.ts'

/** What an observer is told after each step of a stage. */
export interface StageProgress extends Progress {
  /** Folder of the stage: `2-reasoning-rl`. */
  readonly stage: string
}

/** Where and how to run. */
export interface RecipeEnv {
  readonly device: Device
  /** Holds the folders of the stages; made where it is missing. */
  readonly folder: string
  readonly seed: number
  /**
   * Go on with what stands in the folder: what has ended is loaded, what was cut goes on from its checkpoint, what never
   * began begins. Without, the folder must hold no stage.
   */
  readonly resume: boolean
  /** Steps between two checkpoints of a stage; there is one at the end of each phase too. */
  readonly checkpointEvery: number
  /** Told after each step, once its record is written. */
  readonly observe?: (progress: StageProgress) => void
  /** Where the lines of each stage go beside its log; a sink is opened once a stage, for its folder. */
  readonly sinks?: readonly Sink[]
  /** Once it is aborted, the stage that runs makes a checkpoint, and the recipe ends with Interrupted of that stage. */
  readonly signal?: StopSignal
  /** Number of the first stage. Default 1. */
  readonly first?: number
}

const RECIPE_OPTIONS: OptionNames<RecipeEnv> = {
  ...{ device: true, folder: true, seed: true, resume: true, checkpointEvery: true, observe: true, sinks: true },
  ...{ first: true, signal: true },
}

/** The same for one stage: `folder` is its own. */
export interface StageEnv extends Omit<RecipeEnv, 'first'> {
  /** Its place in the recipe, from 1. */
  readonly number: number
  /** The name of its folder. */
  readonly stage: string
}

/** A stage with a name, that waits to be told where to run. */
export interface RecipeStage<S> {
  readonly name: string
  readonly at: Reader<StageEnv, Stage<S>>
}

/** Stages in order. */
export type Recipe<S> = readonly RecipeStage<S>[]

/** What {@link performAsync} takes as a {@link Recipe}: a stage may be an `async` function. */
export type AsyncRecipe<S> = readonly { readonly name: string; readonly at: Reader<StageEnv, AsyncStage<S>> }[]

/** Where a state of one kind lies in another. */
export interface Part<S, A> {
  /** The part of a whole. */
  readonly get: (whole: S) => A
  /** The whole with another part. */
  readonly set: (part: A, whole: S) => S
}

/**
 * Stages of one state as stages of another that holds it: how models whose parameters are of different kinds share a recipe, such as
 * an adapter that teaches and a small model that learns.
 *
 * @example
 * ```ts
 * import type { Adapter, TransformerParams } from '@adjoint/nn'
 * import { type R1State, type Recipe, within } from '@adjoint/rl'
 * type Both = { readonly teacher: R1State<Adapter>; readonly student: R1State<TransformerParams> }
 * const ofTeacher = within<Both, R1State<Adapter>>({
 *   get: ({ teacher }) => teacher,
 *   set: (teacher, both) => ({ ...both, teacher }),
 * })
 * // the student learns from the teacher's traces
 * const ofStudent = within<Both, R1State<TransformerParams>>({
 *   get: ({ teacher, student }) => ({ ...student, traces: teacher.traces }),
 *   set: (student, both) => ({ ...both, student }),
 * })
 * const recipe = (first: Recipe<R1State<Adapter>>, then: Recipe<R1State<TransformerParams>>): Recipe<Both> => [
 *   ...ofTeacher(first),
 *   ...ofStudent(then),
 * ]
 * ```
 */
export const within =
  <S, A>({ get, set }: Part<S, A>) =>
  (recipe: Recipe<A>): Recipe<S> =>
    recipe.map(({ name, at }) => ({
      name,
      at: (env) => (whole) =>
        pipe(
          at(env)(get(whole)),
          TE.map((part) => set(part, whole)),
        ),
    }))

const NUMBERED = /^(\d+)-/

/** A stage that a folder holds. */
interface Standing {
  readonly number: number
  readonly name: string
}

/** The stages that a recipe's folder holds. One that is missing holds none. */
const standing = (folder: string): TE.TaskEither<RunError, readonly Standing[]> =>
  pipe(
    TE.tryCatch(() => readdir(folder), fileFailure(folder)),
    TE.orElse((error) => (error._tag === 'FileFailure' && error.code === 'ENOENT' ? TE.right([]) : TE.left(error))),
    TE.map((names) =>
      names.flatMap((name) => {
        const number = NUMBERED.exec(name)?.[1]
        return number === undefined ? [] : [{ number: Number(number), name }]
      }),
    ),
  )

/**
 * Whether a folder holds a stage of some recipe: what a command line asks before it resumes.
 *
 * @example
 * ```ts
 * import { begun } from '@adjoint/rl'
 * const there = await begun('no/such/folder')() // Right false
 * ```
 */
export const begun = (folder: string): TE.TaskEither<RunError, boolean> =>
  TE.map((all: readonly unknown[]) => all.length > 0)(standing(folder))

/**
 * {@link begun} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { begunAsync } from '@adjoint/rl'
 * console.log(await begunAsync('no/such/folder')) // false
 * ```
 */
export const begunAsync = /* @__PURE__ */ twin(begun)

/** What is wrong with a folder that holds `found`, for stages of these names from number `first` on. */
const problemOf = (
  { folder, resume }: RecipeEnv,
  names: readonly string[],
  first: number,
  found: readonly Standing[],
): FolderError | null => {
  const later = found.filter(({ number }) => number >= first && number < first + names.length)
  if (!resume) return later.length === 0 ? null : { _tag: 'Occupied', folder, found: later[0]!.name }
  const other = later.find(({ number, name }) => names[number - first] !== name)
  return other === undefined
    ? null
    : { _tag: 'OtherStage', folder, found: other.name, wanted: names[other.number - first]! }
}

/** Hands the state on where the folder is free for these stages, or with `resume` where it is theirs. */
const checked =
  <S>(env: RecipeEnv, names: readonly string[], first: number): Stage<S> =>
  (state) =>
    pipe(
      standing(env.folder),
      TE.flatMap((found): TE.TaskEither<StageCause, S> => {
        const problem = problemOf(env, names, first, found)
        return problem === null ? TE.right(state) : TE.left(problem)
      }),
      TE.mapLeft((error): StageError => ({ stage: names[0] ?? env.folder, error })),
    )

/** The stage while no other process performs a recipe in the folder: what another has ended here is not to be gone on from. */
const alone =
  (folder: string, name: string) =>
  <S>(stage: Stage<S>): Stage<S> =>
  (state) => {
    const failed = (error: RunError): StageError => ({ stage: name, error })
    return async () => {
      const held = await pipe(lockFolder(folder), TE.mapLeft(failed))()
      if (E.isLeft(held)) return held
      const release = TE.mapLeft(failed)(held.right.release)
      // What is thrown is a mistake in a stage: the folder is given back all the same.
      const ended = await stage(state)().catch(async (thrown: unknown) => {
        await release()
        throw thrown
      })
      const released = await release()
      return E.isRight(ended) && E.isLeft(released) ? released : ended
    }
  }

/**
 * The recipe as one stage in a place. It maps the concatenation of recipes to the composition of stages: performing
 * `[...xs, ...ys]` is performing `xs` and then `ys` with `first` moved on by the length of `xs`.
 *
 * What was killed at any point and resumed leaves the logs of what was not, byte for byte, and gives the same state, bit
 * for bit. Left: what the first stage that fails says; later ones do not start. Of two processes on one folder the second is
 * refused at once.
 *
 * @example
 * ```ts
 * import { perform, type Recipe } from '@adjoint/rl'
 * import { requestDevice } from '@adjoint/tensor'
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const recipe: Recipe<number> = [{ name: 'increment', at: () => (n) => TE.right(n + 1) }]
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
 *   const env = { device: device.right, folder, seed: 0, resume: false, checkpointEvery: 25 }
 *   const result = await perform([...recipe, ...recipe])(env)(0)() // Right 2
 * }
 * ```
 */
export const perform =
  <S>(recipe: Recipe<S>): ((env: RecipeEnv) => Stage<S>) =>
  (given) => {
    const { first = 1, ...env } = optionsOf('perform', given, RECIPE_OPTIONS)
    const names = recipe.map(({ name }, i) => `${first + i}-${name}`)
    const each = recipe.map(({ at }, i) =>
      at({ ...env, number: first + i, stage: names[i]!, folder: join(env.folder, names[i]!) }),
    )
    return alone(env.folder, names[0] ?? env.folder)(stages([checked(env, names, first), ...each]))
  }

/** A stage as a script gives it, whose own failure says which stage it is; what is not a stage's cause stays thrown. */
const placed =
  (stage: string) =>
  <S>(given: AsyncStage<S>): Stage<S> =>
  (state) =>
  () =>
    tasked(`performAsync: stage ${stage}`)(given)(state)().catch((thrown: unknown) => {
      if (thrown instanceof RlFailure && isStageCause(thrown.error)) return E.left({ stage, error: thrown.error })
      throw thrown
    })

/**
 * {@link perform} for scripts: the stage awaits, and throws RlFailure, whose `error` says which stage failed, and of what. A stage of the
 * recipe may be an `async` function: the RlFailure of a twin in it is thrown with the stage's name, as `{ stage, error }`. What names a
 * stage already, what a teacher or a reward left and what is no RlFailure is thrown as it is. The folder is given back.
 *
 * @example
 * ```ts
 * import { type AsyncRecipe, performAsync } from '@adjoint/rl'
 * import { requestDeviceAsync } from '@adjoint/tensor'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const recipe: AsyncRecipe<number> = [{ name: 'increment', at: () => async (n) => n + 1 }]
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
 * const env = { device, folder, seed: 0, resume: false, checkpointEvery: 25 }
 * console.log(await performAsync([...recipe, ...recipe])(env)(0)) // 2
 * ```
 */
export const performAsync =
  <S>(recipe: AsyncRecipe<S>): ((env: RecipeEnv) => (state: S) => Promise<S>) =>
  (env) =>
    twin(
      perform(recipe.map(({ name, at }) => ({ name, at: (place: StageEnv) => placed(place.stage)(at(place)) })))(env),
    )

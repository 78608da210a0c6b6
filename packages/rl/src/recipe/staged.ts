/**
 * A stage as a run: its steps are folded by {@link run} in a folder of its own, and what it gives to the next one is read
 * off what that folder holds at the end. So a stage that has just ended and one that ended yesterday give the same.
 *
 * What goes in and what comes out is copied to the host, here and nowhere else: steps reuse the memory of their arguments,
 * and stages share none.
 */
import { createHash } from '#system'
import { type Device, type HostArray, tree, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { readOn } from '../run/device.ts'
import { snapshot } from '../run/snapshot.ts'
import type { RunError } from '../run/errors.ts'
import { filesOf } from '../run/folder.ts'
import { foldIn, type HostKey, hostKey } from '../run/keys.ts'
import { type Json, type LogRecord, readLog } from '../run/log.ts'
import { type Phase, run } from '../run/run.ts'
import { type KeptAs, type StateCodec, treeState } from '../run/state.ts'
import type { RecipeStage, StageEnv } from './recipe.ts'
import type { StageCause, StageError } from './errors.ts'

/** What a stage does, as a run whose state is T. */
export interface StagedRun<S, T> {
  readonly name: string
  /** The first line of its log: everything that its results depend on and that is data. */
  readonly settings: { readonly [key: string]: Json }
  /** The state of its run at the start: what it takes of the recipe's. */
  readonly begin: (state: S) => T
  /** Further data of the state that its results depend on. */
  readonly reads: (state: S) => Json
  /** How a checkpoint holds the state of its run. Default: a tree of tensors, as it is. */
  readonly codec?: StateCodec<T>
  /** What it does, on a device. Made when the stage starts; no phase changes the structure of T on entering. */
  readonly phases: (state: S, env: StageEnv) => readonly Phase<T>[]
  /** The recipe's state after it. */
  readonly end: (state: S, ended: StageEnd<T>) => TE.TaskEither<RunError, S>
}

/** What a stage has left. */
export interface StageEnd<T> {
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
        hash.update(JSON.stringify([tree.structure(from).key, leaves, data]))
        for (const { buffer, byteOffset, byteLength } of arrays)
          hash.update(new Uint8Array(buffer, byteOffset, byteLength))
        return hash.digest('hex').slice(0, 16)
      }),
    )

/** A state whose tensors have memory of their own, on the host. Throws where `codec` does not restore what it gave. */
const copied =
  <T>(device: Device, codec: StateCodec<T>) =>
  (state: T): TE.TaskEither<RunError, T> =>
    pipe(
      snapshot(device)(codec.tensors(state)),
      TE.map((tensors) => {
        const restored = codec.restore(tensors, codec.data(state))
        if (E.isRight(restored)) return restored.right
        throw new Error(`staged: the codec does not restore the state that it was given: ${restored.left}.`)
      }),
    )

/** With the settings of another start and else the same, it began from another state; other settings are told as such. */
const otherStart =
  (folder: string) =>
  (error: RunError): StageCause =>
    error._tag === 'OtherSettings' && error.name === 'start' ? { _tag: 'OtherStart', folder } : error

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
export const staged = <S, T extends K, K = Tree>(options: StagedRun<S, T> & KeptAs<K>): RecipeStage<S> => {
  const given = optionsOf<StagedRun<S, T>>('staged', options, {
    ...{ name: true, settings: true, begin: true, reads: true, codec: true, phases: true, end: true },
  })
  // Without `codec`, the state is a tree: see KeptAs.
  const codec = given.codec ?? (treeState() as StateCodec<unknown> as StateCodec<T>)
  return {
    name: given.name,
    at: (env) => (state) => {
      const { folder, stage, device, checkpointEvery, observe, sinks, signal, resume } = env

      const fold = (initial: T, start: string): TE.TaskEither<StageCause, T> =>
        pipe(
          run({
            folder,
            seed: seedOf(env),
            phases: given.phases(state, env),
            checkpointEvery,
            settings: { ...given.settings, device: device.kind, seed: env.seed, stage, start },
            codec,
            ...(observe === undefined ? {} : { observe: (progress) => observe({ ...progress, stage }) }),
            ...(sinks === undefined ? {} : { sinks }),
            ...(signal === undefined ? {} : { signal }),
          })(initial, { resume: resume && 'where begun' }),
          TE.mapLeft(otherStart(folder)),
        )

      return pipe(
        copied(device, codec)(given.begin(state)),
        TE.bindTo('initial'),
        TE.bind('start', ({ initial }) =>
          digest(env)(codec.tensors(initial), [given.reads(state), codec.data(initial)]),
        ),
        TE.flatMap(({ initial, start }) => fold(initial, start)),
        TE.flatMap(copied(device, codec)),
        TE.bindTo('tree'),
        TE.bindW('records', () => readLog(filesOf(folder).log)),
        TE.flatMap(({ tree: last, records }) => given.end(state, { tree: last, records, folder, stage })),
        TE.mapLeft((error): StageError => ({ stage, error })),
      )
    },
  }
}

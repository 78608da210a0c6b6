/**
 * Where a learner has its experience from: a sampler in this process, a buffer that learns from what is old again, a file of
 * rollouts that were logged. A source is a pure function of its state, the policy as it stands, and a key; its state is plain
 * data, which a checkpoint keeps beside the learner's tensors.
 */
import type { Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { completionMetrics, rewardMetrics } from '../run/metrics.ts'
import { absences } from '../reward/absence.ts'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import { optionsOf } from '@adjoint/tensor/ir'
import type { RunError } from '../run/errors.ts'
import { dice, type HostKey, stream } from '../run/keys.ts'
import { COLLECT_OPTIONS, type CollectConfig, type Collected, collector } from './collect.ts'
import { concatExperiences, type Experience, pickGroups } from './experience.ts'
import { curriedTwin, tasked, twin } from '../or-throw.ts'

/** A policy as it stands: its parameters, and how many steps have made them. */
export interface PolicyAt<P extends Tree> {
  readonly params: P
  readonly version: number
}

/** `(state, policy, key) -> experience and the next state`. */
export type Source<P extends Tree, S, Problem> = (
  state: S,
  policy: PolicyAt<P>,
  key: HostKey,
) => TE.TaskEither<RunError, readonly [collected: Collected<Problem>, state: S]>

/** What a twin takes as a {@link Source}: it may be an `async` function, as the twins of sources are. */
export type AsyncSource<P extends Tree, S, Problem> = (
  state: S,
  policy: PolicyAt<P>,
  key: HostKey,
) =>
  | TE.TaskEither<RunError, readonly [collected: Collected<Problem>, state: S]>
  | Promise<readonly [collected: Collected<Problem>, state: S]>

/**
 * The sampler in this process: fresh completions of the policy that learns. It has no state. Left: as `collector`.
 *
 * @example
 * ```ts
 * import { type CollectConfig, sampler } from '@adjoint/rl'
 * const sourceOf = (config: CollectConfig<string, null>) => sampler(config)
 * ```
 */
export const sampler = <Problem, P extends Tree>(config: CollectConfig<Problem, P>): Source<P, null, Problem> => {
  const collect = collector(optionsOf('sampler', config, COLLECT_OPTIONS))
  return (state, { params, version }, key) =>
    pipe(
      collect(params, key, version),
      TE.map((collected) => [collected, state] as const),
    )
}

/**
 * {@link sampler} for scripts: the source awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { type CollectConfig, grpoFromAsync, type LearnConfig, samplerAsync } from '@adjoint/rl'
 * const stepOf = (collect: CollectConfig<string, null>, learn: LearnConfig<string, null, null>) =>
 *   grpoFromAsync(samplerAsync(collect), learn)
 * ```
 */
export const samplerAsync = /* @__PURE__ */ curriedTwin(sampler)

/** What a replay buffer holds: the newest experience last, and the state of what fills it. */
export interface ReplayState<S, Problem> {
  readonly held: readonly Experience<Problem>[]
  readonly inner: S
}

/** How a replay buffer mixes. */
export interface ReplayConfig {
  /** Batches kept; the oldest goes first. */
  readonly capacity: number
  /** Groups of earlier batches that are learnt from again, beside each fresh batch; fewer while there are not as many. */
  readonly groups: number
}

/**
 * The state of a {@link replay} buffer that holds nothing yet.
 *
 * @example
 * ```ts
 * import { emptyReplay } from '@adjoint/rl'
 * emptyReplay(null).held // []
 * ```
 */
export const emptyReplay = <S, Problem>(inner: S): ReplayState<S, Problem> => ({ held: [], inner })

/**
 * Experience replay over a source: each fresh batch, and beside it some groups of the batches before, drawn without
 * repetition by the key. What is old keeps the log-probabilities and the version of the policy that sampled it, so the ratio of
 * the objective is to that policy. The metrics are those of the fresh batch. Throws RangeError for a capacity or a number of
 * groups below 1.
 *
 * @example
 * ```ts
 * import { type CollectConfig, replay, sampler } from '@adjoint/rl'
 * const sourceOf = (config: CollectConfig<string, null>) => replay({ capacity: 4, groups: 8 })(sampler(config))
 * ```
 */
export const replay = (options: ReplayConfig) => {
  const { capacity, groups } = optionsOf('replay', options, { capacity: true, groups: true })

  for (const [name, value] of Object.entries({ capacity, groups }))
    if (!(Number.isInteger(value) && value >= 1))
      throw new RangeError(`replay: ${name} is ${value}. Give a whole number, 1 or more.`)
  return <P extends Tree, S, Problem>(source: Source<P, S, Problem>): Source<P, ReplayState<S, Problem>, Problem> =>
    ({ held, inner }, policy, key) =>
      pipe(
        source(inner, policy, key),
        TE.map(([collected, next]) => {
          const old = held.length === 0 ? null : held.reduce(concatExperiences)
          const again = old === null ? null : pickGroups(drawn(old.ids.length, groups, stream('replay')(key)))(old)
          const experience = again === null ? collected.experience : concatExperiences(collected.experience, again)
          const kept = [...held, collected.experience].slice(-capacity)
          return [
            { ...collected, experience },
            { held: kept, inner: next },
          ] as const
        }),
      )
}

/**
 * {@link replay} for scripts: the source awaits, and throws RlFailure, whose `error` says what went wrong. The source within may be an
 * `async` function; what that throws is thrown as it is.
 *
 * @example
 * ```ts
 * import { emptyReplay, hostKey, loggedAsync, replayAsync, RlFailure } from '@adjoint/rl'
 * const source = replayAsync({ capacity: 4, groups: 8 })(loggedAsync<string>([]))
 * await source(emptyReplay({ next: 0 }), { params: null, version: 0 }, hostKey(0)).catch((thrown) => {
 *   if (thrown instanceof RlFailure) console.log(thrown.message) // the list of logged experience is empty: ..
 * })
 * ```
 */
export const replayAsync = (options: ReplayConfig) => {
  const buffer = replay(options)
  return <P extends Tree, S, Problem>(source: AsyncSource<P, S, Problem>) =>
    twin(buffer(tasked('replayAsync: the source')(source)))
}

/** `count` of the numbers below `total`, or all of them, none twice. */
const drawn = (total: number, count: number, key: HostKey): readonly number[] => {
  const all = Array.from({ length: total }, (_, i) => i)
  const roll = dice(key)
  for (let i = 0; i < Math.min(count, total); i++) {
    const j = i + roll(total - i)
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all.slice(0, count)
}

/** Which of a list of logged batches is next. */
export interface LoggedState {
  readonly next: number
}

/**
 * Experience that was logged, batch after batch, from the first again after the last: offline learning from rollouts of any
 * policy. Read a file of them with `readExperiences`. Left: EmptyDataset where there is none.
 *
 * @example
 * ```ts
 * import { type Experience, logged } from '@adjoint/rl'
 * const sourceOf = (batches: readonly Experience<string>[]) => logged(batches)
 * ```
 */
export const logged =
  <Problem>(batches: readonly Experience<Problem>[]): Source<Tree, LoggedState, Problem> =>
  ({ next }) => {
    const experience = batches[next % Math.max(1, batches.length)]
    return TE.fromEither(
      experience === undefined
        ? E.left<RunError>({ _tag: 'EmptyDataset', name: 'the list of logged experience' })
        : E.right([
            {
              experience,
              metrics: {
                ...rewardMetrics(
                  chunksOf(experience.group)(experience.breakdowns.map((b) => b.total)),
                  experience.breakdowns,
                ),
                ...completionMetrics(experience.samples),
              },
              absences: absences(experience.breakdowns),
              times: { rollout: 0, reward: 0 },
            },
            { next: (next + 1) % batches.length },
          ] as const),
    )
  }

/**
 * {@link logged} for scripts: the source awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { hostKey, loggedAsync, RlFailure } from '@adjoint/rl'
 * const source = loggedAsync<string>([])
 * await source({ next: 0 }, { params: null, version: 0 }, hostKey(0)).catch((thrown) => {
 *   if (thrown instanceof RlFailure) console.log(thrown.error) // { _tag: 'EmptyDataset', name: 'the list of logged experience' }
 * })
 * ```
 */
export const loggedAsync = /* @__PURE__ */ curriedTwin(logged)

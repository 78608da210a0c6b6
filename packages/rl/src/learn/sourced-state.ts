/** How a checkpoint holds the state of a step that learns from a source: the learner as tensors, the source as data. */
import type { Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { experienceFromJson, experienceToJson } from '../experience/json.ts'
import type { LoggedState, ReplayState } from '../experience/source.ts'
import type { Json } from '../run/log.ts'
import { dataState, recordState, type StateCodec, treeState } from '../run/state.ts'
import type { GrpoState, SourcedState } from './grpo.ts'

const isCount = (x: Json | undefined): x is number => typeof x === 'number' && Number.isSafeInteger(x) && x >= 0

/**
 * The state of a source that has none, as `sampler`.
 *
 * @example
 * ```ts
 * import { noSourceState, sourcedState } from '@adjoint/rl'
 * const codec = sourcedState(noSourceState)
 * ```
 */
export const noSourceState: StateCodec<null> = dataState((data) =>
  data === null ? E.right(null) : E.left('it is not empty'),
)

/**
 * The state of `logged`: which batch is next.
 *
 * @example
 * ```ts
 * import { loggedSourceState } from '@adjoint/rl'
 * loggedSourceState.data({ next: 3 }) // { next: 3 }
 * ```
 */
export const loggedSourceState: StateCodec<LoggedState> = {
  tensors: () => null,
  data: ({ next }) => ({ next }),
  restore: (_, data) => {
    const next = typeof data === 'object' && data !== null && 'next' in data ? data.next : undefined
    return isCount(next) ? E.right({ next }) : E.left('it has no number of the next batch')
  },
}

/** How problems of a task are written as data, and read again. */
export interface ProblemCodec<Problem> {
  /** A problem as plain data. */
  readonly toJson: (problem: Problem) => Json
  /** Left: what is wrong with it. */
  readonly fromJson: (data: unknown) => E.Either<string, Problem>
}

/**
 * The state of `replay`: the experience that it holds, exact to the bit, and the state of the source that fills it.
 *
 * @example
 * ```ts
 * import { noSourceState, replaySourceState, sourcedState } from '@adjoint/rl'
 * import * as E from 'fp-ts/lib/Either.js'
 * const text = {
 *   toJson: (problem: string) => problem,
 *   fromJson: (data: unknown) => (typeof data === 'string' ? E.right(data) : E.left('a problem is no text')),
 * }
 * const codec = sourcedState(replaySourceState(text)(noSourceState))
 * ```
 */
export const replaySourceState =
  <Problem>({ toJson, fromJson }: ProblemCodec<Problem>) =>
  <S>(inner: StateCodec<S>): StateCodec<ReplayState<S, Problem>> =>
    recordState<ReplayState<S, Problem>>({
      inner,
      held: {
        tensors: () => null,
        data: (held) => held.map(experienceToJson(toJson)),
        restore: (_, data) =>
          Array.isArray(data)
            ? pipe(data as readonly Json[], E.traverseArray(experienceFromJson(fromJson)))
            : E.left('it is no list'),
      },
    })

/**
 * The state of {@link grpoFrom}, for `run`: give it as `codec`, with that of the source.
 *
 * @example
 * ```ts
 * import { loggedSourceState, sourcedState } from '@adjoint/rl'
 * const codec = sourcedState(loggedSourceState)
 * ```
 */
export const sourcedState = <P extends Tree, O extends Tree, S>(
  source: StateCodec<S>,
): StateCodec<SourcedState<P, O, S>> =>
  recordState<SourcedState<P, O, S>>({
    learner: treeState<GrpoState<P, O>>(),
    version: dataState((data) => (isCount(data) ? E.right(data) : E.left('it is no number of steps'))),
    source,
  })

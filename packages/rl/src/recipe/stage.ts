/**
 * A stage of a recipe: a function from a state to a task that gives the next one, or says why not. Stages compose as such
 * functions do (Kleisli composition), and form a monoid: doing nothing is its unit.
 */
import { flow } from 'fp-ts/lib/function.js'
import { concatAll, type Monoid } from 'fp-ts/lib/Monoid.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { StageError } from './errors.ts'
import { tasked, twin } from '../or-throw.ts'

/** What a stage does to a state. */
export type Stage<S> = (state: S) => TE.TaskEither<StageError, S>

/** What a twin takes as a {@link Stage}: it may be an `async` function, as `performAsync` gives them. */
export type AsyncStage<S> = (state: S) => TE.TaskEither<StageError, S> | Promise<S>

/**
 * Stages one after the other. The empty stage hands the state on; where one fails, those after it do not start.
 *
 * @example
 * ```ts
 * import { type Stage, stageMonoid } from '@adjoint/rl'
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * const increment: Stage<number> = (n) => TE.right(n + 1)
 * const double: Stage<number> = (n) => TE.right(2 * n)
 * const both = stageMonoid<number>().concat(increment, double)
 * const result = await both(3)() // Right 8
 * ```
 */
export const stageMonoid = <S>(): Monoid<Stage<S>> => ({
  empty: TE.right,
  concat: (first, second) => flow(first, TE.flatMap(second)),
})

/**
 * All stages in order, as one.
 *
 * @example
 * ```ts
 * import { type Stage, stages } from '@adjoint/rl'
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * const increment: Stage<number> = (n) => TE.right(n + 1)
 * const result = await stages([increment, increment, increment])(0)() // Right 3
 * ```
 */
export const stages = <S>(each: readonly Stage<S>[]): Stage<S> => concatAll(stageMonoid<S>())(each)

/**
 * {@link stages} for scripts: the stage awaits, and throws RlFailure, whose `error` says what went wrong. Each may be an `async` function;
 * what that throws is thrown as it is.
 *
 * @example
 * ```ts
 * import { stagesAsync } from '@adjoint/rl'
 * const increment = async (n: number) => n + 1
 * console.log(await stagesAsync([increment, increment, increment])(0)) // 3
 * ```
 */
export const stagesAsync = <S>(each: readonly AsyncStage<S>[]): ((state: S) => Promise<S>) =>
  twin(stages(each.map((stage, i) => tasked(`stagesAsync: stage ${i + 1} of ${each.length}`)(stage))))

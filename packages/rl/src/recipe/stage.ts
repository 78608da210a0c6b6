/**
 * A stage of a recipe: a function from a state to a task that gives the next one, or says why not. Stages compose as such
 * functions do (Kleisli composition), and form a monoid: doing nothing is its unit.
 */
import { flow } from 'fp-ts/lib/function.js'
import { concatAll, type Monoid } from 'fp-ts/lib/Monoid.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describeError, type RunError } from '../run/errors.ts'
import { printable } from '../run/printable.ts'

/** What a stage does to a state. */
export type Stage<S> = (state: S) => TE.TaskEither<StageError, S>

/**
 * What keeps a stage from starting where a recipe's folder is not that of this recipe.
 *
 * - `Occupied`: a new recipe was asked for, and the folder holds stages already.
 * - `OtherStage`: the folder holds another stage under this number: it is of another recipe.
 * - `OtherStart`: the stage began from other parameters or traces than the stages before it give now.
 */
export type FolderError =
  | { readonly _tag: 'Occupied'; readonly folder: string; readonly found: string }
  | { readonly _tag: 'OtherStage'; readonly folder: string; readonly found: string; readonly wanted: string }
  | { readonly _tag: 'OtherStart'; readonly folder: string }

/** What can end a stage. */
export type StageCause = RunError | FolderError

/** Which stage failed (the name of its folder), and why. */
export interface StageError {
  readonly stage: string
  readonly error: StageCause
}

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

const describeCause = (error: StageCause): string => {
  switch (error._tag) {
    case 'Occupied':
      return `${error.folder} holds ${error.found} already. Nothing was overwritten: resume that recipe, or choose another folder.`
    case 'OtherStage':
      return (
        `${error.folder} holds ${error.found} where this recipe has ${error.wanted}. ` +
        'It was left as it is: resume it with its own recipe, or choose another folder.'
      )
    case 'OtherStart':
      return (
        `${error.folder} began from other parameters or traces than the stages before it give now. ` +
        'It was left as it is: move it and those after it away to run them anew.'
      )
    default:
      return describeError(error)
  }
}

/**
 * One sentence on which stage failed, of what, and what to do.
 *
 * @example
 * ```ts
 * import { describeStageError } from '@adjoint/rl'
 * describeStageError({ stage: '2-reasoning-rl', error: { _tag: 'OtherStart', folder: 'runs/r1/2-reasoning-rl' } })
 * ```
 */
export const describeStageError = ({ stage, error }: StageError): string =>
  printable(`${stage}: ${describeCause(error)}`)

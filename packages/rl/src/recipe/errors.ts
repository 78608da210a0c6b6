/** What ends a stage of a recipe, as data. */
import { describeError, type RunError } from '../run/errors.ts'
import { printable } from '../run/printable.ts'

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

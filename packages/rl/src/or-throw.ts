/** Tasks for scripts: what failed is thrown. One function for all tasks of this package, so that none needs a twin of its own. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { describeStageError, type StageError } from './recipe/stage.ts'
import { describeError, type RunError } from './run/errors.ts'
import { describeTeacherError, type TeacherError } from './teacher/errors.ts'

/** What a task of this package may leave. */
export type RlError = RunError | StageError | TeacherError

/** What {@link orThrow} throws. Its message is the sentence of `describeError`, and `error` the value that was left. */
export class RlFailure extends Error {
  override readonly name = 'RlFailure'
  readonly error: RlError
  constructor(error: RlError) {
    super(sentenceOf(error))
    this.error = error
  }
}

const OF_TEACHERS: Readonly<Record<TeacherError['_tag'], true>> = {
  ...{ Refused: true, GaveUp: true, Aborted: true, CacheFailure: true, NotACache: true },
}
const isOfTeacher = (error: RunError | TeacherError): error is TeacherError => Object.hasOwn(OF_TEACHERS, error._tag)

const sentenceOf = (error: RlError): string => {
  if ('stage' in error) return describeStageError(error)
  return isOfTeacher(error) ? describeTeacherError(error) : describeError(error)
}

/**
 * Runs a task, and gives what it comes to; what it leaves is thrown as RlFailure. For scripts: a program that goes on after a failure
 * looks at the task's Left instead.
 *
 * @example
 * ```ts
 * import { orThrow, readLog, RlFailure } from '@adjoint/rl'
 * const records = orThrow(readLog('no/such/log.jsonl'))
 * await records.catch((thrown) => console.log(thrown instanceof RlFailure && thrown.error)) // { _tag: 'FileFailure', .. }
 * ```
 */
export const orThrow = async <A>(task: TaskEither<RlError, A>): Promise<A> => {
  const outcome = await task()
  if (outcome._tag === 'Left') throw new RlFailure(outcome.left)
  return outcome.right
}

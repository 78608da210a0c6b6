/** Effects for scripts: what failed is thrown. How a task is run so, and how the `Async` twin of an effect is made. */
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { describeStageError, type StageError } from './recipe/errors.ts'
import type { RewardError } from './reward/sample.ts'
import { describeError, type RunError } from './run/errors.ts'
import { describeTeacherError, type TeacherError } from './teacher/errors.ts'

/** What a task of this package may leave. */
export type RlError = RunError | StageError | TeacherError | RewardError

/** What {@link orThrow} and every function named `..Async` throw. Its message is the sentence of `describeError`, and `error` the value that was left. */
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
const isOfTeacher = (error: Exclude<RlError, StageError>): error is TeacherError =>
  Object.hasOwn(OF_TEACHERS, error._tag)

/** @internal Whether an error is one that ends a stage, and does not say which. */
export const isStageCause = (error: RlError): error is RunError =>
  !('stage' in error) && error._tag !== 'RewardFailed' && !isOfTeacher(error)

const sentenceOf = (error: RlError): string => {
  if ('stage' in error) return describeStageError(error)
  if (error._tag === 'RewardFailed') return error.message
  return isOfTeacher(error) ? describeTeacherError(error) : describeError(error)
}

/**
 * Runs a task, and gives what it comes to; what it leaves is thrown as RlFailure. For scripts, and for tasks that a record holds: each
 * other function that makes a task has a twin that does this, `readLogAsync` of `readLog`.
 *
 * @example
 * ```ts
 * import { createLogAsync, orThrow, readLogAsync } from '@adjoint/rl'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'log-')), 'log.jsonl')
 * const log = await createLogAsync(path)
 * await orThrow(log.append([{ kind: 'step', phase: 'sft', step: 0, loss: 3.04 }]))
 * await orThrow(log.close)
 * console.log(await readLogAsync(path)) // [{ kind: 'step', phase: 'sft', step: 0, loss: 3.04 }]
 * ```
 */
export const orThrow = async <A>(task: TaskEither<RlError, A>): Promise<A> => {
  const outcome = await task()
  if (outcome._tag === 'Left') throw new RlFailure(outcome.left)
  return outcome.right
}

/**
 * @internal The twin of an effect: its types are those of the effect, with its type parameters and the names of its arguments. What has
 * type parameters of its own after its first arguments is written out instead: {@link curriedTwin} would lose them. Both are called
 * `@__PURE__`, so that a bundle without the twin is one without what only the twin's effect needs.
 */
export const twin =
  <A extends readonly unknown[], R>(effect: (...given: A) => TaskEither<RlError, R>): ((...given: A) => Promise<R>) =>
  (...given) =>
    orThrow(effect(...given))

/** @internal The twin of an effect that is configured first. */
export const curriedTwin =
  <A extends readonly unknown[], B extends readonly unknown[], R>(
    configure: (...given: A) => (...data: B) => TaskEither<RlError, R>,
  ): ((...given: A) => (...data: B) => Promise<R>) =>
  (...given) =>
    twin(configure(...given))

/** What a value is of a task that was not left to its caller; null for any other value. */
const ofTask = (value: unknown): string | null => {
  if (typeof value === 'function') return 'function'
  if (typeof value !== 'object' || value === null || !('_tag' in value)) return null
  return value._tag === 'Left' || value._tag === 'Right' ? value._tag : null
}

/**
 * @internal What a script gives to a twin, an `async` function or one that makes tasks, as one that makes tasks. What its promise rejects
 * with stays thrown: the RlFailure of another twin reaches the caller as it is. A promise of a task, or of what one comes to, is a
 * TypeError: a Left would count as a success. `what` names the function in it.
 */
export const tasked =
  (what: string) =>
  <A extends readonly unknown[], E, R>(
    given: (...args: A) => TaskEither<E, R> | Promise<R>,
  ): ((...args: A) => TaskEither<E, R>) =>
  (...args) =>
  async () => {
    const begun = given(...args)
    if (typeof begun === 'function') return begun()
    const value = await begun
    const found = ofTask(value)
    if (found === null) return E.right(value)
    throw new TypeError(
      `${what} came to a ${found}. What is async comes to a value, not to a task or its Left or Right: ` +
        'await orThrow(task) in it, or give back the task itself from a function that is not async.',
    )
  }

/** Why a model was not loaded or saved, as data; and what carries it through a promise. */
import { DeviceFailure } from '@adjoint/tensor'
import { type Either, left } from 'fp-ts/lib/Either.js'
import { tryCatch, type TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, CheckpointFailure } from '../io/failure.ts'
import type { ConfigFlaw } from './fields.ts'

/** The description of a model asks for what is not computed here, or is none: `field` is at fault, with its `value`. */
export interface ConfigError {
  readonly _tag: 'Config'
  readonly path: string
  readonly field: string
  readonly value: unknown
  readonly message: string
}

/** Why a model was not loaded or saved. */
export type ModelError = CheckpointError | ConfigError

/** A {@link ConfigError}, thrown by the functions for scripts. */
export class ConfigFailure extends Error {
  override readonly name = 'ConfigFailure'
  readonly error: ConfigError
  constructor(error: ConfigError) {
    super(error.message)
    this.error = error
  }
}

/** What a description says; what is wrong with it is thrown. */
export const orConfigFailure = <A>(path: string, outcome: Either<ConfigFlaw, A>): A => {
  if (outcome._tag === 'Right') return outcome.right
  const { field, value, message } = outcome.left
  throw new ConfigFailure({ _tag: 'Config', path, field, value, message: `load ${path}: ${message}.` })
}

/** For a flaw that is no field's reading. */
export const configFailure = (path: string, flaw: ConfigFlaw): never => orConfigFailure(path, left(flaw))

/** A promise as a task: the failures that it rejects with are its Left. */
export const modelTask = <A>(run: () => Promise<A>): TaskEither<ModelError, A> =>
  tryCatch(run, (error): ModelError => {
    if (error instanceof CheckpointFailure || error instanceof ConfigFailure) return error.error
    throw error
  })

/** For `catch`: what a device says while a model is loaded, as a CheckpointFailure. */
export const rethrowDevice =
  (path: string) =>
  (error: unknown): never => {
    if (!(error instanceof DeviceFailure)) throw error
    throw new CheckpointFailure({ _tag: 'Device', error: error.error, message: `load ${path}: ${error.message}` })
  }

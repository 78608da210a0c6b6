/** Why tensors were not saved to a file or loaded from one, as data; and what carries it through a promise. */
import type { DeviceError } from '@adjoint/tensor'
import { type TaskEither, tryCatch } from 'fp-ts/lib/TaskEither.js'

/** What is wrong with the bytes of a file. Of safetensors, its reference implementation has the same names. */
export type Fault =
  /** The file ends within the length of its header. */
  | 'HeaderTooSmall'
  /** The header claims more bytes than any has. */
  | 'HeaderTooLarge'
  /** The file ends within its header. */
  | 'InvalidHeaderLength'
  /** The header is no UTF-8. */
  | 'InvalidHeader'
  /** The header is none of its format. */
  | 'InvalidHeaderDeserialization'
  /** A name stands twice in the header. */
  | 'DuplicateKey'
  /** A tensor does not begin where the one before it ends. */
  | 'InvalidOffset'
  /** A shape has more elements than numbers count. */
  | 'ValidationOverflow'
  /** A tensor has no whole number of bytes. */
  | 'MisalignedSlice'
  /** A tensor has not the bytes of its shape. */
  | 'TensorInvalidInfo'
  /** The tensors are not all of the file, or more than it. */
  | 'MetadataIncompleteBuffer'
  /** The file was cut while it was read. */
  | 'Cut'
  /** The bytes are not those that were saved. */
  | 'Checksum'
  /** The index of shards is none. */
  | 'InvalidIndex'
  /** The index names a tensor that its shard has not. */
  | 'MissingTensor'
  /** A shard has a tensor that the index does not name. */
  | 'UnlistedTensor'

/** Why a checkpoint, or weights, were not saved or loaded, as data. */
export type CheckpointError =
  | { readonly _tag: 'MissingFile'; readonly path: string; readonly message: string }
  | { readonly _tag: 'NoSpace'; readonly path: string; readonly message: string }
  /** The bytes are not those that were saved, or a file breaks the rules of its format. */
  | { readonly _tag: 'Corrupt'; readonly path: string; readonly fault: Fault; readonly message: string }
  /** The file is of a format, or of a version of one, that is not read here. */
  | { readonly _tag: 'Format'; readonly path: string; readonly message: string }
  /** The file is sound, but holds what no tensor here can: elements of another kind, or out of range; `leaf` is its name. */
  | { readonly _tag: 'Unsupported'; readonly path: string; readonly leaf: string; readonly message: string }
  /** The file is sound, but holds another tree; `leaf` is the first name that differs. */
  | { readonly _tag: 'Mismatch'; readonly path: string; readonly leaf: string; readonly message: string }
  /** Anything else that the file system says, such as missing permission. */
  | { readonly _tag: 'FileSystem'; readonly path: string; readonly message: string }
  /** The device failed while tensors were read from it. */
  | { readonly _tag: 'Device'; readonly error: DeviceError; readonly message: string }

/** What is wrong with bytes, before it is known whose they are; `message` completes 'the file is corrupt: ...'. */
export interface Flaw {
  readonly fault: Fault
  readonly message: string
}

/**
 * What a promise rejects with on its way to a Left, or to whoever awaits one of the functions for scripts; anything else that is
 * thrown is a programmer's error and stays one.
 */
export class CheckpointFailure extends Error {
  override readonly name = 'CheckpointFailure'
  readonly error: CheckpointError
  constructor(error: CheckpointError) {
    super(error.message)
    this.error = error
  }
}

/** A promise as a task: what it rejects with as a CheckpointFailure is its Left. */
export const task = <A>(run: () => Promise<A>): TaskEither<CheckpointError, A> =>
  tryCatch(run, (error) => {
    if (error instanceof CheckpointFailure) return error.error
    throw error
  })

/** A task's result; its Left is thrown. */
export const orThrow = async <A>(run: TaskEither<CheckpointError, A>): Promise<A> => {
  const outcome = await run()
  if (outcome._tag === 'Left') throw new CheckpointFailure(outcome.left)
  return outcome.right
}

/** The code of a system's error; null where it is none. */
export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null

const ofFiles = (path: string, doing: string, error: unknown): unknown => {
  const code = codeOf(error)
  if (code === null) return error
  const message = `${doing} ${path}: ${error instanceof Error ? error.message : code}`
  switch (code) {
    case 'ENOENT':
      return new CheckpointFailure({ _tag: 'MissingFile', path, message: `${message}. Check the path and its folder.` })
    case 'ENOSPC':
    case 'EDQUOT':
      return new CheckpointFailure({
        _tag: 'NoSpace',
        path,
        message: `${message}. The disk is full; nothing was overwritten. Free some space and save again.`,
      })
    default:
      return new CheckpointFailure({ _tag: 'FileSystem', path, message })
  }
}

/** For `catch`: what the system says of a file as a CheckpointFailure. */
export const rethrow =
  (path: string, doing: string) =>
  (error: unknown): never => {
    throw ofFiles(path, doing, error)
  }

/**
 * Checkpoints: a tree of tensors with JSON metadata in one file. Saving replaces the file atomically; loading verifies
 * checksums, and every path, shape and dtype against a template, before it returns anything.
 */
import { type Device, type DeviceError, DeviceFailure, readAsync, tensor, tree, type Tree } from '@adjoint/tensor'
import { type TaskEither, tryCatch } from 'fp-ts/lib/TaskEither.js'
import { type Files, nodeFiles } from './files.ts'
import { decodeContents, encodeContents, type HostTensor } from './layout.ts'

/** Why a checkpoint was not saved or loaded, as data. */
export type CheckpointError =
  | { readonly _tag: 'MissingFile'; readonly path: string; readonly message: string }
  | { readonly _tag: 'NoSpace'; readonly path: string; readonly message: string }
  /** The bytes are not those that were saved. */
  | { readonly _tag: 'Corrupt'; readonly path: string; readonly message: string }
  /** The file is sound, but holds another tree; `leaf` is the path in the tree. */
  | { readonly _tag: 'Mismatch'; readonly path: string; readonly leaf: string; readonly message: string }
  /** Anything else that the file system says, such as missing permission. */
  | { readonly _tag: 'FileSystem'; readonly path: string; readonly message: string }
  /** The device failed while tensors were read from it. */
  | { readonly _tag: 'Device'; readonly error: DeviceError; readonly message: string }

// What a task rejects with on its way to its Left; anything else that is thrown is a programmer's error and stays one.
class CheckpointFailure extends Error {
  readonly error: CheckpointError
  constructor(error: CheckpointError) {
    super(error.message)
    this.error = error
  }
}

const task = <A>(run: () => Promise<A>): TaskEither<CheckpointError, A> =>
  tryCatch(run, (error) => {
    if (error instanceof CheckpointFailure) return error.error
    throw error
  })

const codeOf = (error: unknown): string | null =>
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

const rethrow =
  (path: string, doing: string) =>
  (error: unknown): never => {
    throw ofFiles(path, doing, error)
  }

/** Where a checkpoint goes. */
export interface SaveConfig {
  readonly path: string
  /** Kept with the tensors: anything that JSON holds. Default null. */
  readonly metadata?: unknown
  /** Where to compute what is not computed yet. Default: where the tensors are. */
  readonly device?: Device
  /** Default: Node's. */
  readonly files?: Files
}

/**
 * Saves a tree to one file, which is valid safetensors with the leaves' paths as names. The file is replaced as a whole or
 * not at all. Throws TypeError where the metadata is no JSON.
 *
 * @example
 * ```ts
 * import { loadCheckpoint, saveCheckpoint } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'adjoint-')), 'step-10.safetensors')
 * const params = { weight: ones([2, 3]), bias: ones([3]) }
 * await saveCheckpoint({ path, metadata: { step: 10 } })(params)()
 * const loaded = await loadCheckpoint({ path })(params)()
 * if (isRight(loaded)) console.log(loaded.right.metadata, await readAsync(loaded.right.tree.bias)) // { step: 10 } [1, 1, 1]
 * ```
 */
export const saveCheckpoint =
  ({ path, metadata = null, device, files = nodeFiles }: SaveConfig) =>
  (saved: Tree): TaskEither<CheckpointError, void> =>
    task(async () => {
      const leaves = tree.leaves(saved)
      const tensors = new Map<string, HostTensor>()
      for (const [i, name] of tree.paths(saved).entries()) {
        const { shape, dtype } = leaves[i]!
        const data = await readAsync(leaves[i]!, device).catch((error: unknown) => {
          if (!(error instanceof DeviceFailure)) throw error
          throw new CheckpointFailure({
            _tag: 'Device',
            error: error.error,
            message: `save ${path}: reading ${name}: ${error.message}`,
          })
        })
        tensors.set(name, { shape, dtype, data })
      }
      const bytes = await encodeContents({ tensors, metadata })
      await files.replace(path, bytes).catch(rethrow(path, 'save'))
    })

/** Where a checkpoint is. */
export interface LoadConfig {
  readonly path: string
  /** Default: Node's. */
  readonly files?: Files
}

/** A tree as it was saved, on the host, and its metadata, which is to be decoded before use. */
export interface Loaded<T extends Tree> {
  readonly tree: T
  readonly metadata: unknown
}

/**
 * Loads a tree with the structure, shapes and dtypes of `template` (whose values are not read). A file that is missing,
 * truncated, altered, or of another tree is an error that says so; no part of it is returned.
 *
 * @example
 * ```ts
 * import { loadCheckpoint } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * import { isLeft } from 'fp-ts/lib/Either.js'
 * const outcome = await loadCheckpoint({ path: 'no/such/file.safetensors' })({ weight: ones([2]) })()
 * console.log(isLeft(outcome) && outcome.left._tag) // 'MissingFile'
 * ```
 */
export const loadCheckpoint =
  ({ path, files = nodeFiles }: LoadConfig) =>
  <T extends Tree>(template: T): TaskEither<CheckpointError, Loaded<T>> =>
    task(async () => {
      const bytes = await files.read(path).catch(rethrow(path, 'load'))
      const decoded = await decodeContents(bytes)
      if (decoded._tag === 'Left')
        throw new CheckpointFailure({
          _tag: 'Corrupt',
          path,
          message: `load ${path}: the file is corrupt: ${decoded.left}. Go back to an earlier checkpoint.`,
        })
      const { tensors, metadata } = decoded.right
      const mismatch = (leaf: string, what: string): CheckpointFailure =>
        new CheckpointFailure({
          _tag: 'Mismatch',
          path,
          leaf,
          message: `load ${path}: ${what} at ${leaf}. Load it with the configuration it was saved with.`,
        })
      const wanted = new Set(tree.paths(template))
      const extra = [...tensors.keys()].find((name) => !wanted.has(name))
      if (extra !== undefined) throw mismatch(extra, 'the file has a tensor that the template has not,')
      const loaded = tree.mapWithPath((leaf, expected) => {
        const found = tensors.get(leaf)
        const show = (x: { readonly shape: readonly number[]; readonly dtype: string }): string =>
          `${x.dtype}[${x.shape.join(', ')}]`
        if (found === undefined) throw mismatch(leaf, `the file has no tensor, the template has ${show(expected)}`)
        if (show(found) !== show(expected))
          throw mismatch(leaf, `the file has ${show(found)}, the template has ${show(expected)}`)
        return tensor(found.data, found.shape, found.dtype)
      }, template)
      return { tree: loaded, metadata }
    })

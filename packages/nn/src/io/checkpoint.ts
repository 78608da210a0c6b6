/**
 * Checkpoints: a tree of tensors with JSON metadata in one file. Saving replaces the file atomically; loading verifies
 * checksums, and every name, shape and dtype against a template, before it returns anything. Files of other tools that are
 * valid safetensors load too.
 */
import { type Device, DeviceFailure, readAsync, tensor, type Tensor, tree, type Tree } from '@adjoint/tensor'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { dtypes, optionsOf, sizeOf } from '@adjoint/tensor/ir'
import { type CheckpointError, CheckpointFailure, orThrow, rethrow, task } from './failure.ts'
import { type Files, nodeFiles } from './files.ts'
import { converts, decodeInto, isKnown, stored } from './convert.ts'
import { type Decoded, decodeContents, encodeContents, type HostTensor } from './layout.ts'
import { leafNames } from './names.ts'

/** Where a checkpoint goes. */
export interface SaveConfig {
  readonly path: string
  /** Kept with the tensors: anything that JSON holds. Default null. */
  readonly metadata?: unknown
  /** Where to compute what is not computed yet. Default: where the tensors are. */
  readonly device?: Device
  /** The name in the file of a leaf, given its own. Default: its own. */
  readonly rename?: (name: string) => string
  /** Default: Node's. */
  readonly files?: Files
}

/**
 * Saves a tree to one file, which is valid safetensors with the leaves' paths as names, keys and indices joined by dots; a dot
 * or backslash within a key has a backslash before it. The file is replaced as a whole or not at all. Throws TypeError where
 * the metadata is no JSON, or `rename` gives two leaves one name.
 *
 * @example
 * ```ts
 * import { loadCheckpoint, saveCheckpoint } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'adjoint-')), 'step-10.safetensors')
 * const params = { weight: ones([2, 3]), bias: ones([3]) }
 * await saveCheckpoint({ path, metadata: { step: 10 } })(params)()
 * const loaded = await loadCheckpoint({ path })(params)()
 * if (loaded._tag === 'Right') console.log(loaded.right.metadata, await readAsync(loaded.right.tree.bias)) // { step: 10 } [1, 1, 1]
 * ```
 */
export const saveCheckpoint = (options: SaveConfig) => {
  const {
    path,
    metadata = null,
    device,
    rename = (name: string) => name,
    files = nodeFiles,
  } = optionsOf<SaveConfig>('saveCheckpoint', options, {
    path: true,
    metadata: true,
    device: true,
    rename: true,
    files: true,
  })
  return (saved: Tree): TaskEither<CheckpointError, void> =>
    task(async () => {
      const leaves = tree.leaves(saved)
      const tensors = new Map<string, HostTensor>()
      for (const [i, own] of leafNames(saved).entries()) {
        const name = rename(own)
        if (tensors.has(name))
          throw new TypeError(
            `saveCheckpoint: rename gives the name ${name} to ${own} and to another leaf. Give each its own.`,
          )
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
      const pieces = await encodeContents({ tensors, metadata })
      await files.replace([{ path, pieces }]).catch(rethrow(path, 'save'))
    })
}

/**
 * {@link saveCheckpoint} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { CheckpointFailure, saveCheckpointAsync } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const saved = saveCheckpointAsync({ path: 'no/such/folder/step-10.safetensors' })({ weight: ones([2, 3]) })
 * await saved.catch((error) => console.log(error instanceof CheckpointFailure && error.error._tag)) // MissingFile
 * ```
 */
export const saveCheckpointAsync = (options: SaveConfig) => {
  const save = saveCheckpoint(options)
  return (saved: Tree): Promise<void> => orThrow(save(saved))
}

/** Where a checkpoint is. */
export interface LoadConfig {
  readonly path: string
  /** The name in the file of a leaf, given its own. Default: its own. Two leaves may be read from one tensor. */
  readonly rename?: (name: string) => string
  /**
   * Whether leaves that the file has not keep the values of the template, and what more it holds is left there: to begin from a part
   * of another model. Default false: the file holds the template's leaves and no others. Shapes and dtypes are to fit either way.
   */
  readonly partial?: boolean
  /** Default: Node's. */
  readonly files?: Files
}

/** A tree as it was saved, on the host, and its metadata, which is to be decoded before use. */
export interface Loaded<T extends Tree> {
  readonly tree: T
  readonly metadata: unknown
  /** Where a part was enough: leaves that the file has not, and its tensors that were not asked for, by their names in the file. */
  readonly missing: readonly string[]
  readonly unexpected: readonly string[]
}

interface Difference {
  readonly _tag: 'Mismatch' | 'Unsupported'
  readonly leaf: string
  readonly message: string
}

const advice = {
  Mismatch: 'Load it with the configuration it was saved with',
  Unsupported: 'Convert the file to F32, I32, U32 or BOOL with the tool that made it',
} as const

const showTensor = (dtype: string, shape: readonly number[]): string => `${dtype}[${shape.join(', ')}]`
const MANY = 8
const listed = (names: readonly string[]): string =>
  names.slice(0, MANY).join(', ') + (names.length > MANY ? `, and ${names.length - MANY} more` : '')

/** Names that the one side has and the other has not. */
const apart = (tensors: Decoded['tensors'], names: readonly string[]): Pick<Loaded<Tree>, 'missing' | 'unexpected'> => {
  const wanted = new Set(names)
  return {
    missing: names.filter((name) => !tensors.has(name)),
    unexpected: [...tensors.keys()].filter((name) => !wanted.has(name)),
  }
}

/** How the file's tensors differ from the template's, the first of them in full; null where they do not. */
const differences = (
  tensors: Decoded['tensors'],
  names: readonly string[],
  leaves: readonly Tensor[],
  partial: boolean,
): Difference | null => {
  const own = new Map(Object.entries(stored).map(([here, there]) => [there, here]))
  const { missing, unexpected: extra } = apart(tensors, names)
  if (!partial && (missing.length > 0 || extra.length > 0)) {
    const first = missing[0]
    const lacks =
      first === undefined
        ? `the file has a tensor that the template has not, at ${extra[0]!}`
        : `the file has no tensor, the template has ${showTensor(leaves[names.indexOf(first)]!.dtype, leaves[names.indexOf(first)]!.shape)} at ${first}`
    const all = [
      ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
      ...(extra.length > 0 ? [`unexpected: ${listed(extra)}`] : []),
    ]
    return { _tag: 'Mismatch', leaf: first ?? extra[0]!, message: `${lacks} (${all.join('; ')})` }
  }
  for (const [i, leaf] of names.entries()) {
    const [found, expected] = [tensors.get(leaf), leaves[i]!]
    if (found === undefined) continue
    const file = showTensor(own.get(found.dtype) ?? found.dtype, found.shape)
    const template = showTensor(expected.dtype, expected.shape)
    if (!isKnown(found.dtype))
      return { _tag: 'Unsupported', leaf, message: `the file has ${file} at ${leaf}, an unsupported dtype` }
    if (!converts(found.dtype, expected.dtype) || showTensor('', found.shape) !== showTensor('', expected.shape))
      return { _tag: 'Mismatch', leaf, message: `the file has ${file}, the template has ${template} at ${leaf}` }
  }
  return null
}

/**
 * Loads a tree with the structure, shapes and dtypes of `template` (whose values are not read). A file that is missing,
 * truncated, altered, or of another tree is an error that says so; no part of it is returned.
 *
 * A safetensors file of another tool loads likewise, with its `__metadata__` as metadata (null where it has none): F16 and
 * BF16 into f32 exactly, F64 into f32 rounded, integers of other widths into i32 or u32 where they fit. Only files that this
 * library saved have checksums.
 *
 * A model of a tool with other names loads by `rename`, and a part of one with `partial`: what the file lacks keeps the template's
 * values, and `missing` and `unexpected` say what was not shared.
 *
 * @example
 * ```ts
 * import { loadCheckpoint } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const outcome = await loadCheckpoint({ path: 'no/such/file.safetensors' })({ weight: ones([2]) })()
 * console.log(outcome._tag === 'Left' && outcome.left._tag) // 'MissingFile'
 * ```
 */
export const loadCheckpoint = (options: LoadConfig) => {
  const {
    path,
    rename = (name: string) => name,
    partial = false,
    files = nodeFiles,
  } = optionsOf<LoadConfig>('loadCheckpoint', options, { path: true, rename: true, partial: true, files: true })
  return <T extends Tree>(template: T): TaskEither<CheckpointError, Loaded<T>> =>
    task(async () => {
      const bytes = await files.read(path).catch(rethrow(path, 'load'))
      const decoded = await decodeContents(bytes)
      if (decoded._tag === 'Left')
        throw new CheckpointFailure({
          _tag: 'Corrupt',
          path,
          fault: decoded.left.fault,
          message: `load ${path}: the file is corrupt: ${decoded.left.message}. Go back to an earlier checkpoint.`,
        })
      const { tensors, metadata } = decoded.right
      const names = leafNames(template).map(rename)
      const problem = differences(tensors, names, tree.leaves(template), partial)
      if (problem !== null)
        throw new CheckpointFailure({
          ...problem,
          path,
          message: `load ${path}: ${problem.message}. ${advice[problem._tag]}`,
        })
      let at = 0
      const loaded = tree.map((expected) => {
        const leaf = names[at++]!
        const found = tensors.get(leaf)
        if (found === undefined) return expected
        const { dtype, bytes } = found
        const data = dtypes[expected.dtype].allocate(sizeOf(expected.shape))
        const wrong = decodeInto(dtype, expected.dtype, bytes(), data)
        if (wrong === null) return tensor(data, expected.shape, expected.dtype)
        throw new CheckpointFailure({
          _tag: 'Unsupported',
          path,
          leaf,
          message: `load ${path}: the file has ${dtype} at ${leaf}, and ${wrong}. ${advice.Unsupported}`,
        })
      }, template)
      return { tree: loaded, metadata, ...apart(tensors, names) }
    })
}

/**
 * {@link loadCheckpoint} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { loadCheckpointAsync, saveCheckpointAsync } from '@adjoint/nn'
 * import { ones, readAsync, zeros } from '@adjoint/tensor'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'adjoint-')), 'model.safetensors')
 * await saveCheckpointAsync({ path })({ bias: ones([3]) })
 * const { tree } = await loadCheckpointAsync({ path })({ bias: zeros([3]) })
 * console.log(await readAsync(tree.bias)) // Float32Array [1, 1, 1]
 * ```
 */
export const loadCheckpointAsync = (options: LoadConfig) => {
  const load = loadCheckpoint(options)
  return <T extends Tree>(template: T): Promise<Loaded<T>> => orThrow(load(template))
}

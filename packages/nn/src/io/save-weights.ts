/**
 * Weights for other tools: plain safetensors, in one file or in shards with their index, written tensor by tensor. What a header says is known
 * of all tensors before the first is read, so that no more than one is in memory at a time.
 */
import {
  type Device,
  DeviceFailure,
  type DType,
  type HostArray,
  isTensor,
  readAsync,
  type Shape,
  type Tensor,
} from '@adjoint/tensor'
import { dtypes, isFloat, isHalf, optionsOf, packHalves, sizeOf } from '@adjoint/tensor/ir'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { bytesOf, narrow, stored } from './convert.ts'
import { type CheckpointError, CheckpointFailure, codeOf, orThrow, rethrow, task } from './failure.ts'
import { type Files, nodeFiles, type FileBytes } from './files.ts'
import { arrange, encodeHeader, type Placed } from './safetensors.ts'
import { decodeIndex, encodeIndex, folderOf, indexPath, shardPath } from './shards.ts'

/** A tensor that is read when its turn to be written comes, such as one of another file. */
export interface LazyTensor {
  readonly shape: Shape
  readonly dtype: DType
  readonly read: TaskEither<CheckpointError, HostArray>
}

/** Where weights go, and how. */
export interface SaveWeightsConfig {
  /** A file's path, by custom `model.safetensors` in the model's folder. Shards and their index are named after it. */
  readonly path: string
  /** What floats are stored as. Default: what each is. Integers and truth values are stored as they are. */
  readonly dtype?: 'f32' | 'f16' | 'bf16'
  /**
   * Bytes of tensors that a file holds at most, or one tensor where that alone is larger; what does not fit into one file goes into
   * shards `model-00001-of-00002.safetensors`, and `model.safetensors.index.json`. Default: no limit.
   */
  readonly maxShardBytes?: number
  /** Texts beside the tensors. Default `{ format: 'pt' }`, which Transformers demands of a file. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Where to compute what is not computed yet. Default: where the tensors are. */
  readonly device?: Device
  /** Default: Node's. */
  readonly files?: Files
}

/** A tensor in the queue. */
interface Queued extends Placed {
  readonly elements: () => Promise<HostArray>
  readonly as: DType
  readonly given: Tensor | LazyTensor
}

const queued = (
  [name, given]: readonly [string, Tensor | LazyTensor],
  { path, dtype, device }: SaveWeightsConfig,
): Queued => {
  if (name === '__metadata__')
    throw new TypeError("saveWeights: no tensor can have the name '__metadata__', which is the format's own.")
  const as = dtype !== undefined && isFloat(given.dtype) ? dtype : given.dtype
  const elements = isTensor(given)
    ? () =>
        readAsync(given, device).catch((error: unknown) => {
          if (!(error instanceof DeviceFailure)) throw error
          const message = `save ${path}: reading ${name}: ${error.message}`
          throw new CheckpointFailure({ _tag: 'Device', error: error.error, message })
        })
    : () => orThrow(given.read)
  const width = as === 'bool' ? 1 : dtypes[as].bytes
  const bytes = sizeOf(given.shape) * width
  return { name, dtype: stored[as], width, shape: given.shape, bytes, elements, as, given }
}

/** The elements' bytes in the file. */
const bytesAs = (data: HostArray, { name, as, given }: Queued, path: string): Uint8Array => {
  if (data.length !== sizeOf(given.shape))
    throw new TypeError(
      `saveWeights: ${name} gave ${data.length} elements, and its shape [${given.shape.join(', ')}] has ${sizeOf(given.shape)}. Read it as it was described.`,
    )
  if (!isHalf(as) || !(data instanceof Float32Array)) return bytesOf(data)
  const rounded = as === given.dtype ? data : new Float32Array(data.length)
  const wrong = rounded === data ? null : narrow(data, as, rounded)
  if (wrong !== null)
    throw new CheckpointFailure({
      _tag: 'Unsupported',
      path,
      leaf: name,
      message: `save ${path}: of ${name}, ${wrong}. Store it as f32 or bf16.`,
    })
  return bytesOf(packHalves(as, rounded, new Uint16Array(data.length)))
}

/** The bytes of a file: its header, then one tensor after another. */
async function* piecesOf(
  tensors: readonly Queued[],
  metadata: Readonly<Record<string, string>>,
  path: string,
): AsyncGenerator<Uint8Array> {
  const { ordered, entries } = arrange(tensors)
  yield encodeHeader({ metadata, entries })
  for (const tensor of ordered) yield bytesAs(await tensor.elements(), tensor, path)
}

/** Tensors in files of at most `limit` bytes, in their order. */
const split = (tensors: readonly Queued[], limit: number): readonly (readonly Queued[])[] => {
  const shards: Queued[][] = [[]]
  let filled = 0
  for (const tensor of tensors) {
    // an empty one fits anywhere
    if (filled > 0 && tensor.bytes > 0 && filled + tensor.bytes > limit) {
      shards.push([])
      filled = 0
    }
    shards.at(-1)!.push(tensor)
    filled += tensor.bytes
  }
  return shards
}

/** The index and the shards that were saved there before. */
const before = async (files: Files, path: string): Promise<readonly string[]> => {
  const index = indexPath(path)
  const bytes = await files.read(index).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  })
  if (bytes === null) return []
  const decoded = decodeIndex(bytes)
  const shards = decoded._tag === 'Right' ? new Set(decoded.right.shards.values()) : []
  return [index, ...[...shards].map((shard) => `${folderOf(path)}${shard}`)]
}

/**
 * Saves named tensors as plain safetensors, for any tool to read: a file, or shards with an index where one would be larger than
 * `maxShardBytes`. Each tensor is read when its turn comes, and let go before the next. The files take their names when all of them are on
 * the disk, and what was saved there before under the same name, of one file or of another number of shards, goes; after any failure
 * what was there is as it was.
 *
 * Left: `NoSpace`, `MissingFile` (no such folder), `FileSystem`; `Unsupported` where a finite number is beyond `dtype`, as 1e5 is beyond
 * f16; `Device` where a tensor could not be computed; what a lazy tensor's `read` gave. Throws TypeError for the name `__metadata__`.
 *
 * @example
 * ```ts
 * import { saveWeights, withWeightsAsync } from '@adjoint/nn'
 * import { ones, type Tensor } from '@adjoint/tensor'
 * import { mkdtempSync, readdirSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const folder = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * const weights = new Map<string, Tensor>([['embed.weight', ones([100, 8])], ['norm.weight', ones([8])]])
 * await saveWeights({ path: join(folder, 'model.safetensors'), dtype: 'f16', maxShardBytes: 1600 })(weights)()
 * console.log(readdirSync(folder).sort())
 * // ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'model.safetensors.index.json']
 * console.log(await withWeightsAsync({ path: folder })(async ({ tensors }) => [...tensors.keys()])) // ['embed.weight', 'norm.weight']
 * ```
 */
export const saveWeights = (options: SaveWeightsConfig) => {
  const config = optionsOf<SaveWeightsConfig>('saveWeights', options, {
    path: true,
    dtype: true,
    maxShardBytes: true,
    metadata: true,
    device: true,
    files: true,
  })
  const { path, maxShardBytes = Infinity, metadata = { format: 'pt' }, files = nodeFiles } = config
  if (!(maxShardBytes > 0))
    throw new RangeError(`saveWeights: maxShardBytes is ${maxShardBytes}, and has to be above 0.`)
  return (tensors: ReadonlyMap<string, Tensor | LazyTensor>): TaskEither<CheckpointError, void> =>
    task(async () => {
      const shards = split(
        [...tensors].map((entry) => queued(entry, config)),
        maxShardBytes,
      )
      const places = shards.length === 1 ? [path] : shards.map((_, i) => shardPath(path, i, shards.length))
      const written: { readonly path: string; readonly pieces: FileBytes }[] = shards.map((shard, i) => ({
        path: places[i]!,
        pieces: piecesOf(shard, metadata, path),
      }))
      if (shards.length > 1) {
        const names = shards.flatMap((shard, i) =>
          shard.map(({ name }) => [name, places[i]!.slice(folderOf(path).length)] as const),
        )
        const bytes = shards.flat().reduce((total, tensor) => total + tensor.bytes, 0)
        written.push({ path: indexPath(path), pieces: [encodeIndex(new Map(names), bytes)] })
      }
      const old = await before(files, path).catch(rethrow(path, 'save'))
      const obsolete = [...old, path].filter((place) => written.every((file) => file.path !== place))
      await files.replace(written, obsolete).catch(rethrow(path, 'save'))
    })
}

/**
 * {@link saveWeights} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { CheckpointFailure, saveWeightsAsync } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const saved = saveWeightsAsync({ path: 'no/such/folder/model.safetensors' })(new Map([['norm.weight', ones([8])]]))
 * await saved.catch((error) => console.log(error instanceof CheckpointFailure && error.error._tag)) // MissingFile
 * ```
 */
export const saveWeightsAsync = (options: SaveWeightsConfig) => {
  const save = saveWeights(options)
  return (tensors: ReadonlyMap<string, Tensor | LazyTensor>): Promise<void> => orThrow(save(tensors))
}

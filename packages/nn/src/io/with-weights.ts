/** Weights for as long as they are used: a bracket that opens the files, and closes them whatever happens. */
import { optionsOf } from '@adjoint/tensor/ir'
import { type Either, left } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, CheckpointFailure } from './failure.ts'
import { type Files, nodeFiles } from './files.ts'
import { opening, openWeights } from './open.ts'
import type { Weights } from './weights.ts'

/** Where weights are. */
export interface WeightsConfig {
  /**
   * A `.safetensors` file, a `.gguf` file, an index of shards (`model.safetensors.index.json`), or a folder with `model.safetensors` or, where
   * it has none, with that index: one downloaded from the Hugging Face hub.
   */
  readonly path: string
  /** Default: Node's. */
  readonly files?: Files
}

/** What `use` gives, once all files are closed; a failure of opening or, where nothing failed before it, of closing is thrown. */
const bracket = async <A>(
  options: WeightsConfig,
  use: (weights: Weights) => Promise<A>,
  failed: (value: A) => boolean,
): Promise<A> => {
  const { path, files = nodeFiles } = optionsOf<WeightsConfig>('withWeights', options, { path: true, files: true })
  const opened = opening(files)
  let value: A
  try {
    value = await use(await openWeights(opened, path))
  } catch (error) {
    // the first failure is the one to report
    await opened.close()
    throw error
  }
  const closing = await opened.close()
  if (closing !== null && !failed(value)) throw closing
  return value
}

/**
 * Opens the weights at a path, hands them to `use`, and closes all files once its task has ended, however it ended. Headers are read
 * at opening, and elements tensor by tensor when `read` is run: weights far larger than memory are no hindrance.
 *
 * Of safetensors all dtypes are opened, of GGUF all types; read are F64, F32, F16, BF16, integers of 8 to 64 bits, BOOL, and of GGUF's
 * quantised types Q8_0, Q4_0 and Q4_1, which become floats exactly as in ggml. Shapes are row-major, the outermost axis first, of GGUF too.
 *
 * Left, with the file at fault in `path`: `MissingFile` (a shard too), `Corrupt` (its `fault` says which rule the file breaks: cut, ranges that
 * overlap, an index that does not agree with its shards), `Format` (neither format), `Unsupported` (when reading: elements that are
 * none of the dtype asked for), `FileSystem`; or what `use` gave.
 *
 * @example
 * ```ts
 * import { saveWeights, withWeights } from '@adjoint/nn'
 * import { tensor } from '@adjoint/tensor'
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'adjoint-')), 'model.safetensors')
 * await saveWeights({ path, dtype: 'bf16' })(new Map([['norm.weight', tensor([1, 2, 1 / 3])]]))()
 *
 * const read = withWeights({ path })(({ tensors }) => {
 *   const norm = tensors.get('norm.weight')!
 *   console.log(norm.dtype, norm.shape, norm.bytes) // BF16 [3] 6
 *   return norm.read('f32')
 * })
 * console.log(await read()) // { _tag: 'Right', right: Float32Array [1, 2, 0.333984375] }
 * ```
 */
export const withWeights =
  (options: WeightsConfig) =>
  <E, A>(use: (weights: Weights) => TaskEither<E, A>): TaskEither<E | CheckpointError, A> =>
  async () => {
    try {
      return await bracket<Either<E | CheckpointError, A>>(
        options,
        (weights) => use(weights)(),
        ({ _tag }) => _tag === 'Left',
      )
    } catch (error) {
      if (error instanceof CheckpointFailure) return left(error.error)
      throw error
    }
  }

/**
 * {@link withWeights} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { CheckpointFailure, withWeightsAsync } from '@adjoint/nn'
 * const names = withWeightsAsync({ path: 'no/such/folder' })(async ({ tensors }) => [...tensors.keys()])
 * await names.catch((error) => console.log(error instanceof CheckpointFailure && error.error._tag)) // 'MissingFile'
 * ```
 */
export const withWeightsAsync =
  (options: WeightsConfig) =>
  <A>(use: (weights: Weights) => Promise<A>): Promise<A> =>
    bracket(options, use, () => false)

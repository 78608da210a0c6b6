/** A model from the files that others publish: a folder of the Hugging Face hub, or a GGUF file. */
import type { Device } from '@adjoint/tensor'
import { demandOneOf, optionsOf } from '@adjoint/tensor/ir'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { CheckpointFailure, codeOf, rethrow } from '../io/failure.ts'
import { type Files, nodeFiles } from '../io/files.ts'
import { kindAt, type PathKind } from '../io/kind.ts'
import { folderOf } from '../io/shards.ts'
import type { Weights } from '../io/weights.ts'
import { withWeightsAsync } from '../io/with-weights.ts'
import type { FloatDType } from '../optim/mixed.ts'
import { type Transformer, transformer, type TransformerParams } from '../transformer.ts'
import type { ArchitectureName } from './architectures.ts'
import { describeFolder, describeGguf, type Description } from './description.ts'
import { configFailure, type ModelError, modelTask, orConfigFailure } from './failure.ts'
import { readParams } from './read.ts'

/** Where a model is, and how its parameters are kept. */
export interface LoadModelConfig {
  /** A folder with `config.json` and safetensors, one of its safetensors files, or a GGUF file, whatever its name. */
  readonly path: string
  /**
   * What parameters are kept as; computations are in f32 in any case. Default 'f32', whatever the file has: one of BF16 takes twice its
   * size then. `bf16` keeps it as it is, in as many bytes, and is there sooner.
   */
  readonly dtype?: FloatDType
  /**
   * Longest sequence, in tokens: at most that of the file, which is the default. Rotary tables grow with the sequences that
   * there are, so that a long context costs nothing; of a learned table of positions the first rows are kept.
   */
  readonly context?: number
  /** Where parameters go. Default: the default device. */
  readonly device?: Device
  /** Default: Node's. */
  readonly files?: Files
}

/** A model that was loaded. */
export interface LoadedModel {
  readonly model: Transformer
  readonly params: TransformerParams
  readonly architecture: ArchitectureName
  /** The fields of `config.json`, or the metadata of GGUF, as they are there: ids of special tokens, a tokenizer. */
  readonly config: Readonly<Record<string, unknown>>
}

/** Where the description is: in the folder, or beside the file; of what is not there, by its name. */
const configPath = (path: string, kind: PathKind): string =>
  kind === 'file' || kind === 'safetensors' || (kind === 'absent' && /\.(safetensors|json)$/.test(path))
    ? `${folderOf(path)}config.json`
    : `${path.replace(/\/$/, '')}/config.json`

const kindOf = (path: string, files: Files): Promise<PathKind> => kindAt(path, files).catch(rethrow(path, 'read'))

/** The description of a folder's model. */
const ofFolder = async ({ path }: Pick<Weights, 'path'>, files: Files): Promise<Description> => {
  const kind = await kindOf(path, files)
  const at = configPath(path, kind)
  const bytes = await files.read(at).catch((error: unknown) => {
    if (kind !== 'folder' || codeOf(error) !== 'ENOENT') return rethrow(at, 'load')(error)
    const message = `load ${path}: the folder has no config.json, which says what model it is. Name the folder of a model, or a GGUF file.`
    throw new CheckpointFailure({ _tag: 'MissingFile', path: at, message })
  })
  return orConfigFailure(at, describeFolder(new TextDecoder().decode(bytes)))
}

const describe: Readonly<Record<Weights['format'], (weights: Weights, files: Files) => Promise<Description>>> = {
  safetensors: ofFolder,
  gguf: describeGguf,
}

/** What a model's files say of it, without its parameters. */
export type ModelDescription = Pick<LoadedModel, 'architecture' | 'config'> & { readonly model: Transformer }

/**
 * What the description of a model says, without its parameters: of a folder, `config.json` alone is read, so that nothing else of it need
 * be there; of a GGUF file, its header. To plan with. Left: as `loadModel`.
 *
 * @example
 * ```ts
 * import { describeModel } from '@adjoint/nn'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const outcome = await describeModel({ path: 'models/SmolLM2-135M' })()
 * if (isRight(outcome)) console.log(outcome.right.architecture, outcome.right.model.config.layers) // llama 30
 * ```
 */
export const describeModel = (
  options: Pick<LoadModelConfig, 'path' | 'files'>,
): TaskEither<ModelError, ModelDescription> => {
  const checked = described(options)
  return modelTask(() => descriptionOf(checked))
}

/**
 * {@link describeModel} for scripts: awaits, and throws CheckpointFailure and ConfigFailure.
 *
 * @example
 * ```ts
 * import { CheckpointFailure, describeModelAsync } from '@adjoint/nn'
 * const found = describeModelAsync({ path: 'no/such/model' })
 * await found.catch((error) => console.log(error instanceof CheckpointFailure)) // true
 * ```
 */
export const describeModelAsync = async (options: Pick<LoadModelConfig, 'path' | 'files'>): Promise<ModelDescription> =>
  descriptionOf(described(options))

const described = (options: Pick<LoadModelConfig, 'path' | 'files'>): Pick<LoadModelConfig, 'path' | 'files'> =>
  optionsOf<Pick<LoadModelConfig, 'path' | 'files'>>('describeModel', options, { path: true, files: true })

const descriptionOf = async ({
  path,
  files = nodeFiles,
}: Pick<LoadModelConfig, 'path' | 'files'>): Promise<ModelDescription> => {
  const kind = await kindOf(path, files)
  // Of a folder, and of one that is named by a file of JSON in it, the description is all that is looked at.
  const isFile = kind === 'gguf' || kind === 'safetensors' || (kind === 'file' && !path.endsWith('.json'))
  const { architecture, config, fields } = isFile
    ? await withWeightsAsync({ path, files })((weights) => describe[weights.format](weights, files))
    : await ofFolder({ path }, files)
  return { architecture, config: fields, model: transformer(config) }
}

/**
 * `loadModel` for scripts: awaits, and throws CheckpointFailure and ConfigFailure.
 *
 * @example
 * ```ts
 * import { ConfigFailure, loadModelAsync } from '@adjoint/nn'
 * import { mkdtempSync, writeFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * writeFileSync(join(path, 'model.safetensors'), new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d])) // no tensors: {}
 * writeFileSync(join(path, 'config.json'), '{"model_type": "mamba"}')
 * await loadModelAsync({ path }).catch((error) => console.log(error instanceof ConfigFailure && error.error.field)) // model_type
 * ```
 */
export const loadModelAsync = async (options: LoadModelConfig): Promise<LoadedModel> => load(checked(options))

const checked = (options: LoadModelConfig): LoadModelConfig => {
  const given = optionsOf<LoadModelConfig>('loadModel', options, {
    path: true,
    dtype: true,
    context: true,
    device: true,
    files: true,
  })
  demandOneOf('loadModel', 'dtype', given.dtype ?? 'f32', ['f32', 'f16', 'bf16'])
  return given
}

const load = async (given: LoadModelConfig): Promise<LoadedModel> => {
  const { path, dtype = 'f32', device, files = nodeFiles } = given
  return withWeightsAsync({ path, files })(async (weights) => {
    const { architecture, config, layout, fields } = await describe[weights.format](weights, files)
    const { context = config.context } = given
    if (!(Number.isInteger(context) && context > 0 && context <= config.context))
      configFailure(path, {
        field: 'context',
        value: context,
        message: `a context of ${context} is asked for, and this model reads 1 to ${config.context} tokens`,
      })
    const loaded = await readParams(weights, { config, layout, context, dtype, device })
    return { ...loaded, architecture, config: fields }
  })
}

/**
 * Loads a language model: Llama 2 and 3, Qwen 2, 2.5 and 3 and GPT-2 from a folder of the Hugging Face hub, the first three families also
 * from GGUF of llama.cpp. The model is what `transformer` makes of the configuration; parameters go to the device tensor by tensor,
 * so that memory holds the weights and about three times the largest tensor; the native device puts them together itself, from pieces of 2 MB.
 *
 * Left: `Config` where the description asks for what is not computed here, with the field and its value: an architecture, an activation, a
 * way of scaling, a field that is not known; `Mismatch` where a tensor is missing, is one too many, or has another shape, with its name;
 * and as `withWeights`. Nothing is returned then. Throws TypeError and RangeError for options that are none.
 *
 * @example
 * ```ts
 * import { llama, loadModel, saveModel, transformer } from '@adjoint/nn'
 * import { random, tensor } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * const small = transformer(llama({ vocab: 64, width: 32, layers: 2, heads: 4, kvHeads: 2, context: 128 }))
 * await saveModel({ path })(small, small.init(random.key(0)))()
 *
 * const outcome = await loadModel({ path, dtype: 'bf16' })()
 * if (isRight(outcome)) {
 *   const { model, params, architecture } = outcome.right
 *   console.log(architecture, model.apply(params)(tensor([1, 5, 2], [1, 3], 'i32')).shape) // llama [1, 3, 64]
 * }
 * ```
 */
export const loadModel = (options: LoadModelConfig): TaskEither<ModelError, LoadedModel> => {
  const given = checked(options)
  return modelTask(() => load(given))
}

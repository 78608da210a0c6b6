/** A model as a folder that others read: `config.json` and safetensors, under the names that Transformers has. */
import { type Device, DeviceFailure, readAsync, type Tensor, tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, CheckpointFailure, orThrow, rethrow, task } from '../io/failure.ts'
import { type Files, nodeFiles } from '../io/files.ts'
import { type LazyTensor, saveWeights } from '../io/save-weights.ts'
import type { FloatDType } from '../optim/mixed.ts'
import type { Transformer, TransformerParams } from '../transformer.ts'
import { descriptionOf, describedBy } from './architectures.ts'
import { shown } from './fields.ts'
import { hfLayouts, type Part, storedLeaves, type StoredLeaf } from './names.ts'
import { extractPart } from './parts.ts'

/** Where a model goes. */
export interface SaveModelConfig {
  /** A folder that exists. */
  readonly path: string
  /** What parameters are stored as. Default: what each is. */
  readonly dtype?: FloatDType
  /** Bytes of tensors that a file holds at most (see `saveWeights`). Default: no limit. */
  readonly maxShardBytes?: number
  /**
   * Further fields of `config.json`, which say nothing of what is computed: `bos_token_id`, `eos_token_id`, or all that a model
   * was loaded with.
   */
  readonly fields?: Readonly<Record<string, unknown>>
  /** Where to compute what is not computed yet. Default: where the parameters are. */
  readonly device?: Device
  /** Default: Node's. */
  readonly files?: Files
}

const dtypeNames: Readonly<Record<FloatDType, string>> = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' }

/** The architecture and the `config.json` of a model. Throws RangeError where there is none. */
const described = ({ config }: Transformer, further: SaveModelConfig['fields'] = {}) => {
  const description = descriptionOf(config)
  if (description === null) {
    const { norm, positions, mlp, bias, qkNorm, tiedHead } = config
    throw new RangeError(
      `saveModel: no architecture of Transformers that is known here is ${shown({ norm, positions, mlp, bias, qkNorm, tiedHead })} with these sizes. Save it with saveCheckpoint, or choose a configuration of llama, qwen2, qwen3 or gpt2.`,
    )
  }
  const fields = { ...further, ...description.fields }
  const again = describedBy(fields)
  if (again._tag === 'Left')
    throw new RangeError(`saveModel: of the fields given, ${again.left.message}. Leave it out.`)
  return { architecture: description.architecture, fields }
}

/** A part of a leaf, read when it is written. */
const lazyPart = (
  leaf: StoredLeaf,
  part: Part,
  { values, path, device }: { readonly values: Tensor; readonly path: string; readonly device: Device | undefined },
): LazyTensor => {
  const { dtype } = values
  const read = async (): Promise<Float32Array> => {
    const elements = await readAsync(values, device).catch((error: unknown) => {
      if (!(error instanceof DeviceFailure)) throw error
      const message = `save ${path}: reading ${leaf.path}: ${error.message}`
      throw new CheckpointFailure({ _tag: 'Device', error: error.error, message })
    })
    if (!(elements instanceof Float32Array))
      throw new TypeError(`saveModel: the parameter ${leaf.path} is ${dtype}. Parameters are f32, f16 or bf16.`)
    return extractPart(leaf, part, elements)
  }
  return { shape: part.shape, dtype, read: task(read) }
}

/**
 * Saves a model as a folder, made where it is missing, that Transformers loads, and `loadModel`: `model.safetensors`, or shards and
 * their index, and `config.json`. What was there before under these names is replaced once all files are written beside it, so that a
 * save that fails leaves it as it was. Parameters are read one by one. A tokenizer is not part of it.
 *
 * Left: as `saveWeights`. Throws RangeError where no architecture has the configuration, or a field says something else than it.
 *
 * @example
 * ```ts
 * import { qwen3, saveModel, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * import { mkdtempSync, readdirSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * const model = transformer(qwen3({ vocab: 64, width: 32, layers: 2, heads: 4, headDim: 16, context: 128 }))
 * await saveModel({ path, dtype: 'bf16', fields: { eos_token_id: 2 } })(model, model.init(random.key(0)))()
 * console.log(readdirSync(path).sort()) // ['config.json', 'model.safetensors']
 * ```
 */
export const saveModel = (options: SaveModelConfig) => {
  const {
    path,
    fields,
    files = nodeFiles,
    ...rest
  } = optionsOf<SaveModelConfig>('saveModel', options, {
    path: true,
    dtype: true,
    maxShardBytes: true,
    fields: true,
    device: true,
    files: true,
  })
  const within = `${path.replace(/\/$/, '')}/`
  return (model: Transformer, params: TransformerParams): TaskEither<CheckpointError, void> => {
    const description = described(model, fields)
    const leaves = tree.leaves(params)
    const stored = storedLeaves(hfLayouts[description.architecture], model.config, params)
    const tensors = stored.flatMap((leaf, i) =>
      leaf.parts.map((part) => {
        const place = { values: leaves[i]!, path, device: rest.device }
        return [part.name, lazyPart(leaf, part, place)] as const
      }),
    )
    const dtype = rest.dtype ?? (leaves[0]!.dtype as FloatDType)
    const config = { ...description.fields, torch_dtype: dtypeNames[dtype] }
    const text = `${JSON.stringify(config, null, 2)}\n`
    // With its weights or not at all: a folder never describes the weights of another save.
    const both: Files = {
      ...files,
      replace: (weights, obsolete) =>
        files.replace(
          [...weights, { path: `${within}config.json`, pieces: [new TextEncoder().encode(text)] }],
          obsolete,
        ),
    }
    const save = saveWeights({ path: `${within}model.safetensors`, files: both, ...rest })(new Map(tensors))
    return task(async () => {
      await files.makeFolder(path).catch(rethrow(path, 'save'))
      await orThrow(save)
    })
  }
}

/**
 * {@link saveModel} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { llama, loadModelAsync, saveModelAsync, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * const model = transformer(llama({ vocab: 64, width: 32, layers: 2, heads: 4, context: 128 }))
 * await saveModelAsync({ path })(model, model.init(random.key(0)))
 * console.log((await loadModelAsync({ path })).architecture) // llama
 * ```
 */
export const saveModelAsync = (options: SaveModelConfig) => {
  const save = saveModel(options)
  return (model: Transformer, params: TransformerParams): Promise<void> => orThrow(save(model, params))
}

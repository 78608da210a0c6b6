/**
 * Adapters as PEFT keeps them: a folder with `adapter_config.json` and `adapter_model.safetensors`, in which A is [r, in] and B
 * [columns, r], named after the modules of the model in Transformers. Source: Mangrulkar et al., PEFT (github.com/huggingface/peft),
 * `LoraConfig` and `get_peft_model_state_dict` of version 0.21.
 */
import { type Device, ShapeError, tensor, transpose, type Tensor, type Tree, TreeError } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { isLeft } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, CheckpointFailure, orThrow, rethrow, task } from '../io/failure.ts'
import { type Files, nodeFiles } from '../io/files.ts'
import { saveWeights } from '../io/save-weights.ts'
import type { StoredTensor } from '../io/weights.ts'
import { withWeights } from '../io/with-weights.ts'
import type { Floats } from '../layer.ts'
import { type Adapter, lora, type LoraConfig } from './lora.ts'
import type { Split } from './matrices.ts'
import { peftConfigOf, readPeftConfig } from './peft-config.ts'
import { llamaModules, moduleNames, type ModuleTable } from './peft-names.ts'

/** Where an adapter is saved, and what it is. */
export interface SaveAdapterConfig {
  /** A folder, which is there. */
  readonly path: string
  /** What `lora` was made with. */
  readonly lora: LoraConfig
  /** What modules are called there. Default: `llamaModules`, of Llama and Qwen. */
  readonly modules?: ModuleTable
  /** The name or folder of the model that it is an adapter of, for whoever loads it. Default: none. */
  readonly base?: string
  /** Where to compute what is not computed yet. Default: where the tensors are. */
  readonly device?: Device
  /** Default: Node's. */
  readonly files?: Files
}

const WEIGHTS = 'adapter_model.safetensors'
const CONFIG = 'adapter_config.json'
const PREFIX = 'base_model.model.'
const swapped = transpose([1, 0])

/**
 * Saves an adapter as PEFT's folder, both files at once: `PeftModel.from_pretrained(model, folder)` applies it. Left: as `saveWeights`.
 * Throws TreeError for a target that the table has no module for.
 *
 * @example
 * ```ts
 * import { llama, loadAdapter, lora, projections, saveAdapter, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const model = transformer(llama({ vocab: 21, width: 16, layers: 1, heads: 4, kvHeads: 2, context: 8 }))
 * const base = model.init(random.key(0))
 * const split = projections(model.config)
 * const config = { rank: 4, alpha: 8, targets: ['q', 'v'], split }
 * const path = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * await saveAdapter({ path, lora: config })(lora(config).init(base)(random.key(1)))()
 * const loaded = await loadAdapter({ path, split })(base)()
 * if (isRight(loaded)) console.log(loaded.right.config.alpha, Object.keys(loaded.right.adapter)) // 8 and the two targets
 * ```
 */
export const saveAdapter = (options: SaveAdapterConfig) => {
  const {
    path,
    lora: config,
    modules = llamaModules,
    base = null,
    device,
    files = nodeFiles,
  } = optionsOf('saveAdapter', options, {
    path: true,
    lora: true,
    modules: true,
    base: true,
    device: true,
    files: true,
  })
  const { moduleOf } = moduleNames('saveAdapter', modules)
  return (adapter: Adapter): TaskEither<CheckpointError, void> => {
    const found = Object.entries(adapter).map(([target, low]) => ({ module: moduleOf(target), ...low }))
    const tensors = new Map<string, Tensor>(
      found.flatMap(({ module, a, b }): readonly (readonly [string, Tensor])[] => [
        [`${PREFIX}${module}.lora_A.weight`, swapped(a)],
        [`${PREFIX}${module}.lora_B.weight`, swapped(b)],
      ]),
    )
    const ranks = new Map(found.map(({ module, a }) => [module, a.shape[1]!]))
    const text = JSON.stringify(peftConfigOf(config, ranks, base), null, 2)
    // With its weights or not at all: alpha is in the one file, and what it scales in the other.
    const both: Files = {
      ...files,
      replace: (weights, obsolete) =>
        files.replace([...weights, { path: `${path}/${CONFIG}`, pieces: [new TextEncoder().encode(text)] }], obsolete),
    }
    const save = saveWeights({ path: `${path}/${WEIGHTS}`, files: both, ...(device && { device }) })(tensors)
    return task(async () => {
      await files.makeFolder(path).catch(rethrow(path, 'save'))
      await orThrow(save)
    })
  }
}

/**
 * {@link saveAdapter} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { llama, loadAdapterAsync, lora, projections, saveAdapterAsync, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const model = transformer(llama({ vocab: 64, width: 32, layers: 1, heads: 4, context: 128 }))
 * const base = model.init(random.key(0))
 * const split = projections(model.config)
 * const config = { rank: 4, alpha: 8, targets: ['q', 'v'], split }
 * const path = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * await saveAdapterAsync({ path, lora: config })(lora(config).init(base)(random.key(1)))
 * console.log((await loadAdapterAsync({ path, split })(base)).config.rank) // 4
 * ```
 */
export const saveAdapterAsync = (options: SaveAdapterConfig) => {
  const save = saveAdapter(options)
  return (adapter: Adapter): Promise<void> => orThrow(save(adapter))
}

/** Where an adapter is, and how the model that it is for is split. */
export interface LoadAdapterConfig {
  /** A folder, as `saveAdapter` or PEFT made it. */
  readonly path: string
  /** As for `lora`. */
  readonly split?: Split
  /** What modules are called there. Default: `llamaModules`, of Llama and Qwen. */
  readonly modules?: ModuleTable
  /** Default: Node's. */
  readonly files?: Files
}

/** An adapter as it was saved, on the host; and what `lora` takes for it. */
export interface LoadedAdapter {
  readonly config: LoraConfig
  readonly adapter: Adapter
}

/**
 * Loads an adapter for the parameters of a model, which are not changed: `lora(config).adapt(base, adapter)` applies it. Left:
 * `Mismatch` for an adapter of another model; `Unsupported` where its configuration says what is not LoRA as it is here (DoRA, biases,
 * whole modules that were trained, an alpha of its own for some), naming the field; `MissingFile`, `Corrupt`, `Format`,
 * `FileSystem`.
 *
 * @example
 * ```ts
 * import { llama, loadAdapter, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * import { isLeft } from 'fp-ts/lib/Either.js'
 * const model = transformer(llama({ vocab: 21, width: 16, layers: 1, heads: 4, context: 8 }))
 * const loaded = await loadAdapter({ path: 'no/such/folder' })(model.init(random.key(0)))()
 * console.log(isLeft(loaded) && loaded.left._tag) // MissingFile
 * ```
 */
export const loadAdapter = (options: LoadAdapterConfig) => {
  const {
    path,
    split,
    modules = llamaModules,
    files = nodeFiles,
  } = optionsOf<LoadAdapterConfig>('loadAdapter', options, { path: true, split: true, modules: true, files: true })
  const { targetOf } = moduleNames('loadAdapter', modules)
  const differs = (leaf: string, what: string): CheckpointFailure =>
    new CheckpointFailure({ _tag: 'Mismatch', path, leaf, message: `load ${path}: ${what}` })

  return (base: Tree): TaskEither<CheckpointError, LoadedAdapter> =>
    task(async () => {
      const place = `${path}/${CONFIG}`
      const bytes = await files.read(place).catch(rethrow(place, 'load'))
      const said = readPeftConfig(bytes)
      if (isLeft(said))
        throw new CheckpointFailure({ ...said.left, path: place, message: `load ${place}: ${said.left.message}` })

      const adapter = await orThrow(
        withWeights({ path: `${path}/${WEIGHTS}`, files })(({ tensors }) =>
          task(async () => {
            const factors = new Map<string, { a?: Floats; b?: Floats }>()
            for (const [name, stored] of tensors) {
              const [, module, letter] = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name) ?? []
              const target = module === undefined ? null : targetOf(module)
              if (target === null)
                throw differs(name, `the adapter has ${name}, which is A or B of no matrix of these models`)
              const low = factors.get(target) ?? {}
              factors.set(target, low)
              low[letter === 'A' ? 'a' : 'b'] = await matrixOf(stored)
            }
            return factors
          }),
        ),
      )
      const whole: Record<string, { readonly a: Floats; readonly b: Floats }> = {}
      for (const [target, { a, b }] of adapter) {
        if (a === undefined || b === undefined)
          throw differs(target, `the adapter has one of A and B alone for ${target}`)
        whole[target] = { a, b }
      }
      const config: LoraConfig = { ...said.right, targets: Object.keys(whole), ...(split && { split }) }
      try {
        lora(config).adapt(base, whole)
      } catch (error) {
        if (error instanceof TreeError || error instanceof ShapeError)
          throw differs(Object.keys(whole)[0] ?? '', error.message)
        throw error
      }
      return { config, adapter: whole }
    })
}

/**
 * {@link loadAdapter} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { CheckpointFailure, llama, loadAdapterAsync, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const model = transformer(llama({ vocab: 64, width: 32, layers: 1, heads: 4, context: 128 }))
 * const loaded = loadAdapterAsync({ path: 'no/such/folder' })(model.init(random.key(0)))
 * await loaded.catch((error) => console.log(error instanceof CheckpointFailure && error.error._tag)) // MissingFile
 * ```
 */
export const loadAdapterAsync = (options: LoadAdapterConfig) => {
  const load = loadAdapter(options)
  return (base: Tree): Promise<LoadedAdapter> => orThrow(load(base))
}

/** A matrix of a file, [n, m], as [m, n]. */
const matrixOf = async ({ shape, read }: StoredTensor): Promise<Floats> => {
  const data = await orThrow(read('f32'))
  const [n = 1, m = 1] = shape
  if (shape.length !== 2) return tensor(data, shape, 'f32')
  const turned = new Float32Array(data.length)
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) turned[j * n + i] = data[i * m + j]!
  return tensor(turned, [m, n])
}

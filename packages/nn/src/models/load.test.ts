// Models in files: what is saved is loaded as it was; what others published gives their logits; what is wrong is named.
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { random, readAsync, slice, tensor, tree, wasmDevice } from '@adjoint/tensor'
import { afterAll, describe, expect, test } from 'vitest'
import { castFloats } from '../optim/mixed.ts'
import type { CacheDType } from '../cache.ts'
import { crossEntropy } from '../loss.ts'
import { type Files, nodeFiles } from '../io/files.ts'
import { saveWeights } from '../io/save-weights.ts'
import { generatorAsync } from '../generate.ts'
import { transformer, type TransformerConfig, type TransformerParams } from '../transformer.ts'
import { gpt2 } from './gpt2.ts'
import { llama } from './llama.ts'
import { loadModel, type LoadedModel, loadModelAsync, type LoadModelConfig } from './load.ts'
import { plainConfigs, plainLogits, randomModel } from './plain.support.ts'
import { qwen2, qwen3 } from './qwen.ts'
import { saveModel } from './save.ts'

const made: string[] = []
const newFolder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'adjoint-model-'))
  made.push(path)
  return path
}
afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true })
})

const ids = (values: readonly number[]) => tensor(Int32Array.from(values), [1, values.length])
const worst = (row: Float32Array, expected: readonly number[]): number =>
  Math.max(...expected.map((v, i) => Math.abs(v - row[i]!)))

const loaded = async (options: LoadModelConfig): Promise<LoadedModel> => {
  const outcome = await loadModel(options)()
  if (outcome._tag === 'Left') throw new Error(outcome.left.message)
  return outcome.right
}
const saved = async (config: TransformerConfig, options: object = {}) => {
  const path = newFolder()
  const model = transformer(config)
  const params = model.init(random.key(7))
  const outcome = await saveModel({ path, ...options })(model, params)()
  if (outcome._tag === 'Left') throw new Error(outcome.left.message)
  return { path, model, params }
}
const sameParams = async (found: TransformerParams, expected: TransformerParams): Promise<void> => {
  expect(tree.paths(found)).toEqual(tree.paths(expected))
  const [xs, ys] = [tree.leaves(found), tree.leaves(expected)]
  for (const [i, x] of xs.entries()) {
    expect([x.shape, x.dtype]).toEqual([ys[i]!.shape, ys[i]!.dtype])
    expect(await readAsync(x)).toEqual(await readAsync(ys[i]!))
  }
}

const sizes = { vocab: 40, width: 24, layers: 2, heads: 6, context: 32 }
const kinds: readonly (readonly [string, TransformerConfig])[] = [
  ['llama', llama({ ...sizes, kvHeads: 2, hidden: 40 })],
  ['llama', llama({ ...sizes, kvHeads: 3, tiedHead: true, ropeScaling: { type: 'linear', factor: 2 } })],
  ['qwen2', qwen2({ ...sizes, kvHeads: 3 })],
  ['qwen3', qwen3({ ...sizes, kvHeads: 1, headDim: 10, tiedHead: true })],
  ['gpt2', gpt2(sizes)],
]

describe.each(kinds)('a %s', (architecture, config) => {
  test('is loaded as it was saved', async () => {
    const { path, model, params } = await saved(config, { fields: { eos_token_id: 3 } })
    expect(readdirSync(path).sort()).toEqual(['config.json', 'model.safetensors'])
    const again = await loaded({ path })
    expect(again.architecture).toBe(architecture)
    expect(again.model.config).toEqual(model.config)
    expect(again.config['eos_token_id']).toBe(3)
    await sameParams(again.params, params)
  })

  test('in shards, and as bf16, rounded once', async () => {
    const { path, params } = await saved(config, { maxShardBytes: 4000, dtype: 'bf16' })
    expect(readdirSync(path).filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(1)
    const rounded = castFloats('bf16')(params)
    await sameParams((await loaded({ path, dtype: 'bf16' })).params, rounded)
    await sameParams((await loaded({ path })).params, castFloats('f32')(rounded))
  })

  test('generates from bf16 and from f16', async () => {
    const { path } = await saved(config)
    for (const dtype of ['bf16', 'f16'] as const) {
      const { model, params } = await loaded({ path, dtype })
      const generate = generatorAsync(model, { maxTokens: 4, temperature: 0 })
      const { tokens } = await generate(params, { tokens: ids([1, 2, 3]) }, random.key(0))
      expect((await readAsync(tokens)).length).toBe(7)
    }
  })
})

test('a shorter context keeps the first rows of a table of positions', async () => {
  const { path, params } = await saved(gpt2(sizes))
  const { model, params: cut } = await loaded({ path, context: 5 })
  expect(model.config.context).toBe(5)
  expect(await readAsync(cut.positions!)).toEqual((await readAsync(params.positions!)).slice(0, 5 * sizes.width))
})

test('a model of no architecture is not saved, nor one with a field that says something else', () => {
  const model = transformer({ ...sizes, positions: 'rope' })
  const save = (fields?: Record<string, unknown>) => saveModel({ path: '.', ...(fields && { fields }) })
  expect(() => save()(model, model.init(random.key(0)))).toThrow(/no architecture of Transformers.*saveCheckpoint/)
  const own = transformer(llama(sizes))
  expect(() => save({ sliding_window: 8 })(own, own.init(random.key(0)))).toThrow(/sliding_window is 8: .*Leave it out/)
})

describe('what is wrong is named before anything is returned', () => {
  const plain = randomModel(plainConfigs['a Llama']!)
  const folder = async (config: unknown, change: (names: Map<string, unknown>) => void = () => undefined) => {
    const path = newFolder()
    const tensors = new Map([...plain.tensors].map(([name, { data, shape }]) => [name, tensor(data, shape)]))
    change(tensors)
    await saveWeights({ path: join(path, 'model.safetensors') })(tensors)()
    if (config !== undefined)
      writeFileSync(join(path, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config))
    return path
  }
  const failure = async (options: LoadModelConfig) => {
    const outcome = await loadModel(options)()
    if (outcome._tag === 'Right') throw new Error('it was loaded')
    return outcome.left
  }

  test('a folder of others is loaded, by the path of its file too', async () => {
    const path = await folder(plain.config)
    const tokens = [3, 1, 4, 1, 5]
    for (const each of [path, `${path}/`, join(path, 'model.safetensors')]) {
      const { model, params } = await loaded({ path: each })
      expect(worst(await readAsync(model.apply(params)(ids(tokens))), plainLogits(plain, tokens).flat())).toBeLessThan(
        1e-5,
      )
    }
  })
  test('no config.json', async () => {
    expect(await failure({ path: await folder(undefined) })).toMatchObject({
      _tag: 'MissingFile',
      path: expect.stringMatching(/config\.json$/) as string,
    })
  })
  test('a config.json that is none', async () => {
    expect(await failure({ path: await folder('{"model_type": ') })).toMatchObject({ _tag: 'Config', field: '' })
    expect(await failure({ path: await folder('[1]') })).toMatchObject({ _tag: 'Config', field: '' })
  })
  test('a field, with its value', async () => {
    const path = await folder({ ...plain.config, hidden_act: 'relu' })
    expect(await failure({ path })).toMatchObject({
      _tag: 'Config',
      field: 'hidden_act',
      value: 'relu',
      message: expect.stringMatching(/load .*config\.json: hidden_act is "relu": only "silu"/) as string,
    })
  })
  test('a tensor', async () => {
    const name = 'model.layers.1.mlp.up_proj.weight'
    const path = await folder(plain.config, (tensors) => tensors.delete(name))
    expect(await failure({ path })).toMatchObject({ _tag: 'Mismatch', leaf: name })
  })
  test('a tensor whose elements are no floats, before any is read', async () => {
    const name = 'model.norm.weight' // the last of all
    const path = await folder(plain.config)
    const file = join(path, 'model.safetensors')
    const bytes = readFileSync(file)
    const at = bytes.indexOf('"F32"', bytes.indexOf(`"${name}"`))
    writeFileSync(file, Buffer.concat([bytes.subarray(0, at), Buffer.from('"I32"'), bytes.subarray(at + 5)]))
    const begin = 8 + Number(bytes.readBigUInt64LE())
    let beyond = 0
    const files: Files = {
      ...nodeFiles,
      open: async (of) => {
        const opened = await nodeFiles.open(of)
        return { ...opened, read: (from, into) => (from >= begin && beyond++, opened.read(from, into)) }
      },
    }
    expect(await failure({ path, files })).toMatchObject({
      _tag: 'Unsupported',
      leaf: name,
      message: expect.stringMatching(/model\.norm\.weight has elements of I32, which are not read as f32/) as string,
    })
    expect(beyond).toBe(0)
  })
  test('a context longer than the file has, or none', async () => {
    const path = await folder(plain.config)
    for (const context of [65, 0, 1.5])
      expect(await failure({ path, context })).toMatchObject({ _tag: 'Config', field: 'context', value: context })
    await expect(loadModelAsync({ path, context: 65 })).rejects.toThrow(/a context of 65 is asked for/)
  })
})

const fixture = (name: string): URL => new URL(`../../../../../shared/fixtures/${name}`, import.meta.url)
const json = (name: string): unknown => JSON.parse(readFileSync(fixture(name), 'utf8'))
/** What `body` makes of arrays of floats that have memory of their own: their lengths. */
const arraysMadeBy = async (body: () => Promise<unknown>): Promise<readonly number[]> => {
  const plain = globalThis.Float32Array
  const lengths: number[] = []
  globalThis.Float32Array = new Proxy(plain, {
    construct: (target, given: readonly unknown[], self) => {
      if (typeof given[0] === 'number') lengths.push(given[0])
      return Reflect.construct(target, given, self) as object
    },
  })
  try {
    await body()
  } finally {
    globalThis.Float32Array = plain
  }
  return lengths
}

describe('loading', () => {
  const config = llama({ vocab: 96, width: 32, layers: 3, heads: 4, kvHeads: 2, hidden: 80, context: 16 })

  test('brings tensor after tensor through the same arrays, whatever their number', async () => {
    const { path } = await saved(config)
    const lengths = await arraysMadeBy(() => loaded({ path, device: wasmDevice() }))
    // two for tensors of the file in turn: the table and the head are the largest; and one for leaves that are turned, or made of several
    expect(lengths.filter((n) => n >= 32 * 32).sort((a, b) => a - b)).toEqual([32 * 96, 32 * 96, 32 * 96])
  })

  test('has nothing under way when it fails', async () => {
    const { path } = await saved(config)
    let [reading, closed] = [0, 0]
    const open: Files['open'] = async (at) => {
      const file = await nodeFiles.open(at)
      return {
        ...file,
        read: async (from, into) => {
          reading++
          const count = await file.read(from, into)
          await new Promise((resolve) => setTimeout(resolve, 1))
          reading--
          return count
        },
        close: () => {
          closed++
          expect(reading).toBe(0)
          return file.close()
        },
      }
    }
    const device = wasmDevice()
    const before = await loadModel({ path, files: { ...nodeFiles, open }, device })()
    expect(before._tag).toBe('Right')
    await device.destroy()
    const outcome = await loadModel({ path, files: { ...nodeFiles, open }, device })()
    expect(outcome).toMatchObject({ left: { _tag: 'Device' } })
    expect(closed).toBe(2)
  })

  test('reads every byte of the tensors once', async () => {
    const { path } = await saved(config)
    let bytes = 0
    const open: Files['open'] = async (at) => {
      const file = await nodeFiles.open(at)
      return {
        ...file,
        read: (from, into) => {
          bytes += into.length
          return file.read(from, into)
        },
      }
    }
    await loaded({ path, files: { ...nodeFiles, open }, device: wasmDevice() })
    const { size } = statSync(join(path, 'model.safetensors'))
    // and its first bytes once more, which say what it is
    expect(bytes - size).toBeGreaterThanOrEqual(0)
    expect(bytes - size).toBeLessThanOrEqual(8)
  })
})

const absent = (name: string): boolean => {
  if (existsSync(fixture(name))) return false
  console.log(`skipped: the fixture ${name} is absent`)
  return true
}
/** A fixture as the folder that it was downloaded from. */
const asFolder = (name: string): string => {
  const path = newFolder()
  copyFileSync(fixture(`${name}.safetensors`), join(path, 'model.safetensors'))
  copyFileSync(fixture(`${name}.config.json`), join(path, 'config.json'))
  return path
}

const stories = 'checkpoint/stories260K-hf'
describe.skipIf(absent(`${stories}.safetensors`))(
  'a trained Llama of 260K parameters, with grouped heads and a tied head',
  () => {
    const golden = json('checkpoint/stories260K.golden.json') as {
      readonly greedy_tokens: readonly number[]
      readonly mean_nll_of_tokens_1_199_f64: number
    } & Readonly<Record<`logits_f64_pos${0 | 7 | 199}`, readonly number[]>>

    test('has the logits and the likelihood that others computed for it', async () => {
      const { model, params } = await loaded({ path: asFolder(stories) })
      const logits = model.apply(params)(ids(golden.greedy_tokens.slice(0, 200)))
      const all = await readAsync(logits)
      for (const at of [0, 7, 199] as const)
        expect(worst(all.subarray(at * 512, (at + 1) * 512), golden[`logits_f64_pos${at}`])).toBeLessThan(1e-4)
      const nll = crossEntropy(slice([0, 0], [1, 199])(logits), ids(golden.greedy_tokens.slice(1, 200)))
      expect((await readAsync(nll))[0]).toBeCloseTo(golden.mean_nll_of_tokens_1_199_f64, 5)
    })

    const story = async (cache: CacheDType): Promise<readonly number[]> => {
      const { model, params } = await loaded({ path: asFolder(stories) })
      const count = golden.greedy_tokens.length
      const generate = generatorAsync(model, { maxTokens: count - 1, temperature: 0, checkEvery: 64, cache })
      const { tokens } = await generate(params, { tokens: ids(golden.greedy_tokens.slice(0, 1)) }, random.key(0))
      return [...(await readAsync(tokens))]
    }
    test.each(['f32', 'f16'] as const)(
      'writes the story that others let it write, with a cache of %s',
      async (cache) => {
        expect(await story(cache)).toEqual(golden.greedy_tokens)
      },
    )

    test('with a cache of i8 tells the same for 100 tokens, and parts from it where two tokens are nearly as likely', async () => {
      const told = await story('i8')
      const parted = told.findIndex((id, i) => id !== golden.greedy_tokens[i])
      expect(parted).toBeGreaterThan(100)
      const { model, params } = await loaded({ path: asFolder(stories) })
      const logits = await readAsync(model.apply(params)(ids(told.slice(0, parted))))
      const [own, best] = [told, golden.greedy_tokens].map((tokens) => logits[(parted - 1) * 512 + tokens[parted]!]!)
      expect(best! - own!).toBeLessThan(0.2)
    })
  },
)

const drawn = 'safetensors/valid/tinyzero-llama-4L-bf16'
describe.skipIf(absent(`${drawn}.safetensors`))('a Llama of four layers in bfloat16, with a head of its own', () => {
  test('has the logits that others computed for it', async () => {
    const golden = json('checkpoint/tinyzero-llama-4L-bf16.golden.json') as {
      readonly tokens: readonly number[]
      readonly logits_f64: readonly (readonly number[])[]
    }
    for (const dtype of ['f32', 'bf16'] as const) {
      const { model, params } = await loaded({ path: asFolder(drawn), dtype })
      const all = await readAsync(model.apply(params)(ids(golden.tokens)))
      expect(worst(all, golden.logits_f64.flat())).toBeLessThan(1e-5)
    }
  })
})

const models = process.env['ADJOINT_MODELS']
const smol = models === undefined ? undefined : join(models, 'SmolLM2-135M-Instruct.Q4_1.gguf')
const here = smol !== undefined && existsSync(smol)
if (!here) console.log('skipped: SmolLM2-135M-Instruct.Q4_1.gguf is not in the folder that ADJOINT_MODELS names')
describe.skipIf(!here)('SmolLM2 from its GGUF file', () => {
  test('is the preset, and goes on as a Llama of English does', { timeout: 120_000 }, async () => {
    const { model, params, architecture } = await loaded({ path: smol!, dtype: 'bf16', context: 64 })
    expect(architecture).toBe('llama')
    expect(model.config.ropeTheta).toBe(100_000)
    const generate = generatorAsync(model, { maxTokens: 8, temperature: 0 })
    // "The capital of France is", in its own tokens
    const { tokens } = await generate(params, { tokens: ids([504, 3575, 282, 4649, 314]) }, random.key(0))
    expect([...(await readAsync(tokens))].slice(5, 6)).toEqual([7042]) // " Paris"
  })
})

// Random checkpoints of each architecture, against plain loops in doubles over the checkpoint itself.
import { random, readAsync, scalar, tensor, tree } from '@adjoint/tensor'
import { right } from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import { CheckpointFailure } from '../io/failure.ts'
import type { StoredTensor, Weights } from '../io/weights.ts'
import { extend, prefill } from '../cache.ts'
import { describeFolder, describeGguf } from './description.ts'
import { hfLayouts } from './names.ts'
import { type Plain, plainConfigs, plainLogits, type PlainModel, randomModel } from './plain.support.ts'
import { readParams } from './read.ts'
import { frequenciesOf } from '../rope.ts'
import { scalingOfFactors } from './gguf-fields.ts'

/** Tensors in memory as tensors of a file. */
const weightsOf = (tensors: PlainModel['tensors']): Weights => ({
  path: 'memory',
  format: 'safetensors',
  metadata: {},
  tensors: new Map(
    [...tensors].map(([name, { shape, data }]): [string, StoredTensor] => [
      name,
      {
        ...{ dtype: 'F32', shape, bytes: data.byteLength, read: () => right(data.slice()) },
        bits: (_, first, count) =>
          right({ bytes: new Uint8Array(data.slice(first, first + count).buffer), dtype: 'f32' }),
      },
    ]),
  ),
})

const load = async ({ config, tensors }: PlainModel, context?: number) => {
  const described = describeFolder(JSON.stringify(config))
  if (described._tag === 'Left') throw new Error(described.left.message)
  const own = described.right
  return readParams(weightsOf(tensors), {
    config: own.config,
    layout: own.layout,
    context: context ?? own.config.context,
    dtype: 'f32',
    device: undefined,
  })
}

const tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
const ids = (values: readonly number[]) => tensor(Int32Array.from(values), [1, values.length])
const close = (found: ArrayLike<number>, expected: readonly number[]): void => {
  expect(found).toHaveLength(expected.length)
  expect(Math.max(...expected.map((v, i) => Math.abs(v - found[i]!)))).toBeLessThan(1e-5)
}

describe.each(Object.entries(plainConfigs))('%s', (_, config) => {
  const plain = randomModel(config)
  const expected = plainLogits(plain, tokens)

  test('has the logits of plain loops over its tensors', async () => {
    const { model, params } = await load(plain)
    close(await readAsync(model.apply(params)(ids(tokens))), expected.flat())
  })

  test('has them token by token over a cache', async () => {
    const { model, params } = await load(plain)
    const [, cache] = prefill(model)(params, { length: tokens.length })(ids(tokens.slice(0, -1)))
    const last = extend(model)(params, cache, { first: scalar(tokens.length - 1, 'i32') })(ids(tokens.slice(-1)))
    close(await readAsync(model.head(params)(last[0])), expected.at(-1)!)
  })

  test('with a shorter context it is the same model', async () => {
    const { model, params } = await load(plain, tokens.length)
    expect(tree.paths(params)).toEqual(tree.paths(model.init(random.key(0))))
    close(await readAsync(model.apply(params)(ids(tokens))), expected.flat())
  })
})

describe('from GGUF', () => {
  /** What llama.cpp's converter makes of a checkpoint: its names, its keys, and rows of adjacent pairs for a Llama. */
  const converted = ({ config, tensors }: PlainModel, more: Readonly<Record<string, unknown>> = {}): Weights => {
    const arch = config['model_type'] as string
    const names: readonly (readonly [RegExp, string])[] = [
      [/^model\.embed_tokens/, 'token_embd'],
      [/^model\.norm/, 'output_norm'],
      [/^lm_head/, 'output'],
      [/^model\.layers\.(\d+)\./, 'blk.$1.'],
      [/input_layernorm/, 'attn_norm'],
      [/post_attention_layernorm/, 'ffn_norm'],
      [/self_attn\.([qkv])_(proj|norm)/, 'attn_$1_$2'],
      [/_proj\.(weight|bias)$/, '.$1'],
      [/self_attn\.o/, 'attn_output'],
      [/mlp\./, 'ffn_'],
    ]
    // weights.reshape(heads, 2, D / 2, in).swapaxes(1, 2).reshape(weights.shape)
    const paired = ({ shape, data }: Plain, heads: number): Plain => {
      const [rows, columns] = shape as [number, number]
      const half = rows / heads / 2
      const out = new Float32Array(data.length)
      for (let h = 0; h < heads; h++)
        for (let side = 0; side < 2; side++)
          for (let i = 0; i < half; i++) {
            const from = (h * 2 * half + side * half + i) * columns
            out.set(data.subarray(from, from + columns), (h * 2 * half + 2 * i + side) * columns)
          }
      return { shape, data: out }
    }
    const renamed = [...tensors].map(([name, value]) => {
      const heads = { q: 'num_attention_heads', k: 'num_key_value_heads' }[/([qk])_proj\.weight/.exec(name)?.[1] ?? '']
      const own = arch === 'llama' && heads !== undefined ? paired(value, config[heads] as number) : value
      return [names.reduce((text, [from, to]) => text.replace(from, to), name), own] as const
    })
    const keys = {
      block_count: 'num_hidden_layers',
      context_length: 'max_position_embeddings',
      embedding_length: 'hidden_size',
      feed_forward_length: 'intermediate_size',
      'attention.head_count': 'num_attention_heads',
      'attention.head_count_kv': 'num_key_value_heads',
      'attention.layer_norm_rms_epsilon': 'rms_norm_eps',
      'rope.freq_base': 'rope_theta',
      ...(config['head_dim'] !== undefined && { 'attention.key_length': 'head_dim' }),
    }
    const metadata = Object.entries(keys).map(([key, field]) => [`${arch}.${key}`, config[field]] as const)
    return {
      ...weightsOf(new Map(renamed)),
      format: 'gguf',
      metadata: { 'general.architecture': arch, ...Object.fromEntries<unknown>(metadata), ...more },
    }
  }
  const fromGguf = async (weights: Weights) => {
    const { config, layout } = await describeGguf(weights)
    return readParams(weights, { config, layout, context: config.context, dtype: 'f32', device: undefined })
  }

  test.each(['a Llama', 'a Qwen2', 'a Qwen3 with wide heads'])('%s is the model that was converted', async (kind) => {
    const plain = randomModel(plainConfigs[kind]!)
    const { model, params } = await fromGguf(converted(plain))
    expect(model.config).toEqual((await load(plain)).model.config)
    close(await readAsync(model.apply(params)(ids(tokens))), plainLogits(plain, tokens).flat())
  })

  test('linear scaling, and factors that are none', async () => {
    const plain = randomModel(plainConfigs['a Llama with a tied head and linear scaling']!)
    const weights = converted(plain, { 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 4 })
    const factors = (of: number) => {
      const data = new Float32Array(4).fill(of)
      const stored = weightsOf(new Map([['factors', { shape: [4], data }]])).tensors.get('factors')!
      return { ...weights, tensors: new Map([...weights.tensors, ['rope_freqs.weight', stored]]) }
    }
    for (const each of [weights, factors(1)]) {
      const { model, params } = await fromGguf(each)
      close(await readAsync(model.apply(params)(ids(tokens))), plainLogits(plain, tokens).flat())
    }
    await expect(fromGguf(factors(3))).rejects.toThrow(/rope_freqs\.weight divides the frequencies by up to 3/)
  })
})

test('factors of frequencies are those of llama3 where there are as many as frequencies, and none where not', () => {
  const [theta, dim] = [500_000, 16]
  const scaling = { type: 'llama3', low: 1, high: 4, original: 8192, factor: 32 } as const
  const base = { dim, length: 1, theta }
  const scaled = frequenciesOf({ ...base, scaling })
  const factors = frequenciesOf(base).map((frequency, i) => frequency / scaled[i]!)
  expect(scalingOfFactors(factors, { theta, dim })).toEqual(scaling)
  expect(scalingOfFactors([...factors, 32], { theta, dim })).toBeUndefined()
  expect(scalingOfFactors(factors.slice(1), { theta, dim })).toBeUndefined()
  expect(
    scalingOfFactors(
      factors.map((f, i) => (i === 0 ? f * 1.01 : f)),
      { theta, dim },
    ),
  ).toBeUndefined()
})

describe('tensors that are not those of the configuration are named', () => {
  const plain = randomModel(plainConfigs['a Qwen2']!)
  const changed = (change: (tensors: Map<string, Plain>) => void): PlainModel => {
    const tensors = new Map(plain.tensors)
    change(tensors)
    return { ...plain, tensors }
  }
  const name = 'model.layers.1.self_attn.k_proj.bias'
  test.each<readonly [string, PlainModel, RegExp]>([
    ['a missing one', changed((t) => t.delete(name)), new RegExp(`there is no tensor ${name}`)],
    ['one too many', changed((t) => t.set('model.layers.2.extra', t.get(name)!)), /a tensor model\.layers\.2\.extra/],
    [
      'one of another shape',
      changed((t) => t.set(name, { shape: [4, 4], data: new Float32Array(16) })),
      new RegExp(`${name} is \\[4, 4\\], and by the configuration \\[16\\]`),
    ],
  ])('%s', async (_, model, message) => {
    const failure = await load(model).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CheckpointFailure)
    const { error } = failure as CheckpointFailure
    expect(error._tag).toBe('Mismatch')
    expect(error.message).toMatch(message)
  })

  // Of such sizes no array can be made: nothing is read, nor is memory taken.
  test.each<readonly [string, PlainModel, string, RegExp]>([
    [
      'read as it is',
      randomModel(plainConfigs['a Qwen3 with wide heads']!),
      'vocab_size',
      /model\.embed_tokens\.weight/,
    ],
    ['put together', plain, 'intermediate_size', /blocks\.\S+/],
  ])('one that is too large for an array, %s', async (_, { config, tensors }, field, name) => {
    const huge = 2 ** 42
    const grown = Array.from(tensors, ([key, { shape, data }]): readonly [string, Plain] => [
      key,
      { shape: shape.map((n) => (n === config[field] ? huge : n)), data },
    ])
    const failure = await load({ config: { ...config, [field]: huge }, tensors: new Map(grown) }).catch(
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(CheckpointFailure)
    const { error } = failure as CheckpointFailure
    expect(error._tag).toBe('Unsupported')
    expect(error.message).toMatch(
      new RegExp(`^read memory: ${name.source} of shape \\[.*${huge}.*\\] is larger than an array can be here$`),
    )
  })

  test('what follows from others may be there, and names without their prefix', async () => {
    const gpt2 = randomModel(plainConfigs['a GPT-2']!)
    const bare = new Map([...gpt2.tensors].map(([key, value]) => [key.replace('transformer.', ''), value]))
    bare.set('h.0.attn.bias', { shape: [1, 1, 20, 20], data: new Float32Array(400) })
    bare.set('lm_head.weight', bare.get('wte.weight')!)
    const { model, params } = await load({ ...gpt2, tensors: bare })
    close(await readAsync(model.apply(params)(ids(tokens))), plainLogits(gpt2, tokens).flat())
  })

  test('every leaf of every architecture has its names', () => {
    for (const { naming } of Object.values(hfLayouts)) {
      const names = Object.values(naming).flatMap((stored) => stored.names)
      expect(new Set(names).size).toBe(names.length)
    }
  })
})

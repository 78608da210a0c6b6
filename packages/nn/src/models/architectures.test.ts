// What a description of a model says, and what of it is refused: every field that is read has a test that fails without it.
import { describe, expect, test } from 'vitest'
import { frequenciesOf } from '../rope.ts'
import { transformer, type TransformerConfig } from '../transformer.ts'
import { describedBy, descriptionOf } from './architectures.ts'
import { gpt2 } from './gpt2.ts'
import { scalingOfFactors, sizesOfGguf } from './gguf-fields.ts'
import { llama } from './llama.ts'
import { plainConfigs } from './plain.support.ts'
import { presets } from './presets.ts'
import { qwen2, qwen3 } from './qwen.ts'

const read = (given: unknown): TransformerConfig => {
  const outcome = describedBy(given)
  if (outcome._tag === 'Left') throw new Error(outcome.left.message)
  return outcome.right.config
}
const sizes = { vocab: 40, width: 24, layers: 3, heads: 6, context: 32 }
const llama3 = { type: 'llama3', factor: 8, low: 1, high: 4, original: 16 } as const

describe('what is written is read as the same configuration', () => {
  test.each<readonly [string, TransformerConfig, string]>([
    ['a Llama', llama(sizes), 'llama'],
    [
      'a tied Llama',
      llama({ ...sizes, kvHeads: 2, hidden: 40, tiedHead: true, normEps: 1e-6, ropeTheta: 500 }),
      'llama',
    ],
    ['wide heads', llama({ ...sizes, headDim: 8 }), 'llama'],
    ['linear scaling', llama({ ...sizes, ropeScaling: { type: 'linear', factor: 2 } }), 'llama'],
    ["Llama 3's scaling", llama({ ...sizes, ropeScaling: llama3 }), 'llama'],
    ['a Qwen2', qwen2({ ...sizes, kvHeads: 3, tiedHead: true }), 'qwen2'],
    ['a Qwen3', qwen3({ ...sizes, headDim: 10 }), 'qwen3'],
    ['a GPT-2', gpt2({ ...sizes, hidden: 50 }), 'gpt2'],
    ...Object.entries(presets).map(([name, config]) => [name, config, name.slice(0, 4)] as const),
  ])('%s', (_, config, name) => {
    const { config: complete } = transformer(config)
    const written = descriptionOf(complete)!
    expect(written.architecture.toLowerCase()).toContain(name.toLowerCase().replace('smol', 'llama'))
    expect(transformer(read(JSON.parse(JSON.stringify(written.fields)))).config).toEqual(complete)
  })

  test('in whatever order a scaling has its numbers: that of a GGUF file has another', () => {
    const entries = Object.entries(llama3)
    for (const turn of entries.keys()) {
      const turned = Object.fromEntries([...entries.slice(turn), ...entries.slice(0, turn)]) as typeof llama3
      const written = descriptionOf(transformer(llama({ ...sizes, ropeScaling: turned })).config)
      expect(read(written?.fields).ropeScaling).toEqual(llama3)
    }
    const { ropeScaling: published = null } = presets['Llama-3.2-1B']
    const base = { dim: 64, length: 1, theta: 500_000 }
    const scaled = frequenciesOf({ ...base, scaling: published })
    const factors = frequenciesOf(base).map((frequency, i) => frequency / scaled[i]!)
    const found = scalingOfFactors(factors, { theta: 500_000, dim: 64 }) ?? null
    const { config } = transformer({ ...presets['Llama-3.2-1B'], ropeScaling: found })
    expect(read(descriptionOf(config)?.fields)).toEqual(transformer(presets['Llama-3.2-1B']).config)
  })

  test('a configuration of no architecture has none', () => {
    for (const config of [
      { ...sizes, positions: 'rope' as const },
      { ...llama(sizes), qkNorm: true, bias: 'qkv' as const },
      { ...gpt2(sizes), kvHeads: 2 },
      { ...llama(sizes), bias: true },
    ])
      expect(descriptionOf(transformer(config).config)).toBeNull()
  })
})

describe('defaults are those of Transformers', () => {
  const { rms_norm_eps: _1, rope_theta: _2, tie_word_embeddings: _3, ...bare } = plainConfigs['a Llama']!
  test('of what a Llama leaves out', () => {
    const { kvHeads, normEps, ropeTheta, tiedHead } = read({ ...bare, num_key_value_heads: null })
    expect({ kvHeads, normEps, ropeTheta, tiedHead }).toEqual({
      kvHeads: bare['num_attention_heads'],
      normEps: 1e-6,
      ropeTheta: 10_000,
      tiedHead: false,
    })
  })
  test('a GPT-2 is tied', () => {
    expect(read(plainConfigs['a GPT-2']).tiedHead).toBe(true)
  })
})

describe('fields whose meaning would be ignored are named, with their value', () => {
  const [aLlama, aQwen2, aQwen3, aGpt2] = ['a Llama', 'a Qwen2', 'a Qwen3 with wide heads', 'a GPT-2'].map(
    (name) => plainConfigs[name]!,
  ) as [object, object, object, object]
  const scaling = (given: object) => ({ rope_scaling: given })
  const numbers = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 16 }
  test.each<readonly [string, object, object, RegExp]>([
    [
      'model_type',
      aLlama,
      { model_type: 'mistral' },
      /"mistral": this architecture is none of llama, qwen2, qwen3, gpt2/,
    ],
    ['model_type', aLlama, { model_type: undefined }, /undefined: this architecture is none of/],
    ['vocab_size', aLlama, { vocab_size: undefined }, /is missing/],
    ['hidden_size', aLlama, { hidden_size: 2.5 }, /a positive integer/],
    ['num_key_value_heads', aQwen2, { num_key_value_heads: undefined }, /is missing/],
    ['head_dim', aQwen3, { head_dim: undefined }, /is missing/],
    ['rms_norm_eps', aLlama, { rms_norm_eps: '1e-5' }, /a positive number/],
    ['attention_bias', aLlama, { attention_bias: true }, /only false is computed/],
    ['attention_bias', aQwen3, { attention_bias: true }, /only false is computed/],
    ['mlp_bias', aLlama, { mlp_bias: true }, /only false is computed/],
    ['hidden_act', aLlama, { hidden_act: 'gelu' }, /only "silu" or "swish"/],
    ['activation_function', aGpt2, { activation_function: 'gelu' }, /only "gelu_new" or "gelu_pytorch_tanh"/],
    ['tie_word_embeddings', aLlama, { tie_word_embeddings: 'yes' }, /true or false/],
    ['use_sliding_window', aQwen2, { use_sliding_window: true }, /only false/],
    ['sliding_window', aLlama, { sliding_window: 4096 }, /not known here/],
    [
      'layer_types',
      aQwen2,
      { layer_types: ['full_attention', 'sliding_attention'] },
      /only layers of "full_attention"/,
    ],
    ['partial_rotary_factor', aLlama, { partial_rotary_factor: 0.5 }, /only 1/],
    ['rope_interleaved', aLlama, { rope_interleaved: true }, /only false/],
    ['scale_attn_weights', aGpt2, { scale_attn_weights: false }, /only true/],
    ['scale_attn_by_inverse_layer_idx', aGpt2, { scale_attn_by_inverse_layer_idx: true }, /only false/],
    ['add_cross_attention', aGpt2, { add_cross_attention: true }, /only false/],
    ['quantization_config', aLlama, { quantization_config: { bits: 4 } }, /not known here, and its meaning/],
    ['logit_scale', aLlama, { logit_scale: 0.5 }, /not known here/],
    ['rope_scaling', aLlama, scaling({ rope_type: 'yarn', factor: 4 }), /rope_type "yarn" is not computed/],
    ['rope_scaling', aLlama, scaling({ rope_type: 'linear', factor: 0 }), /factor of 0 is to be a positive number/],
    [
      'rope_scaling',
      aLlama,
      scaling({ rope_type: 'linear', factor: 2, attention_factor: 3 }),
      /attention_factor has no/,
    ],
    ['rope_scaling', aLlama, scaling({ rope_type: 'linear', type: 'dynamic', factor: 2 }), /and type "dynamic"/],
    ['rope_scaling', aLlama, scaling({ rope_type: 'llama3', ...numbers, high_freq_factor: 1 }), /not below its high/],
    ['rope_scaling', aLlama, { rope_scaling: 2 }, /an object/],
    ['rope_parameters', aLlama, { rope_parameters: { full_attention: {} } }, /full_attention has no meaning/],
    ['rope_parameters', aLlama, { rope_parameters: { rope_theta: 7 } }, /another field says 100 where this one says 7/],
  ])('%s of %#', (field, config, change, message) => {
    const outcome = describedBy({ ...config, ...change })
    if (outcome._tag === 'Right') throw new Error('it was read')
    expect(outcome.left.field).toBe(field)
    expect(outcome.left.message).toMatch(message)
    expect(outcome.left.message).toContain(field)
    expect(outcome.left.value).toEqual((change as Record<string, unknown>)[field])
  })

  test('sizes that do not fit together', () => {
    const outcome = describedBy({ ...aLlama, num_attention_heads: 5, num_key_value_heads: 5 })
    expect(outcome._tag === 'Left' && outcome.left.message).toMatch(/do not fit together.*48 over 5 heads/)
  })

  test('a null says nothing, nor does what a version of Transformers wrote of itself', () => {
    expect(read({ ...aLlama, quantization_config: null })).toEqual(read(aLlama))
    expect(read({ ...aLlama, _attn_implementation_autoset: true })).toEqual(read(aLlama))
  })
})

describe('the metadata of GGUF', () => {
  const metadata = {
    'general.architecture': 'llama',
    'general.name': 'a model',
    'general.type': 'model',
    'tokenizer.ggml.model': 'gpt2',
    'llama.block_count': 2,
    'llama.context_length': 64,
    'llama.embedding_length': 24,
    'llama.feed_forward_length': 40,
    'llama.attention.head_count': 6,
    'llama.attention.head_count_kv': 3,
    'llama.attention.layer_norm_rms_epsilon': Math.fround(1e-5),
    'llama.rope.dimension_count': 4,
    'llama.rope.freq_base': 5000,
  }
  test('says the sizes', () => {
    expect(sizesOfGguf({ ...metadata, 'llama.rope.scaling.factor': 4 })).toMatchObject({
      right: {
        architecture: 'llama',
        sizes: {
          layers: 2,
          context: 64,
          width: 24,
          hidden: 40,
          heads: 6,
          kvHeads: 3,
          headDim: 4,
          ropeTheta: 5000,
          normEps: 1e-5,
        },
      },
    })
  })
  test.each<readonly [string, unknown, RegExp]>([
    ['general.architecture', 'gemma', /"gemma": this architecture is none of llama, qwen2, qwen3/],
    ['general.type', 'adapter', /only "model"/],
    ['llama.block_count', undefined, /is missing/],
    ['llama.expert_count', 8, /only 0/],
    ['llama.attention.value_length', 8, /another field says (4|8)/],
    ['llama.rope.scaling.type', 'yarn', /only none and linear/],
    ['llama.logit_scale', 2, /not known here/],
    ['split.count', 3, /only 0 or 1/],
  ])('%s of %s is refused', (field, value, message) => {
    const outcome = sizesOfGguf({ ...metadata, [field]: value })
    if (outcome._tag === 'Right') throw new Error('it was read')
    expect(outcome.left.message).toMatch(message)
    expect(outcome.left.message).toContain(field)
  })

  test("factors of frequencies are Llama 3's, or refused", () => {
    const [theta, dim] = [500_000, 64]
    // as llama.cpp writes them: convert_hf_to_gguf.py, generate_extra_tensors of a Llama
    const factors = Array.from({ length: dim / 2 }, (_, i) => {
      const wavelength = 2 * Math.PI * theta ** ((2 * i) / dim)
      if (wavelength < 8192 / 4) return 1
      if (wavelength > 8192) return 32
      const smooth = (8192 / wavelength - 1) / (4 - 1)
      return Math.fround(1 / ((1 - smooth) / 32 + smooth))
    })
    expect(scalingOfFactors(factors, { theta, dim })).toEqual({
      type: 'llama3',
      factor: 32,
      low: 1,
      high: 4,
      original: 8192,
    })
    expect(
      scalingOfFactors(
        factors.map(() => 1),
        { theta, dim },
      ),
    ).toBeNull()
    expect(
      scalingOfFactors(
        factors.map((f) => f ** 1.01),
        { theta, dim },
      ),
    ).toBeUndefined()
    expect(scalingOfFactors(factors.slice(1), { theta, dim })).toBeUndefined()
  })
})

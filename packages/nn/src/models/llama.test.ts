// Llamas in Hugging Face's layout, against logits computed by others in double precision: proves attention with grouped
// heads, rotary positions, RMSNorm, SwiGLU and both kinds of head at once.
import { existsSync, readFileSync } from 'node:fs'
import { slice, tensor, transpose } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import type { Floats } from '../layer.ts'
import { crossEntropy } from '../loss.ts'
import { transformer, type TransformerConfig, type TransformerParams } from '../transformer.ts'
import { llama } from './llama.ts'

const fixture = (name: string): URL => new URL(`../../../../../shared/fixtures/${name}`, import.meta.url)

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const elements: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Float32Array>> = {
  F32: (bytes) => new Float32Array(bytes.buffer),
  // a bfloat16 is the upper half of a float32
  BF16: (bytes) => new Float32Array(Uint32Array.from(new Uint16Array(bytes.buffer), (half) => half << 16).buffer),
}

const load = (name: string): ReadonlyMap<string, Floats> => {
  const bytes = readFileSync(fixture(name))
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, Entry>
  return new Map(
    Object.entries(header)
      .filter(([key]) => key !== '__metadata__')
      .map(
        ([
          key,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => {
          const own = new Uint8Array(bytes.subarray(start + from, start + to))
          return [key, tensor(elements[dtype]!(own), shape)]
        },
      ),
  )
}

// Matrices come as [out, in]; queries, keys and values become one.
const paramsOf = (weights: ReadonlyMap<string, Floats>, { layers, tiedHead }: TransformerConfig): TransformerParams => {
  const get = (name: string): Floats => weights.get(`${name}.weight`)!
  const matrix = (...names: readonly string[]) => {
    const parts = names.map(get)
    const data = Float32Array.from(parts.flatMap((p) => [...evaluate([p])[0]!.data]))
    const shape = [parts.reduce((n, p) => n + p.shape[0]!, 0), parts[0]!.shape[1]!]
    return { weight: transpose([1, 0])(tensor(data, shape)), bias: null }
  }
  return {
    embedding: get('model.embed_tokens'),
    positions: null,
    blocks: Array.from({ length: layers }, (_, i) => {
      const at = (name: string): string => `model.layers.${i}.${name}`
      return {
        norm1: { scale: get(at('input_layernorm')), bias: null },
        attention: {
          qkv: matrix(at('self_attn.q_proj'), at('self_attn.k_proj'), at('self_attn.v_proj')),
          out: matrix(at('self_attn.o_proj')),
          qkNorm: null,
        },
        norm2: { scale: get(at('post_attention_layernorm')), bias: null },
        mlp: { gate: matrix(at('mlp.gate_proj')), up: matrix(at('mlp.up_proj')), down: matrix(at('mlp.down_proj')) },
      }
    }),
    norm: { scale: get('model.norm'), bias: null },
    head: tiedHead === true ? null : matrix('lm_head'),
  }
}

const logitsOf = (config: TransformerConfig, weights: string, tokens: readonly number[]): Floats =>
  transformer(config).apply(paramsOf(load(weights), config))(tensor(Int32Array.from(tokens), [1, tokens.length]))

/** The largest difference between a row of logits and what others computed for it. */
const worst = (row: Float64Array, expected: readonly number[]): number =>
  Math.max(...expected.map((v, i) => Math.abs(v - row[i]!)))

const json = (name: string): unknown => JSON.parse(readFileSync(fixture(name), 'utf8'))
const absent = (name: string): boolean => {
  if (existsSync(fixture(name))) return false
  console.log(`skipped: the fixture ${name} is absent`)
  return true
}

const stories = 'checkpoint/stories260K-hf.safetensors'
describe.skipIf(absent(stories))('a trained Llama of 260K parameters, with grouped heads and a tied head', () => {
  test('has the logits and the likelihood that others computed for it', () => {
    const golden = json('checkpoint/stories260K.golden.json') as {
      readonly greedy_tokens: readonly number[]
      readonly mean_nll_of_tokens_1_199_f64: number
    } & Readonly<Record<`logits_f64_pos${0 | 7 | 199}`, readonly number[]>>
    const sizes = { vocab: 512, width: 64, layers: 5, heads: 8, kvHeads: 4, hidden: 172, context: 512 }
    const logits = logitsOf(llama({ ...sizes, tiedHead: true }), stories, golden.greedy_tokens.slice(0, 200))
    const targets = tensor(Int32Array.from(golden.greedy_tokens.slice(1, 200)), [1, 199])
    const [all, nll] = evaluate([logits, crossEntropy(slice([0, 0], [1, 199])(logits), targets)])
    for (const at of [0, 7, 199] as const)
      expect(worst(all!.data.slice(at * 512, (at + 1) * 512), golden[`logits_f64_pos${at}`])).toBeLessThan(1e-5)
    expect(nll!.data[0]).toBeCloseTo(golden.mean_nll_of_tokens_1_199_f64, 6)
  })
})

const random = 'safetensors/valid/tinyzero-llama-4L-bf16.safetensors'
describe.skipIf(absent(random))('a Llama of four layers in bfloat16, with a head of its own', () => {
  test('has the logits that others computed for it', () => {
    const golden = json('checkpoint/tinyzero-llama-4L-bf16.golden.json') as {
      readonly tokens: readonly number[]
      readonly logits_f64: readonly (readonly number[])[]
    }
    const config = llama({ vocab: 16, width: 128, layers: 4, heads: 4, hidden: 344, context: 2048, normEps: 1e-6 })
    const [all] = evaluate([logitsOf(config, random, golden.tokens)])
    golden.logits_f64.forEach((row, t) => {
      expect(worst(all!.data.slice(t * 16, (t + 1) * 16), row)).toBeLessThan(1e-5)
    })
  })
})

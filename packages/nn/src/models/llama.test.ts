// A trained Llama in Hugging Face's layout, against logits computed by others in double precision: proves attention with
// grouped heads, rotary positions, RMSNorm, SwiGLU and the tied head at once.
import { existsSync, readFileSync } from 'node:fs'
import { slice, tensor, transpose } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import type { Floats } from '../layer.ts'
import { crossEntropy } from '../loss.ts'
import { transformer, type TransformerParams } from '../transformer.ts'
import { llama } from './llama.ts'

const file = (name: string): URL => new URL(`../../../../../shared/fixtures/checkpoint/${name}`, import.meta.url)
const present = existsSync(file('stories260K-hf.safetensors'))
if (!present) console.log('skipped: the fixture checkpoint/stories260K-hf.safetensors is absent')

const load = (): ReadonlyMap<string, Floats> => {
  const bytes = readFileSync(file('stories260K-hf.safetensors'))
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            shape,
            data_offsets: [from, to],
          },
        ]) => {
          const data = new Float32Array(new Uint8Array(bytes.subarray(8 + length + from, 8 + length + to)).buffer)
          return [name, tensor(data, shape)]
        },
      ),
  )
}

const golden = (): {
  readonly greedy_tokens: readonly number[]
  readonly mean_nll_of_tokens_1_199_f64: number
} & Readonly<Record<`logits_f64_pos${0 | 7 | 199}`, readonly number[]>> =>
  JSON.parse(readFileSync(file('stories260K.golden.json'), 'utf8')) as ReturnType<typeof golden>

const config = llama({
  vocab: 512,
  width: 64,
  layers: 5,
  heads: 8,
  kvHeads: 4,
  hidden: 172,
  context: 512,
  tiedHead: true,
})

// Matrices come as [out, in]; queries, keys and values become one.
const paramsOf = (weights: ReadonlyMap<string, Floats>): TransformerParams => {
  const get = (name: string): Floats => weights.get(`model.${name}.weight`)!
  const rows = (names: readonly string[]): Floats => {
    const parts = names.map(get)
    const data = Float32Array.from(parts.flatMap((p) => [...evaluate([p])[0]!.data]))
    return transpose([1, 0])(tensor(data, [parts.reduce((n, p) => n + p.shape[0]!, 0), parts[0]!.shape[1]!]))
  }
  const matrix = (...names: readonly string[]) => ({ weight: rows(names), bias: null })
  return {
    embedding: get('embed_tokens'),
    positions: null,
    blocks: Array.from({ length: 5 }, (_, i) => {
      const at = (name: string): string => `layers.${i}.${name}`
      return {
        norm1: { scale: get(at('input_layernorm')), bias: null },
        attention: {
          qkv: matrix(at('self_attn.q_proj'), at('self_attn.k_proj'), at('self_attn.v_proj')),
          out: matrix(at('self_attn.o_proj')),
        },
        norm2: { scale: get(at('post_attention_layernorm')), bias: null },
        mlp: { gate: matrix(at('mlp.gate_proj')), up: matrix(at('mlp.up_proj')), down: matrix(at('mlp.down_proj')) },
      }
    }),
    norm: { scale: get('norm'), bias: null },
    head: null,
  }
}

describe.skipIf(!present)('a trained Llama of 260K parameters', () => {
  test('has the logits and the likelihood that others computed for it', () => {
    const expected = golden()
    const tokens = expected.greedy_tokens.slice(0, 200)
    const logits = transformer(config).apply(paramsOf(load()))(tensor(Int32Array.from(tokens), [1, 200]))
    const targets = tensor(Int32Array.from(expected.greedy_tokens.slice(1, 200)), [1, 199])
    const likelihood = crossEntropy(slice([0, 0], [1, 199])(logits), targets)
    const [all, nll] = evaluate([logits, likelihood])
    for (const position of [0, 7, 199] as const) {
      const row = all!.data.slice(position * 512, (position + 1) * 512)
      const worst = Math.max(...expected[`logits_f64_pos${position}`].map((v, i) => Math.abs(v - row[i]!)))
      expect(worst).toBeLessThan(1e-5)
    }
    expect(nll!.data[0]).toBeCloseTo(expected.mean_nll_of_tokens_1_199_f64, 6)
  })
})

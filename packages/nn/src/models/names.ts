/**
 * Where the leaves of our tree stand in files. A table for each way of naming says, for each leaf, which tensors of the file it is made
 * of, side by side along its last axis, and whether they are [out, in] there; both directions follow from it.
 */
import { type Shape, tree } from '@adjoint/tensor'
import { leafNames } from '../io/names.ts'
import type { TransformerConfig, TransformerParams } from '../transformer.ts'
import type { ArchitectureName } from './architectures.ts'

type Complete = Required<TransformerConfig>

/** A tensor of a file, as part of a leaf. */
export interface Part {
  readonly name: string
  /** Its shape in the file. */
  readonly shape: Shape
  /** Its columns in the leaf: from the first to before the last. */
  readonly columns: readonly [number, number]
  /** Which of the file's rows is row r of Hugging Face's order. Default: r. */
  readonly order?: (row: number) => number
}

/** A leaf, and the parts that it is made of. */
export interface StoredLeaf {
  readonly path: string
  readonly shape: Shape
  /** Whether the parts are [out, in]: the leaf is their transpose. */
  readonly transposed: boolean
  readonly parts: readonly Part[]
}

/** How the tensors of a leaf are stored. */
interface Stored {
  readonly names: readonly string[]
  readonly transposed: boolean
  /** Whether the rows of queries and keys are those of adjacent pairs (see `interleaved`). */
  readonly paired?: boolean
}

/** As they are here. */
const alike = (...names: readonly string[]): Stored => ({ names, transposed: false })
/** As [out, in]. */
const outIn = (...names: readonly string[]): Stored => ({ names, transposed: true })

/** By our path, `#` standing for the number of the layer. */
type Naming = Readonly<Record<string, Stored>>

const inLayer = (prefix: string, names: Readonly<Record<string, Stored>>): Naming =>
  Object.fromEntries(
    Object.entries(names).map(([path, stored]) => [
      `blocks.#.${path}`,
      { ...stored, names: stored.names.map((name) => `${prefix}.#.${name}`) },
    ]),
  )

/** Llama and Qwen in Transformers. */
const huggingFace: Naming = {
  embedding: alike('model.embed_tokens.weight'),
  'norm.scale': alike('model.norm.weight'),
  'head.weight': outIn('lm_head.weight'),
  ...inLayer('model.layers', {
    'norm1.scale': alike('input_layernorm.weight'),
    'attention.qkv.weight': outIn('self_attn.q_proj.weight', 'self_attn.k_proj.weight', 'self_attn.v_proj.weight'),
    'attention.qkv.bias': alike('self_attn.q_proj.bias', 'self_attn.k_proj.bias', 'self_attn.v_proj.bias'),
    'attention.qkNorm.queries.scale': alike('self_attn.q_norm.weight'),
    'attention.qkNorm.keys.scale': alike('self_attn.k_norm.weight'),
    'attention.out.weight': outIn('self_attn.o_proj.weight'),
    'norm2.scale': alike('post_attention_layernorm.weight'),
    'mlp.gate.weight': outIn('mlp.gate_proj.weight'),
    'mlp.up.weight': outIn('mlp.up_proj.weight'),
    'mlp.down.weight': outIn('mlp.down_proj.weight'),
  }),
}

/** GPT-2 in Transformers: its Conv1D is [in, out], with queries, keys and values in one. */
const gpt2: Naming = {
  embedding: alike('transformer.wte.weight'),
  positions: alike('transformer.wpe.weight'),
  'norm.scale': alike('transformer.ln_f.weight'),
  'norm.bias': alike('transformer.ln_f.bias'),
  'head.weight': outIn('lm_head.weight'),
  ...inLayer('transformer.h', {
    'norm1.scale': alike('ln_1.weight'),
    'norm1.bias': alike('ln_1.bias'),
    'attention.qkv.weight': alike('attn.c_attn.weight'),
    'attention.qkv.bias': alike('attn.c_attn.bias'),
    'attention.out.weight': alike('attn.c_proj.weight'),
    'attention.out.bias': alike('attn.c_proj.bias'),
    'norm2.scale': alike('ln_2.weight'),
    'norm2.bias': alike('ln_2.bias'),
    'mlp.up.weight': alike('mlp.c_fc.weight'),
    'mlp.up.bias': alike('mlp.c_fc.bias'),
    'mlp.down.weight': alike('mlp.c_proj.weight'),
    'mlp.down.bias': alike('mlp.c_proj.bias'),
  }),
}

/** Llama and Qwen in llama.cpp. */
const llamaCpp = (paired: boolean): Naming => ({
  embedding: alike('token_embd.weight'),
  'norm.scale': alike('output_norm.weight'),
  'head.weight': outIn('output.weight'),
  ...inLayer('blk', {
    'norm1.scale': alike('attn_norm.weight'),
    'attention.qkv.weight': { ...outIn('attn_q.weight', 'attn_k.weight', 'attn_v.weight'), paired },
    'attention.qkv.bias': alike('attn_q.bias', 'attn_k.bias', 'attn_v.bias'),
    'attention.qkNorm.queries.scale': alike('attn_q_norm.weight'),
    'attention.qkNorm.keys.scale': alike('attn_k_norm.weight'),
    'attention.out.weight': outIn('attn_output.weight'),
    'norm2.scale': alike('ffn_norm.weight'),
    'mlp.gate.weight': outIn('ffn_gate.weight'),
    'mlp.up.weight': outIn('ffn_up.weight'),
    'mlp.down.weight': outIn('ffn_down.weight'),
  }),
})

/** A way of naming: its table, a prefix that some files leave out, and tensors that are there and say nothing. */
export interface Layout {
  readonly naming: Naming
  readonly prefix: string
  /** Tensors that follow from others or from the configuration: masks, frequencies, a tied head written once more. */
  readonly redundant: (name: string, config: Complete) => boolean
}

const tiedHead = (name: string, { tiedHead: tied }: Complete): boolean => tied && name === 'lm_head.weight'

const llamaLayout: Layout = {
  naming: huggingFace,
  prefix: 'model.',
  redundant: (name, config) => tiedHead(name, config) || name.endsWith('.rotary_emb.inv_freq'),
}

/** How Transformers names the tensors of each architecture. */
export const hfLayouts: Readonly<Record<ArchitectureName, Layout>> = {
  llama: llamaLayout,
  qwen2: llamaLayout,
  qwen3: llamaLayout,
  gpt2: {
    naming: gpt2,
    prefix: 'transformer.',
    redundant: (name, config) => tiedHead(name, config) || /(^|\.)h\.\d+\.attn\.(masked_)?bias$/.test(name),
  },
}

const ggufLayout = (paired: boolean): Layout => ({
  naming: llamaCpp(paired),
  prefix: '',
  redundant: (name) => name === 'rope_freqs.weight', // read before: it is part of the configuration
})

/** How llama.cpp names them; of Llamas it turns adjacent features, so that their rows are in another order. */
export const ggufLayouts: Readonly<Record<'llama' | 'qwen2' | 'qwen3', Layout>> = {
  llama: ggufLayout(true),
  qwen2: ggufLayout(false),
  qwen3: ggufLayout(false),
}

/**
 * Row r of a head in halves (Hugging Face turns features i and i + D/2) as the row of the same feature in adjacent pairs (llama.cpp turns
 * 2i and 2i + 1). Source: llama.cpp, convert_hf_to_gguf.py, LlamaModel.permute.
 */
const interleaved =
  (dim: number) =>
  (row: number): number => {
    const [head, feature] = [Math.floor(row / dim), row % dim]
    const half = dim / 2
    return head * dim + (feature < half ? 2 * feature : 2 * (feature - half) + 1)
  }

/** Widths of the parts of a leaf: one has all of it, and three are queries, keys and values. */
const widthsOf = (parts: number, last: number, { heads, kvHeads, headDim }: Complete): readonly number[] =>
  parts === 1 ? [last] : [heads * headDim, kvHeads * headDim, kvHeads * headDim]

/**
 * Every leaf of a model's parameters with its parts, in the order of `tree.leaves`. `has` tells which names the file has: where
 * it has none with the prefix, names are without it.
 */
export const storedLeaves = (
  { naming, prefix }: Layout,
  config: Complete,
  params: TransformerParams,
  has: (name: string) => boolean = () => true,
): readonly StoredLeaf[] => {
  const bare = prefix !== '' && !has(naming['embedding']!.names[0]!)
  const shapes = tree.leaves(params).map(({ shape }) => shape)
  return leafNames(params).map((path, i) => {
    const shape = shapes[i]!
    const [, layer = ''] = /^blocks\.(\d+)\./.exec(path) ?? []
    const { names, transposed, paired = false } = naming[path.replace(/^blocks\.\d+\./, 'blocks.#.')]!
    let at = 0
    const widths = widthsOf(names.length, shape.at(-1)!, config)
    const parts = names.map((pattern, p): Part => {
      const full = pattern.replace('#', layer)
      const name = bare && full.startsWith(prefix) ? full.slice(prefix.length) : full
      const columns = [at, at + widths[p]!] as const
      at = columns[1]
      const own = [...shape.slice(0, -1), widths[p]!]
      const turned = paired && p < 2
      return {
        name,
        shape: transposed ? own.reverse() : own,
        columns,
        ...(turned && { order: interleaved(config.headDim) }),
      }
    })
    return { path, shape, transposed, parts }
  })
}

// The architectures written out once more, from the papers and the names that Transformers gives: plain loops in doubles over its own
// config.json and tensors, knowing nothing of the code under test. Also random checkpoints of each.

/** A tensor of a checkpoint. */
export interface Plain {
  readonly shape: readonly number[]
  readonly data: Float32Array
}
/** A checkpoint: what its config.json says, and its tensors by Transformers' names. */
export interface PlainModel {
  readonly config: Readonly<Record<string, unknown>>
  readonly tensors: ReadonlyMap<string, Plain>
}
type Vector = readonly number[]

/** Multiplicative congruences (Park and Miller): numbers in (-1, 1). */
const draws = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return (2 * state) / 2_147_483_647 - 1
  }
}

const n = (config: PlainModel['config'], name: string): number => config[name] as number
const kvHeadsOf = (config: PlainModel['config']): number => n(config, 'num_key_value_heads')
const headDimOf = (config: PlainModel['config']): number =>
  (config['head_dim'] as number | undefined) ?? n(config, 'hidden_size') / n(config, 'num_attention_heads')

const llamaShapes = (config: PlainModel['config']): readonly (readonly [string, readonly number[]])[] => {
  const [C, V, F] = ['hidden_size', 'vocab_size', 'intermediate_size'].map((name) => n(config, name)) as [
    number,
    number,
    number,
  ]
  const [H, KV, D] = [n(config, 'num_attention_heads'), kvHeadsOf(config), headDimOf(config)]
  const type = config['model_type']
  const layer = (i: number): readonly (readonly [string, readonly number[]])[] =>
    (
      [
        ['input_layernorm.weight', [C]],
        ['self_attn.q_proj.weight', [H * D, C]],
        ['self_attn.k_proj.weight', [KV * D, C]],
        ['self_attn.v_proj.weight', [KV * D, C]],
        ...(type === 'qwen2'
          ? ([
              ['self_attn.q_proj.bias', [H * D]],
              ['self_attn.k_proj.bias', [KV * D]],
              ['self_attn.v_proj.bias', [KV * D]],
            ] as const)
          : []),
        ...(type === 'qwen3'
          ? ([
              ['self_attn.q_norm.weight', [D]],
              ['self_attn.k_norm.weight', [D]],
            ] as const)
          : []),
        ['self_attn.o_proj.weight', [C, H * D]],
        ['post_attention_layernorm.weight', [C]],
        ['mlp.gate_proj.weight', [F, C]],
        ['mlp.up_proj.weight', [F, C]],
        ['mlp.down_proj.weight', [C, F]],
      ] as const
    ).map(([name, shape]) => [`model.layers.${i}.${name}`, shape])
  return [
    ['model.embed_tokens.weight', [V, C]],
    ...Array.from({ length: n(config, 'num_hidden_layers') }, (_, i) => layer(i)).flat(),
    ['model.norm.weight', [C]],
    ...(config['tie_word_embeddings'] === true ? [] : ([['lm_head.weight', [V, C]]] as const)),
  ]
}

const gpt2Shapes = (config: PlainModel['config']): readonly (readonly [string, readonly number[]])[] => {
  const [C, V, P] = ['n_embd', 'vocab_size', 'n_positions'].map((name) => n(config, name)) as [number, number, number]
  const F = (config['n_inner'] as number | null) ?? 4 * C
  const layer = (i: number): readonly (readonly [string, readonly number[]])[] =>
    (
      [
        ...[['ln_1', [C]] as const, ['ln_2', [C]] as const].flatMap(
          ([name, shape]) => [[`${name}.weight`, shape] as const, [`${name}.bias`, shape] as const] as const,
        ),
        ['attn.c_attn.weight', [C, 3 * C]],
        ['attn.c_attn.bias', [3 * C]],
        ['attn.c_proj.weight', [C, C]],
        ['attn.c_proj.bias', [C]],
        ['mlp.c_fc.weight', [C, F]],
        ['mlp.c_fc.bias', [F]],
        ['mlp.c_proj.weight', [F, C]],
        ['mlp.c_proj.bias', [C]],
      ] as const
    ).map(([name, shape]) => [`transformer.h.${i}.${name}`, shape])
  return [
    ['transformer.wte.weight', [V, C]],
    ['transformer.wpe.weight', [P, C]],
    ...Array.from({ length: n(config, 'n_layer') }, (_, i) => layer(i)).flat(),
    ['transformer.ln_f.weight', [C]],
    ['transformer.ln_f.bias', [C]],
  ]
}

/** A checkpoint of random weights, gains around 1. */
export const randomModel = (config: PlainModel['config'], seed = 1): PlainModel => {
  const draw = draws(seed)
  const shapes = config['model_type'] === 'gpt2' ? gpt2Shapes(config) : llamaShapes(config)
  const tensors = shapes.map(([name, shape]) => {
    const gain = /norm|ln_/.test(name) && name.endsWith('.weight')
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => (gain ? 1 : 0) + 0.4 * draw())
    return [name, { shape, data }] as const
  })
  return { config, tensors: new Map(tensors) }
}

const dot = (x: Vector, y: Vector): number => x.reduce((sum, v, i) => sum + v * y[i]!, 0)
const plus = (x: Vector, y: Vector): Vector => x.map((v, i) => v + y[i]!)

const rmsNorm = (x: Vector, gain: Vector, eps: number): Vector => {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + eps)
  return x.map((v, i) => v * scale * gain[i]!)
}
const layerNorm = (x: Vector, gain: Vector, bias: Vector, eps: number): Vector => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  const centered = x.map((v) => v - mean)
  const scale = 1 / Math.sqrt(dot(centered, centered) / x.length + eps)
  return centered.map((v, i) => v * scale * gain[i]! + bias[i]!)
}
const softmax = (x: Vector): Vector => {
  const top = Math.max(...x)
  const e = x.map((v) => Math.exp(v - top))
  const sum = e.reduce((a, b) => a + b, 0)
  return e.map((v) => v / sum)
}
const silu = (x: number): number => x / (1 + Math.exp(-x))
const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))

/** What a pair of halves of a head is turned by at each position, in radians a token. */
const frequenciesOf = (config: PlainModel['config'], dim: number): Vector => {
  const said = (config['rope_parameters'] ?? config['rope_scaling'] ?? {}) as Readonly<Record<string, number | string>>
  const theta = (said['rope_theta'] as number | undefined) ?? n(config, 'rope_theta')
  const plain = Array.from({ length: dim / 2 }, (_, i) => 1 / theta ** ((2 * i) / dim))
  const factor = said['factor'] as number
  switch (said['rope_type']) {
    case 'linear':
      return plain.map((f) => f / factor)
    case 'llama3': {
      const original = said['original_max_position_embeddings'] as number
      const [low, high] = [said['low_freq_factor'] as number, said['high_freq_factor'] as number]
      return plain.map((f) => {
        const wavelength = (2 * Math.PI) / f
        if (wavelength < original / high) return f
        if (wavelength > original / low) return f / factor
        const smooth = (original / wavelength - low) / (high - low)
        return (1 - smooth) * (f / factor) + smooth * f
      })
    }
    default:
      return plain
  }
}

/** Logits of every position, [T][V]. */
export const plainLogits = ({ config, tensors }: PlainModel, tokens: readonly number[]): readonly Vector[] => {
  const all = (name: string): Vector => Array.from(tensors.get(name)!.data)
  const row = (name: string, r: number): Vector => {
    const { shape, data } = tensors.get(name)!
    return Array.from(data.subarray(r * shape[1]!, (r + 1) * shape[1]!))
  }
  /** [out, in]. */
  const linear = (name: string, x: Vector, bias?: string): Vector => {
    const y = Array.from({ length: tensors.get(name)!.shape[0]! }, (_, o) => dot(row(name, o), x))
    return bias === undefined ? y : plus(y, all(bias))
  }
  /** [in, out]. */
  const conv1d = (name: string, x: Vector): Vector => {
    const { shape, data } = tensors.get(`${name}.weight`)!
    const y = Array.from({ length: shape[1]! }, (_, o) =>
      x.reduce((sum, v, i) => sum + v * data[i * shape[1]! + o]!, 0),
    )
    return plus(y, all(`${name}.bias`))
  }
  /** Causal attention of one head. */
  const head = (q: readonly Vector[], k: readonly Vector[], v: readonly Vector[]): readonly Vector[] =>
    q.map((query, t) => {
      const weights = softmax(k.slice(0, t + 1).map((key) => dot(query, key) / Math.sqrt(query.length)))
      return query.map((_, d) => weights.reduce((sum, w, s) => sum + w * v[s]![d]!, 0))
    })
  const piece = (x: Vector, h: number, D: number): Vector => x.slice(h * D, (h + 1) * D)

  if (config['model_type'] === 'gpt2') {
    const [H, eps] = [n(config, 'n_head'), n(config, 'layer_norm_epsilon')]
    const norm = (name: string, x: Vector): Vector => layerNorm(x, all(`${name}.weight`), all(`${name}.bias`), eps)
    let stream = tokens.map((id, t) => plus(row('transformer.wte.weight', id), row('transformer.wpe.weight', t)))
    for (let i = 0; i < n(config, 'n_layer'); i++) {
      const at = `transformer.h.${i}`
      const qkv = stream.map((x) => conv1d(`${at}.attn.c_attn`, norm(`${at}.ln_1`, x)))
      const [C, D] = [qkv[0]!.length / 3, qkv[0]!.length / 3 / H]
      const heads = Array.from({ length: H }, (_, h) => {
        const of = (which: number) => qkv.map((x) => piece(x.slice(which * C, (which + 1) * C), h, D))
        return head(of(0), of(1), of(2))
      })
      stream = stream.map((x, t) =>
        plus(
          x,
          conv1d(
            `${at}.attn.c_proj`,
            heads.flatMap((h) => h[t]!),
          ),
        ),
      )
      stream = stream.map((x) =>
        plus(x, conv1d(`${at}.mlp.c_proj`, conv1d(`${at}.mlp.c_fc`, norm(`${at}.ln_2`, x)).map(gelu))),
      )
    }
    return stream.map((x) => linear('transformer.wte.weight', norm('transformer.ln_f', x)))
  }

  const [H, KV, D, eps] = [
    n(config, 'num_attention_heads'),
    kvHeadsOf(config),
    headDimOf(config),
    n(config, 'rms_norm_eps'),
  ]
  const frequencies = frequenciesOf(config, D)
  const turn = (x: Vector, t: number): Vector =>
    x.map((v, i) => {
      const angle = t * frequencies[i % (D / 2)]!
      const other = i < D / 2 ? -x[i + D / 2]! : x[i - D / 2]!
      return v * Math.cos(angle) + other * Math.sin(angle)
    })
  let stream = tokens.map((id) => row('model.embed_tokens.weight', id))
  for (let i = 0; i < n(config, 'num_hidden_layers'); i++) {
    const at = `model.layers.${i}`
    const normed = stream.map((x) => rmsNorm(x, all(`${at}.input_layernorm.weight`), eps))
    const project = (which: string) => {
      const name = `${at}.self_attn.${which}_proj`
      return normed.map((x) => linear(`${name}.weight`, x, tensors.has(`${name}.bias`) ? `${name}.bias` : undefined))
    }
    const [q, k, v] = [project('q'), project('k'), project('v')]
    const ready = (which: 'q' | 'k', x: Vector, t: number): Vector => {
      const gain = `${at}.self_attn.${which}_norm.weight`
      return turn(tensors.has(gain) ? rmsNorm(x, all(gain), eps) : x, t)
    }
    const heads = Array.from({ length: H }, (_, h) => {
      const group = Math.floor(h / (H / KV))
      return head(
        q.map((x, t) => ready('q', piece(x, h, D), t)),
        k.map((x, t) => ready('k', piece(x, group, D), t)),
        v.map((x) => piece(x, group, D)),
      )
    })
    stream = stream.map((x, t) =>
      plus(
        x,
        linear(
          `${at}.self_attn.o_proj.weight`,
          heads.flatMap((h) => h[t]!),
        ),
      ),
    )
    stream = stream.map((x) => {
      const y = rmsNorm(x, all(`${at}.post_attention_layernorm.weight`), eps)
      const up = linear(`${at}.mlp.up_proj.weight`, y)
      const gated = linear(`${at}.mlp.gate_proj.weight`, y).map((g, j) => silu(g) * up[j]!)
      return plus(x, linear(`${at}.mlp.down_proj.weight`, gated))
    })
  }
  const out = tensors.has('lm_head.weight') ? 'lm_head.weight' : 'model.embed_tokens.weight'
  return stream.map((x) => linear(out, rmsNorm(x, all('model.norm.weight'), eps)))
}

const small = { vocab_size: 11, hidden_size: 48, intermediate_size: 20, num_hidden_layers: 2, num_attention_heads: 6 }
const llamaBase = {
  ...small,
  model_type: 'llama',
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-6,
  rope_theta: 100,
  hidden_act: 'silu',
  tie_word_embeddings: false,
}
const scaled = { factor: 4, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 16 }

/** A config.json of each kind of model, as Transformers 4 and 5 write them. */
export const plainConfigs: Readonly<Record<string, PlainModel['config']>> = {
  'a Llama': { ...llamaBase, attention_bias: false, mlp_bias: false, rope_scaling: null, torch_dtype: 'float32' },
  'a Llama with a tied head and linear scaling': {
    ...llamaBase,
    tie_word_embeddings: true,
    rope_scaling: { rope_type: 'linear', factor: 4 },
  },
  "a Llama with Llama 3's scaling": { ...llamaBase, rope_scaling: { rope_type: 'llama3', ...scaled } },
  "a Llama of Transformers 5, with Llama 3's scaling": {
    ...Object.fromEntries(Object.entries(llamaBase).filter(([name]) => name !== 'rope_theta')),
    head_dim: 8,
    rope_parameters: { rope_type: 'llama3', rope_theta: 50, ...scaled },
    dtype: 'float32',
    pad_token_id: null,
  },
  'a Qwen2': {
    ...llamaBase,
    model_type: 'qwen2',
    use_sliding_window: false,
    sliding_window: 32_768,
    max_window_layers: 28,
    layer_types: ['full_attention', 'full_attention'],
  },
  'a Qwen3 with wide heads': {
    ...llamaBase,
    model_type: 'qwen3',
    head_dim: 10, // and not 48 / 6
    attention_bias: false,
    tie_word_embeddings: true,
    use_sliding_window: false,
    sliding_window: null,
  },
  'a GPT-2': {
    model_type: 'gpt2',
    vocab_size: 11,
    n_embd: 12,
    n_layer: 2,
    n_head: 3,
    n_positions: 20,
    n_inner: null,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
    resid_pdrop: 0.1,
  },
}

/**
 * How the metadata of a GGUF file says a configuration: keys of its architecture, `llama.block_count`. Source: ggml's docs/gguf.md, and
 * llama.cpp, src/llama-arch.cpp.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { frequenciesOf, type RopeScaling } from '../rope.ts'
import type { TransformerConfig } from '../transformer.ts'
import type { ArchitectureName } from './architectures.ts'
import { type ConfigFlaw, type Field, type Fields, ignored, only, positive, readFields, shown, size } from './fields.ts'
import { ggufLayouts } from './names.ts'

/** The shortest decimal of the same float of 32 bits: files have 1e-5 as 9.99999974737875e-6. */
const shortest = (value: number): number => {
  if (Math.fround(value) !== value) return value
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}

/** Frequencies divided by a factor; llama.cpp takes 0 for none. */
const linear: Field = {
  read: (value) => {
    if (typeof value !== 'number' || !(value >= 0)) return left('it is to be a number of 0 or more')
    return right({ ropeScaling: value === 0 || value === 1 ? null : { type: 'linear', factor: shortest(value) } })
  },
}

/** A positive number, stored as a float of 32 bits. */
const float = (key: 'normEps' | 'ropeTheta'): Field => ({
  read: (value) => positive(key).read(typeof value === 'number' ? shortest(value) : value),
})

const scalingType: Field = {
  read: (value) => {
    if (value === 'none') return right({ ropeScaling: null })
    return value === 'linear' ? right({}) : left('only none and linear are computed here')
  },
}

const own: Readonly<Record<string, Field>> = {
  vocab_size: size('vocab'),
  block_count: size('layers'),
  context_length: size('context'),
  embedding_length: size('width'),
  feed_forward_length: size('hidden'),
  'attention.head_count': size('heads'),
  'attention.head_count_kv': size('kvHeads'),
  'attention.key_length': size('headDim'),
  'attention.value_length': size('headDim'),
  'attention.layer_norm_rms_epsilon': float('normEps'),
  'attention.sliding_window': only(0),
  'attention.causal': only(true),
  'rope.dimension_count': size('headDim'),
  'rope.freq_base': float('ropeTheta'),
  'rope.scaling.type': scalingType,
  'rope.scaling.factor': linear,
  'rope.scale_linear': linear,
  'rope.scaling.original_context_length': ignored,
  'rope.scaling.finetuned': ignored,
  expert_count: only(0),
  expert_used_count: only(0),
}

/** Keys that say nothing of what is computed: who made it, how it was quantized, its tokenizer. */
const harmless = (name: string): boolean => /^(general|tokenizer|quantize)\./.test(name)

const fieldsOf = (architecture: string): Fields => ({
  known: {
    ...Object.fromEntries(Object.entries(own).map(([name, field]) => [`${architecture}.${name}`, field])),
    'general.type': only('model'),
    'split.count': only(0, 1),
    'split.no': ignored,
    'split.tensors.count': ignored,
  },
  required: [
    ...['block_count', 'context_length', 'embedding_length', 'feed_forward_length'],
    ...['attention.head_count', 'attention.layer_norm_rms_epsilon'],
  ].map((name) => `${architecture}.${name}`),
  harmless,
})

/** The architectures that GGUF files of are read. */
export type GgufArchitecture = keyof typeof ggufLayouts

const isGguf = (name: unknown): name is GgufArchitecture & ArchitectureName =>
  typeof name === 'string' && Object.hasOwn(ggufLayouts, name)

/** What the metadata says of sizes, or the first key that cannot be had. */
export const sizesOfGguf = (
  metadata: Readonly<Record<string, unknown>>,
): Either<ConfigFlaw, { readonly architecture: GgufArchitecture; readonly sizes: Partial<TransformerConfig> }> => {
  const architecture = metadata['general.architecture']
  if (!isGguf(architecture))
    return left({
      field: 'general.architecture',
      value: architecture,
      message: `general.architecture is ${shown(architecture)}: this architecture is none of ${Object.keys(ggufLayouts).join(', ')}`,
    })
  const sizes = readFields(fieldsOf(architecture))(metadata)
  return sizes._tag === 'Left' ? sizes : right({ architecture, sizes: sizes.right })
}

/** The numbers that every published Llama 3.1, 3.2 and 3.3 has beside its factor. */
const published = { type: 'llama3', low: 1, high: 4, original: 8192 } as const

/**
 * The scaling that a tensor `rope_freqs` of factors, by which frequencies are divided, was made of; undefined where it is another one
 * than the published Llamas'. All factors are 1 where there is none.
 */
export const scalingOfFactors = (
  factors: readonly number[],
  { theta, dim }: { readonly theta: number | undefined; readonly dim: number },
): RopeScaling | null | undefined => {
  if (factors.every((factor) => factor === 1)) return null
  const scaling: RopeScaling = { ...published, factor: Math.max(...factors) }
  const base = { dim, length: 1, ...(theta !== undefined && { theta }) }
  const [plain, scaled] = [frequenciesOf(base), frequenciesOf({ ...base, scaling })]
  const agrees = plain.every((frequency, i) => Math.abs(frequency / scaled[i]! / factors[i]! - 1) < 1e-4)
  return agrees && factors.length === plain.length ? scaling : undefined
}

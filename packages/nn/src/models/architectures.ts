/**
 * The architectures of Hugging Face that this transformer is: how the `config.json` of each says its configuration, and back.
 * Source: Transformers, models/{llama,qwen2,qwen3,gpt2}/configuration_*.py, whose defaults hold for what a file leaves out.
 */
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { transformer, type TransformerConfig } from '../transformer.ts'
import {
  type ConfigFlaw,
  type Field,
  type Fields,
  ignored,
  only,
  orAbsent,
  positive,
  readFields,
  sameValue,
  shown,
  size,
  tied,
  unwritten,
  writeFields,
} from './fields.ts'
import { gpt2 } from './gpt2.ts'
import { llama } from './llama.ts'
import { qwen2, qwen3 } from './qwen.ts'
import { ropeParametersField, ropeScalingField } from './rope-fields.ts'

/** The name of an architecture, as `model_type` and `general.architecture` have it. */
export type ArchitectureName = 'gpt2' | 'llama' | 'qwen2' | 'qwen3'

/** Sizes that a description gives; what it leaves out has the architecture's default. */
type Sizes = TransformerConfig

/** An architecture: the class that Transformers has for it, its configuration of these sizes, and its fields. */
export interface Architecture {
  readonly className: string
  readonly make: (sizes: Sizes) => TransformerConfig
  readonly fields: Fields
}

const fieldsOf = (names: string, field: Field): Readonly<Record<string, Field>> =>
  Object.fromEntries(names.split(' ').map((name) => [name, field]))

/**
 * What Transformers writes into every `config.json` and computes nothing with: ids that generation needs, how its outputs look, what
 * its training did. Dropout is among it: there is none here, where a model is used, nor where it is trained further.
 */
const everywhere: Readonly<Record<string, Field>> = {
  ...fieldsOf(
    'architectures model_type _name_or_path _from_model_config _attn_implementation_autoset transformers_version torch_dtype dtype',
    ignored,
  ),
  ...fieldsOf('bos_token_id eos_token_id pad_token_id sep_token_id decoder_start_token_id unk_token_id', ignored),
  ...fieldsOf('initializer_range use_cache return_dict output_hidden_states output_attentions torchscript', ignored),
  ...fieldsOf('chunk_size_feed_forward id2label label2id problem_type task_specific_params tokenizer_class', ignored),
  ...fieldsOf('max_length min_length do_sample temperature top_k top_p num_beams repetition_penalty', ignored),
  ...fieldsOf('transformers.js_config unsloth_fixed unsloth_version finetuning_task prefix', ignored),
  ...fieldsOf('is_encoder_decoder add_cross_attention tie_encoder_decoder use_bfloat16', unwritten(only(false))),
}

/** A width of heads is said where it does not follow from the others. */
const headDim: Field = {
  read: (value) => size('headDim').read(value),
  write: (config) => (config.headDim === config.width / config.heads ? undefined : config.headDim),
}

const llamaFields: Readonly<Record<string, Field>> = {
  ...everywhere,
  vocab_size: size('vocab'),
  hidden_size: size('width'),
  intermediate_size: size('hidden'),
  num_hidden_layers: size('layers'),
  num_attention_heads: size('heads'),
  num_key_value_heads: orAbsent(size('kvHeads')),
  head_dim: orAbsent(headDim),
  max_position_embeddings: size('context'),
  rms_norm_eps: positive('normEps'),
  rope_theta: positive('ropeTheta'),
  rope_scaling: ropeScalingField,
  rope_parameters: ropeParametersField,
  tie_word_embeddings: tied,
  hidden_act: only('silu', 'swish'),
  ...fieldsOf('attention_dropout pretraining_tp is_llama_config', ignored),
  partial_rotary_factor: unwritten(only(1)),
  rope_interleaved: unwritten(only(false)),
}

/** Qwen's windows: where they are switched off, what else is said of them has no meaning. */
const fullAttention: Readonly<Record<string, Field>> = {
  use_sliding_window: only(false),
  use_mrope: unwritten(only(false)),
  ...fieldsOf('sliding_window max_window_layers', ignored),
  layer_types: orAbsent({
    read: (value) =>
      Array.isArray(value) && value.every((type) => type === 'full_attention')
        ? right({})
        : left('only layers of "full_attention" are computed here'),
  }),
}

const llamaSizes = [
  ...['vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'],
  'max_position_embeddings',
]

/** What Transformers takes for what a file leaves out. */
const absent = { normEps: 1e-6, ropeTheta: 10_000 }

/** Every architecture that there is. */
export const architectures: Readonly<Record<ArchitectureName, Architecture>> = {
  llama: {
    className: 'LlamaForCausalLM',
    make: (sizes) => llama({ ...absent, ...sizes }),
    fields: {
      known: { ...llamaFields, attention_bias: only(false), mlp_bias: only(false) },
      required: llamaSizes,
    },
  },
  qwen2: {
    className: 'Qwen2ForCausalLM',
    make: (sizes) => qwen2({ ...absent, ...sizes }),
    fields: { known: { ...llamaFields, ...fullAttention }, required: [...llamaSizes, 'num_key_value_heads'] },
  },
  qwen3: {
    className: 'Qwen3ForCausalLM',
    make: (sizes) => qwen3({ ...absent, ...sizes }),
    fields: {
      known: { ...llamaFields, ...fullAttention, head_dim: size('headDim'), attention_bias: only(false) },
      required: [...llamaSizes, 'num_key_value_heads', 'head_dim'],
    },
  },
  gpt2: {
    className: 'GPT2LMHeadModel',
    make: (sizes) => gpt2(sizes),
    fields: {
      known: {
        ...everywhere,
        vocab_size: size('vocab'),
        n_embd: size('width'),
        n_layer: size('layers'),
        n_head: size('heads'),
        n_positions: size('context'),
        n_inner: orAbsent(size('hidden')),
        layer_norm_epsilon: positive('normEps'),
        activation_function: only('gelu_new', 'gelu_pytorch_tanh'),
        tie_word_embeddings: tied,
        scale_attn_weights: only(true),
        scale_attn_by_inverse_layer_idx: only(false),
        ...fieldsOf('n_ctx attn_pdrop embd_pdrop resid_pdrop reorder_and_upcast_attn', ignored),
        ...fieldsOf('summary_activation summary_first_dropout summary_proj_to_labels', ignored),
        ...fieldsOf('summary_type summary_use_proj gradient_checkpointing', ignored),
      },
      required: ['vocab_size', 'n_embd', 'n_layer', 'n_head', 'n_positions'],
    },
  },
}

/** Whether there is an architecture of this name. */
export const isArchitecture = (name: unknown): name is ArchitectureName =>
  typeof name === 'string' && Object.hasOwn(architectures, name)

/** A model as a file describes it. */
export interface Described {
  readonly architecture: ArchitectureName
  readonly config: TransformerConfig
}

/** A configuration of sizes that were read, or what is wrong with them together. */
export const fitted = (
  architecture: ArchitectureName,
  sizes: Partial<TransformerConfig>,
  field: string,
): Either<ConfigFlaw, Described> => {
  // The required fields of every table are the sizes that a configuration must have.
  const config = architectures[architecture].make(sizes as Sizes)
  try {
    return right({ architecture, config: transformer(config).config })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return left({ field, value: architecture, message: `its sizes do not fit together: ${error.message}` })
  }
}

/** What a `config.json` says, or the first field that cannot be had. */
export const describedBy = (given: unknown): Either<ConfigFlaw, Described> => {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return left({ field: '', value: given, message: `it is ${shown(given)}, not an object` })
  const fields = given as Readonly<Record<string, unknown>>
  const name = fields['model_type']
  if (!isArchitecture(name))
    return left({
      field: 'model_type',
      value: name,
      message: `model_type is ${shown(name)}: this architecture is none of ${Object.keys(architectures).join(', ')}`,
    })
  const sizes = readFields(architectures[name].fields)(fields)
  return sizes._tag === 'Left' ? sizes : fitted(name, sizes.right, 'model_type')
}

const same = (x: TransformerConfig, y: TransformerConfig): boolean => {
  const other = transformer(y).config
  return Object.entries(transformer(x).config).every(([key, value]) =>
    sameValue(value, other[key as keyof TransformerConfig]),
  )
}

/** The `config.json` of a configuration: that of the first architecture which, read again, is the same one; null where none is. */
export const descriptionOf = (
  config: Required<TransformerConfig>,
): { readonly architecture: ArchitectureName; readonly fields: Readonly<Record<string, unknown>> } | null => {
  for (const architecture of Object.keys(architectures) as ArchitectureName[]) {
    const { className, fields: table } = architectures[architecture]
    const fields = { architectures: [className], model_type: architecture, ...writeFields(table)(config) }
    const again = describedBy(fields)
    if (again._tag === 'Right' && same(again.right.config, config)) return { architecture, fields }
  }
  return null
}

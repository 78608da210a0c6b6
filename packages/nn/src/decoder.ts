/**
 * What a sampler knows of a model: how many tokens there are, how long a sequence may be, and how to read prompts and then
 * one token at a time. A transformer is one (its memory is the key-value cache); a recurrent network, a lookup table or a
 * model of a reader's own is another.
 */
import { type Scalar, slice, squeeze, type Tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandFields } from './demands.ts'
import { type Cache, type CacheDType, extend, prefill } from './cache.ts'
import type { Floats, Integers } from './layer.ts'
import type { BatchOptions, Transformer, TransformerParams } from './transformer.ts'

/**
 * A model that draws one token after the other. `M` is what it remembers of the tokens so far: a tree of fixed shapes, each leaf of
 * which has the rows of the batch as its first axis, so that a prompt's memory can be repeated for several completions (where
 * none are asked for, scalars may be in it, too).
 */
export interface Decoder<P extends Tree, M extends Tree> {
  /** Number of tokens, V. */
  readonly vocab: number
  /** Longest sequence, in tokens; Infinity where there is no bound. */
  readonly context: number
  /**
   * Reads prompts [B, P] that begin at column 0 (left-padded rows: at `starts`), with room for `length` columns in all: the
   * logits [B, V] of the token at column P, and the memory.
   */
  readonly start: (
    params: P,
    options: BatchOptions & { readonly length: number },
  ) => (tokens: Integers) => readonly [logits: Floats, memory: M]
  /** Reads the tokens [B, 1] at column `first`: the logits [B, V] of the token after it, and the memory. */
  readonly extend: (
    params: P,
    memory: M,
    options: BatchOptions & { readonly first: Scalar<'i32'> },
  ) => (tokens: Integers) => readonly [logits: Floats, memory: M]
}

/** How a transformer remembers. */
export interface DecoderConfig {
  /** How keys and values are kept: `f16` takes half of the memory, `i8` about a quarter, and of what each token reads of it. Default f32. */
  readonly cache?: CacheDType
}

/**
 * A transformer as a decoder: its memory is the cache of keys and values.
 *
 * @example
 * ```ts
 * import { decoder, transformer } from '@adjoint/nn'
 * import { random, tensor } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 32, layers: 2, heads: 4, context: 16 })
 * const { start } = decoder(model)
 * const [logits, cache] = start(model.init(random.key(0)), { length: 16 })(tensor([1, 5, 2], [1, 3], 'i32'))
 * console.log(logits.shape, cache.length) // [1, 21] 2
 * ```
 */
export const decoder = (model: Transformer, given: DecoderConfig = {}): Decoder<TransformerParams, Cache> => {
  const { cache: dtype } = optionsOf('decoder', given, { cache: true })
  demandFields(
    'decoder',
    'the model',
    model,
    ['config', 'over', 'head'],
    'Give what transformer, gpt2, llama or loadModel makes.',
  )
  const kept = dtype === undefined ? {} : { dtype }
  const [read, further] = [prefill(model), extend(model)]
  // The hidden stream of the last column [B, 1, C] becomes logits [B, V].
  const next = (params: TransformerParams, hidden: Floats): Floats => squeeze(1)(model.head(params)(hidden))
  return {
    vocab: model.config.vocab,
    context: model.config.context,
    start: (params, options) => (tokens) => {
      const [hidden, cache] = read(params, { ...options, ...kept })(tokens)
      const [B, P] = tokens.shape as readonly [number, number]
      return [next(params, slice([0, P - 1], [B, P])(hidden)), cache]
    },
    extend: (params, memory, options) => (tokens) => {
      const [hidden, cache] = further(params, memory, options)(tokens)
      return [next(params, hidden), cache]
    },
  }
}

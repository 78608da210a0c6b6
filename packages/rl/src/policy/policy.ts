/**
 * A policy: what the loops know of a model. It scores tokens, starts and goes on with a generation, and encodes and decodes
 * text. It holds no parameters: those of the learner, of its reference, of an older learner are arguments.
 *
 * Ours are transformers (`transformerPolicy`); any decoder makes one (`policyOf`): a recurrent network, a mixture of experts, a
 * lookup table.
 */
import {
  type Decoder,
  decoder,
  type Floats,
  generatorAsync,
  type Generation,
  type Integers,
  type Key,
  type Prompts,
  type Transformer,
  type TransformerParams,
} from '@adjoint/nn'
import { type Device, scalar, slice, stack, type Tree } from '@adjoint/tensor'
import { completionLogits, scoreCompletions, type Scored, type ScoreOptions, type Scores, scoresOf } from './score.ts'
import type { Text } from './text.ts'

/** How to draw completions. */
export interface DrawOptions {
  /** Most tokens of a completion, its end included. */
  readonly maxTokens: number
  /** 0 is greedy. */
  readonly temperature: number
  /** Completions to each prompt, side by side in the result. Default 1. */
  readonly n?: number
  readonly device: Device
}

/** What the loops know of a model whose parameters are a P. */
export interface Policy<P extends Tree> {
  readonly text: Text
  /** Most tokens of a prompt and its completion; Infinity where there is no bound. */
  readonly context: number
  /** What its model is, as data: for the first line of a log. */
  readonly config?: object
  /** A pure function of parameters and sequences, which differentiates: the log-probabilities and entropies of completions. */
  readonly score: (options: ScoreOptions) => (params: P, sequences: Scored) => Scores
  /** A sampler, made once. Throws SamplingError where logits are no distribution, DeviceFailure where the device fails. */
  readonly generate: (options: DrawOptions) => (params: P, prompts: Prompts, key: Key) => Promise<Generation>
}

/** A policy that gives its whole distribution at every token: what SFT and the distillation of logits learn from. */
export interface LogitPolicy<P extends Tree> extends Policy<P> {
  /** Number of tokens that it has a logit for, V: at least as many as its text has. */
  readonly vocab: number
  /** The logits [B, N, V] from which each of the last `completion` columns N of sequences was or could be drawn. */
  readonly logits: (completion: number) => (params: P, sequences: Scored) => Floats
}

/** A model as a policy needs it. */
export interface PolicyModel<P extends Tree, M extends Tree> extends Decoder<P, M> {
  /**
   * Whole sequences at once, as in {@link LogitPolicy}. Default: {@link steppedLogits}, one step of the decoder after the other,
   * which is right for any decoder and makes a program as long as the sequence.
   */
  readonly logits?: LogitPolicy<P>['logits']
  /** Scores without storing those logits, as in {@link Policy}. Default: {@link scoresOf} them. */
  readonly score?: LogitPolicy<P>['score']
  /** What it is, as data: see {@link Policy}. */
  readonly config?: object
}

/**
 * The logits of whole sequences by a decoder's own steps: reads column after column, and keeps what it says of the next.
 *
 * @example
 * ```ts
 * import { decoder, transformer } from '@adjoint/nn'
 * import { steppedLogits } from '@adjoint/rl'
 * import { random, zeros } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * const logits = steppedLogits(decoder(model))(3)
 * logits(model.init(random.key(0)), { tokens: zeros([2, 8], 'i32'), starts: null }).shape // [2, 3, 21]
 * ```
 */
export const steppedLogits =
  <P extends Tree, M extends Tree>({ start, extend }: Decoder<P, M>): LogitPolicy<P>['logits'] =>
  (completion) =>
  (params, { tokens, starts }) => {
    const [rows, columns] = tokens.shape as readonly [number, number]
    const prompt = columns - completion
    const padding = starts === null ? {} : { starts }
    const read = (from: number, to: number): Integers => slice([0, from], [rows, to])(tokens)
    let [logits, memory] = start(params, { length: columns - 1, ...padding })(read(0, prompt))
    const each: Floats[] = [logits]
    for (let column = prompt; column < columns - 1; column++) {
      ;[logits, memory] = extend(params, memory, { first: scalar(column, 'i32'), ...padding })(read(column, column + 1))
      each.push(logits)
    }
    return stack(1)(each) // [B, N, V]
  }

/**
 * The policy of a model and a text. Throws RangeError where the model has fewer tokens than the text.
 *
 * @example
 * ```ts
 * import { decoder, transformer } from '@adjoint/nn'
 * import { mod10Chain, policyOf } from '@adjoint/rl'
 * const { vocabulary } = mod10Chain
 * const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = policyOf(decoder(model), vocabulary)
 * ```
 */
export const policyOf = <P extends Tree, M extends Tree>(model: PolicyModel<P, M>, text: Text): LogitPolicy<P> => {
  if (model.vocab < text.size)
    throw new RangeError(
      `policyOf: the model has ${model.vocab} tokens, and the text ${text.size}. ` +
        'Make the model with at least as many tokens as the text has (vocab: text.size).',
    )
  const logits = model.logits ?? steppedLogits(model)
  const scoreLogits: Policy<P>['score'] = ({ completion, temperature }) => {
    const said = logits(completion)
    return (params, sequences) => scoresOf(temperature)(said(params, sequences), sequences.tokens)
  }
  return {
    text,
    context: model.context,
    vocab: model.vocab,
    logits,
    score: model.score ?? scoreLogits,
    ...(model.config !== undefined && { config: model.config }),
    generate: ({ maxTokens, temperature, n = 1, device }) =>
      generatorAsync(model, { maxTokens, temperature, n, eos: text.eos, pad: text.pad, device }),
  }
}

/**
 * The policy of a transformer. Throws RangeError where the model has fewer tokens than the text.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, transformerPolicy } from '@adjoint/rl'
 * import { random, zeros } from '@adjoint/tensor'
 * const { vocabulary } = mod10Chain
 * const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const { score } = transformerPolicy(model, vocabulary)
 * const scored = { tokens: zeros([2, 8], 'i32'), starts: null }
 * score({ completion: 3, temperature: 1 })(model.init(random.key(0)), scored).logp.shape // [2, 3]
 * ```
 */
export const transformerPolicy = (model: Transformer, text: Text): LogitPolicy<TransformerParams> =>
  policyOf(
    {
      ...decoder(model),
      config: model.config,
      logits: (completion) => {
        const said = completionLogits(model, completion)
        return (params, sequences) => said(params)(sequences)
      },
      score: (options) => {
        const score = scoreCompletions(model, options)
        return (params, sequences) => score(params)(sequences)
      },
    },
    text,
  )

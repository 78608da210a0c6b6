/** Logits, log-probabilities and entropies of completions under a policy: one full forward. */
import {
  entropy,
  type Floats,
  type Integers,
  linearScores,
  tokenLogp,
  type Transformer,
  type TransformerParams,
} from '@adjoint/nn'
import { div, slice } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'

/** What to score: whole sequences, of which the last `completion` columns were sampled. */
export type Scored = {
  /** [B, P + N]. */
  readonly tokens: Integers
  /** `[B]`: first column of each left-padded row; null where none is padded. */
  readonly starts: Integers | null
}

/** Which columns to score, and in which distribution. */
export interface ScoreOptions {
  /** The last columns of the sequences, N: those that were sampled or could be. */
  readonly completion: number
  /** The temperature of sampling (0 counts as 1, as the sampler's log-probabilities do): logits are divided by it. */
  readonly temperature: number
}

/** Both [B, N], nats. */
export type Scores = {
  readonly logp: Floats
  readonly entropy: Floats
}

/**
 * The logits [B, N, V] from which each of the last `completion` columns N of sequences was or could be drawn.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { completionLogits } from '@adjoint/rl'
 * import { random, zeros } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * completionLogits(model, 3)(model.init(random.key(0)))({ tokens: zeros([2, 8], 'i32'), starts: null }).shape // [2, 3, 21]
 * ```
 */
export const completionLogits =
  (model: Transformer, completion: number) =>
  (params: TransformerParams) =>
  (sequences: Scored): Floats =>
    model.head(params)(completionStream(model, completion)(params)(sequences))

/** The hidden rows [B, N, C] that those logits are made of. */
const completionStream =
  (model: Transformer, completion: number) =>
  (params: TransformerParams) =>
  ({ tokens, starts }: Scored): Floats => {
    const [rows, columns] = tokens.shape as readonly [number, number]
    // The last token is predicted, and predicts nothing.
    const read: Integers = slice([0, 0], [rows, columns - 1])(tokens)
    const stream = model.hidden(params, starts === null ? {} : { starts })(read) // [B, P + N - 1, C]
    // Column t is about the token at column t + 1.
    return slice([0, columns - completion - 1, 0], [rows, columns - 1, stream.shape[2]!])(stream)
  }

/**
 * The scores of logits [B, N, V] that the last N columns of `tokens` [B, T] were drawn from: `logp` [B, N] of each token given
 * all before it, `entropy` [B, N] of the distribution it was drawn from, at the temperature of sampling (0 counts as 1).
 *
 * @example
 * ```ts
 * import { scoresOf } from '@adjoint/rl'
 * import { zeros } from '@adjoint/tensor'
 * scoresOf(1)(zeros([2, 3, 4]), zeros([2, 8], 'i32')) // logp -ln 4, entropy ln 4 everywhere
 * ```
 */
export const scoresOf =
  (temperature: number) =>
  (logits: Floats, tokens: Integers): Scores => {
    const scaled: Floats = temperature === 0 || temperature === 1 ? logits : div(logits, temperature)
    return { logp: tokenLogp(scaled, lastColumns(tokens, logits.shape[1]!)), entropy: entropy(scaled) }
  }

const lastColumns = (tokens: Integers, count: number): Integers => {
  const [rows, columns] = tokens.shape as readonly [number, number]
  return slice([0, columns - count], [rows, columns])(tokens)
}

/**
 * Scores the last `completion` columns of sequences under a transformer: {@link scoresOf} its logits, which are not stored where
 * they are more than 2^24 (`linearScores`).
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { scoreCompletions } from '@adjoint/rl'
 * import { random, zeros } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * const score = scoreCompletions(model, { completion: 3, temperature: 1 })
 * score(model.init(random.key(0)))({ tokens: zeros([2, 8], 'i32'), starts: null }).logp.shape // [2, 3]
 * ```
 */
export const scoreCompletions = (model: Transformer, options: ScoreOptions) => {
  const { completion, temperature } = optionsOf('scoreCompletions', options, { completion: true, temperature: true })
  return (params: TransformerParams) =>
    (sequences: Scored): Scores => {
      const { logp, entropy } = linearScores({ temperature })(model.unembedding(params))(
        completionStream(model, completion)(params)(sequences),
        lastColumns(sequences.tokens, completion),
      )
      return { logp, entropy }
    }
}

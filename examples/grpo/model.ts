/** A published model as a policy of which an adapter is trained: its parameters stay as they are, for the policy and its reference. */
import {
  type Adapter,
  describeModel,
  type Lora,
  loadModel,
  loadTokenizer,
  lora,
  type ModelError,
  projections,
  type TokenizerError,
  transformer,
  type TransformerParams,
} from '@adjoint/nn'
import { type LogitPolicy, policyThrough, tokenizerText, transformerPolicy } from '@adjoint/rl'
import type { Device } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'

/** Which model, and what of it is trained. */
export interface PolicyConfig {
  /** A folder of the Hugging Face hub, or a GGUF file. */
  readonly path: string
  readonly rank: number
  /** Most tokens of a prompt and its completion. */
  readonly context: number
  readonly device: Device
}

/** A policy whose parameters are an adapter. */
export interface Adapted {
  readonly base: TransformerParams
  readonly policy: LogitPolicy<Adapter>
  readonly adapters: Lora
}

/** What the assistant is told before each question. */
const SYSTEM = 'Answer with a number.'

/** Loads the model and its tokenizer. Left: why one of them cannot be read, in a sentence. */
export const adaptedModel = ({ path, rank, context, device }: PolicyConfig): TE.TaskEither<string, Adapted> =>
  pipe(
    // the description is short, and says first whether the rest is worth reading
    TE.mapLeft((error: ModelError) => error.message)(describeModel({ path })),
    TE.flatMap(({ model }) =>
      context <= model.config.context
        ? TE.right({})
        : TE.left(
            `${path} reads ${model.config.context} tokens at most, and a prompt and its completion may have ${context}: lower --max-tokens, or take another model`,
          ),
    ),
    TE.bind('tokenizer', () => TE.mapLeft((error: TokenizerError) => error.message)(loadTokenizer({ path }))),
    TE.bind('loaded', () => TE.mapLeft((error: ModelError) => error.message)(loadModel({ path, context, device }))),
    TE.bind('text', ({ tokenizer }) =>
      TE.fromEither(
        E.mapLeft((error: TokenizerError) => error.message)(
          // a base model knows no turns: it is asked in plain text
          tokenizerText(tokenizer.template === null ? { tokenizer, template: null } : { tokenizer, system: SYSTEM }),
        ),
      ),
    ),
    TE.map(({ text, loaded: { model: whole, params: base } }) => {
      const model = transformer(whole.config, { checkpoint: true })
      const adapters = lora({ rank, alpha: 2 * rank, targets: /^blocks\./, split: projections(model.config) })
      const onModel = (adapter: Adapter): TransformerParams => adapters.adapt(base, adapter)
      return { base, adapters, policy: policyThrough(onModel, transformerPolicy(model, text)) }
    }),
  )

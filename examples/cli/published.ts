/** A published model as a policy: its parameters, its tokenizer's text, and room for the questions that may come. */
import {
  type ArchitectureName,
  describeModel,
  loadModel,
  loadTokenizer,
  type ModelDescription,
  type Transformer,
  transformer,
  type TransformerParams,
} from '@adjoint/nn'
import { describeError, type LogitPolicy, type Text, tokenizerText, transformerPolicy } from '@adjoint/rl'
import type { Device } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'

/** Which model, and what is asked of it. */
export interface PublishedConfig {
  /** A folder of the Hugging Face hub, or a GGUF file. */
  readonly path: string
  /** Questions as they may come: there is room for the longest of them, and for 64 tokens at least. */
  readonly asked: readonly string[]
  /** Most tokens of a completion. */
  readonly maxTokens: number
  readonly device: Device
}

/** A model on the device, and the policy of its parameters. */
export interface Published {
  readonly base: TransformerParams
  readonly policy: LogitPolicy<TransformerParams>
  readonly config: Transformer['config']
  readonly architecture: ArchitectureName
}

/** What the assistant is told before each question. */
const SYSTEM = 'Answer with a number.'

/** Columns that a prompt may have at least: the template, what the assistant is told, and a question. */
const PROMPT = 64

/** The sentence of an error. */
export const message = ({ message: said }: { readonly message: string }): string => said

/** Tokens that the longest prompt and a completion may have. Left: what the model reads is less. */
const contextOf = (
  { path, asked, maxTokens }: PublishedConfig,
  text: Text,
  { config }: ModelDescription['model'],
): E.Either<string, number> =>
  pipe(
    E.traverseArray(text.prompt)(asked),
    E.mapLeft(describeError),
    E.flatMap((prompts) => {
      const longest = prompts.reduce((most, ids) => Math.max(most, ids.length), PROMPT)
      return longest + maxTokens <= config.context
        ? E.right(longest + maxTokens)
        : E.left(
            `${path} reads ${config.context} tokens at most; a prompt may have ${longest}, and its completion ${maxTokens}: lower --max-tokens, or take another model`,
          )
    }),
  )

/** Left: the tokenizer has tokens that the model has not, so that it is another model's. */
const vocabularyFits = ({ path }: PublishedConfig, { size }: Text, { config }: ModelDescription['model']) =>
  size <= config.vocab
    ? E.right(null)
    : E.left(`${path}: its tokenizer has ${size} tokens, and the model ${config.vocab}: take the files of one model`)

/** Loads the model and its tokenizer. Left: why one of them cannot be read, or does not fit, in a sentence. */
export const publishedPolicy = (config: PublishedConfig): TE.TaskEither<string, Published> => {
  const { path, device } = config
  return pipe(
    TE.Do,
    // the description is short, and says first whether the rest is worth reading
    TE.bind('described', () => TE.mapLeft(message)(describeModel({ path }))),
    TE.bind('tokenizer', () => TE.mapLeft(message)(loadTokenizer({ path }))),
    TE.bind('text', ({ tokenizer }) =>
      pipe(
        // a base model knows no turns: it is asked in plain text
        tokenizerText(tokenizer.template === null ? { tokenizer, template: null } : { tokenizer, system: SYSTEM }),
        E.mapLeft(message),
        TE.fromEither,
      ),
    ),
    TE.tap(({ text, described }) => TE.fromEither(vocabularyFits(config, text, described.model))),
    TE.bind('context', ({ text, described }) => TE.fromEither(contextOf(config, text, described.model))),
    TE.bind('loaded', ({ context }) => TE.mapLeft(message)(loadModel({ path, context, device }))),
    TE.map(({ text, loaded: { model: whole, params: base, architecture } }): Published => {
      const model = transformer(whole.config, { checkpoint: true })
      return { base, policy: transformerPolicy(model, text), config: model.config, architecture }
    }),
  )
}

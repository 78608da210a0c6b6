/** A published model as a policy of which an adapter is trained: its parameters stay as they are, for the policy and its reference. */
import {
  type Adapter,
  describeModel,
  type Lora,
  loadModel,
  loadTokenizer,
  lora,
  gpt2Modules,
  llamaModules,
  type ModelDescription,
  saveAdapter,
  projections,
  transformer,
  type TransformerParams,
} from '@adjoint/nn'
import {
  describeError,
  type LogitPolicy,
  policyThrough,
  type Text,
  tokenizerText,
  transformerPolicy,
} from '@adjoint/rl'
import type { Device } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { mkdir } from 'node:fs/promises'

/** Which model, and what of it is trained. */
export interface PolicyConfig {
  /** A folder of the Hugging Face hub, or a GGUF file. */
  readonly path: string
  readonly rank: number
  /** Questions as they may come: there is room for the longest of them, and for 64 tokens at least. */
  readonly asked: readonly string[]
  /** Most tokens of a completion. */
  readonly maxTokens: number
  readonly device: Device
}

/** A policy whose parameters are an adapter. */
export interface Adapted {
  readonly base: TransformerParams
  readonly policy: LogitPolicy<Adapter>
  readonly adapters: Lora
  /** Writes an adapter as PEFT's folder, which `generate --adapter` reads. */
  readonly save: (folder: string, adapter: Adapter) => TE.TaskEither<string, void>
}

/** What the assistant is told before each question. */
const SYSTEM = 'Answer with a number.'

/** Columns that a prompt may have at least: the template, what the assistant is told, and a question. */
const PROMPT = 64

const message = ({ message: said }: { readonly message: string }): string => said

/** Tokens that the longest prompt and a completion may have. Left: what the model reads is less. */
const contextOf = (
  { path, asked, maxTokens }: PolicyConfig,
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

/** Loads the model and its tokenizer. Left: why one of them cannot be read, or does not fit, in a sentence. */
export const adaptedModel = (config: PolicyConfig): TE.TaskEither<string, Adapted> => {
  const { path, rank, device } = config
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
    TE.bind('context', ({ text, described }) => TE.fromEither(contextOf(config, text, described.model))),
    TE.bind('loaded', ({ context }) => TE.mapLeft(message)(loadModel({ path, context, device }))),
    TE.map(({ text, loaded: { model: whole, params: base, architecture } }): Adapted => {
      const model = transformer(whole.config, { checkpoint: true })
      const kind = { rank, alpha: 2 * rank, targets: /^blocks\./, split: projections(model.config) }
      const adapters = lora(kind)
      const onModel = (adapter: Adapter): TransformerParams => adapters.adapt(base, adapter)
      const modules = architecture === 'gpt2' ? gpt2Modules : llamaModules
      return {
        ...{ base, adapters, policy: policyThrough(onModel, transformerPolicy(model, text)) },
        save: (folder, adapter) =>
          pipe(
            TE.tryCatch(() => mkdir(folder, { recursive: true }), String),
            TE.flatMap(() =>
              TE.mapLeft(message)(saveAdapter({ path: folder, lora: kind, modules, base: path, device })(adapter)),
            ),
          ),
      }
    }),
  )
}

/** A published model as a policy of which an adapter is trained: its parameters stay as they are, for the policy and its reference. */
import {
  type Adapter,
  type Lora,
  lora,
  gpt2Modules,
  llamaModules,
  makeFolder,
  saveAdapter,
  projections,
  type TransformerParams,
} from '@adjoint/nn'
import { type LogitPolicy, policyThrough } from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { message, type PublishedConfig, publishedPolicy } from '../cli/published.ts'

/** Which model, and what of it is trained. */
export interface PolicyConfig extends PublishedConfig {
  readonly rank: number
}

/** A policy whose parameters are an adapter. */
export interface Adapted {
  readonly base: TransformerParams
  readonly policy: LogitPolicy<Adapter>
  readonly adapters: Lora
  /** Writes an adapter as PEFT's folder, which `generate --adapter` reads. */
  readonly save: (folder: string, adapter: Adapter) => TE.TaskEither<string, void>
}

/** Loads the model and its tokenizer. Left: why one of them cannot be read, or does not fit, in a sentence. */
export const adaptedModel = ({ rank, ...published }: PolicyConfig): TE.TaskEither<string, Adapted> =>
  pipe(
    publishedPolicy(published),
    TE.map(({ base, policy, config, architecture }): Adapted => {
      const kind = { rank, alpha: 2 * rank, targets: /^blocks\./, split: projections(config) }
      const adapters = lora(kind)
      const onModel = (adapter: Adapter): TransformerParams => adapters.adapt(base, adapter)
      const modules = architecture === 'gpt2' ? gpt2Modules : llamaModules
      const { path, device } = published
      return {
        ...{ base, adapters, policy: policyThrough(onModel, policy) },
        save: (folder, adapter) =>
          pipe(
            TE.tryCatch(() => makeFolder(folder), String),
            TE.flatMap(() =>
              TE.mapLeft(message)(saveAdapter({ path: folder, lora: kind, modules, base: path, device })(adapter)),
            ),
          ),
      }
    }),
  )

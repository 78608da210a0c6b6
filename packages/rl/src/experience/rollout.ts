/** What a policy sampled, as plain data on the host: completions before anything is known of them. */
import type { Sample } from '../reward/sample.ts'

/** What a policy sampled. N is the most tokens of a completion, P the columns of prompts. */
export interface Rollout<Problem> {
  /** Completions to a prompt, G. */
  readonly group: number
  /** Columns of prompts, P. */
  readonly width: number
  /** `[rows, P + N]`. */
  readonly tokens: Int32Array
  /** `[rows]`: first column of each left-padded row; null where none is padded. */
  readonly starts: Int32Array | null
  /** `[rows, N]`: 1 on the tokens to learn from: those of the completion, the one that ends it included. */
  readonly mask: Float32Array
  /** `[rows, N]`, nats: log-probabilities under the policy that sampled; 0 after the end. */
  readonly samplerLogp: Float32Array
  /** One a row. */
  readonly samples: readonly Sample<Problem>[]
}

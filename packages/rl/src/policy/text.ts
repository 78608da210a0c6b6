/** Text and the tokens of a policy: what the loops know of a tokenizer and its template. */
import type * as E from 'fp-ts/lib/Either.js'
import type { RunError } from '../run/errors.ts'

/** Prompts and completions as tokens, and tokens as text. A vocabulary of characters is one; a tokenizer with its chat template another. */
export interface Text {
  /** Number of tokens: every id is below it. */
  readonly size: number
  /** Fills what is no text. */
  readonly pad: number
  /** The tokens that end a completion, at least one. The first of them is written after a text. */
  readonly eos: readonly number[]
  /** The tokens that a completion to this prompt follows: `<bos>` and the text, or a template around it. Left: UnknownToken, TemplateFailed. */
  readonly prompt: (text: string) => E.Either<RunError, readonly number[]>
  /** The tokens of a completion, the one that ends it included. Left: UnknownToken. */
  readonly completion: (text: string) => E.Either<RunError, readonly number[]>
  /** The text of all ids before the first of `eos`; padding is no text. */
  readonly decode: (ids: ArrayLike<number>) => string
}

/** What a generation demands of its arguments: errors where they are made, rather than tokens that mean something else. */
import { type Device, ShapeError } from '@adjoint/tensor'
import type { CacheDType } from './cache.ts'
import { demandIds } from './ids.ts'
import type { Penalties } from './penalties.ts'
import type { Sampling } from './sample.ts'
import type { StopConfig } from './stop.ts'
import type { Prompts } from './text/pad.ts'

/** What to draw, and when to stop. */
export interface GenerateConfig extends Sampling, Penalties {
  /** Most tokens of a completion, N. */
  readonly maxTokens: number
  /**
   * Completions of each prompt, side by side in the result, as the parameter of that name in OpenAI's interface and in vLLM's.
   * A prompt is read once for all of them. Default 1.
   */
  readonly n?: number
  /** The token, or the tokens, that end a row. Default: none, every row has `maxTokens`. */
  readonly eos?: number | readonly number[]
  /**
   * Texts that end a row. They are looked for on the host, after each call of the device: the row's last token is the one that
   * completes such a text, wherever in the call that was.
   */
  readonly stop?: StopConfig
  /** Fills a row after its end. Default: the first `eos`, or 0. */
  readonly pad?: number
  /** Tokens drawn in one call of the device, between two looks at whether all rows have ended. Default 16. */
  readonly checkEvery?: number
  /**
   * Told after each call of the device, and awaited: the tokens of each row since the last time, its end included. What it throws
   * ends the generation, and is what the generation throws.
   */
  readonly onTokens?: (rows: readonly (readonly number[])[]) => void | Promise<void>
  /** How a transformer's cache keeps its numbers (see `decoder`). Default f32. */
  readonly cache?: CacheDType
  /** Where to run. Default: where the parameters are. */
  readonly device?: Device
}

/** The tokens that end a row. */
export const endsOf = ({ eos }: Pick<GenerateConfig, 'eos'>): readonly number[] =>
  eos === undefined ? [] : typeof eos === 'number' ? [eos] : eos

/** Throws RangeError for numbers that are none. */
export const requireConfig = (
  { vocab }: { readonly vocab: number },
  { maxTokens, n = 1, eos, pad, stop, checkEvery = 1 }: GenerateConfig,
): void => {
  const demand = (name: string, value: number, fits: boolean, range: string): void => {
    if (!fits) throw new RangeError(`generate: ${name} is ${value}. Give ${range}.`)
  }
  const isToken = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < vocab
  demand('maxTokens', maxTokens, Number.isInteger(maxTokens) && maxTokens >= 1, 'a number of tokens, 1 or more')
  demand('n', n, Number.isInteger(n) && n >= 1, 'a number of completions, 1 or more')
  demand('checkEvery', checkEvery, Number.isInteger(checkEvery) && checkEvery >= 1, 'a number of tokens, 1 or more')
  for (const end of endsOf({ ...(eos !== undefined && { eos }) }))
    demand('eos', end, isToken(end), `a token of the vocabulary, 0 to ${vocab - 1}`)
  if (stop?.strings.includes('') === true)
    throw new RangeError('generate: a text to stop at is empty, and would end every row at once. Leave it out.')
  if (pad !== undefined) demand('pad', pad, isToken(pad), `a token of the vocabulary, 0 to ${vocab - 1}`)
}

/** Throws ShapeError or RangeError for prompts that are not the model's. */
export const requirePrompts = (
  { vocab, context }: { readonly vocab: number; readonly context: number },
  { tokens, starts }: Prompts,
  maxTokens: number,
): void => {
  if (tokens.shape.length !== 2 || tokens.shape.includes(0))
    throw new ShapeError({
      op: 'generate',
      operands: [tokens],
      rule: 'prompts are [batch, columns], of one row and one column at least',
      fix: 'Make them with leftPad; a model needs a token to begin with',
    })
  if (starts !== undefined && (starts.shape.length !== 1 || starts.shape[0] !== tokens.shape[0]))
    throw new ShapeError({
      op: 'generate',
      operands: [tokens, starts],
      rule: 'starts are [batch], one for each row of the prompts',
      fix: 'Make both with leftPad',
    })
  demandIds('generate', tokens, vocab, "Encode prompts with the model's vocabulary.")
  const columns = tokens.shape[1]!
  if (columns + maxTokens - 1 > context)
    throw new ShapeError({
      op: 'generate',
      operands: [tokens],
      rule: `${columns} columns of prompt and ${maxTokens} tokens (the last of which is not read) are longer than the context of ${context}`,
      fix: 'Generate fewer tokens, shorten the prompts, or configure a longer context',
    })
}

/**
 * From a number for each token to one for the batch. Each divides by what the *global* batch holds, so that the losses of
 * its parts add up to the loss of the whole, however it is split (micro-batches, minibatches of uneven length). What stands
 * where the mask is 0 reaches neither the number nor its gradient, whatever it is; a batch without tokens or without
 * sequences gives 0.
 */
import type { Floats } from '@adjoint/nn'
import { div, maximum, mul, scalar, type Scalar, sum } from '@adjoint/tensor'
import { masked, meanOverTokens } from './mask.ts'

/** What the global batch holds: how many sequences (masked ones too) and how many completion tokens. */
export type Totals = {
  readonly sequences: Scalar
  readonly tokens: Scalar
}

/** `perToken` and `mask` [B, T] -> a scalar. */
export type Aggregate = (perToken: Floats, mask: Floats, totals: Totals) => Scalar

/**
 * The totals of a batch that is whole: its rows, and the tokens of its mask [B, T].
 *
 * @example
 * ```ts
 * import { totalsOf } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * totalsOf(tensor([1, 1, 1, 0], [2, 2])) // 2 sequences, 3 tokens
 * ```
 */
export const totalsOf = (mask: Floats): Totals => ({ sequences: scalar(mask.shape[0] ?? 0), tokens: sum()(mask) })

/**
 * The mean over each sequence's tokens, then over sequences: GRPO (DeepSeekMath eq. 3). A sequence without tokens adds 0.
 *
 * @example
 * ```ts
 * import { sequenceMean, totalsOf } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const mask = tensor([1, 1, 1, 0], [2, 2])
 * sequenceMean(tensor([1, 3, 5, 9], [2, 2]), mask, totalsOf(mask)) // (2 + 5) / 2
 * ```
 */
export const sequenceMean: Aggregate = (perToken, mask, { sequences }) =>
  div(sum()(meanOverTokens(perToken, mask)), maximum(sequences, 1))

/**
 * The mean over all tokens of the batch: DAPO (Yu et al. 2025, eq. 12).
 *
 * @example
 * ```ts
 * import { tokenMean, totalsOf } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const mask = tensor([1, 1, 1, 0], [2, 2])
 * tokenMean(tensor([1, 3, 5, 9], [2, 2]), mask, totalsOf(mask)) // (1 + 3 + 5) / 3
 * ```
 */
export const tokenMean: Aggregate = (perToken, mask, { tokens }) =>
  div(sum()(masked(perToken, mask)), maximum(tokens, 1))

/**
 * The sum over a constant, `B maxLength`: Dr. GRPO (Liu et al. 2025, section 3.2), which weighs a token the same
 * whatever the length of its sequence. Throws RangeError unless maxLength is positive.
 *
 * @example
 * ```ts
 * import { constant, totalsOf } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const mask = tensor([1, 1, 1, 0], [2, 2])
 * constant(4)(tensor([1, 3, 5, 9], [2, 2]), mask, totalsOf(mask)) // (1 + 3 + 5) / (2 * 4)
 * ```
 */
export const constant = (maxLength: number): Aggregate => {
  if (!(maxLength > 0 && maxLength < Infinity))
    throw new RangeError(`constant: maxLength is ${maxLength}. Give the most tokens of a completion, 1 or more.`)
  return (perToken, mask, { sequences }) => div(sum()(masked(perToken, mask)), mul(maximum(sequences, 1), maxLength))
}

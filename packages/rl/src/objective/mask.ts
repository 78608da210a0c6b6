/**
 * Numbers for tokens where only some tokens count: the mask [B, T] is 1 on those. What stands elsewhere is left out by
 * selection, never by a product with 0: 0 * NaN is NaN, in sums and in their gradients.
 */
import type { Floats } from '@adjoint/nn'
import { div, gt, maximum, sum, where } from '@adjoint/tensor'

/** @internal `x` where the mask is 1, and 0 with no gradient where it is 0, whatever `x` holds there. */
export const masked = (x: Floats, mask: Floats): Floats => where(gt(mask, 0), x, 0)

/** @internal Sums of `x` over the tokens of each sequence, [B, 1]. */
export const sumOverTokens = (x: Floats, mask: Floats): Floats => sum({ axis: -1, keepDims: true })(masked(x, mask))

/** @internal Means of `x` over the tokens of each sequence, [B, 1]; 0 where a sequence has none. */
export const meanOverTokens = (x: Floats, mask: Floats): Floats =>
  div(sumOverTokens(x, mask), maximum(sum({ axis: -1, keepDims: true })(mask), 1))

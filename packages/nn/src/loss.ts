/**
 * Losses over rows of logits, in nats. A row's log-probability is one logit minus the log-sum-exp of its row: nothing of
 * the size of the vocabulary is stored, and the backward pass forms `softmax - onehot` from the logits again.
 */
import {
  div,
  exp,
  expandDims,
  logsumexp,
  logSoftmax,
  maximum,
  mul,
  neg,
  type Scalar,
  type Shape,
  squeeze,
  sub,
  sum,
  takeAlongAxis,
  where,
  gt,
} from '@adjoint/tensor'
import { demandShape, demandTensors } from './demands.ts'
import { demandIds, inVocabulary } from './ids.ts'
import type { Floats, Integers } from './layer.ts'

/**
 * The log-probability of each target, `logits[target] - logsumexp(logits)`: logits [..., V], targets [...] -> [...], nats.
 * Divide logits by the temperature first where sampling did. -Infinity for a token that the logits rule out. A target outside
 * the vocabulary, negative ones included, is a RangeError where the targets are host data, and gives NaN without a gradient
 * where only a program knows them. Throws ShapeError where the leading axes differ.
 *
 * @example
 * ```ts
 * import { tokenLogp } from '@adjoint/nn'
 * import { readAsync, tensor, zeros } from '@adjoint/tensor'
 * const logp = tokenLogp(zeros([1, 2, 4]), tensor([3, 0], [1, 2], 'i32'))
 * console.log(await readAsync(logp)) // log(1/4) = -1.386 twice
 * ```
 */
export const tokenLogp = (logits: Floats, targets: Integers): Floats => {
  demandTensors('tokenLogp', { logits, targets })
  demandIds('tokenLogp', targets, vocabularyOf(logits), 'Correct it, or mask its place: crossEntropy takes a mask.')
  return logpOf(logits, targets)
}

const vocabularyOf = (logits: Floats): number => logits.shape.at(-1)!

const logpOf = (logits: Floats, targets: Integers): Floats => {
  const known = inVocabulary(targets, vocabularyOf(logits))
  const chosen: Floats = squeeze(-1)(takeAlongAxis(-1)(logits, expandDims(-1)(where(known, targets, 0))))
  return where(known, sub(chosen, logsumexp({ axis: -1 })(logits)), NaN)
}

/**
 * The entropy of each row's distribution, `-sum p log p`: logits [..., V] -> [...], nats; between 0 and log V. Tokens of
 * probability 0 add nothing, those with a logit of -Infinity included.
 *
 * @example
 * ```ts
 * import { entropy } from '@adjoint/nn'
 * import { readAsync, zeros } from '@adjoint/tensor'
 * console.log(await readAsync(entropy(zeros([1, 4])))) // log 4 = 1.386
 * ```
 */
export const entropy = (logits: Floats): Floats => {
  demandTensors('entropy', { logits })
  const logp: Floats = logSoftmax(-1)(logits)
  const p: Floats = exp(logp)
  // p log p -> 0 as p -> 0, where the product itself would be 0 * -Infinity, and so would its derivative
  return neg(sum({ axis: -1 })(mul(p, where(gt(p, 0), logp, 0))))
}

/**
 * The mean of x over the elements that a mask (1 or 0, same shape) keeps, `sum(m x) / sum(m)`; 0 where it keeps none.
 * Masked values may be anything, NaN included. Throws ShapeError where the shapes differ.
 *
 * @example
 * ```ts
 * import { maskedMean } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(maskedMean(tensor([1, 3, 9]), tensor([1, 1, 0])))) // Float32Array [2]
 * ```
 */
export const maskedMean = (x: Floats, mask: Floats): Scalar => {
  demandTensors('maskedMean', { x, mask })
  demandMask('maskedMean', mask, x.shape)
  return div(sum()(where(gt(mask, 0), mul(x, mask), 0)), maximum(sum()(mask), 1e-12))
}

const demandMask = (op: string, mask: Floats, shape: Shape): void => {
  demandShape(
    op,
    mask,
    shape,
    `the mask is not of the shape [${shape.join(', ')}] of what it masks`,
    'Give 1 or 0 for each element',
  )
}

/**
 * Cross-entropy of next tokens, the mean of `-tokenLogp` over the positions that `mask` keeps (all, where absent), in nats
 * per token: logits [..., V], targets and mask [...]. Its exponential is the perplexity. What stands where the mask is 0,
 * logits and targets of any value (-100, say), reaches neither the loss nor its gradient; a mask that keeps nothing gives 0.
 * A target that the logits rule out (-Infinity) makes the loss infinite, and leaves every gradient a number. Throws as
 * `tokenLogp`, for the targets that count.
 *
 * @example
 * ```ts
 * import { crossEntropy, perplexity } from '@adjoint/nn'
 * import { readAsync, tensor, zeros } from '@adjoint/tensor'
 * const loss = crossEntropy(zeros([1, 2, 4]), tensor([3, 0], [1, 2], 'i32'), tensor([1, 0], [1, 2]))
 * console.log(await readAsync(loss), await readAsync(perplexity(loss))) // 1.386 4
 * ```
 */
export const crossEntropy = (logits: Floats, targets: Integers, mask?: Floats): Scalar => {
  demandTensors('crossEntropy', { logits, targets, ...(mask === undefined ? {} : { mask }) })
  if (mask !== undefined) return maskedMean(maskedNll(logits, targets, mask), mask)
  const rows = targets.shape.reduce((n, d) => n * d, 1)
  return mul(sum()(neg(tokenLogp(logits, targets))), 1 / Math.max(1, rows))
}

// Selected before the softmax: the gradient of its rows would be 0 times whatever stands there.
const maskedNll = (logits: Floats, targets: Integers, mask: Floats): Floats => {
  demandMask('crossEntropy', mask, targets.shape)
  const fix = 'Correct it, or set the mask to 0 there.'
  demandIds('crossEntropy', targets, vocabularyOf(logits), fix, mask)
  const kept = gt(mask, 0)
  return neg(logpOf(where(expandDims(-1)(kept), logits, 0), where(kept, targets, 0)))
}

/** `exp(loss)` of a mean negative log-likelihood in nats. */
export const perplexity = (loss: Scalar): Scalar => {
  demandTensors('perplexity', { loss })
  return exp(loss)
}

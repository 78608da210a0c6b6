/**
 * Losses of hidden rows and the output layer after them, whose logits [..., V] are never stored where they are many: each is the
 * function of loss.ts or classification.ts of `logits = x W + b`, and runs that where logits are few. Many are more than 2^24, 64 MiB
 * of them: of 4096 rows over a vocabulary of 151,936 there are 2.5 GB. They are then made by chunks of the vocabulary, forward and
 * once more backward (vocabulary-chunks.ts).
 */
import {
  argmax,
  div,
  expandDims,
  full,
  isTensor,
  type Scalar,
  type Shape,
  ShapeError,
  mul,
  neg,
  reshape,
  sub,
  sum,
  type TreeRecord,
  where,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { type LabelConfig, labelCrossEntropy, labelMean } from './classification.ts'
import { demandParams, demandShape, demandSizes, demandTensors } from './demands.ts'
import { unembed } from './embedding.ts'
import { demandIds, inVocabulary } from './ids.ts'
import type { Floats, Integers, Layer } from './layer.ts'
import { linear, type LinearParams } from './linear.ts'
import { entropy, tokenLogp } from './loss.ts'
import { dense, sizesOf } from './weight.ts'
import { type Output, rowStatistics, type RowStatistics, vocabularyChunks } from './vocabulary-chunks.ts'

/** What turns hidden rows into logits: a linear layer, weight [C, V], or the table [V, C] of an embedding that it is tied to. */
export type Unembedding = LinearParams | Floats

/** How much is looked at at a time. */
export interface VocabularyConfig {
  /** Tokens of the vocabulary looked at together. Default: all where there are at most 2^24 logits, else 2^24 / rows, at least 256. */
  readonly chunk?: number
}
/** How scores are made. */
export interface ScoreConfig extends VocabularyConfig {
  /** What logits are divided by; 0 counts as 1, as in sampling. Default 1. */
  readonly temperature?: number
}

/** What is known of each row's token, [...] each. */
export interface TokenScores extends TreeRecord {
  /** Its log-probability, in nats: see `tokenLogp`. */
  readonly logp: Floats
  /** The entropy of the distribution that it stands in, in nats: see `entropy`. */
  readonly entropy: Floats
  /** The token of the largest logit. */
  readonly likeliest: Integers
}

/** The layer that makes logits. */
export const logitsOf = (head: Unembedding): Layer => (isTensor(head) ? unembed(head) : linear(head))

/** The statistics of rows by chunks; null where all logits are looked at together. */
const byChunks = (
  op: string,
  head: Unembedding,
  { chunk, classWeights = null }: VocabularyConfig & { readonly classWeights?: Floats | null },
) => {
  if (chunk !== undefined) demandSizes(op, { chunk })
  const tied = isTensor(head)
  const { weight, bias } = tied ? { weight: head, bias: null } : { ...head, weight: dense(head.weight) }
  const [V, C] = [weight.shape[tied ? 0 : 1]!, weight.shape[tied ? 1 : 0]!]
  return (x: Floats, targets: Integers, temperature = 1): RowStatistics | null => {
    demandParts(op, x, targets, weight, C)
    const N = targets.shape.reduce((n, d) => n * d, 1)
    const chunks = vocabularyChunks(N, V, chunk)
    if (chunks === null) return null
    const cooled = <X extends Floats | null>(y: X): Floats | X =>
      y === null || temperature === 1 ? y : div(y, temperature)
    const output: Output = { weight, bias: cooled(bias), classWeights }
    const rows: Floats = reshape([N, C])(cooled(x))
    const { chosen, lse, entropy, spread, likeliest } = rowStatistics(chunks, tied)(rows, output, reshape([N])(targets))
    const shaped = (y: Floats): Floats => reshape(targets.shape)(y)
    const known = inVocabulary(targets, V)
    return {
      chosen: where(known, shaped(chosen), NaN),
      lse: shaped(lse),
      entropy: shaped(entropy),
      spread: shaped(spread),
      likeliest: reshape(targets.shape)(likeliest),
    }
  }
}

const demandParts = (op: string, x: Floats, targets: Integers, weight: Floats, C: number): void => {
  demandTensors(op, { x, targets })
  const leading: Shape = x.shape.slice(0, -1)
  if (weight.shape.length !== 2 || x.shape.at(-1) !== C)
    throw new ShapeError({
      op,
      operands: [x, weight],
      rule: 'hidden rows are [..., C], and the weight [C, V] of a linear layer or the table [V, C] of an embedding',
      fix: 'Give the parameters of the layer that makes logits of these rows',
    })
  demandShape(
    op,
    targets,
    leading,
    `targets are not of the shape [${leading.join(', ')}] of the rows`,
    'Give a token for each row',
  )
}

const demandHead = (op: string, head: Unembedding): void => {
  if (!isTensor(head))
    demandParams(op, head, ['weight', 'bias'], 'initLinear(config)(key) or initEmbedding(config)(key)')
}

const vocabularyOf = (head: Unembedding): number => (isTensor(head) ? head.shape[0]! : sizesOf(head.weight)[1])

/**
 * The log-probabilities of tokens, and the entropies of the distributions that they stand in, from the hidden rows before the output
 * layer: `tokenLogp` and `entropy` of `logits / temperature`, x [..., C], targets [...] -> [...] each. What is not used of
 * the result costs nothing. Throws as `tokenLogp`; ShapeError where the parts do not fit, RangeError for a chunk that is no size.
 * Source: Wijmans et al. (arXiv:2411.09009).
 *
 * @example
 * ```ts
 * import { linearScores } from '@adjoint/nn'
 * import { ones, readAsync, tensor, zeros } from '@adjoint/tensor'
 * // two rows of 8 features, over a vocabulary of 4 tokens, in chunks of 3
 * const head = { weight: zeros([8, 4]), bias: null }
 * const { logp, entropy } = linearScores({ chunk: 3 })(head)(ones([1, 2, 8]), tensor([3, 0], [1, 2], 'i32'))
 * console.log(await readAsync(logp), await readAsync(entropy)) // -log 4 twice, log 4 twice
 * ```
 */
export const linearScores = (options: ScoreConfig = {}) => {
  const { temperature = 1, chunk } = optionsOf('linearScores', options, { temperature: true, chunk: true })
  return (head: Unembedding) => {
    demandHead('linearScores', head)
    const statistics = byChunks('linearScores', head, chunk === undefined ? {} : { chunk })
    const divisor = temperature === 0 ? 1 : temperature
    return (x: Floats, targets: Integers): TokenScores => {
      const found = statistics(x, targets, divisor)
      if (found !== null) {
        demandIds(
          'linearScores',
          targets,
          vocabularyOf(head),
          'Correct it, or mask its place: linearCrossEntropy takes weights.',
        )
        return { logp: sub(found.chosen, found.lse), entropy: found.entropy, likeliest: found.likeliest }
      }
      const logits = logitsOf(head)(x)
      const scaled: Floats = divisor === 1 ? logits : div(logits, divisor)
      return { logp: tokenLogp(scaled, targets), entropy: entropy(scaled), likeliest: argmax(-1)(logits) }
    }
  }
}

/**
 * Cross-entropy of the logits of hidden rows, in nats: `labelCrossEntropy` of `x W + b`, x [..., C], labels and weights [...] -> [];
 * without a configuration it is `crossEntropy` with a mask. What stands where nothing counts reaches neither the loss nor a gradient.
 * Throws as `labelCrossEntropy`; ShapeError where the parts do not fit, RangeError for a chunk that is no size. Source: Wijmans et al.
 * (arXiv:2411.09009); Hsu et al. (arXiv:2410.10989).
 *
 * @example
 * ```ts
 * import { grad } from '@adjoint/autograd'
 * import { linearCrossEntropy, transformer } from '@adjoint/nn'
 * import { random, tensor } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * const [x, y] = [tensor([1, 5, 2], [1, 3], 'i32'), tensor([5, 2, -100], [1, 3], 'i32')]
 * const loss = (params: ReturnType<typeof model.init>) =>
 *   linearCrossEntropy({ ignore: -100 })(model.unembedding(params))(model.hidden(params)(x), y)
 * console.log(grad(loss)(model.init(random.key(0))).embedding.shape) // [21, 16]
 * ```
 */
export const linearCrossEntropy = (options: LabelConfig & VocabularyConfig = {}) => {
  const { chunk, ...labelling } = optionsOf('linearCrossEntropy', options, {
    smoothing: true,
    ignore: true,
    classWeights: true,
    chunk: true,
  })
  return (head: Unembedding) => {
    demandHead('linearCrossEntropy', head)
    const V = vocabularyOf(head)
    const { classWeights = null, smoothing = 0 } = labelling
    const sizes = { classWeights, ...(chunk !== undefined && { chunk }) }
    const statistics = byChunks('linearCrossEntropy', head, sizes)
    const whole = labelCrossEntropy(labelling)
    const meanOf = labelMean('linearCrossEntropy', labelling)
    return (x: Floats, labels: Integers, weights?: Floats): Scalar => {
      demandTensors('linearCrossEntropy', { x })
      const { counts, label, mean } = meanOf(V, labels, weights)
      // Selected before the products: the gradient of their rows would be 0 times whatever stands there.
      const found = statistics(where(expandDims(-1)(counts), x, 0), label)
      if (found === null) return whole(logitsOf(head)(x), labels, weights)
      const nll: Floats = neg(sub(found.chosen, found.lse))
      // sum c (z - lse) / V, with c of classes
      const mass: Floats = classWeights === null ? full([], V) : sum()(classWeights)
      const logpMean = (): Floats => mul(sub(found.spread, mul(found.lse, mass)), 1 / V)
      return mean(nll, smoothing === 0 ? null : logpMean())
    }
  }
}

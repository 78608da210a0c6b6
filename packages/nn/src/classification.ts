/** Losses of classes: of two by one logit, of many with smoothed, weighted and ignored labels, and between distributions. */
import {
  add,
  and,
  div,
  exp,
  expandDims,
  full,
  gt,
  logSoftmax,
  lt,
  maximum,
  mean,
  mul,
  ne,
  neg,
  type Scalar,
  softplus,
  sub,
  sum,
  take,
  where,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandShape, demandTensors } from './demands.ts'
import { demandIds } from './ids.ts'
import type { Booleans, Floats, Integers } from './layer.ts'
import { tokenLogp } from './loss.ts'
import { meanLoss } from './regression.ts'

/**
 * Binary cross-entropy of logits and probabilities, the mean of `t softplus(-x) + (1 - t) softplus(x)`, in nats: [...], [...] -> [];
 * weights as in `mse`. Targets are 0, 1 or what lies between. Logits of any size, infinite ones included, where the target
 * agrees with them, cost 0 and have a finite gradient. Throws ShapeError where shapes differ.
 *
 * @example
 * ```ts
 * import { binaryCrossEntropy } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(binaryCrossEntropy(tensor([0, 1e4]), tensor([1, 1])))) // log 2 / 2 = 0.3466
 * ```
 */
export const binaryCrossEntropy = (logits: Floats, targets: Floats, weights?: Floats): Scalar =>
  meanLoss(
    'binaryCrossEntropy',
    (x, t) => {
      // A term of probability 0 adds nothing, where the product would be 0 times infinity.
      const yes: Floats = where(gt(t, 0), mul(t, softplus(neg(x))), 0)
      const no: Floats = where(lt(t, 1), mul(sub(1, t), softplus(x)), 0)
      return add(yes, no)
    },
    logits,
    targets,
    weights,
  )

/**
 * The divergence of Kullback and Leibler of each row, `KL(p || q) = sum p (log p - log q)`, p and q the softmax of their logits (which
 * log-probabilities are too): [..., V], [..., V] -> [...], nats, 0 or more. What p rules out adds nothing; what only q rules out
 * makes it infinite. Throws ShapeError where shapes differ.
 *
 * @example
 * ```ts
 * import { klDivergence } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(klDivergence(tensor([[0, -Infinity]]), tensor([[0, 0]])))) // log 2 = 0.693
 * ```
 */
export const klDivergence = (p: Floats, q: Floats): Floats => {
  demandTensors('klDivergence', { p, q })
  demandShape(
    'klDivergence',
    q,
    p.shape,
    `the logits of q are not of the shape [${p.shape.join(', ')}] of those of p`,
    'Give logits of one shape',
  )
  const [logp, logq]: readonly Floats[] = [logSoftmax(-1)(p), logSoftmax(-1)(q)]
  const probability: Floats = exp(logp!)
  return sum({ axis: -1 })(mul(probability, where(gt(probability, 0), sub(logp!, logq!), 0)))
}

/** What a label costs. */
export interface LabelConfig {
  /** Share of the target that is spread over all classes alike. Default 0. */
  readonly smoothing?: number
  /** The label of places that count for nothing, whatever their logits: -100, say. Default: none. */
  readonly ignore?: number
  /** What each class counts, [V]; a mean is by the weights of its labels. Default: all alike. */
  readonly classWeights?: Floats
}

/**
 * Cross-entropy with smoothed, ignored and weighted labels, in nats: logits [..., V], labels and weights [...] -> []. With w the
 * weight of a place, c those of classes and s the smoothing,
 *
 *   sum_i w_i ((1 - s) c_y (-log p_y) + s / V sum_v c_v (-log p_v)) / sum_i w_i c_y,   y the label of i.
 *
 * As torch.nn.CrossEntropyLoss with the mean as its reduction, and 0 where nothing counts. With smoothing, a class that the logits
 * rule out makes the loss infinite. Source of the smoothing: Szegedy et al. (arXiv:1512.00567), section 7. Throws RangeError for
 * a smoothing outside [0, 1] and for labels outside the classes that the host knows (NaN where only a program does); ShapeError
 * where shapes do not fit.
 *
 * @example
 * ```ts
 * import { labelCrossEntropy } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const logits = tensor([[2, 0], [0, 9]])
 * const loss = labelCrossEntropy({ smoothing: 0.1, ignore: -100 })(logits, tensor([0, -100], [2], 'i32'))
 * console.log(await readAsync(loss)) // log(1 + e^-2) + 0.05 * 2 = 0.227
 * ```
 */
export const labelCrossEntropy = (config: LabelConfig) => {
  const options = optionsOf('labelCrossEntropy', config, { smoothing: true, ignore: true, classWeights: true })
  const meanOf = labelMean('labelCrossEntropy', options)
  const { smoothing = 0, classWeights } = options
  return (logits: Floats, labels: Integers, weights?: Floats): Scalar => {
    demandTensors('labelCrossEntropy', { logits })
    const { counts, label, mean: meanOver } = meanOf(logits.shape.at(-1)!, labels, weights)
    // Selected before the softmax: the gradient of its rows would be 0 times whatever stands there.
    const x: Floats = where(expandDims(-1)(counts), logits, 0)
    const nll: Floats = neg(tokenLogp(x, label))
    if (smoothing === 0) return meanOver(nll, null)
    const logp: Floats = logSoftmax(-1)(x)
    return meanOver(nll, mean({ axis: -1 })(classWeights === undefined ? logp : mul(logp, classWeights)))
  }
}

/** What labels say of a mean over places. */
export interface LabelMean {
  /** Which places count. */
  readonly counts: Booleans
  /** Their labels, 0 where nothing counts. */
  readonly label: Integers
  /** The mean of `-log p_y` and, with smoothing, of `sum_v c_v log p_v / V`. */
  readonly mean: (nll: Floats, spread: Floats | null) => Scalar
}

/** The mean that `labelCrossEntropy` is, of what each place costs. Throws as that. */
export const labelMean = (op: string, { smoothing = 0, ignore, classWeights }: LabelConfig) => {
  if (!(smoothing >= 0 && smoothing <= 1))
    throw new RangeError(`${op}: smoothing is ${smoothing}. Give a share from 0 to 1.`)
  return (classes: number, labels: Integers, weights?: Floats): LabelMean => {
    demandTensors(op, { labels, ...(weights === undefined ? {} : { weights }) })
    demandIds(op, labels, classes, 'Correct it, or ignore it.', weights, ignore)
    if (classWeights !== undefined)
      demandShape(op, classWeights, [classes], `there are ${classes} classes`, 'Give a weight for each class')
    if (weights !== undefined)
      demandShape(
        op,
        weights,
        labels.shape,
        `weights are not of the shape [${labels.shape.join(', ')}] of labels`,
        'Give a number of 0 or more for each label',
      )

    const given: Floats = weights ?? full(labels.shape, 1)
    const counts = ignore === undefined ? gt(given, 0) : and(gt(given, 0), ne(labels, ignore))
    const label: Integers = where(counts, labels, 0)
    const own: Floats = classWeights === undefined ? given : mul(given, take(0)(classWeights, label))
    const weight: Floats = where(counts, own, 0)
    const total = (terms: Floats): Scalar => {
      const counted: Floats = where(counts, terms, 0)
      return sum()(counted)
    }
    const mass: Scalar = maximum(sum()(weight), 1e-12)
    return {
      counts,
      label,
      mean: (nll, spread) => {
        const weighed: Floats = mul(nll, mul(weight, 1 - smoothing))
        if (spread === null) return div(total(weighed), mass)
        return div(total(sub(weighed, mul(spread, mul(where(counts, given, 0), smoothing)))), mass)
      },
    }
  }
}

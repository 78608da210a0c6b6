/**
 * Losses between predictions and targets of one shape, which never broadcast: [n] against [n, 1] would be n^2 differences. Each is
 * a mean, weighted where weights are given. What stands where a weight is 0 reaches neither the loss nor its gradient.
 */
import { abs, add, maximum, minimum, mul, rsqrt, type Scalar, square, sub, sum } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandShape, demandTensors } from './demands.ts'
import type { Floats } from './layer.ts'
import { maskedMean } from './loss.ts'

/** The mean of `f` over elements, `sum(w f) / sum(w)` where weights are given; 0 where nothing counts. */
export const meanLoss = (
  op: string,
  f: (x: Floats, y: Floats) => Floats,
  x: Floats,
  y: Floats,
  weights?: Floats,
): Scalar => {
  demandTensors(op, { predictions: x, targets: y, ...(weights === undefined ? {} : { weights }) })
  demandShape(
    op,
    y,
    x.shape,
    `targets are not of the shape [${x.shape.join(', ')}] of what they are compared to`,
    'Reshape one of them: nothing broadcasts here',
  )
  if (weights === undefined) {
    const count = x.shape.reduce<number>((n, d) => n * d, 1)
    return mul(sum()(f(x, y)), 1 / Math.max(1, count))
  }
  demandShape(
    op,
    weights,
    x.shape,
    `weights are not of the shape [${x.shape.join(', ')}] of what they weigh`,
    'Give a number of 0 or more for each element',
  )
  return maskedMean(f(x, y), weights)
}

/**
 * Mean squared error, the mean of `(prediction - target)^2`: [...], [...] -> []; with weights [...] `sum(w e) / sum(w)`. Throws
 * ShapeError where shapes differ.
 *
 * @example
 * ```ts
 * import { mse } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(mse(tensor([1, 2]), tensor([1, 4])))) // Float32Array [2]
 * console.log(await readAsync(mse(tensor([1, 2]), tensor([1, 4]), tensor([3, 1])))) // Float32Array [1]
 * ```
 */
export const mse = (predictions: Floats, targets: Floats, weights?: Floats): Scalar =>
  meanLoss('mse', (x, y) => square(sub(x, y)), predictions, targets, weights)

/**
 * Mean absolute error, the mean of `|prediction - target|`. Shapes, weights and errors as `mse`.
 *
 * @example
 * ```ts
 * import { mae } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(mae(tensor([1, 2]), tensor([1, 4])))) // Float32Array [1]
 * ```
 */
export const mae = (predictions: Floats, targets: Floats, weights?: Floats): Scalar =>
  meanLoss('mae', (x, y) => abs(sub(x, y)), predictions, targets, weights)

/**
 * Huber's loss, the mean of `r^2 / 2` where `r = |prediction - target|` is at most delta and `delta (r - delta / 2)` beyond: with
 * `q = min(r, delta)`, `q^2 / 2 + delta (r - q)`, whose square cannot overflow. Source: Huber, Robust estimation of a location
 * parameter (1964). Shapes, weights and errors as `mse`; RangeError unless delta is positive.
 *
 * @example
 * ```ts
 * import { huber } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(huber({ delta: 1 })(tensor([0, 0]), tensor([1, 3])))) // Float32Array [1.5]
 * ```
 */
export const huber = (
  options: { readonly delta?: number } = {},
): ((predictions: Floats, targets: Floats, weights?: Floats) => Scalar) => {
  const { delta = 1 } = optionsOf('huber', options, { delta: true })

  if (!(delta > 0 && delta < Infinity)) throw new RangeError(`huber: delta is ${delta}. Give a positive number.`)
  const loss = (x: Floats, y: Floats): Floats => {
    const r: Floats = abs(sub(x, y))
    const q: Floats = minimum(r, delta)
    return add(mul(square(q), 0.5), mul(sub(r, q), delta))
  }
  return (predictions, targets, weights) => meanLoss('huber', loss, predictions, targets, weights)
}

/**
 * The hinge loss of scores and labels of -1 or 1, the mean of `max(0, 1 - label score)`. Shapes, weights and errors as `mse`.
 *
 * @example
 * ```ts
 * import { hinge } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(hinge(tensor([2, 0.5]), tensor([1, -1])))) // Float32Array [0.75]
 * ```
 */
export const hinge = (scores: Floats, labels: Floats, weights?: Floats): Scalar =>
  meanLoss('hinge', (s, y) => maximum(sub(1, mul(s, y)), 0), scores, labels, weights)

/**
 * The cosine of the angle between rows, `x y / (max(|x|, eps) max(|y|, eps))`: [..., n], [..., n] -> [...]; its gradient is finite
 * at rows of 0. A loss is `1 - cosine`, or its mean. Throws ShapeError where shapes differ.
 *
 * @example
 * ```ts
 * import { cosineSimilarity } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(cosineSimilarity()(tensor([[3, 4]]), tensor([[6, 8]])))) // Float32Array [1]
 * ```
 */
export const cosineSimilarity = (options: { readonly eps?: number } = {}) => {
  const { eps = 1e-8 } = optionsOf('cosineSimilarity', options, { eps: true })
  return (x: Floats, y: Floats): Floats => {
    demandTensors('cosineSimilarity', { x, y })
    demandShape(
      'cosineSimilarity',
      y,
      x.shape,
      `the second is not of the shape [${x.shape.join(', ')}] of the first`,
      'Give rows of one shape',
    )
    const along = (z: Floats): Floats => sum({ axis: -1 })(z)
    const inverse = (z: Floats): Floats => rsqrt(maximum(along(square(z)), eps * eps))
    return mul(mul(along(mul(x, y)), inverse(x)), inverse(y))
  }
}

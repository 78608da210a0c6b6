/** The orthogonal factor of a matrix by products alone: the Newton-Schulz iteration. */
import {
  abs,
  add,
  and,
  div,
  gt,
  lt,
  matmul,
  max,
  mul,
  ShapeError,
  sqrt,
  square,
  sum,
  transpose,
  where,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandTensors } from '../demands.ts'
import type { Floats } from '../layer.ts'
import { type Coefficient, demandSmall, scalarOf } from './coefficient.ts'

/** How matrices are orthogonalized. */
export interface NewtonSchulzConfig {
  /** Default 5. */
  readonly steps?: number
  /** Of `a X + b (X X^T) X + c (X X^T)^2 X`. Default 3.4445, -4.7750, 2.0315. */
  readonly coefficients?: readonly [a: number, b: number, c: number]
  /** Added to the norm. Default 1e-8. */
  readonly eps?: Coefficient
}

const flipped = (x: Floats): Floats => {
  const rank = x.shape.length
  const order: readonly number[] = [...x.shape.slice(0, -2).map((_, i) => i), rank - 1, rank - 2]
  return transpose(order)(x)
}

/** X / (|X| + eps), of the Frobenius norm of each matrix: in units of its largest element, whose square may be no number. */
const normalized = (x: Floats, eps: Coefficient): Floats => {
  const over = { axis: [-2, -1], keepDims: true } as const
  const largest: Floats = max(over)(abs(x))
  const unit: Floats = where(and(gt(largest, 0), lt(largest, Infinity)), largest, 1)
  const inUnits: Floats = div(x, unit)
  const norm: Floats = sqrt(sum(over)(square(inUnits)))
  return div(inUnits, add(norm, div(scalarOf(eps), unit)))
}

/**
 * The nearest matrix with orthonormal rows or columns, roughly: of X = U S V^T it makes U S' V^T with all of S' between about
 * 0.7 and 1.2, by steps `X <- a X + b (X X^T) X + c (X X^T)^2 X` from `X / (|X| + eps)`, |X| the Frobenius norm; on the
 * smaller side of X. Matrices are the last two axes: [..., m, n] -> [..., m, n]. A matrix of zeros stays one. Source: Jordan
 * et al., Muon: An optimizer for hidden layers in neural networks (2024), whose coefficients make the slope at 0 large rather
 * than the limit exact; Bernstein and Newhouse (arXiv:2409.20325). Throws ShapeError below rank 2.
 *
 * @example
 * ```ts
 * import { orthogonalize } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const q = await readAsync(orthogonalize({})(tensor([[3, 0], [0, 0.5]])))
 * console.log(q[0]! > 0.6 && q[3]! > 0.6) // true: both directions count alike
 * ```
 */
export const orthogonalize = (options: NewtonSchulzConfig = {}): ((x: Floats) => Floats) => {
  const {
    steps = 5,
    coefficients: [a, b, c] = [3.4445, -4.775, 2.0315],
    eps = 1e-8,
  } = optionsOf('orthogonalize', options, { steps: true, coefficients: true, eps: true })

  if (!(Number.isInteger(steps) && steps >= 0))
    throw new RangeError(`orthogonalize: steps is ${steps}. Give a whole number, such as 5.`)
  demandSmall('orthogonalize', { eps })
  return (x) => {
    demandTensors('orthogonalize', { x })
    if (x.shape.length < 2)
      throw new ShapeError({
        op: 'orthogonalize',
        operands: [x],
        rule: 'the last two axes are those of matrices',
        fix: 'Leave vectors to another optimizer, as muon does',
      })
    if (x.shape.includes(0)) return x
    const tall = x.shape.at(-2)! > x.shape.at(-1)!
    let y = normalized(tall ? flipped(x) : x, eps)
    for (let i = 0; i < steps; i++) {
      const gram: Floats = matmul(y, flipped(y))
      const polynomial: Floats = add(mul(gram, b), mul(matmul(gram, gram), c))
      y = add(mul(y, a), matmul(polynomial, y))
    }
    return tall ? flipped(y) : y
  }
}

/**
 * Running means of gradients and of their squares, which most optimizers keep.
 *
 * A gradient beyond 1e18 counts as 1e18: its square would be infinite, and the parameter would never move again. An infinite
 * or NaN one is not held: it makes the parameter NaN, which is seen.
 */
import { abs, add, div, expm1, gt, log, mul, neg, type Scalar, square, type Tree, where } from '@adjoint/tensor'
import type { Floats } from '../layer.ts'
import { type Coefficient, complement, times } from './coefficient.ts'
import { mapFloats } from './transformation.ts'

const LARGEST = 1e18

/** The gradient, of no more than `largest` in size. Infinity times 0 is NaN. */
export const held = (g: Floats, largest: number = LARGEST): Floats => {
  const size: Floats = abs(g)
  return mul(g, where(gt(size, largest), div(largest, size), 1))
}

/** `b m + (1 - b) g`, leaf by leaf. */
export const meanOf = <P extends Tree>(b: Coefficient, grads: P, mean: Tree): P =>
  mapFloats((g, m) => add(times(m, b), times(g, complement(b))), grads, mean)

/** `b v + (1 - b) g^2`, leaf by leaf. */
export const meanOfSquares = <P extends Tree>(b: Coefficient, grads: P, mean: Tree): P =>
  mapFloats((g, v) => add(times(v, b), times(square(g), complement(b))), grads, mean)

/**
 * `1 - b^t`, by which a mean that began at 0 is divided, as `-expm1(t log b)`: the difference of numbers near 1 would lose
 * four of seven digits in single precision at the first steps of b = 0.999.
 */
export const correction = (b: Coefficient, t: Scalar): Scalar =>
  neg(expm1(typeof b === 'number' ? mul(t, Math.log(b)) : mul(t, log(b))))

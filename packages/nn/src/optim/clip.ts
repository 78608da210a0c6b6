/**
 * Clipping by the norm of all updates together. Squares of finite numbers leave the range of single precision beyond 1e19
 * and below 1e-19, so sums of squares are taken in units of a power of two that suits them: exact, and 1 for all updates of
 * ordinary size, whose norm is the same bit for bit as without.
 */
import {
  abs,
  add,
  div,
  eq,
  gt,
  lt,
  max,
  maximum,
  mul,
  scalar,
  type Scalar,
  sqrt,
  square,
  sum,
  tree,
  type Tree,
  where,
} from '@adjoint/tensor'
import { atCaller } from '@adjoint/tensor/ir'
import type { Floats } from '../layer.ts'
import { type Coefficient, demandPositive, scalarOf } from './coefficient.ts'
import { floats, type GradientTransformation, mapFloats, stateless } from './transformation.ts'

/** A norm as `unit * root`, the unit a power of two. */
interface ScaledNorm {
  readonly unit: Scalar
  readonly root: Scalar
}

// Leaves whose largest element is between 2^-45 and 2^50 are squared as they are. In the other units the largest square lies
// between 2^-112 and 2^96, and the derivative of the root by it between 2^-96 and 2^109: all within 2^-126 to 2^128.
const [LARGE, SMALL] = [2 ** 50, 2 ** -45]
const [LARGE_UNIT, SMALL_UNIT] = [2 ** 80, 2 ** -70]

const isEmpty = (x: Floats): boolean => x.shape.includes(0)

/** The unit of a leaf, and the sum of squares in that unit. A leaf with NaN or infinite elements has unit 1. */
const sumOfSquares = (x: Floats): { readonly unit: Scalar; readonly total: Scalar } => {
  const largest: Scalar = max()(abs(x))
  const choose = (large: number, small: number): Scalar => {
    const notLarge: Scalar = where(lt(largest, SMALL), small, scalar(1))
    return where(gt(largest, LARGE), where(lt(largest, Infinity), large, scalar(1)), notLarge)
  }
  return {
    unit: choose(LARGE_UNIT, SMALL_UNIT),
    total: sum()(square(mul(x, choose(1 / LARGE_UNIT, 1 / SMALL_UNIT)))),
  }
}

const scaledNorm = (updates: Tree): ScaledNorm => {
  const parts = tree
    .leaves(updates)
    .map(floats)
    .filter((x) => !isEmpty(x))
    .map(sumOfSquares)
  const unit = parts.map((part) => part.unit).reduce((x, y): Scalar => maximum(x, y), scalar(SMALL_UNIT))
  const total = parts
    .map((part): Scalar => {
      const ratio = div(part.unit, unit) // whose square may be no number of single precision
      return mul(mul(part.total, ratio), ratio)
    })
    .reduce((x, y): Scalar => add(x, y), scalar(0))
  // The derivative of the root at 0 is infinite, that of the norm is taken as 0. NaN is not 0, and stays.
  const none = eq(total, 0)
  return { unit, root: where(none, 0, sqrt(where(none, 1, total))) }
}

/**
 * The Euclidean norm of all leaves together, `sqrt(sum of squares)`, wherever it is a number of single precision; 0 for a
 * tree without leaves. Its gradient at 0 is 0. NaN where an element is NaN.
 *
 * @example
 * ```ts
 * import { globalNorm } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(globalNorm({ a: full([1], 3), b: [full([1], 4)] }))) // Float32Array [5]
 * ```
 */
export const globalNorm = (updates: Tree): Scalar =>
  atCaller(() => {
    const { unit, root } = scaledNorm(updates)
    return mul(unit, root)
  })

/**
 * Scales all updates by `min(1, maxNorm / globalNorm)`, which keeps their direction, whatever their size. Source: Pascanu
 * et al. (arXiv:1211.5063), algorithm 1.
 *
 * It hides no fault: one NaN among the updates makes them all NaN, an infinite one becomes NaN itself (and all others 0), as
 * in optax. Look at `globalNorm` of the gradients, and skip the step or stop. Throws RangeError unless maxNorm is positive.
 *
 * @example
 * ```ts
 * import { clipByGlobalNorm, globalNorm } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const g = { a: full([1], 3), b: full([1], 4) }
 * const [clipped] = clipByGlobalNorm(1).update(g, null, g)
 * console.log(await readAsync(globalNorm(clipped))) // Float32Array [1]
 * ```
 */
export const clipByGlobalNorm = (maxNorm: number): GradientTransformation<null> => {
  if (!(typeof maxNorm === 'number' && maxNorm > 0))
    throw new RangeError(`clipByGlobalNorm: maxNorm is ${String(maxNorm)}. Give a positive norm.`)
  return stateless((updates) =>
    atCaller(() => {
      const { unit, root } = scaledNorm(updates)
      // u min(1, maxNorm / norm), as (u / unit) min(unit, maxNorm / root): at norm 0 the quotient is infinite, and the unit
      // is taken. A comparison with NaN is false, and NaN is then taken.
      const quotient: Scalar = div(maxNorm, root)
      const factor: Scalar = where(gt(quotient, unit), unit, quotient)
      return mapFloats((u) => mul(div(u, unit), factor), updates)
    }),
  )
}

/** Root of the mean square of a leaf, of whatever size its elements are; 0 where it has none. */
export const rootMeanSquare = (x: Floats): Scalar => {
  const size = x.shape.reduce<number>((n, d) => n * d, 1)
  return div(globalNorm(x), Math.sqrt(Math.max(1, size)))
}

/**
 * Scales the update of each leaf by `min(1, threshold / RMS)`, RMS the root of the mean square of its elements. Source:
 * Shazeer and Stern (arXiv:1804.04235), section 6. Throws RangeError unless the threshold is positive.
 *
 * @example
 * ```ts
 * import { clipByBlockRms } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const g = { a: tensor([2, -2]), b: tensor([0.5, 0.5]) }
 * const [updates] = clipByBlockRms(1).update(g, null, g)
 * console.log(await readAsync(updates.a), await readAsync(updates.b)) // [1, -1] [0.5, 0.5]
 * ```
 */
export const clipByBlockRms = (threshold: Coefficient): GradientTransformation<null> => {
  demandPositive('clipByBlockRms', { threshold })
  return stateless((updates) =>
    mapFloats((u) => div(u, maximum(1, div(rootMeanSquare(u), scalarOf(threshold)))), updates),
  )
}

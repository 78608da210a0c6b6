/** Clipping by the norm of all updates together. */
import { add, div, minimum, mul, scalar, type Scalar, sqrt, square, sum, tree, type Tree } from '@adjoint/tensor'
import { floats, type GradientTransformation, mapFloats, stateless } from './transformation.ts'

/**
 * The Euclidean norm of all leaves together, `sqrt(sum of squares)`; 0 for a tree without leaves.
 *
 * @example
 * ```ts
 * import { globalNorm } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(globalNorm({ a: full([1], 3), b: [full([1], 4)] }))) // Float32Array [5]
 * ```
 */
export const globalNorm = (updates: Tree): Scalar =>
  sqrt(
    tree
      .leaves(updates)
      .map((x): Scalar => sum()(square(floats(x))))
      .reduce((total, part): Scalar => add(total, part), scalar(0)),
  )

/**
 * Scales all updates by `min(1, maxNorm / globalNorm)`, which keeps their direction. Source: Pascanu et al.
 * (arXiv:1211.5063), algorithm 1. A norm that is NaN or infinite makes all updates NaN or zero: look at the loss.
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
export const clipByGlobalNorm = (maxNorm: number): GradientTransformation<null> =>
  stateless((updates) => {
    // At norm 0 the quotient is infinite, and its minimum with 1 is 1.
    const factor = minimum(1, div(maxNorm, globalNorm(updates)))
    return mapFloats((u) => mul(u, factor), updates)
  })

/** Second moments of matrices from those of their rows and columns: of a matrix [m, n] the state is m + n numbers. */
import {
  add,
  cast,
  div,
  mean,
  mul,
  pow,
  rsqrt,
  scalar,
  type Scalar,
  type Shape,
  square,
  sub,
  type Tensor,
  tree,
  type Tree,
  zeros,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import type { Floats } from '../layer.ts'
import { type Coefficient, demandSmall, plus } from './coefficient.ts'
import { held, meanOf } from './moment.ts'
import { partition } from './partition.ts'
import { demandState, floats, type GradientTransformation, mapFloats, zeroTree } from './transformation.ts'

/** How second moments are kept. */
export interface FactoredConfig {
  /** Their decay at update t is `1 - t^-decay`: 0 at the first. Default 0.8. */
  readonly decay?: number
  /** Leaves with two axes of at least this size are factored. Default 128. */
  readonly minFactored?: number
  /** Added to squares. Default 1e-30. */
  readonly eps?: Coefficient
}

/** Sums of as many squares as a matrix has are numbers of single precision. */
const LARGEST = 1e15

/** The two largest axes, the smaller first, where both reach `least`. */
const factoredAxes = (shape: Shape, least: number): readonly [row: number, column: number] | null => {
  const axes = shape.map((_, i) => i).sort((i, j) => Number(shape[i]) - Number(shape[j]))
  const [row, column] = [axes.at(-2), axes.at(-1)]
  if (row === undefined || column === undefined || Number(shape[row]) < least) return null
  return [row, column]
}

const without = (shape: Shape, axis: number): readonly number[] => shape.map((n, i) => (i === axis ? 1 : n))

// The axis stays, with size 1.
const meanOver = (axis: number, x: Floats): Floats => mean({ axis, keepDims: true })(x)

// 1 - t^-decay, of the t-th update
const decayAt = (count: Scalar<'i32'>, decay: number): Scalar => sub(1, pow(cast('f32')(count), -decay))

/** Means of squares over the columns and over the rows of each leaf, whose axis is kept with size 1. */
export type FactoredMoments = { readonly count: Scalar<'i32'>; readonly rows: Tree; readonly columns: Tree }

const scaleByFactors = (decay: number, eps: Coefficient, least: number): GradientTransformation<FactoredMoments> => {
  const over = (which: 0 | 1, params: Tree): Tree =>
    tree.map((p) => zeros(without(floats(p).shape, factoredAxes(p.shape, least)![which])), params)
  return {
    init: (params) => ({ count: scalar(0, 'i32'), rows: over(1, params), columns: over(0, params) }),
    update: (updates, state) => {
      demandState('scaleByFactoredRms', ['count', 'rows', 'columns'], state)
      const count = add(state.count, 1)
      const b = decayAt(count, decay)
      const means = (which: 0 | 1, before: Tree): Tree => {
        const now: Tree = tree.map((g): Tensor => {
          const axes = factoredAxes(g.shape, least)!
          return meanOver(axes[which], plus(square(held(floats(g), LARGEST)), eps))
        }, updates)
        return meanOf(b, now, before)
      }
      const [rows, columns] = [means(1, state.rows), means(0, state.columns)]
      const step = tree.map(
        (g, r, c): Tensor => {
          const [row] = factoredAxes(g.shape, least)!
          const [byRow, byColumn] = [floats(r), floats(c)]
          const share: Floats = div(byRow, meanOver(row, byRow))
          return mul(mul(held(floats(g), LARGEST), rsqrt(share)), rsqrt(byColumn))
        },
        updates,
        rows,
        columns,
      )
      return [step, { count, rows, columns }]
    },
  }
}

/** Means of squares, element by element. */
export type FullMoments = { readonly count: Scalar<'i32'>; readonly nu: Tree }

const scaleByAll = (decay: number, eps: Coefficient): GradientTransformation<FullMoments> => ({
  init: (params) => ({ count: scalar(0, 'i32'), nu: zeroTree(params) }),
  update: (updates, state) => {
    demandState('scaleByFactoredRms', ['count', 'nu'], state)
    const count = add(state.count, 1)
    const grads = mapFloats((g) => held(g, LARGEST), updates)
    const squares = mapFloats((g) => plus(square(g), eps), grads)
    const nu = meanOf(decayAt(count, decay), squares, state.nu)
    return [mapFloats((g, v) => mul(g, rsqrt(v)), grads, nu), { count, nu }]
  },
})

/** The states of the leaves that are factored, and of those that are not. */
export type FactoredState = { readonly factored: FactoredMoments; readonly full: FullMoments }

/**
 * Updates by the root of second moments that are known by their rows and columns alone: with `s = g^2 + eps`,
 * `R <- b R + (1 - b) mean over columns of s`, `C <- b C + (1 - b) mean over rows of s`, `b = 1 - t^-decay`, the update is
 * `g / sqrt(R C / mean(R))`. Of more axes the two largest count, and the others are batches of matrices; leaves without two
 * axes of `minFactored` keep their whole second moment. A gradient beyond 1e15 counts as 1e15. Source: Shazeer and Stern
 * (arXiv:1804.04235), algorithms 4 and 5, with means for sums. Throws RangeError for a decay that is not positive and a
 * negative eps.
 *
 * @example
 * ```ts
 * import { scaleByFactoredRms } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const g = { weight: tensor([[1, 2], [10, 20]]) }
 * const factored = scaleByFactoredRms({ minFactored: 2 })
 * console.log(await readAsync(factored.update(g, factored.init(g), g)[0].weight)) // [1, 1, 1, 1]: of rank 1
 * ```
 */
export const scaleByFactoredRms = (options: FactoredConfig): GradientTransformation<FactoredState> => {
  const {
    decay = 0.8,
    minFactored = 128,
    eps = 1e-30,
  } = optionsOf('scaleByFactoredRms', options, { decay: true, minFactored: true, eps: true })

  if (!(decay > 0))
    throw new RangeError(`scaleByFactoredRms: decay is ${decay}. Give a positive exponent, such as 0.8.`)
  demandSmall('scaleByFactoredRms', { eps })
  return partition({ factored: scaleByFactors(decay, eps, minFactored), full: scaleByAll(decay, eps) })(
    (_, { shape }) => (factoredAxes(shape, minFactored) === null ? 'full' : 'factored'),
  )
}

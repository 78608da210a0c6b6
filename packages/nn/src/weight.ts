/**
 * What a linear layer multiplies by: a matrix W [in, out], or a tree of tensors that stands for one. A layer asks for the product
 * `times(weight)(x) = x W`, and knows nothing else of it; so an adapter and a quantised base enter any layer, and any composition
 * of layers, as parameters do: they are stacked, batched, donated, differentiated and generated with as trees.
 *
 * Which of them a weight is, its structure says: parameters hold tensors alone.
 */
import { add, isTensor, matmul, type Tree, type TreeRecord } from '@adjoint/tensor'
import { shown } from '@adjoint/tensor/ir'
import { demandTensors } from './demands.ts'
import type { Floats, Layer } from './layer.ts'
import { lowRankMatrix, type LowRankPart, lowRankProduct } from './lora/low-rank.ts'
import { dequantized, type QuantizedMatrix, quantizedProduct, quantizedSizes } from './quantize/quantized.ts'

/** A matrix and what is added to it: `W + [s_1 A_1 B_1, s_2 A_2 B_2, ..]`, the parts side by side. */
export interface LowRankSum extends TreeRecord {
  readonly base: Weight
  /** Their columns are those of the base, in order. */
  readonly parts: readonly LowRankPart[]
}

/** A matrix [in, out], or what stands for one. */
export type Weight = Floats | QuantizedMatrix | LowRankSum

const demandWeight = (op: string, weight: unknown): void => {
  if (isTensor(weight)) return
  if (typeof weight === 'object' && weight !== null && STANDS.some((field) => field in weight)) return
  throw new TypeError(
    `${op}: the weight is ${shown(weight)}, not a matrix. Give a tensor [in, out], or what lora or quantize puts in its place.`,
  )
}

const isSum = (weight: Exclude<Weight, Floats>): weight is LowRankSum => 'parts' in weight

/**
 * The product with a weight, x [..., in] -> [..., out]. Throws ShapeError where the last axis of x is not `in`.
 *
 * @example
 * ```ts
 * import { times } from '@adjoint/nn'
 * import { ones, readAsync, scalar } from '@adjoint/tensor'
 * const low = { a: ones([3, 1]), b: ones([1, 2]), scale: scalar(0.5), dropout: null }
 * console.log(await readAsync(times({ base: ones([3, 2]), parts: [low] })(ones([1, 3])))) // [4.5, 4.5]: 3 + 0.5 * 3 * 1
 * ```
 */
export const times =
  (weight: Weight): Layer =>
  (x) => {
    demandWeight('times', weight)
    demandTensors('times', { x })
    if (isTensor(weight)) return matmul(x, weight)
    return isSum(weight) ? add(times(weight.base)(x), lowRankProduct(weight.parts)(x)) : quantizedProduct(weight)(x)
  }

/**
 * The matrix that a weight stands for, [in, out]; of a matrix itself, it. Dropout is left out of it.
 *
 * @example
 * ```ts
 * import { dense } from '@adjoint/nn'
 * import { ones, readAsync, scalar } from '@adjoint/tensor'
 * const low = { a: ones([3, 1]), b: ones([1, 2]), scale: scalar(0.5), dropout: null }
 * console.log(await readAsync(dense({ base: ones([3, 2]), parts: [low] }))) // 1.5 six times
 * ```
 */
export const dense = (weight: Weight): Floats => {
  demandWeight('dense', weight)
  if (isTensor(weight)) return weight
  return isSum(weight) ? add(dense(weight.base), lowRankMatrix(weight.parts)) : dequantized(weight)
}

/**
 * The sizes [in, out] of the matrix that a weight stands for.
 *
 * @example
 * ```ts
 * import { sizesOf } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * console.log(sizesOf(ones([3, 2]))) // [3, 2]
 * ```
 */
export const sizesOf = (weight: Weight): readonly [inputs: number, outputs: number] => {
  demandWeight('sizesOf', weight)
  if (isTensor(weight)) return weight.shape as readonly [number, number]
  return isSum(weight) ? sizesOf(weight.base) : quantizedSizes(weight)
}

/** Of records that stand for a matrix, each has one of these fields. */
const STANDS = ['parts', 'int8', 'int4']

/** @internal Whether a tree of parameters stands for a matrix; no other has these fields. */
export const isWeight = (value: Tree | undefined): value is Weight => {
  if (value === null || value === undefined || Array.isArray(value)) return false
  if (isTensor(value)) return value.shape.length === 2
  return STANDS.some((field) => field in value)
}

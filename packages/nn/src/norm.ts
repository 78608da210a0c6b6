/**
 * Normalisation of each row, as plain compositions: the statistics, the normalised row and the gain are one row kernel
 * each way, and the backward pass recomputes the normalised row from the statistics.
 */
import { add, mean, mul, ones, rsqrt, ShapeError, square, sub, type TreeRecord, zeros } from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandParams, demandSizes, demandTensors } from './demands.ts'
import type { Floats, Layer, SameShape } from './layer.ts'

/** Gain [width]; bias [width], or null for none. */
export interface NormParams extends TreeRecord {
  readonly scale: Floats
  readonly bias: Floats | null
}

/** Width of the rows. */
export interface NormConfig {
  readonly width: number
  /** Whether a LayerNorm has a bias; RMSNorm never has. Default true. */
  readonly bias?: boolean
}

/** What keeps the root away from 0. */
export interface NormOptions {
  /** Added to the variance or the mean square. Default 1e-5. */
  readonly eps?: number
}

/** A normalisation: its parameters, and the layer. */
export interface NormKind {
  /** Gain and bias at their start. */
  readonly init: () => NormParams
  /** The norm as a function of its parameters. */
  readonly apply: (params: NormParams) => Layer
}

/**
 * Gain 1 and bias 0. Throws RangeError for a width that is none.
 *
 * @example
 * ```ts
 * import { initLayerNorm } from '@adjoint/nn'
 * console.log(initLayerNorm({ width: 4 }).bias?.shape) // [4]
 * ```
 */
export const initLayerNorm = (options: NormConfig): NormParams => {
  const { width, bias = true } = optionsOf('initLayerNorm', options, { width: true, bias: true })

  demandSizes('initLayerNorm', { width })
  return { scale: ones([width]), bias: bias ? zeros([width]) : null }
}

/**
 * Gain 1. Throws RangeError for a width that is none.
 *
 * @example
 * ```ts
 * import { initRmsNorm } from '@adjoint/nn'
 * console.log(initRmsNorm({ width: 4 }).bias) // null
 * ```
 */
export const initRmsNorm = (options: NormConfig): NormParams => {
  const { width } = optionsOf('initRmsNorm', options, { width: true, bias: true })

  demandSizes('initRmsNorm', { width })
  return { scale: ones([width]), bias: null }
}

const rowMean = (x: Floats): Floats => mean({ axis: -1, keepDims: true })(x)

/** Gain and bias of normalised rows. Throws ShapeError where they do not lie within x: one that is wider would repeat it. */
const affine = (op: string, { scale, bias }: NormParams, x: Floats): Floats => {
  const wide = [scale, ...(bias === null ? [] : [bias])].find(
    ({ shape }) =>
      shape.length > x.shape.length ||
      shape.some((n, i) => n !== 1 && n !== x.shape[x.shape.length - shape.length + i]),
  )
  if (wide !== undefined)
    throw new ShapeError({
      op,
      operands: [x, wide],
      rule: 'the gain and the bias do not have the width of the data',
      fix: 'Give parameters of as many features as the last axis of the data has.',
    })
  const y: Floats = mul(x, scale)
  return bias === null ? y : add(y, bias)
}

/**
 * LayerNorm, `(x - mean) / sqrt(variance + eps) * scale + bias` over the last axis, with the variance of the population;
 * x [..., width], same shape out. Throws ShapeError for another width.
 * Source: Ba et al. (arXiv:1607.06450), eq. 4.
 *
 * @example
 * ```ts
 * import { initLayerNorm, layerNorm } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const norm = layerNorm({})(initLayerNorm({ width: 2 }))
 * console.log(await readAsync(norm(tensor([1, 3], [1, 2])))) // about [-1, 1]
 * ```
 */
export const layerNorm = (options: NormOptions) => {
  const { eps = 1e-5 } = optionsOf('layerNorm', options, { eps: true })
  return (params: NormParams): SameShape => {
    demandParams('layerNorm', params, ['scale', 'bias'], 'initLayerNorm(config)')
    return (given) => {
      const x: Floats = given
      demandTensors('layerNorm', { x })
      const centered: Floats = sub(x, rowMean(x))
      return typed(affine('layerNorm', params, mul(centered, rsqrt(add(rowMean(square(centered)), eps)))))
    }
  }
}

/**
 * RMSNorm, `x / sqrt(mean(x^2) + eps) * scale` over the last axis; x [..., width], same shape out. Source: Zhang and
 * Sennrich (arXiv:1910.07467), eq. 4.
 *
 * @example
 * ```ts
 * import { initRmsNorm, rmsNorm } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const norm = rmsNorm({})(initRmsNorm({ width: 2 }))
 * console.log(await readAsync(norm(tensor([3, 3], [1, 2])))) // about [1, 1]
 * ```
 */
export const rmsNorm = (options: NormOptions) => {
  const { eps = 1e-5 } = optionsOf('rmsNorm', options, { eps: true })
  return (params: NormParams): SameShape => {
    demandParams('rmsNorm', params, ['scale', 'bias'], 'initRmsNorm(config)')
    return (given) => {
      const x: Floats = given
      demandTensors('rmsNorm', { x })
      return typed(affine('rmsNorm', params, mul(x, rsqrt(add(rowMean(square(x)), eps)))))
    }
  }
}

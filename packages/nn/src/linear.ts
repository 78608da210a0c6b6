/** The affine layer. Weights are [in, out]: the bias is an epilogue of the one dot. */
import { add, type TreeRecord, zeros } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandKey, demandParams, demandSizes, demandTensors } from './demands.ts'
import { type Initializer, lecunInit } from './init.ts'
import type { Floats, Key, Layer } from './layer.ts'
import { times, type Weight } from './weight.ts'

/** Sizes of a linear layer. */
export interface LinearConfig {
  readonly in: number
  readonly out: number
  /** Default true. */
  readonly bias?: boolean
  /** Default `lecunInit`. */
  readonly init?: Initializer
}

/** Weight [in, out], or what stands for one; bias [out], or null for none. */
export interface LinearParams<W extends Weight = Weight> extends TreeRecord {
  readonly weight: W
  readonly bias: Floats | null
}

/**
 * Draws the weight; the bias starts at 0. Throws RangeError for sizes that are none, TypeError without a key.
 *
 * @example
 * ```ts
 * import { initLinear } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const { weight, bias } = initLinear({ in: 3, out: 5, bias: false })(random.key(0))
 * console.log(weight.shape, bias) // [3, 5] null
 * ```
 */
export const initLinear = (options: LinearConfig) => {
  const {
    in: fanIn,
    out,
    bias = true,
    init = lecunInit,
  } = optionsOf('initLinear', options, { in: true, out: true, bias: true, init: true })

  demandSizes('initLinear', { in: fanIn, out })
  return (key: Key): LinearParams<Floats> => {
    demandKey('initLinear', key)
    return { weight: init(key, [fanIn, out]), bias: bias ? zeros([out]) : null }
  }
}

/**
 * `y = x W + b`, x [..., in] -> [..., out]. Throws ShapeError where the last axis of x is not `in`.
 *
 * @example
 * ```ts
 * import { initLinear, linear } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const params = initLinear({ in: 3, out: 5 })(random.key(0))
 * console.log(linear(params)(ones([2, 7, 3])).shape) // [2, 7, 5]
 * ```
 */
export const linear = (params: LinearParams): Layer => {
  demandParams('linear', params, ['weight', 'bias'], 'initLinear(config)(key)')
  const { weight, bias } = params
  return (x) => {
    demandTensors('linear', { x })
    const y = times(weight)(x)
    return bias === null ? y : add(y, bias)
  }
}

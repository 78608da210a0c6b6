/** The affine layer. Weights are [in, out]: the bias is an epilogue of the one dot. */
import { add, isTensor, type Shape, ShapeError, type Tensor, type TreeRecord, zeros } from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandDrawn, demandKey, demandParams, demandSizes, demandTensors } from './demands.ts'
import type { FanIn, FanOut, HasLast, WithLast } from './dims.ts'
import { type Initializer, lecunInit } from './init.ts'
import type { Floats, Key } from './layer.ts'
import { sizesOf, times, type Weight } from './weight.ts'

/** Sizes of a linear layer. */
export interface LinearConfig<In extends number = number, Out extends number = number> {
  readonly in: In
  readonly out: Out
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
 * Draws the weight; the bias starts at 0. Sizes that are literals or names (`dim`) are kept in its type. Throws RangeError for sizes
 * that are none, TypeError without a key, ShapeError where `init` draws another shape.
 *
 * @example
 * ```ts
 * import { initLinear } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const { weight, bias } = initLinear({ in: 3, out: 5, bias: false })(random.key(0))
 * console.log(weight.shape, bias) // [3, 5] null
 * ```
 */
export const initLinear = <In extends number, Out extends number>(options: LinearConfig<In, Out>) => {
  const {
    in: fanIn,
    out,
    bias = true,
    init = lecunInit,
  } = optionsOf('initLinear', options, { in: true, out: true, bias: true, init: true })

  demandSizes('initLinear', { in: fanIn, out })
  return (key: Key): LinearParams<Tensor<readonly [In, Out], 'f32'>> => {
    demandKey('initLinear', key)
    const weight = init(key, [fanIn, out])
    demandDrawn('initLinear', weight, { in: fanIn, out })
    return { weight: typed(weight), bias: bias ? zeros([out]) : null }
  }
}

/** Throws ShapeError where the last dimension of x is not the rows of the matrix: said of the layer, not of the product in it. */
const demandFanIn = (x: Floats, weight: Weight): void => {
  // Products of stacks of matrices, and of what is no tensor, are for `matmul` to judge.
  if (!isTensor(x) || (isTensor(weight) && weight.shape.length !== 2)) return
  const [fanIn, fanOut] = sizesOf(weight)
  if (x.shape.at(-1) === fanIn) return
  throw new ShapeError({
    op: 'linear',
    operands: [x],
    rule: `the weight is [in ${fanIn}, out ${fanOut}]: the last dimension of x must be ${fanIn}`,
    fix: 'Give x as many features as the layer was made for, or make it for those: initLinear({ in, out }).',
  })
}

/**
 * `y = x W + b`, x [..., in] -> [..., out]. Throws ShapeError where the last axis of x is not `in`; where both are known to the
 * compiler, it does not compile. Leading dimensions, literal and named, are those of x.
 *
 * @example
 * ```ts
 * import { initLinear, linear } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const params = initLinear({ in: 3, out: 5 })(random.key(0))
 * const y = linear(params)(ones([2, 7, 3])) // Tensor<readonly [2, 7, 5], 'f32'>
 * console.log(y.shape) // [2, 7, 5]
 * ```
 */
export const linear = <P extends LinearParams>(params: P) => {
  demandParams('linear', params, ['weight', 'bias'], 'initLinear(config)(key)')
  const { weight, bias } = params
  return <S extends Shape>(
    x: Tensor<S, 'f32'> & HasLast<'linear', S, FanIn<P['weight']>>,
  ): Tensor<WithLast<S, FanOut<P['weight']>>, 'f32'> => {
    demandTensors('linear', { x })
    demandFanIn(x, weight)
    const y = times(weight)(x)
    return typed(bias === null ? y : add(y, bias))
  }
}

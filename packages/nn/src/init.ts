/** Initializers: from a shape and a key to a tensor. Matrices are laid out [in, out], so that y = x W. */
import { full, random, type Shape } from '@adjoint/tensor'
import { demandList, demandNumber } from './demands.ts'
import type { Floats, Key } from './layer.ts'

/** Draws a tensor of a shape. */
export type Initializer = (key: Key, shape: Shape) => Floats

const demandDraw = (op: string, shape: Shape): void => {
  const rule = `An initializer is ${op}(key, shape), and a layer takes it uncalled: { init: ${op} }.`
  demandList(op, 'the shape', shape, Number.isInteger, rule)
}

/**
 * All zeros, whatever the key.
 *
 * @example
 * ```ts
 * import { zerosInit } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(zerosInit(random.key(0), [3]).shape) // [3]
 * ```
 */
export const zerosInit: Initializer = (_key, shape) => {
  demandDraw('zerosInit', shape)
  return full(shape, 0)
}

/**
 * All ones, whatever the key.
 *
 * @example
 * ```ts
 * import { onesInit } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(onesInit(random.key(0), [3]).shape) // [3]
 * ```
 */
export const onesInit: Initializer = (_key, shape) => {
  demandDraw('onesInit', shape)
  return full(shape, 1)
}

/**
 * Normal with mean 0 and the given standard deviation.
 *
 * @example
 * ```ts
 * import { normalInit } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(normalInit(0.02)(random.key(0), [3, 4]).shape) // [3, 4]
 * ```
 */
export const normalInit = (stddev: number): Initializer => {
  demandNumber('normalInit', { stddev })
  return (key, shape) => random.normal({ stddev })(key, shape)
}

/**
 * Uniform on [-bound, bound).
 *
 * @example
 * ```ts
 * import { uniformInit } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(uniformInit(0.1)(random.key(0), [3, 4]).shape) // [3, 4]
 * ```
 */
export const uniformInit = (bound: number): Initializer => {
  demandNumber('uniformInit', { bound })
  return (key, shape) => random.uniform({ minval: -bound, maxval: bound })(key, shape)
}

// Features that enter and leave a matrix [..., in, out].
const fans = (op: string, shape: Shape): readonly [number, number] => {
  demandDraw(op, shape)
  return [shape.at(-2) ?? 1, shape.at(-1) ?? 1]
}

/**
 * Glorot's normal, variance `2 / (in + out)`: keeps the variance of activations and of gradients about equal.
 * Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (AISTATS 2010), eq. 12.
 *
 * @example
 * ```ts
 * import { xavierInit } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(xavierInit(random.key(0), [3, 4]).shape) // [3, 4]
 * ```
 */
export const xavierInit: Initializer = (key, shape) => {
  const [fanIn, fanOut] = fans('xavierInit', shape)
  return normalInit(Math.sqrt(2 / (fanIn + fanOut)))(key, shape)
}

/**
 * He's normal for rectifiers, variance `2 / in`. Source: He et al. (arXiv:1502.01852), eq. 10.
 *
 * @example
 * ```ts
 * import { heInit } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(heInit(random.key(0), [3, 4]).shape) // [3, 4]
 * ```
 */
export const heInit: Initializer = (key, shape) => normalInit(Math.sqrt(2 / fans('heInit', shape)[0]))(key, shape)

/**
 * LeCun's normal, variance `1 / in`: keeps the variance of a linear layer's activations. The default of `initLinear`.
 * Source: LeCun et al., Efficient backprop (1998), section 4.6.
 *
 * @example
 * ```ts
 * import { lecunInit } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(lecunInit(random.key(0), [3, 4]).shape) // [3, 4]
 * ```
 */
export const lecunInit: Initializer = (key, shape) => normalInit(Math.sqrt(1 / fans('lecunInit', shape)[0]))(key, shape)

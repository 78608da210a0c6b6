/** The feed-forward part of a block, plain or gated. The activation is the epilogue of a dot. */
import { mul, random, type TreeRecord } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandFunction, demandKey, demandParams, demandSizes } from './demands.ts'
import type { Initializer } from './init.ts'
import type { Floats, Key, Layer } from './layer.ts'
import { initLinear, linear, type LinearParams } from './linear.ts'

/** Sizes of an MLP. */
export interface MlpConfig {
  readonly width: number
  /** Features between the two layers. */
  readonly hidden: number
  /** Whether a second projection is multiplied in. */
  readonly gated: boolean
  /** Default true. */
  readonly bias?: boolean
  /** Draws the projections up. */
  readonly init?: Initializer
  /** Draws the projection down. */
  readonly outInit?: Initializer
}

/** `up` and `gate` [width, hidden] (`gate` null where not gated), `down` [hidden, width]. */
export interface MlpParams extends TreeRecord {
  readonly gate: LinearParams | null
  readonly up: LinearParams
  readonly down: LinearParams
}

/**
 * Draws the projections. Throws RangeError for sizes that are none, TypeError without a key.
 *
 * @example
 * ```ts
 * import { initMlp, sizesOf } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const { gate, up } = initMlp({ width: 8, hidden: 20, gated: false })(random.key(0))
 * console.log(gate, sizesOf(up.weight)) // null [8, 20]
 * ```
 */
export const initMlp = (options: MlpConfig) => {
  const {
    width,
    hidden,
    gated,
    bias = true,
    init,
    outInit,
  } = optionsOf('initMlp', options, { width: true, hidden: true, gated: true, bias: true, init: true, outInit: true })

  demandSizes('initMlp', { width, hidden })
  return (key: Key): MlpParams => {
    demandKey('initMlp', key)
    const [first, second, third] = random.split(key, 3)
    const rise = initLinear({ in: width, out: hidden, bias, ...(init && { init }) })
    return {
      gate: gated ? rise(first) : null,
      up: rise(second),
      down: initLinear({ in: hidden, out: width, bias, ...(outInit && { init: outInit }) })(third),
    }
  }
}

/**
 * `down(activation(up(x)))`, or gated `down(activation(gate(x)) up(x))`; x [..., width], same shape out. With `silu` and a
 * gate it is SwiGLU, with `gelu` and a gate GEGLU. Source of the gated forms: Shazeer (arXiv:2002.05202), eq. 6.
 *
 * @example
 * ```ts
 * import { initMlp, mlp } from '@adjoint/nn'
 * import { ones, random, silu } from '@adjoint/tensor'
 * const params = initMlp({ width: 8, hidden: 20, gated: true, bias: false })(random.key(0))
 * console.log(mlp(silu)(params)(ones([2, 3, 8])).shape) // [2, 3, 8]
 * ```
 */
export const mlp = (activation: Layer) => {
  demandFunction('mlp', 'the activation', activation, 'Write mlp(relu)(params)(x).')
  return (params: MlpParams): Layer => {
    demandParams('mlp', params, ['gate', 'up', 'down'], 'initMlp(config)(key)')
    const { gate, up, down } = params
    return (x) => {
      const risen = linear(up)(x)
      const hidden: Floats = gate === null ? activation(risen) : mul(activation(linear(gate)(x)), risen)
      return linear(down)(hidden)
    }
  }
}

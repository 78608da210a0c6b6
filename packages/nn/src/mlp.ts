/** The feed-forward part of a block, plain or gated. The activation is the epilogue of a dot. */
import { mul, random, type Shape, type ShapeMismatch, type Tensor, type TreeRecord } from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandFunction, demandKey, demandParams, demandShape, demandSizes, demandTensors } from './demands.ts'
import type { FanIn, FanOut, HasLast, Meet, Shown, WithLast } from './dims.ts'
import type { Initializer } from './init.ts'
import type { Floats, Key, Layer } from './layer.ts'
import { initLinear, linear, type LinearParams } from './linear.ts'

/** Sizes of an MLP. */
export interface MlpConfig<Width extends number = number, Hidden extends number = number> {
  readonly width: Width
  /** Features between the two layers. */
  readonly hidden: Hidden
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
export interface MlpParams<
  Up extends LinearParams = LinearParams,
  Down extends LinearParams = LinearParams,
> extends TreeRecord {
  readonly gate: Up | null
  readonly up: Up
  readonly down: Down
}

/**
 * Draws the projections. Sizes that are literals or names (`dim`) are kept in their types. Throws RangeError for sizes that are none,
 * TypeError without a key.
 *
 * @example
 * ```ts
 * import { initMlp, sizesOf } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const { gate, up } = initMlp({ width: 8, hidden: 20, gated: false })(random.key(0))
 * console.log(gate, sizesOf(up.weight)) // null [8, 20]
 * ```
 */
export const initMlp = <Width extends number, Hidden extends number>(options: MlpConfig<Width, Hidden>) => {
  const {
    width,
    hidden,
    gated,
    bias = true,
    init,
    outInit,
  } = optionsOf('initMlp', options, { width: true, hidden: true, gated: true, bias: true, init: true, outInit: true })

  demandSizes('initMlp', { width, hidden })
  return (
    key: Key,
  ): MlpParams<
    LinearParams<Tensor<readonly [Width, Hidden], 'f32'>>,
    LinearParams<Tensor<readonly [Hidden, Width], 'f32'>>
  > => {
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

interface MlpVerdicts<P extends MlpParams> {
  readonly fits: unknown
  readonly differs: ShapeMismatch<`mlp: up makes ${Shown<FanOut<P['up']['weight']>>} features, and down takes ${Shown<FanIn<P['down']['weight']>>}`>
}

/** Intersected with parameters of an MLP: rejects them where `down` takes another width than `up` makes (see `HasLast`). */
// Of P itself, for parameters that are still a type parameter are judged by its bound.
export type MlpFits<P extends MlpParams> = MlpVerdicts<P>[P extends MlpParams
  ? Meet<FanOut<P['up']['weight']>, FanIn<P['down']['weight']>>
  : never]

/**
 * `down(activation(up(x)))`, or gated `down(activation(gate(x)) up(x))`; x [..., width], same shape out. With `silu` and a
 * gate it is SwiGLU, with `gelu` and a gate GEGLU. The dimensions of x are carried as `linear` carries them; widths that differ do not
 * compile. Throws ShapeError where x has another width, or the activation changes a shape. Source of the gated forms: Shazeer
 * (arXiv:2002.05202), eq. 6.
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
  const activated = (x: Floats): Floats => {
    const y = activation(x)
    demandTensors('mlp', { 'what the activation makes': y })
    demandShape(
      'mlp',
      y,
      x.shape,
      `the activation of [${x.shape.join(', ')}] has another shape`,
      'Give one by elements.',
    )
    return y
  }
  return <P extends MlpParams>(params: P & MlpFits<P>) => {
    demandParams('mlp', params, ['gate', 'up', 'down'], 'initMlp(config)(key)')
    const { gate, up, down }: MlpParams = params
    return <S extends Shape>(
      x: Tensor<S, 'f32'> & HasLast<'mlp', S, FanIn<P['up']['weight']>>,
    ): Tensor<WithLast<S, FanOut<P['down']['weight']>>, 'f32'> => {
      const data: Floats = x
      const risen: Floats = linear(up)(data)
      const hidden: Floats = gate === null ? activated(risen) : mul(activated(linear(gate)(data)), risen)
      return typed(linear(down)(hidden))
    }
  }
}

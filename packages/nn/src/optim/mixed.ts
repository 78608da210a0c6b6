/**
 * Training in two bytes an element: parameters and states of optimizers kept as f16 or bf16, computed with as f32, and the two
 * remedies for what is lost by it (Micikevicius et al., Mixed Precision Training, arXiv:1710.03740):
 *
 * - an update smaller than half a step of the parameter rounds away (3.1: for bf16 what is below 2^-9 of it), so that f32
 *   masters keep the sum of all updates, of which the parameters are roundings (`withMasters`);
 * - gradients below the smallest f16 are 0, so that the loss is multiplied before it is differentiated, and the gradients
 *   divided after (3.2; `scaleLoss` and `lossScaling`). Cotangents are f32 here, whatever is stored as f16, so that only
 *   programs that cast to f16 on the way need it.
 */
import type { Tangent } from '@adjoint/autograd'
import {
  add,
  all,
  cast,
  div,
  gt,
  isinf,
  isnan,
  mul,
  not,
  or,
  scalar,
  type Scalar,
  sub,
  type Tensor,
  tree,
  type Tree,
  where,
  and,
  ge,
  minimum,
} from '@adjoint/tensor'
import { demandOneOf, optionsOf } from '@adjoint/tensor/ir'
import { demandTensors } from '../demands.ts'
import type { Floats } from '../layer.ts'
import {
  demandState,
  demandTransformation,
  type ExtraArguments,
  type GradientTransformation,
  mapFloats,
} from './transformation.ts'

/** Dtypes that real numbers are kept in. */
export type FloatDType = 'f32' | 'f16' | 'bf16'

const isFloat = (x: Tensor): boolean => x.dtype === 'f32' || x.dtype === 'f16' || x.dtype === 'bf16'

/**
 * A tree with its floats in another dtype, rounded to nearest; integers, keys and masks stay. Applied to parameters inside of
 * a loss it lets a model of f32 layers read what is kept as bf16, at no cost: each kernel converts what it loads. Its type stays that
 * of the tree, so that a model takes parameters of either dtype; gradients are f32 in both.
 *
 * @example
 * ```ts
 * import { castFloats } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const kept = castFloats('bf16')({ weight: ones([2, 2]) })
 * console.log(kept.weight.dtype, castFloats('f32')(kept).weight.dtype) // bf16 f32
 * ```
 */
export const castFloats = (dtype: FloatDType) => {
  demandOneOf('castFloats', 'the dtype', dtype, ['f32', 'f16', 'bf16'])
  return <T extends Tree>(values: T): T => tree.map((x: Tensor): Tensor => (isFloat(x) ? cast(dtype)(x) : x), values)
}

/**
 * The transformation with the floats of its state kept as `dtype`: half of the bytes of Adam's moments. They are rounded once a
 * step. Numbers that it holds (as `injectHyperparams` does) are rounded as well. A second moment below the smallest f16,
 * 6e-8, would be 0; as bf16 one does not decay where a step takes less than 2^-9 of it, b2 above 0.998: then `muDType` of Adam keeps
 * its mean alone as bf16.
 *
 * @example
 * ```ts
 * import { scaleByAdam, withStateDType } from '@adjoint/nn'
 * import { ones } from '@adjoint/tensor'
 * const state = withStateDType('bf16', scaleByAdam({})).init({ weight: ones([2]) })
 * console.log(state.count.dtype, JSON.stringify(Object.keys(state))) // i32 ["count","mu","nu"]
 * ```
 */
export const withStateDType = <S extends Tree>(
  dtype: FloatDType,
  inner: GradientTransformation<S>,
): GradientTransformation<S> => {
  demandTransformation('withStateDType', 'what is wrapped', inner)
  const { init, update } = inner
  return {
    init: (params) => castFloats(dtype)(init(params)),
    update: (updates, state, params, extra) => {
      const [next, after] = update(updates, castFloats('f32')(state), params, extra)
      return [next, castFloats(dtype)(after)]
    },
  }
}

/** Parameters in f32, of which the trained ones are roundings, and the state of what updates them. */
export type Masters<S extends Tree> = { readonly masters: Tree; readonly inner: S }

/**
 * The transformation on f32 masters of the parameters: what `applyUpdates` then makes of parameters of fewer bits is the
 * rounding of the masters, so that small updates add up. Last, around a whole optimizer.
 *
 * @example
 * ```ts
 * import { applyUpdates, castFloats, sgd, withMasters } from '@adjoint/nn'
 * import { full, ones, readAsync } from '@adjoint/tensor'
 * const optimizer = withMasters(sgd({ learningRate: 0.001 }))
 * let params = castFloats('bf16')({ bias: ones([1]) })
 * let state = optimizer.init(params)
 * for (let step = 0; step < 4; step++) {
 *   const [updates, next] = optimizer.update({ bias: full([1], 1) }, state, params)
 *   params = applyUpdates(params, updates)
 *   state = next
 * }
 * console.log(await readAsync(params.bias)) // Float32Array [0.99609375]: 1 - 0.004; alone each 0.001 would round away
 * ```
 */
export const withMasters = <S extends Tree>(wrapped: GradientTransformation<S>): GradientTransformation<Masters<S>> => {
  demandTransformation('withMasters', 'its argument', wrapped)
  const { init, update } = wrapped
  return {
    init: (params) => {
      const masters = castFloats('f32')(params)
      return { masters, inner: init(masters) }
    },
    update: <P extends Tree>(updates: Tangent<P>, state: Masters<S>, params: P, extra?: ExtraArguments) => {
      demandState('withMasters', ['masters', 'inner'], state)
      const masters = mapFloats((_, m) => m, params, state.masters)
      const [moved, inner] = update(updates, state.inner, masters, extra)
      const next = mapFloats((m, u) => add(m, u), masters, moved)
      // p + (m - p) is m up to a rounding in f32, which the parameters, of fewer bits, do not show
      return [mapFloats((_, m, p) => sub(m, p), updates, next, params), { masters: next, inner }] as const
    },
  }
}

/** How a loss is scaled. */
export interface LossScalingConfig {
  /** The first factor. Default 2^15. */
  readonly initial?: number
  /** Steps without an infinite or NaN gradient after which it doubles. Default 2000. */
  readonly growthInterval?: number
  /** It grows no further. Default 2^24. */
  readonly largest?: number
}
/** The factor now, and the steps since it last changed. */
export type LossScale = { readonly factor: Scalar; readonly steps: Scalar<'i32'> }

/**
 * The loss, multiplied by the factor of a `lossScaling` state: what is differentiated.
 *
 * @example
 * ```ts
 * import { lossScaling, scaleLoss } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const state = lossScaling({ initial: 8 }).init(scalar(0))
 * console.log(await readAsync(scaleLoss(state)(scalar(0.5)))) // Float32Array [4]
 * ```
 */
export const scaleLoss = (state: LossScale) => {
  demandState('scaleLoss', ['factor', 'steps'], state)
  return (loss: Scalar): Scalar => {
    demandTensors('scaleLoss', { loss })
    return mul(loss, state.factor)
  }
}

/**
 * Divides gradients of a scaled loss by the factor. Where one of them is infinite or NaN, all updates are 0 in that step, and
 * the factor is halved; after `growthInterval` steps without, it doubles. First in a chain; what follows sees gradients of 0
 * in a step that is left out (Adam's moments decay). Source: Micikevicius et al. (arXiv:1710.03740), section 3.2, with the
 * rule of PyTorch's GradScaler but for its backoff at once. Throws RangeError for numbers that are not above 0.
 *
 * @example
 * ```ts
 * import { lossScaling } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const scaling = lossScaling({ initial: 8 })
 * const g = { bias: full([2], Infinity) }
 * const [updates, state] = scaling.update(g, scaling.init(g), g)
 * console.log(await readAsync(updates.bias), await readAsync(state.factor)) // Float32Array [0, 0] Float32Array [4]
 * ```
 */
export const lossScaling = (options: LossScalingConfig = {}): GradientTransformation<LossScale> => {
  const {
    initial = 2 ** 15,
    growthInterval = 2000,
    largest = 2 ** 24,
  } = optionsOf('lossScaling', options, { initial: true, growthInterval: true, largest: true })

  for (const [name, value] of Object.entries({ initial, growthInterval, largest }))
    if (!(Number.isFinite(value) && value > 0))
      throw new RangeError(`lossScaling: ${name} is ${String(value)}. Pass a finite number above 0.`)
  return {
    init: () => ({ factor: scalar(initial), steps: scalar(0, 'i32') }),
    update: (updates, state) => {
      demandState('lossScaling', ['factor', 'steps'], state)
      const { factor, steps } = state
      const finite = tree
        .leaves(updates)
        .map((g): Tensor<readonly [], 'bool'> => all()(not(or(isnan(g), isinf(g)))))
        .reduce((x, y) => and(x, y), gt(factor, 0))
      const whole = (g: Floats): Floats => where(finite, div(g, factor), 0)
      const grows = and(finite, ge(add(steps, 1), growthInterval))
      return [
        mapFloats(whole, updates),
        {
          factor: where(finite, where(grows, minimum(mul(factor, 2), largest), factor), mul(factor, 0.5)),
          steps: where(and(finite, not(grows)), add(steps, 1), 0),
        },
      ]
    },
  }
}

/** A learning rate that falls when the loss no longer does. */
import {
  add,
  cast,
  div,
  eq,
  full,
  gt,
  isTensor,
  lt,
  maximum,
  mul,
  or,
  scalar,
  type Scalar,
  sub,
  tree,
  where,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandShape, demandSizes } from '../demands.ts'
import { demandState, type GradientTransformation, mapFloats } from './transformation.ts'

/** When to reduce, and by how much. */
export interface PlateauConfig {
  /** The scale is multiplied by it. Default 0.1. */
  readonly factor?: number
  /** Windows in a row that bring no improvement, and then a reduction. Default 10. */
  readonly patience?: number
  /** An improvement is below `(1 - relative) best - absolute`. Default 1e-4. */
  readonly relative?: number
  /** Default 0. */
  readonly absolute?: number
  /** Windows after a reduction in which none counts as without improvement. Default 0. */
  readonly cooldown?: number
  /** Updates whose mean loss is one window. Default 1; more where the loss is that of a batch. */
  readonly window?: number
  /** Where reductions end. Default 0. */
  readonly least?: number
}

/** The scale, the best mean so far, windows without improvement and of cooldown, and the window that is open. */
export type PlateauState = {
  readonly scale: Scalar
  readonly best: Scalar
  readonly waited: Scalar<'i32'>
  readonly cooling: Scalar<'i32'>
  readonly count: Scalar<'i32'>
  readonly mean: Scalar
}

/**
 * Multiplies updates by a scale, 1 at first, that is reduced where the loss has stopped falling: `update` takes it as
 * `{ value: loss }`. A NaN is no improvement. As optax.contrib.reduce_on_plateau, and PyTorch's ReduceLROnPlateau. Throws RangeError
 * for a factor outside (0, 1) and for tolerances that are negative or both 0; its update throws TypeError without a value, and
 * ShapeError for one that is no scalar.
 *
 * @example
 * ```ts
 * import { chain, reduceOnPlateau, sgd } from '@adjoint/nn'
 * import { ones, readAsync, scalar } from '@adjoint/tensor'
 * const params = { bias: ones([1]) }
 * const optimizer = chain(sgd({ learningRate: 1 }), reduceOnPlateau({ factor: 0.5, patience: 1 }))
 * const [, state] = optimizer.update(params, optimizer.init(params), params, { value: scalar(2) })
 * const [updates] = optimizer.update(params, state, params, { value: scalar(2) })
 * console.log(await readAsync(updates.bias)) // Float32Array [-0.5]
 * ```
 */
export const reduceOnPlateau = (options: PlateauConfig): GradientTransformation<PlateauState> => {
  const {
    factor = 0.1,
    patience = 10,
    relative = 1e-4,
    absolute = 0,
    cooldown = 0,
    window = 1,
    least = 0,
  } = optionsOf('reduceOnPlateau', options, {
    factor: true,
    patience: true,
    relative: true,
    absolute: true,
    cooldown: true,
    window: true,
    least: true,
  })

  if (!(factor > 0 && factor < 1))
    throw new RangeError(`reduceOnPlateau: factor is ${factor}. Give a number between 0 and 1.`)
  if (!(relative >= 0 && relative <= 1 && absolute >= 0 && relative + absolute > 0 && absolute < Infinity))
    throw new RangeError(
      `reduceOnPlateau: relative is ${relative} and absolute is ${absolute}. Give tolerances of 0 or more, one of them positive, and relative at most 1.`,
    )
  if (!(Number.isInteger(cooldown) && cooldown >= 0))
    throw new RangeError(`reduceOnPlateau: cooldown is ${cooldown}. Give a whole number of windows.`)
  if (!(least >= 0)) throw new RangeError(`reduceOnPlateau: least is ${least}. Give a scale of 0 or more.`)
  demandSizes('reduceOnPlateau', { patience, window })

  /** The state at the end of a window. */
  const closed = ({ scale, best, waited, cooling, mean }: PlateauState): PlateauState => {
    const improved = lt(mean, sub(mul(best, 1 - relative), absolute))
    const cool = gt(cooling, 0)
    const without: Scalar<'i32'> = where(or(improved, cool), scalar(0, 'i32'), add(waited, 1))
    const reduce = eq(without, patience)
    return {
      scale: where(reduce, maximum(mul(scale, factor), least), scale),
      best: where(improved, mean, best),
      waited: where(reduce, scalar(0, 'i32'), without),
      cooling: where(cool, sub(cooling, 1), where(reduce, scalar(cooldown, 'i32'), scalar(0, 'i32'))),
      count: scalar(0, 'i32'),
      mean: full([], 0),
    }
  }
  return {
    init: () => ({
      scale: scalar(1),
      best: scalar(Infinity),
      waited: scalar(0, 'i32'),
      cooling: scalar(0, 'i32'),
      count: scalar(0, 'i32'),
      mean: scalar(0),
    }),
    update: (updates, state, _params, extra) => {
      demandState('reduceOnPlateau', ['best', 'cooling', 'count', 'mean', 'scale', 'waited'], state)
      const value = extra?.value
      if (!isTensor(value))
        throw new TypeError(
          `reduceOnPlateau: the value is ${String(value)}. Give the loss of the step: update(gradients, state, params, { value: loss }).`,
        )
      demandShape('reduceOnPlateau', value, [], 'the value is no scalar', 'Give the mean loss of the step')
      const count = add(state.count, 1)
      const mean: Scalar = add(state.mean, div(sub(value, state.mean), cast('f32')(count)))
      const open: PlateauState = { ...state, count, mean }
      const [due, after] = [eq(count, window), closed(open)]
      const next = tree.map((then, before) => where(due, then, before), after, open)
      return [mapFloats((u) => mul(u, next.scale), updates), next]
    },
  }
}

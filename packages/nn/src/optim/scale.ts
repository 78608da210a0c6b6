/** Transformations that multiply updates: by a number, by a schedule, by the negative learning rate. */
import { add, mul, neg, scalar, type Scalar } from '@adjoint/tensor'
import { type Coefficient, demandRate, times } from './coefficient.ts'
import type { Schedule } from './schedule.ts'
import { demandState, type GradientTransformation, mapFloats, stateless } from './transformation.ts'

/** A number, a scalar that only the program knows, or a schedule of the updates made so far. */
export type LearningRate = Coefficient | Schedule

/** State of whatever counts its updates. */
export type Counted = { readonly count: Scalar<'i32'> }

/**
 * Multiplies updates by `factor`.
 *
 * @example
 * ```ts
 * import { scale } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const [updates] = scale(-0.5).update({ bias: ones([1]) }, null, { bias: ones([1]) })
 * console.log(await readAsync(updates.bias)) // Float32Array [-0.5]
 * ```
 */
export const scale = (factor: Coefficient): GradientTransformation<null> =>
  stateless((updates) => mapFloats((u) => times(u, factor), updates))

/**
 * Multiplies updates by `schedule(count)`, where `count` is the number of updates made before.
 *
 * @example
 * ```ts
 * import { linearSchedule, scaleBySchedule } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const params = { bias: ones([1]) }
 * const fade = scaleBySchedule(linearSchedule({ from: 1, to: 0, steps: 2 }))
 * const [, state] = fade.update(params, fade.init(params), params)
 * const [updates] = fade.update(params, state, params)
 * console.log(await readAsync(updates.bias)) // Float32Array [0.5]
 * ```
 */
export const scaleBySchedule = (schedule: Schedule): GradientTransformation<Counted> => ({
  init: () => ({ count: scalar(0, 'i32') }),
  update: (updates, state) => {
    demandState('scaleBySchedule', ['count'], state)
    const { count } = state
    const factor = schedule(count)
    return [mapFloats((u) => mul(u, factor), updates), { count: add(count, 1) }]
  },
})

/**
 * Turns ascent into descent: multiplies updates by minus the learning rate. Last in a chain. Throws RangeError for what is
 * neither a finite number nor a schedule.
 *
 * @example
 * ```ts
 * import { scaleByLearningRate } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * const params = { bias: ones([1]) }
 * const descend = scaleByLearningRate(0.5)
 * const [updates] = descend.update(params, descend.init(params), params)
 * console.log(await readAsync(updates.bias)) // Float32Array [-0.5]
 * ```
 */
export const scaleByLearningRate = (learningRate: LearningRate): GradientTransformation<Counted> =>
  descend('scaleByLearningRate', learningRate)

/** `scaleByLearningRate` in the name of the optimizer that was given the rate. */
export const descend = (op: string, learningRate: LearningRate): GradientTransformation<Counted> => {
  if (typeof learningRate === 'function') return scaleBySchedule((count) => neg(learningRate(count)))
  demandRate(op, { learningRate })
  return scaleBySchedule(() => (typeof learningRate === 'number' ? scalar(-learningRate) : neg(learningRate)))
}

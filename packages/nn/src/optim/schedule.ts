/**
 * Schedules: from the number of updates made so far to a coefficient, both scalars on the device, so that a schedule is
 * part of the compiled step and changing the step number compiles nothing.
 */
import { add, cast, clamp, cos, div, full, lt, mul, type Scalar, sub, where } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandList, demandNumber } from '../demands.ts'

/** `count` (updates made before this one, from 0) to a coefficient. */
export type Schedule = (count: Scalar<'i32'>) => Scalar

/**
 * The same value at every step. Throws RangeError unless it is finite.
 *
 * @example
 * ```ts
 * import { constantSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * console.log(await readAsync(constantSchedule(0.5)(scalar(7, 'i32')))) // Float32Array [0.5]
 * ```
 */
export const constantSchedule = (value: number): Schedule => {
  demandNumber('constantSchedule', { value })
  return () => full([], value)
}

/** Share of `steps` that has passed, from 0 to 1; a schedule of no steps has passed from its start. */
export const progress = (count: Scalar<'i32'>, steps: number): Scalar =>
  steps <= 0 ? full([], 1) : clamp(0, 1)(div(cast('f32')(count), steps))

/** Where a schedule starts and ends, and over how many updates. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly steps: number
}

/**
 * A straight line, `from + (to - from) count / steps`; `to` from there on. Throws RangeError unless all three are finite.
 *
 * @example
 * ```ts
 * import { linearSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = linearSchedule({ from: 1, to: 0, steps: 4 })
 * console.log(await readAsync(schedule(scalar(1, 'i32')))) // Float32Array [0.75]
 * ```
 */
export const linearSchedule = (options: Span): Schedule => {
  const { from, to, steps } = optionsOf('linearSchedule', options, { from: true, to: true, steps: true })

  demandNumber('linearSchedule', { from, to, steps })
  return (count) => add(from, mul(progress(count, steps), to - from))
}

/**
 * Half a cosine, `to + (from - to) (1 + cos(pi count / steps)) / 2`; `to` from there on. Source: Loshchilov and Hutter,
 * SGDR (arXiv:1608.03983), eq. 5 without restarts. Throws as `linearSchedule`.
 *
 * @example
 * ```ts
 * import { cosineSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = cosineSchedule({ from: 1, to: 0, steps: 4 })
 * console.log(await readAsync(schedule(scalar(4, 'i32')))) // Float32Array [0]
 * ```
 */
export const cosineSchedule = (options: Span): Schedule => {
  const { from, to, steps } = optionsOf('cosineSchedule', options, { from: true, to: true, steps: true })

  demandNumber('cosineSchedule', { from, to, steps })
  return (count) => add(to, mul(add(1, cos(mul(progress(count, steps), Math.PI))), (from - to) / 2))
}

/**
 * Schedules one after another: the first until `boundaries[0]` updates, then the second, counting from its own start,
 * and so on. Throws RangeError unless there is one boundary fewer than schedules, ascending.
 *
 * @example
 * ```ts
 * import { constantSchedule, joinSchedules, linearSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = joinSchedules([linearSchedule({ from: 0, to: 1, steps: 10 }), constantSchedule(1)], [10])
 * console.log(await readAsync(schedule(scalar(5, 'i32')))) // Float32Array [0.5]
 * ```
 */
export const joinSchedules = (schedules: readonly Schedule[], boundaries: readonly number[]): Schedule => {
  const isSchedule = (item: unknown): boolean => typeof item === 'function'
  const isNumber = (item: unknown): boolean => typeof item === 'number'
  const fix = 'Write joinSchedules([first, second], [100]): the second begins at update 100.'
  demandList('joinSchedules', 'the list of schedules', schedules, isSchedule, fix)
  demandList('joinSchedules', 'the list of boundaries', boundaries, isNumber, fix)
  const [first, ...rest] = schedules
  const ends = [...boundaries]
  if (
    first === undefined ||
    boundaries.length !== rest.length ||
    boundaries.some((b, i) => i > 0 && b <= boundaries[i - 1]!)
  )
    throw new RangeError(
      `joinSchedules: ${schedules.length} schedules with boundaries [${boundaries.join(', ')}]. ` +
        'Give one boundary fewer than schedules, in ascending order.',
    )
  return (count) =>
    rest.reduce(
      (before, schedule, i) => where(lt(count, ends[i]!), before, schedule(sub(count, ends[i]!))),
      first(count),
    )
}

/** Warm-up from 0 to `peak`, then a cosine down to `end`. */
export interface WarmupCosine {
  readonly peak: number
  readonly warmupSteps: number
  /** All updates, those of the warm-up included. */
  readonly steps: number
  /** Default 0. */
  readonly end?: number
}

/**
 * The usual schedule of language models: a line from 0 to `peak` over `warmupSteps`, then a cosine to `end` at `steps`.
 *
 * @example
 * ```ts
 * import { warmupCosineSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = warmupCosineSchedule({ peak: 1, warmupSteps: 10, steps: 110 })
 * console.log(await readAsync(schedule(scalar(10, 'i32')))) // Float32Array [1]
 * ```
 */
export const warmupCosineSchedule = (options: WarmupCosine): Schedule => {
  const {
    peak,
    warmupSteps,
    steps,
    end = 0,
  } = optionsOf('warmupCosineSchedule', options, { peak: true, warmupSteps: true, steps: true, end: true })
  demandNumber('warmupCosineSchedule', { peak, warmupSteps, steps, end })
  return joinSchedules(
    [
      linearSchedule({ from: 0, to: peak, steps: warmupSteps }),
      cosineSchedule({ from: peak, to: end, steps: steps - warmupSteps }),
    ],
    [warmupSteps],
  )
}

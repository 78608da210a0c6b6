/** Schedules that are given by their values at some updates. */
import { full, lt, type Scalar, where } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandFields, demandNumber } from '../demands.ts'
import { cosineSchedule, joinSchedules, linearSchedule, type Schedule } from './schedule.ts'

/** Where a schedule starts, and what it is multiplied by at which updates. */
export interface Pieces {
  readonly from: number
  /** By number of updates made before: `{ 1000: 0.1, 2000: 0.1 }` falls to a tenth, and then to a hundredth. */
  readonly scales: Readonly<Record<number, number>>
}

interface Knot {
  readonly at: number
  readonly value: number
}

const knotsOf = (op: string, { from, scales }: Pieces): readonly Knot[] => {
  demandNumber(op, { from })
  demandFields(op, 'scales', scales, [], 'Give a record by number of updates: { 1000: 0.1 }.')
  let value = from
  return Object.entries(scales)
    .map(([at, scale]) => ({ at: Number(at), scale }))
    .sort((x, y) => x.at - y.at)
    .map(({ at, scale }) => {
      if (!(Number.isInteger(at) && at >= 0))
        throw new RangeError(`${op}: ${at} is no number of updates. Give whole numbers of 0 or more.`)
      if (!(scale >= 0 && scale < Infinity))
        throw new RangeError(`${op}: the scale at ${at} is ${scale}. Give a number of 0 or more.`)
      value *= scale
      return { at, value }
    })
}

/**
 * Constant from one update to the next that is named, from which on the value is multiplied by its scale. As
 * optax.piecewise_constant_schedule. Throws RangeError for updates that are no whole numbers and negative scales.
 *
 * @example
 * ```ts
 * import { piecewiseConstantSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = piecewiseConstantSchedule({ from: 1, scales: { 10: 0.5, 20: 0.5 } })
 * console.log(await readAsync(schedule(scalar(10, 'i32')))) // Float32Array [0.5]
 * ```
 */
export const piecewiseConstantSchedule = (given: Pieces): Schedule => {
  const pieces = optionsOf('piecewiseConstantSchedule', given, { from: true, scales: true })

  const knots = knotsOf('piecewiseConstantSchedule', pieces)
  return (count) =>
    knots.reduce<Scalar>((before, { at, value }) => where(lt(count, at), before, value), full([], pieces.from))
}

/** Pieces, and the way from one to the next. */
export interface Interpolation extends Pieces {
  /** Default 'linear'. */
  readonly by?: 'linear' | 'cosine'
}

/**
 * From `from` at update 0 to the scaled value at each update that is named, by a line or half a cosine; the last value from
 * there on. Continuous. As optax.piecewise_interpolate_schedule. Throws as `piecewiseConstantSchedule`.
 *
 * @example
 * ```ts
 * import { piecewiseInterpolateSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = piecewiseInterpolateSchedule({ from: 1, scales: { 10: 3, 20: 0 } })
 * console.log(await readAsync(schedule(scalar(5, 'i32')))) // Float32Array [2]
 * ```
 */
export const piecewiseInterpolateSchedule = (options: Interpolation): Schedule => {
  const { by = 'linear', ...pieces } = optionsOf('piecewiseInterpolateSchedule', options, {
    by: true,
    from: true,
    scales: true,
  })

  const knots = knotsOf('piecewiseInterpolateSchedule', pieces)
  if (knots.length === 0) return () => full([], pieces.from)
  const piece = by === 'linear' ? linearSchedule : cosineSchedule
  const starts: readonly Knot[] = [{ at: 0, value: pieces.from }, ...knots]
  return joinSchedules(
    knots.map(({ at, value }, i) => piece({ from: starts[i]!.value, to: value, steps: at - starts[i]!.at })),
    knots.slice(0, -1).map(({ at }) => at),
  )
}

/** One rise and one fall. */
export interface OneCycle {
  readonly peak: number
  readonly steps: number
  /** Share of the steps until the peak. Default 0.3. */
  readonly rise?: number
  /** The start is the peak divided by it. Default 25. */
  readonly divide?: number
  /** The end is the start divided by it. Default 1e4. */
  readonly divideEnd?: number
  /** Default 'cosine'. A linear one is back at its start at `fall` of the steps, and goes to its end from there. */
  readonly by?: 'linear' | 'cosine'
  /** Default 0.85. */
  readonly fall?: number
}

/**
 * One cycle: from `peak / divide` up to `peak` at `rise` of the steps, and down to `peak / (divide divideEnd)`. Source: Smith and
 * Topin, Super-Convergence (arXiv:1708.07120), with the defaults of PyTorch and optax. Throws RangeError unless peak, steps and
 * divisors are positive, and `0 < rise < fall < 1`.
 *
 * @example
 * ```ts
 * import { oneCycleSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = oneCycleSchedule({ peak: 1, steps: 100 })
 * console.log(await readAsync(schedule(scalar(30, 'i32')))) // Float32Array [1]
 * ```
 */
export const oneCycleSchedule = (options: OneCycle): Schedule => {
  const {
    peak,
    steps,
    rise = 0.3,
    divide = 25,
    divideEnd = 1e4,
    by = 'cosine',
    fall = 0.85,
  } = optionsOf('oneCycleSchedule', options, {
    peak: true,
    steps: true,
    rise: true,
    divide: true,
    divideEnd: true,
    by: true,
    fall: true,
  })

  demandNumber('oneCycleSchedule', { peak, steps, rise, divide, divideEnd, fall })
  if (!(peak > 0 && steps > 0 && divide > 0 && divideEnd > 0))
    throw new RangeError(
      `oneCycleSchedule: peak ${peak}, steps ${steps}, divide ${divide}, divideEnd ${divideEnd}. Give positive numbers.`,
    )
  if (!(rise > 0 && rise < fall && fall < 1))
    throw new RangeError(`oneCycleSchedule: rise is ${rise} and fall is ${fall}. Give 0 < rise < fall < 1.`)
  const top = Math.trunc(rise * steps)
  const scales =
    by === 'cosine'
      ? { [top]: divide, [steps]: 1 / (divide * divideEnd) }
      : { [top]: divide, [Math.trunc(fall * steps)]: 1 / divide, [steps]: 1 / divideEnd }
  return piecewiseInterpolateSchedule({ from: peak / divide, by, scales })
}

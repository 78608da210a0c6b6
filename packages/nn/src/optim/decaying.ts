/** Schedules that fall by a law: a power of the base, a power of what is left, and restarts of a cosine. */
import { add, cast, div, floor, full, maximum, minimum, mul, pow, type Scalar, sub } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandList, demandNumber } from '../demands.ts'
import {
  joinSchedules,
  linearSchedule,
  progress,
  type Schedule,
  type Span,
  type WarmupCosine,
  warmupCosineSchedule,
} from './schedule.ts'

/** Where an exponential starts, and how it falls. */
export interface Exponential {
  readonly from: number
  /** What it is multiplied by over `steps` updates: positive, and below 1 to fall. */
  readonly rate: number
  readonly steps: number
  /** In steps, at each multiple of `steps`. Default false. */
  readonly staircase?: boolean
  /** Where it ends: the least value of one that falls, the largest of one that grows. Default: none. */
  readonly end?: number
}

/**
 * `from rate^(count / steps)`, bounded by `end`. As optax.exponential_decay. Throws RangeError for numbers that are not finite,
 * and unless `rate` and `steps` are positive.
 *
 * @example
 * ```ts
 * import { exponentialSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = exponentialSchedule({ from: 1, rate: 0.25, steps: 10 })
 * console.log(await readAsync(schedule(scalar(5, 'i32')))) // Float32Array [0.5]
 * ```
 */
export const exponentialSchedule = (options: Exponential): Schedule => {
  const {
    from,
    rate,
    steps,
    staircase = false,
    end,
  } = optionsOf('exponentialSchedule', options, { from: true, rate: true, steps: true, staircase: true, end: true })

  demandNumber('exponentialSchedule', { from, rate, steps, ...(end === undefined ? {} : { end }) })
  if (!(rate > 0 && steps > 0))
    throw new RangeError(`exponentialSchedule: rate is ${rate} and steps is ${steps}. Give positive numbers.`)
  return (count) => {
    const share: Scalar = div(cast('f32')(count), steps)
    const value: Scalar = mul(pow(full([], rate), staircase ? floor(share) : share), from)
    if (end === undefined) return value
    // Of a negative start "falls" is towards 0 all the same: the end bounds the value from its own side.
    return end < from ? maximum(value, end) : minimum(value, end)
  }
}

/** A span, and the power by which what is left of it falls. */
export interface Polynomial extends Span {
  /** 1 is a straight line; 2 falls fast and arrives slowly. Positive. */
  readonly power: number
}

/**
 * `to + (from - to) (1 - count / steps)^power`; `to` from there on. As optax.polynomial_schedule. Throws RangeError for numbers
 * that are not finite, and unless the power is positive.
 *
 * @example
 * ```ts
 * import { polynomialSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = polynomialSchedule({ from: 1, to: 0, steps: 4, power: 2 })
 * console.log(await readAsync(schedule(scalar(2, 'i32')))) // Float32Array [0.25]
 * ```
 */
export const polynomialSchedule = (options: Polynomial): Schedule => {
  const { from, to, steps, power } = optionsOf('polynomialSchedule', options, {
    power: true,
    from: true,
    to: true,
    steps: true,
  })

  demandNumber('polynomialSchedule', { from, to, steps, power })
  if (!(power > 0)) throw new RangeError(`polynomialSchedule: power is ${power}. Give a positive number.`)
  return (count) => add(mul(pow(sub(1, progress(count, steps)), power), from - to), to)
}

/** Warm-up from 0 to `peak`. */
export interface Warmup {
  readonly peak: number
  readonly warmupSteps: number
}

const warmup = ({ peak, warmupSteps }: Warmup, then: Schedule): Schedule =>
  joinSchedules([linearSchedule({ from: 0, to: peak, steps: warmupSteps }), then], [warmupSteps])

/**
 * A line from 0 to `peak` over `warmupSteps`, and `peak` from there on.
 *
 * @example
 * ```ts
 * import { warmupConstantSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = warmupConstantSchedule({ peak: 1, warmupSteps: 4 })
 * console.log(await readAsync(schedule(scalar(1, 'i32')))) // Float32Array [0.25]
 * ```
 */
export const warmupConstantSchedule = (options: Warmup): Schedule => {
  const { peak, warmupSteps } = optionsOf('warmupConstantSchedule', options, { peak: true, warmupSteps: true })
  demandNumber('warmupConstantSchedule', { peak, warmupSteps })
  return linearSchedule({ from: 0, to: peak, steps: warmupSteps })
}

/**
 * A line from 0 to `peak` over `warmupSteps`, then one to `end` (default 0) at `steps`, the warm-up included.
 *
 * @example
 * ```ts
 * import { warmupLinearSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = warmupLinearSchedule({ peak: 1, warmupSteps: 10, steps: 110 })
 * console.log(await readAsync(schedule(scalar(60, 'i32')))) // Float32Array [0.5]
 * ```
 */
export const warmupLinearSchedule = (options: WarmupCosine): Schedule => {
  const {
    steps,
    end = 0,
    ...rise
  } = optionsOf('warmupLinearSchedule', options, { peak: true, warmupSteps: true, steps: true, end: true })
  demandNumber('warmupLinearSchedule', { ...rise, steps, end })
  return warmup(rise, linearSchedule({ from: rise.peak, to: end, steps: steps - rise.warmupSteps }))
}

/**
 * A line from 0 to `peak` over `warmupSteps`, then an exponential that begins there.
 *
 * @example
 * ```ts
 * import { warmupExponentialSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const schedule = warmupExponentialSchedule({ peak: 1, warmupSteps: 2, rate: 0.5, steps: 10 })
 * console.log(await readAsync(schedule(scalar(12, 'i32')))) // Float32Array [0.5]
 * ```
 */
export const warmupExponentialSchedule = (options: Warmup & Omit<Exponential, 'from'>): Schedule => {
  const { peak, warmupSteps, ...decay } = optionsOf('warmupExponentialSchedule', options, {
    peak: true,
    warmupSteps: true,
    rate: true,
    steps: true,
    staircase: true,
    end: true,
  })
  demandNumber('warmupExponentialSchedule', { peak, warmupSteps, rate: decay.rate, steps: decay.steps })
  return warmup({ peak, warmupSteps }, exponentialSchedule({ from: peak, ...decay }))
}

/**
 * Warm restarts: cycles of warm-up and cosine, one after another. The last stands at its end. Source: Loshchilov and Hutter,
 * SGDR (arXiv:1608.03983), eq. 5. Throws RangeError without cycles, and for one of no steps.
 *
 * @example
 * ```ts
 * import { cosineRestartsSchedule } from '@adjoint/nn'
 * import { readAsync, scalar } from '@adjoint/tensor'
 * const cycle = { peak: 1, warmupSteps: 0, steps: 10 }
 * const schedule = cosineRestartsSchedule([cycle, { ...cycle, steps: 20 }])
 * console.log(await readAsync(schedule(scalar(20, 'i32')))) // Float32Array [0.5]
 * ```
 */
export const cosineRestartsSchedule = (cycles: readonly WarmupCosine[]): Schedule => {
  const fix = 'Give each cycle as warmupCosineSchedule takes it: [{ peak, warmupSteps, steps }].'
  const isCycle = (item: unknown): boolean => typeof item === 'object' && item !== null
  demandList('cosineRestartsSchedule', 'its argument', cycles, isCycle, fix)
  let passed = 0
  const ends = cycles.map(({ steps }) => (passed += steps))
  return joinSchedules(cycles.map(warmupCosineSchedule), ends.slice(0, -1))
}

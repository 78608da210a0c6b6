import { presentDevices } from '@adjoint/testing'
import { readAsync, scalar } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import {
  cosineRestartsSchedule,
  exponentialSchedule,
  oneCycleSchedule,
  piecewiseConstantSchedule,
  piecewiseInterpolateSchedule,
  polynomialSchedule,
  type Schedule,
  warmupConstantSchedule,
  warmupExponentialSchedule,
  warmupLinearSchedule,
} from '../index.ts'
import { near } from './steps.support.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const at = (schedule: Schedule, counts: readonly number[]): readonly number[] =>
  counts.map((count) => evaluate([schedule(scalar(count, 'i32'))])[0]!.data[0]!)

// Values of optax 0.2.8 (jax 0.10.2) at these numbers of updates.
const counts = [0, 1, 4, 5, 10, 12, 20, 34, 40, 100]
const table: readonly (readonly [string, Schedule, readonly number[]])[] = [
  [
    'exponential',
    exponentialSchedule({ from: 2, rate: 0.5, steps: 10 }),
    [2, 1.866066, 1.515717, 1.414214, 1, 0.8705505, 0.5, 0.1894646, 0.125, 0.001953125],
  ],
  [
    'staircase',
    exponentialSchedule({ from: 2, rate: 0.5, steps: 10, staircase: true }),
    [2, 2, 2, 2, 1, 1, 0.5, 0.25, 0.125, 0.001953125],
  ],
  [
    'exponential to an end',
    exponentialSchedule({ from: 2, rate: 0.5, steps: 10, end: 0.75 }),
    [2, 1.866066, 1.515717, 1.414214, 1, 0.8705505, 0.75, 0.75, 0.75, 0.75],
  ],
  [
    'exponential that grows',
    exponentialSchedule({ from: 2, rate: 3, steps: 10, end: 5 }),
    [2, 2.232246, 3.103691, 3.464102, 5, 5, 5, 5, 5, 5],
  ],
  [
    'polynomial',
    polynomialSchedule({ from: 2, to: 0.5, steps: 20, power: 3 }),
    [2, 1.786062, 1.268, 1.132812, 0.6875, 0.596, 0.5, 0.5, 0.5, 0.5],
  ],
  [
    'piecewise constant',
    piecewiseConstantSchedule({ from: 2, scales: { 5: 0.5, 20: 0.1 } }),
    [2, 2, 2, 1, 1, 1, 0.1, 0.1, 0.1, 0.1],
  ],
  [
    'piecewise linear',
    piecewiseInterpolateSchedule({ from: 2, scales: { 5: 0.5, 20: 3 } }),
    [2, 1.8, 1.2, 1, 1.666667, 1.933333, 3, 3, 3, 3],
  ],
  [
    'piecewise cosine',
    piecewiseInterpolateSchedule({ from: 2, scales: { 5: 0.5, 20: 3 }, by: 'cosine' }),
    [2, 1.904508, 1.095491, 1, 1.5, 1.895472, 3, 3, 3, 3],
  ],
  [
    'one cycle',
    oneCycleSchedule({ peak: 2, steps: 40 }),
    [0.08000004, 0.1127113, 0.5600001, 0.7915337, 1.871384, 2, 1.623491, 0.2181756, 8e-6, 8e-6],
  ],
  [
    'one cycle linear',
    oneCycleSchedule({ peak: 2, steps: 40, by: 'linear' }),
    [0.08, 0.24, 0.72, 0.8799999, 1.68, 2, 1.301818, 0.08, 8e-6, 8e-6],
  ],
  [
    'warmup exponential',
    warmupExponentialSchedule({ peak: 2, warmupSteps: 5, rate: 0.5, steps: 10 }),
    [0, 0.4, 1.6, 2, 1.414214, 1.231144, 0.7071068, 0.2679434, 0.1767767, 0.002762136],
  ],
  [
    'restarts',
    cosineRestartsSchedule([
      { peak: 2, warmupSteps: 2, steps: 10 },
      { peak: 1, warmupSteps: 0, steps: 20, end: 0.1 },
    ]),
    [0, 1, 1.707107, 1.382683, 1, 0.9779754, 0.55, 0.1, 0.1, 0.1],
  ],
]

describe('schedules are those of optax', () => {
  test.each(table)('%s', async (_, schedule, wanted) => {
    near(at(schedule, counts), wanted)
    for (const device of devices) {
      const found = await Promise.all(counts.map((count) => readAsync(schedule(scalar(count, 'i32')), device)))
      near(
        found.map((x) => x[0]!),
        wanted,
      )
    }
  })
})

describe('schedules at their ends and between', () => {
  const steps = fc.integer({ min: 1, max: 50 })
  const value = fc.integer({ min: 1, max: 64 }).map((n) => n / 8)

  test('begin and end where they say, and stay there', () => {
    fc.assert(
      fc.property(value, value, steps, steps, fc.integer({ min: 1, max: 4 }), (from, to, n, warm, power) => {
        near(at(polynomialSchedule({ from, to, steps: n, power }), [0, n, n + 7]), [from, to, to])
        near(at(exponentialSchedule({ from, rate: 0.5, steps: n }), [0, n, 2 * n]), [from, from / 2, from / 4])
        near(at(warmupConstantSchedule({ peak: to, warmupSteps: warm }), [0, warm, warm + 9]), [0, to, to])
        const line = warmupLinearSchedule({ peak: to, warmupSteps: warm, steps: warm + n, end: from })
        near(at(line, [0, warm, warm + n, warm + n + 9]), [0, to, from, from])
        for (const by of ['linear', 'cosine'] as const) {
          const pieces = piecewiseInterpolateSchedule({ from, scales: { [warm]: 2, [warm + n]: 0.25 }, by })
          near(at(pieces, [0, warm, warm + n, warm + n + 9]), [from, 2 * from, from / 2, from / 2])
        }
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  test('the continuous ones move by no more than their steepest step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 60 }), fc.constantFrom('linear', 'cosine'), (n, by) => {
        const schedule = oneCycleSchedule({ peak: 1, steps: n, by })
        const found = at(
          schedule,
          Array.from({ length: n + 2 }, (_, i) => i),
        )
        const rise = Math.trunc(0.3 * n)
        const steepest = ((Math.PI / 2) * 1) / Math.min(rise, Math.trunc(0.85 * n) - rise)
        found.slice(1).forEach((x, i) => expect(Math.abs(x - found[i]!)).toBeLessThanOrEqual(steepest + 1e-6))
        expect(Math.max(...found)).toBeCloseTo(1, 6)
        expect(found.indexOf(Math.max(...found))).toBe(rise)
      }),
      { seed: 2, numRuns: 30 },
    )
  })

  test('no pieces are a constant, and order does not matter', () => {
    expect(at(piecewiseConstantSchedule({ from: 2, scales: {} }), [0, 9])).toEqual([2, 2])
    expect(at(piecewiseInterpolateSchedule({ from: 2, scales: {} }), [0, 9])).toEqual([2, 2])
    near(at(piecewiseConstantSchedule({ from: 2, scales: { 20: 0.5, 3: 2 } }), [2, 3, 20]), [2, 4, 2])
  })

  test('one that falls stands still at 0 and past the end of numbers', () => {
    const late = [2 ** 31 - 1]
    expect(at(exponentialSchedule({ from: 1, rate: 0.5, steps: 1 }), late)).toEqual([0])
    expect(at(polynomialSchedule({ from: 1, to: 0, steps: 3, power: 0.5 }), late)).toEqual([0])
  })

  test('numbers that are none are refused', () => {
    expect(() => exponentialSchedule({ from: 1, rate: 0, steps: 1 })).toThrow(/rate is 0/)
    expect(() => exponentialSchedule({ from: NaN, rate: 1, steps: 1 })).toThrow(/from is NaN/)
    expect(() => polynomialSchedule({ from: 1, to: 0, steps: 1, power: 0 })).toThrow(/power is 0/)
    expect(() => piecewiseConstantSchedule({ from: 1, scales: { 1.5: 1 } })).toThrow(/1.5 is no number of updates/)
    expect(() => piecewiseConstantSchedule({ from: 1, scales: { 1: -1 } })).toThrow(/scale at 1 is -1/)
    expect(() => oneCycleSchedule({ peak: 1, steps: 0 })).toThrow(/steps 0/)
    expect(() => oneCycleSchedule({ peak: 1, steps: 9, rise: 0.9 })).toThrow(/rise is 0.9/)
    expect(() => cosineRestartsSchedule([])).toThrow(/one boundary fewer/)
  })
})

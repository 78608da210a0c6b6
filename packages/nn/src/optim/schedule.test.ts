import { presentDevices } from '@adjoint/testing'
import { readAsync, scalar } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { afterAll, describe, expect, test } from 'vitest'
import {
  constantSchedule,
  cosineSchedule,
  joinSchedules,
  linearSchedule,
  type Schedule,
  warmupCosineSchedule,
} from './schedule.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const at = (schedule: Schedule, counts: readonly number[]): readonly number[] =>
  counts.map((count) => evaluate([schedule(scalar(count, 'i32'))])[0]!.data[0]!)
const close = (xs: readonly number[], ys: readonly number[]): void => {
  expect(xs).toHaveLength(ys.length)
  xs.forEach((x, i) => expect(x).toBeCloseTo(ys[i]!, 6))
}

describe('schedules', () => {
  test('constant', () => close(at(constantSchedule(0.3), [0, 7, 1e6]), [0.3, 0.3, 0.3]))
  test('linear', () => close(at(linearSchedule({ from: 1, to: 3, steps: 4 }), [0, 1, 4, 9]), [1, 1.5, 3, 3]))
  test('cosine', () =>
    close(at(cosineSchedule({ from: 1, to: 0, steps: 4 }), [0, 1, 2, 4, 9]), [1, (1 + Math.SQRT1_2) / 2, 0.5, 0, 0]))
  test('of no steps stands at its end', () => close(at(linearSchedule({ from: 1, to: 3, steps: 0 }), [0, 1]), [3, 3]))

  test('joined ones count from their own starts', () => {
    const line = linearSchedule({ from: 0, to: 4, steps: 4 })
    close(at(joinSchedules([line, constantSchedule(9), line], [2, 3]), [0, 1, 2, 3, 4, 99]), [0, 1, 9, 0, 1, 4])
    const [schedules, boundaries] = [[line, constantSchedule(9)], [2]]
    const joined = joinSchedules(schedules, boundaries)
    schedules[1] = line
    boundaries[0] = 9
    close(at(joined, [0, 1, 2, 99]), [0, 1, 9, 9])
    expect(() => joinSchedules([line, line], [])).toThrow(/one boundary fewer/)
    expect(() => joinSchedules([line, line, line], [3, 3])).toThrow(/ascending/)
  })

  test('at step 0, at the end and past it, on every device', async () => {
    const schedule = warmupCosineSchedule({ peak: 1e-3, warmupSteps: 0, steps: 10 })
    for (const device of devices) {
      const of = async (count: number) => (await readAsync(schedule(scalar(count, 'i32')), device))[0]!
      expect(await of(0)).toBeCloseTo(1e-3, 8)
      for (const count of [10, 11, 2 ** 31 - 1]) expect(Math.abs(await of(count))).toBeLessThan(1e-9)
    }
  })

  test('warm-up, then a cosine', () => {
    const schedule = warmupCosineSchedule({ peak: 2, warmupSteps: 4, steps: 12, end: 1 })
    close(at(schedule, [0, 1, 4, 8, 12, 99]), [0, 0.5, 2, 1.5, 1, 1])
  })
})

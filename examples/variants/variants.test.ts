import type { LogRecord } from '@adjoint/rl'
import { expect, describe, test } from 'vitest'
import { curveOf, examOf, examsOf, mean, overSteps, rowOf, summaryOf } from './outcome.ts'

/** A log of RL with a short exam after 10 and 20 steps, and one at the end. */
const logOf = (ten: number, twenty: number, end: number): readonly LogRecord[] => [
  { kind: 'settings', phase: '', step: 0 },
  { kind: 'step', phase: 'rl', step: 0, 'clip_ratio/region_mean': 0 },
  { kind: 'step', phase: 'rl', step: 1, 'clip_ratio/region_mean': 0.5 },
  { kind: 'evaluation', phase: 'rl', step: 9, done: 10, passAt1: ten },
  { kind: 'evaluation', phase: 'rl', step: 19, done: 20, passAt1: twenty },
  { kind: 'evaluation', phase: 'exam', step: 0, done: 0, passAt1: end, consAtK: 0.75, meanLength: 9, thinkRate: 1 },
]
const followed = { name: 'dapo', logs: [logOf(0.5, 0.75, 0.7), logOf(0.25, 1, 0.9)] }

describe('what a variant came to', () => {
  test('the exams on the way and the one at the end are told apart', () => {
    expect(examsOf(followed.logs[0]!, 'passAt1')).toEqual([
      [10, 0.5],
      [20, 0.75],
    ])
    expect(examOf(followed.logs[0]!, 'passAt1')).toBe(0.7)
    expect(overSteps(followed.logs[0]!, 'clip_ratio/region_mean')).toBe(0.25)
  })

  test('its curve begins at the start, and has the spread of the seeds', () => {
    expect(curveOf(followed, 'passAt1', 0.1)).toEqual({
      name: 'dapo',
      points: [
        { x: 0, y: 0.1, low: 0.1, high: 0.1 },
        { x: 10, y: 0.375, low: 0.25, high: 0.5 },
        { x: 20, y: 0.875, low: 0.75, high: 1 },
      ],
    })
  })

  test('one seed has no band, and a seed whose run is shorter is left out where it has nothing', () => {
    expect(curveOf({ name: 'one', logs: [followed.logs[0]!] }, 'passAt1', 0).points).toEqual([
      { x: 0, y: 0 },
      { x: 10, y: 0.5 },
      { x: 20, y: 0.75 },
    ])
    const cut = { name: 'cut', logs: [followed.logs[0]!, followed.logs[1]!.slice(0, 4)] }
    expect(curveOf(cut, 'passAt1', 0).points.at(-1)).toEqual({ x: 20, y: 0.75 })
  })

  test('in words: who ends together, and who does not', () => {
    const row = (name: string, clipped: number, ...passAt1: readonly number[]) => ({
      ...rowOf(followed),
      name,
      passAt1,
      clipped: [clipped],
    })
    expect(summaryOf([row('a', 0, 0.9, 0.94), row('b', 0, 0.92, 0.93), row('c', 0.5, 0.8)])).toBe(
      '2 of 3 variants end within 0.01 of the best (b, 0.925). Further off: c, 0.800, with 50 % of its tokens held by the clip.',
    )
    expect(summaryOf([row('a', 0, 0.9)])).toBe('1 of 1 variants end within 0.01 of the best (a, 0.900).')
    expect(summaryOf([])).toBe('Nothing was trained.')
  })

  test('its row has a figure for each seed', () => {
    expect(rowOf(followed)).toEqual({
      ...{ name: 'dapo', passAt1: [0.7, 0.9], consAt16: [0.75, 0.75], meanLength: [9, 9], thinkRate: [1, 1] },
      clipped: [0.25, 0.25],
    })
    expect(mean([1, 2])).toBe(1.5)
    expect(examOf([], 'passAt1')).toBeNaN()
  })
})

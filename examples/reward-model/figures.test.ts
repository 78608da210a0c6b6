import type { LogRecord } from '@adjoint/rl'
import { describe, expect, test } from 'vitest'
import { chartsOf, courseRow, momentsOf } from './figures.ts'

const step = (i: number, over: Readonly<Record<string, number>> = {}): LogRecord => ({
  ...{ kind: 'step', phase: 'train', step: i },
  ...{ kl: i / 100, 'completions/mean_length': 10, 'rewards/learned/mean': i, 'rewards/learned/std': 2 },
  ...{ 'rewards/correct/mean': i < 15 ? i / 30 : 0.2, 'rewards/correct/std': 0.5, ...over },
})
const log = [
  { kind: 'settings', phase: '', step: 0 },
  ...Array.from({ length: 25 }, (_, i) => step(i)),
  { kind: 'step', phase: 'exam', step: 0, kl: 99 },
]

describe('the course of a run', () => {
  test('is its first step, and means of every ten', () => {
    expect(momentsOf(log).map((m) => [m.step, m.kl, m.proxy].map((x) => Number(x.toFixed(6))))).toEqual([
      [1, 0, 0],
      [10, 0.45, 4.5], // 10 tokens of 0.045 nats each
      [20, 1.45, 14.5],
    ])
    expect(momentsOf([])).toEqual([])
  })

  test('has a row: at first, at its best, in the end', () => {
    expect(courseRow(['good', log])).toEqual(['good', '0.000', '0.300', '20', '1.45', '0.300', '1.45'])
    expect(courseRow(['none', []])).toEqual(['none'])
  })

  test('is drawn in deviations of the start', () => {
    const outcome = { seed: 0, device: 'wasm', seconds: 1, judges: [], policies: [] }
    const { overoptimisation, accuracy } = chartsOf(outcome, [['good', log]])
    expect(overoptimisation.series.map((s) => s.points.map((p) => Number(p.y.toFixed(6))))).toEqual([
      [0, 2.25, 7.25],
      [0, 0.3, 0.6],
    ])
    expect(accuracy.series[0]!.points.map((p) => Number(p.x.toFixed(6)))).toEqual([0, 0.45, 1.45])
  })
})

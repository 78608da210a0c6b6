import { expect, test } from 'vitest'
import { tableText } from '../cli/table.ts'
import type { Outcome } from './outcome.ts'
import { TABLE_HEAD, tableOf } from './report.ts'

test('the table at the end fits a terminal of 60 columns', () => {
  const figures = { passAt1: 0.994, consAt16: 1, thinkRate: 0.994, meanLength: 12.34 }
  const outcome: Outcome = {
    ...{ seed: 0, device: 'wasm', dtype: 'f32', params: 102912, paramBytes: 411648, peakBytes: 1, seconds: 1 },
    ...{ sft: figures, grpo: figures },
  }
  const lines = tableText(TABLE_HEAD, tableOf(outcome)).split('\n')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60)
})

import type { LogRecord } from '@adjoint/rl'
import { expect, test } from 'vitest'
import { narrowTable } from '../cli/table.ts'
import { budgetTable } from './budget.ts'
import { modelTable, outcomeOf, type SeedResult, stageTable } from './outcome.ts'

const MODELS = ['teacher', 'student-distilled', 'student-rl', 'student-unfiltered-sft'] as const

const result = (seed: number, passAt1: number): SeedResult => ({
  seed,
  reports: [
    // A model is reported by each stage that made it: the last one counts.
    { stage: '2-reasoning-rl', model: 'teacher', figures: { passAt1: 0, thinkRate: 0.5, language: 0.75 } },
    ...MODELS.map((model) => ({
      stage: `9-${model}`,
      model,
      figures: { passAt1, consAtK: 1, meanLength: 10, thinkRate: 1, language: 1 },
    })),
  ],
  sizes: Object.fromEntries(MODELS.map((model, i) => [model, 10 * i])),
  seconds: 1.25,
})

test('the object of --json has the four models, and a row of figures a seed', () => {
  const outcome = outcomeOf('wasm', [result(0, 0.5), result(1, 0.75)])
  expect(outcome.device).toBe('wasm')
  expect(outcome.seconds).toBe(2.5)
  expect(outcome.table.map(({ model, params }) => [model, params])).toEqual(MODELS.map((model, i) => [model, 10 * i]))
  expect(outcome.table[0]!.seeds).toEqual([
    { passAt1: 0.5, consAt16: 1, meanLength: 10 },
    { passAt1: 0.75, consAt16: 1, meanLength: 10 },
  ])
})

test('tables have means over the seeds', () => {
  const results = [result(0, 0.5), result(1, 0.75)]
  expect(modelTable(outcomeOf('wasm', results), [0, 1]).rows[1]).toEqual([
    ...['student-distilled', '10', '0.625 (0.500 / 0.750)', '1.000', '10.00'],
  ])
  expect(stageTable(results).rows[0]).toEqual(['2-reasoning-rl', '0.000', '0.500', '0.750', '-'])
})

test('tables fit a terminal of 60 columns, with no name cut but at its hyphens', () => {
  const results = [result(0, 0.5), result(1, 0.75)]
  for (const { head, rows } of [modelTable(outcomeOf('wasm', results), [0, 1]), stageTable(results), budgetTable({})]) {
    const text = narrowTable(60)(head, rows)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60)
    for (const words of ['unfiltered-', ...head.flatMap((title) => title.split(' '))]) expect(text).toContain(words)
  }
})

test('the budget is what the logs say', () => {
  const line = (fields: Readonly<Record<string, number>>, kind = 'step'): LogRecord => ({
    ...{ kind, phase: 'p', step: 0 },
    ...fields,
  })
  const sampled = (kept: number): readonly LogRecord[] => [line({ tried: 8, kept }), line({ tried: 8, kept })]
  const sft = [line({ rows: 64 }, 'settings'), line({}), line({}), line({}, 'evaluation')]
  const { rows } = budgetTable({
    'rejection-sampling': sampled(3),
    'unfiltered-traces': sampled(7),
    'student-distilled': sft,
    'student-unfiltered-sft': sft,
    'student-rl': [line({ prompts: 2, group: 4 }, 'settings'), line({}), line({}), line({})],
  })
  expect(rows.map((row) => row.slice(1))).toEqual([
    ['16 by the teacher after its reasoning RL', '6', '128 in 2 steps'],
    ['24 by itself', '24', '24 in 3 steps'],
    ['16 by the teacher after its reasoning RL', '14', '128 in 2 steps'],
  ])
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { barLine, timeLeft } from './progress.ts'

test.each([
  [0, 100, 0, '..'],
  [1, 100, 1000, '1m39s'],
  [50, 100, 50_000, '50s'],
  [1, 10_000, 1000, '2h46m'],
  [100, 100, 5, '0s'],
])('%i of %i steps in %i ms: %s', (done, of, ms, left) => {
  expect(timeLeft(done, of, ms)).toBe(left)
})

test('is short, whatever is left', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e7), (done, more, ms) => {
      expect(timeLeft(done, done + more, ms).length).toBeLessThan(20)
    }),
    { seed: 4 },
  )
})

const details = ['reward 0.512', 'accuracy 0.250', 'length 12.5', '1234 tokens/s']

test('a line in 60 columns has the phase, the bar, the step and the time; in more, what was measured', () => {
  const told = { phase: 'seed 0  rejection-sampling-sft, exam', step: 500, steps: 1000, left: '2h46m', details }
  expect(barLine(60, told)).toBe('seed 0  rejection-sampling-sft,… ███░░░ 500/1000  2h46m left')
  expect(barLine(60, { ...told, phase: 'grpo', step: 25, steps: 100 })).toBe(
    'grpo      ████░░░░░░░░░░░░ 25/100  2h46m left  reward 0.512',
  )
  expect(barLine(120, { ...told, phase: 'grpo' })).toBe(
    `grpo      ████████░░░░░░░░ 500/1000  2h46m left  ${details.join('  ')}`,
  )
})

test('a phase that is done has nothing left', () => {
  const told = { phase: 'exam', step: 1, steps: 1, left: '..', details: [] }
  expect(barLine(60, told)).toBe('exam      ████████████████ 1/1  done')
})

test('a line fits its columns, whatever it tells', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 45, max: 200 }),
      fc.string({ maxLength: 60 }),
      fc.nat(99_999),
      fc.integer({ min: 1, max: 99_999 }),
      fc.subarray(details),
      (columns, phase, step, steps, some) => {
        const line = barLine(columns, { phase, step, steps, left: '10h59m', details: some })
        expect(line.length).toBeLessThanOrEqual(columns)
        expect(line).toContain(` ${step}/${steps}  ${step >= steps ? 'done' : '10h59m left'}`)
      },
    ),
    { seed: 5 },
  )
})

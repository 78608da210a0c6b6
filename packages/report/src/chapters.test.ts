import { describe, expect, test } from 'vitest'
import { allChapters, chaptersOf, curvesIn, numbersOf, titleOf } from './chapters.ts'
import { evaluationLine, lines, logLines, stepLine, timesLines } from './made-up.ts'
import { type Run, stageOf } from './run.ts'

const runOf = (...stages: readonly Run['stages'][number][]): Run => ({
  name: 'r',
  folder: '/r',
  seed: 0,
  notes: [],
  changed: 0,
  stages,
})
const made = { seed: 1, steps: 4 }
const plain = runOf(stageOf('', lines(logLines(made)), lines(timesLines(made))).stage)
const grpo = { stage: '', phase: 'grpo' }

describe('phases and their curves', () => {
  test('phases come as the log comes to them, and titles say what is known', () => {
    expect(chaptersOf(plain).map(titleOf)).toEqual(['sft', 'sft-exam', 'grpo', 'grpo-exam'])
    expect(titleOf({ stage: '2-reasoning-rl', phase: 'exam' })).toBe('2-reasoning-rl, exam')
    expect(titleOf({ stage: '2-reasoning-rl', phase: 'reasoning-rl' })).toBe('2-reasoning-rl')
  })

  test('phases of several runs are one order that respects each', () => {
    const of = (...phases: string[]) =>
      runOf(stageOf('', lines(phases.map((phase) => stepLine(phase, 0, { x: 1 }))), '').stage)
    expect(allChapters([of('a', 'c'), of('a', 'b', 'c'), of('c', 'd')]).map(({ phase }) => phase)).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
  })

  test('every number of the log is on a curve, unknown names and absent values too', () => {
    const curves = curvesIn(plain, grpo)
    expect(curves.get('a name nobody has heard of')?.map(({ y }) => y)).toEqual([0, 1, 4, 9])
    expect(curves.get('kl')?.map(({ y }) => y)).toEqual([0, 0.001, 0.002, null])
    expect(curves.get('times/rollout')).toHaveLength(4)
    expect(curves.has('times/step_time')).toBe(false)
  })

  test('numbers within a line are found, whatever else is there', () => {
    const line = { kind: 'step', phase: 'x', step: 3, a: 1, b: { c: 2, d: { e: null } }, f: 'text', g: [1], h: true }
    expect([...numbersOf(line)]).toEqual([
      ['a', 1],
      ['b/c', 2],
      ['b/d/e', null],
    ])
  })

  test('the exams before and after a phase are the ends of its curve', () => {
    const points = curvesIn(plain, grpo).get('evaluation/passAt1')
    expect(points).toEqual([
      { x: 0, y: 0.51 },
      { x: 4, y: 0.91 },
    ])
  })

  test('a stage of a recipe starts from the exam of the stage that made its policy, not from the one before it', () => {
    const stage = (name: string, from: string, to: string, passAt1: number) =>
      stageOf(
        name,
        lines([
          { kind: 'settings', phase: '', step: 0, from, to },
          stepLine('train', 0, { loss: 1 }),
          evaluationLine('exam', 0, passAt1, 1),
        ]),
        '',
      ).stage
    const recipe = runOf(
      stage('1-base', 'start', 'student', 0.1),
      stage('2-distilled', 'student', 'distilled', 0.8),
      stage('3-rl', 'student', 'rl', 0.4),
    )
    const at = (name: string) =>
      curvesIn(recipe, { stage: name, phase: 'train' })
        .get('evaluation/passAt1')
        ?.map(({ x, y }) => [x, y])
    expect(at('1-base')).toEqual([[1, 0.1]])
    expect(at('2-distilled')).toEqual([
      [0, 0.1],
      [1, 0.8],
    ])
    expect(at('3-rl')).toEqual([
      [0, 0.1],
      [1, 0.4],
    ])
  })
})

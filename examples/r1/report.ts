/** tables.html of the recipe: a pure function of its logs. `npm run report -- FOLDER` shows all of them. */
import { type Chart, curve, lineChart, linesOf, pageHtml, renderSvg, type Section, type Series } from '@adjoint/report'
import type { Json, LogRecord } from '@adjoint/rl'
import type { Stages } from './budget.ts'
import type { TableOf } from './outcome.ts'

/** The stages of one seed. */
export interface SeedLogs {
  readonly seed: number
  readonly stages: Stages
}

const doneOf = (line: LogRecord): number => (typeof line['done'] === 'number' ? line['done'] : 0)

/** The exam of the stage before, short exams on the way, and the long one at the end. */
const examCurve = (stages: Stages, before: string, stage: string, field: string, name: string): Series => {
  const at = (of: string, phase: string): readonly LogRecord[] => linesOf(stages[of] ?? [], 'evaluation', phase)
  const lines = [
    ...at(before, 'exam').map((line) => ({ ...line, step: 0 })),
    ...[...at(stage, stage), ...at(stage, 'exam')].map((line) => ({ ...line, step: doneOf(line) })),
  ]
  return curve(lines, field, name)
}

const chartsOf = (logs: readonly SeedLogs[]): readonly Chart[] => {
  const exams = (before: string, stage: string, field: string): readonly Series[] =>
    logs.map(({ seed, stages }) => examCurve(stages, before, stage, field, `seed ${seed}`))
  const teacher = (field: string): readonly Series[] => exams('cold-start', 'reasoning-rl', field)
  const student = (field: string): readonly Series[] => exams('student-base', 'student-rl', field)
  const [x, share, tokens] = ['GRPO step', { y: 'share', domain: [0, 1] }, { y: 'tokens' }] as const
  return [
    { title: 'Teacher, reasoning RL: accuracy', x, ...share, series: teacher('passAt1') },
    { title: 'Teacher, reasoning RL: mean response length', x, ...tokens, series: teacher('meanLength') },
    { title: 'Teacher, reasoning RL: share that thinks', x, ...share, series: teacher('thinkRate') },
    { title: 'Teacher, reasoning RL: language consistency', x, ...share, series: teacher('language') },
    { title: 'Student by RL alone: accuracy', x, ...share, series: student('passAt1') },
    { title: 'Student by RL alone: language consistency', x, ...share, series: student('language') },
  ]
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')

/** Completions of the exam at the end of a stage. */
const samplesOf = (title: string, records: readonly LogRecord[] = []): Section => ({
  kind: 'table',
  title,
  head: ['prompt', 'completion', ''],
  rows: linesOf(records, 'sample', 'exam').map((line) => [
    text(line['prompt']),
    text(line['completion']),
    line['correct'] === 1 ? 'right' : 'wrong',
  ]),
})

/** The page. */
export const reportHtml = async (
  about: string,
  tables: readonly TableOf[],
  logs: readonly SeedLogs[],
): Promise<string> => {
  const svgs: string[] = []
  for (const chart of chartsOf(logs)) svgs.push(await renderSvg(lineChart(chart)))
  const first = logs[0]?.stages ?? {}
  return pageHtml({
    title: 'The whole R1 recipe',
    sections: [
      { kind: 'text', text: about },
      ...tables.map((table): Section => ({ kind: 'table', ...table })),
      { kind: 'charts', title: 'Reinforcement, on held-out problems', svgs },
      samplesOf('The teacher after its cold start', first['cold-start']),
      samplesOf('The teacher', first['all-rewards-rl']),
      samplesOf('The student, distilled', first['student-distilled']),
      samplesOf('The student by RL alone', first['student-rl']),
      samplesOf('The student on unfiltered traces', first['student-unfiltered-sft']),
    ],
  })
}

/** report.html of the recipe: a pure function of its logs. `npm run report -- FOLDER` shows all of them. */
import { type Chart, curve, lineChart, linesOf, pageHtml, renderSvg, type Section, type Series } from '@adjoint/report'
import type { Json, LogRecord } from '@adjoint/rl'
import type { Stages } from './budget.ts'
import type { TableOf } from './outcome.ts'

/** The stages of one seed. */
export interface SeedLogs {
  readonly seed: number
  readonly stages: Stages
}

/** Short exams on the way, and the long one at the end. */
const examCurve = (records: readonly LogRecord[], stage: string, field: string, name: string): Series => {
  const at = (line: LogRecord): number => (typeof line['done'] === 'number' ? line['done'] : 0)
  const lines = [...linesOf(records, 'evaluation', stage), ...linesOf(records, 'evaluation', 'exam')]
  return curve(
    lines.map((line) => ({ ...line, step: at(line) })),
    field,
    name,
  )
}

const chartsOf = (logs: readonly SeedLogs[]): readonly Chart[] => {
  const bySeed = (of: (stages: Stages, name: string) => Series): readonly Series[] =>
    logs.map(({ seed, stages }) => of(stages, `seed ${seed}`))
  const exams = (stage: string, field: string): readonly Series[] =>
    bySeed((stages, name) => examCurve(stages[stage] ?? [], stage, field, name))
  const training = (stage: string, field: string): readonly Series[] =>
    bySeed((stages, name) => curve(linesOf(stages[stage] ?? [], 'step', stage), field, name))
  const [x, share, tokens] = ['GRPO step', { y: 'share', domain: [0, 1] }, { y: 'tokens' }] as const
  return [
    {
      title: 'Teacher, reasoning RL: accuracy on held-out problems',
      x,
      ...share,
      series: exams('reasoning-rl', 'passAt1'),
    },
    { title: 'Teacher, reasoning RL: share that thinks', x, ...share, series: exams('reasoning-rl', 'thinkRate') },
    {
      title: 'Teacher, reasoning RL: mean response length',
      ...{ x, ...tokens, series: training('reasoning-rl', 'completions/mean_length') },
    },
    {
      title: 'Teacher, reasoning RL: language reward',
      ...{ x, ...share, series: training('reasoning-rl', 'rewards/language/mean') },
    },
    {
      title: 'Student by RL alone: accuracy on held-out problems',
      x,
      ...share,
      series: exams('student-rl', 'passAt1'),
    },
    { title: 'Student by RL alone: language consistency', x, ...share, series: exams('student-rl', 'language') },
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
      { kind: 'charts', title: 'Reinforcement', svgs },
      samplesOf('The teacher after its cold start', first['cold-start']),
      samplesOf('The teacher', first['all-rewards-rl']),
      samplesOf('The student, distilled', first['student-distilled']),
      samplesOf('The student by RL alone', first['student-rl']),
      samplesOf('The student on unfiltered traces', first['student-unfiltered-sft']),
    ],
  })
}

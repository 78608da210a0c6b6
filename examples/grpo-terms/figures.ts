/** What the runs look like: curves of all seeds as one, and a table for a page. Pure functions of the data. */
import { type Chart, type ChartSpec, lineChart, type Series } from '@adjoint/report'
import { show } from '../cli/table.ts'
import type { Study, TermRun } from './job.ts'
import { type Term, TERMS } from './terms.ts'

/** Steps that make one point of a curve: 128 completions a step are few. */
const WINDOW = 3
/** Steps at the end, whose mean says where a run ended. */
const LAST = 9

type Measure = 'accuracy' | 'kl' | 'length' | 'clipped'

const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length

/** What a term is called in charts and tables. */
const names: Readonly<Record<Term, string>> = {
  nothing: 'all terms',
  mean: 'no mean',
  std: 'no std',
  ratio: 'no ratio',
  clip: 'no clip',
  min: 'no min',
  KL: 'no KL',
  length: 'no 1/length',
}

const runsOf = ({ runs }: Study, term: Term): readonly TermRun[] => runs.filter(({ without }) => without === term)

/** A term's curve: means over windows of steps, then over seeds, with a band from the lowest seed to the highest. */
const curveOf = (study: Study, term: Term, measure: Measure): Series => {
  const seeds = runsOf(study, term).map((run) => run[measure])
  const windows = Math.floor(study.steps / WINDOW)
  return {
    name: names[term],
    points: Array.from({ length: windows }, (_, i) => {
      const ys = seeds.map((of) => mean(of.slice(i * WINDOW, (i + 1) * WINDOW)))
      return { x: (i + 1) * WINDOW, y: mean(ys), low: Math.min(...ys), high: Math.max(...ys) }
    }),
  }
}

const chartOf = (study: Study, measure: Measure, terms: readonly Term[], texts: Omit<Chart, 'series'>): Chart => ({
  ...texts,
  series: terms.map((term) => curveOf(study, term, measure)),
})

/** A light plate behind a chart, on which its colours read on a dark page too. */
const onPlate = (chart: Chart): ChartSpec => ({ ...lineChart(chart), ...{ background: '#ffffff', padding: 12 } })

const right = { x: 'step', y: 'share right', domain: [0.4, 1] } as const

/** The charts of the page, by the names of their files. */
export const chartsOf = (study: Study): Readonly<Record<string, ChartSpec>> => ({
  'grpo-advantage': onPlate(
    chartOf(study, 'accuracy', ['nothing', 'mean', 'std'], { title: 'The advantage without its parts', ...right }),
  ),
  'grpo-ratio': onPlate(
    chartOf(study, 'accuracy', ['nothing', 'ratio', 'clip', 'min'], { title: 'Without ratio, clip, min', ...right }),
  ),
  'grpo-kl': onPlate(
    chartOf(study, 'kl', ['nothing', 'KL'], {
      title: 'Distance from the reference, with its term and without',
      x: 'step',
      y: 'k3, nats a token',
    }),
  ),
  'grpo-length': onPlate(
    chartOf(study, 'length', ['nothing', 'length', 'mean'], {
      title: 'Length of completions',
      x: 'step',
      y: 'tokens',
    }),
  ),
})

/** What a table of the runs says: means over seeds, and each seed's pass@1 beside. */
export const tableOf = (
  study: Study,
): { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] } => ({
  head: [
    ...['left out', 'pass@1'],
    ...runsOf(study, 'nothing').map(({ seed }) => `seed ${seed}`),
    ...['in the template', 'thinks', 'length', 'KL, most', `KL, last ${LAST} steps`],
  ],
  rows: TERMS.map((term) => {
    const runs = runsOf(study, term)
    const over = (f: (run: TermRun) => number, digits: number): string => show(mean(runs.map(f)), digits)
    return [
      names[term],
      over((r) => r.exam.passAt1, 3),
      ...runs.map((r) => show(r.exam.passAt1, 3)),
      over((r) => r.exam.formatRate, 3),
      over((r) => r.exam.thinkRate, 3),
      over((r) => r.exam.meanLength, 1),
      over((r) => Math.max(...r.kl), 2),
      over((r) => mean(r.kl.slice(-LAST)), 3),
    ]
  }),
})

/** The table as it stands on the page. */
export const markdownOf = (study: Study): string => {
  const { head, rows } = tableOf(study)
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  return [line(head), `| ${widths.map((n) => '-'.repeat(n)).join(' | ')} |`, ...rows.map(line)].join('\n')
}

/** What the runs came to: the object of --json, and the tables, out of the exams at the ends of stages. */
import type { About } from '@adjoint/report'
import type { Report } from '@adjoint/rl'
import { show } from '../cli/table.ts'
import { MODELS } from './recipe.ts'

/** What one seed has left. */
export interface SeedResult {
  readonly seed: number
  readonly reports: readonly Report[]
  /** Parameters of each model, by name. */
  readonly sizes: Readonly<Record<string, number>>
  /** Time of all steps, resumed ones included. */
  readonly seconds: number
}

/** Figures of one model and one seed. Lengths are in tokens, the end included. */
export interface Figures {
  readonly passAt1: number
  readonly consAt16: number
  readonly meanLength: number
}

/** The object of --json. */
export interface Outcome {
  readonly device: string
  /** Of all seeds. */
  readonly seconds: number
  readonly table: readonly {
    readonly model: string
    readonly params: number
    /** In the order of the seeds asked for. */
    readonly seeds: readonly Figures[]
  }[]
}

const figureOf = (report: Report | undefined, name: string): number => report?.figures[name] ?? NaN
const lastOf = (model: string, { reports }: SeedResult): Report | undefined =>
  reports.findLast((report) => report.model === model)

export const outcomeOf = (device: string, results: readonly SeedResult[]): Outcome => ({
  device,
  seconds: Math.round(10 * results.reduce((sum, { seconds }) => sum + seconds, 0)) / 10,
  table: MODELS.map((model) => ({
    model,
    params: results[0]?.sizes[model] ?? NaN,
    seeds: results.map((result) => {
      const report = lastOf(model, result)
      return {
        passAt1: figureOf(report, 'passAt1'),
        consAt16: figureOf(report, 'consAtK'),
        meanLength: figureOf(report, 'meanLength'),
      }
    }),
  })),
})

const mean = (xs: readonly number[]): number => xs.reduce((sum, x) => sum + x, 0) / xs.length

/** A table for people. */
export interface TableOf {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** The shape of R1's tables 5 and 6. */
export const modelTable = ({ table }: Outcome, seeds: readonly number[]): TableOf => ({
  title: 'Held-out problems, means over the seeds',
  head: [
    '',
    'parameters',
    seeds.length < 2 ? 'pass@1' : `pass@1 (of seed ${seeds.join(' / ')})`,
    'cons@16',
    'mean length',
  ],
  rows: table.map(({ model, params, seeds: each }) => [
    model,
    String(params),
    show(mean(each.map((f) => f.passAt1)), 3) +
      (each.length < 2 ? '' : ` (${each.map((f) => show(f.passAt1, 3)).join(' / ')})`),
    show(mean(each.map((f) => f.consAt16)), 3),
    show(mean(each.map((f) => f.meanLength)), 2),
  ]),
})

/** Every stage that ends with an exam: what it did. */
export const stageTable = (results: readonly SeedResult[]): TableOf => ({
  title: 'After each stage, means over the seeds',
  head: ['stage', 'pass@1', 'share that thinks', 'language consistency of thoughts', 'mean length'],
  rows: (results[0]?.reports ?? []).map(({ stage }) => {
    const over = (name: string): number =>
      mean(
        results.map(({ reports }) =>
          figureOf(
            reports.find((report) => report.stage === stage),
            name,
          ),
        ),
      )
    return [
      stage,
      show(over('passAt1'), 3),
      show(over('thinkRate'), 3),
      show(over('language'), 3),
      show(over('meanLength'), 2),
    ]
  }),
})

/** The words of report.html: the table, in sentences. */
export const aboutOf = (outcome: Outcome, seeds: readonly number[]): About => {
  const table = modelTable(outcome, seeds)
  return {
    title: `The whole R1 recipe, seed ${seeds.join(', ')}`,
    lead: [
      `A teacher of two layers and students of one, from random weights; ${outcome.device}, ${outcome.seconds} s. ${table.title}:`,
      ...table.rows.map(
        ([model, params, passAt1, consAt16, length]) =>
          `${model} (${params} parameters): pass@1 ${passAt1}, cons@16 ${consAt16}, mean length ${length}.`,
      ),
    ],
  }
}

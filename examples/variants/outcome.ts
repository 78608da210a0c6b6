/** What runs came to, out of their logs: a curve with its spread over seeds, and the figures of a table. */
import { linesOf, type Series } from '@adjoint/report'
import type { LogRecord } from '@adjoint/rl'
import { show } from '../cli/table.ts'

/** The logs of one way to train, a log a seed. */
export interface Followed {
  readonly name: string
  readonly logs: readonly (readonly LogRecord[])[]
}

/** Figures of one way to train: of each seed, in their order. Lengths in tokens. */
export interface Row {
  readonly name: string
  readonly passAt1: readonly number[]
  readonly consAt16: readonly number[]
  readonly meanLength: readonly number[]
  readonly thinkRate: readonly number[]
  /** Share of tokens held by the clip, mean over the steps. */
  readonly clipped: readonly number[]
}

const numberAt = (record: LogRecord | undefined, field: string): number => {
  const x = record?.[field]
  return typeof x === 'number' ? x : NaN
}

/** The mean; NaN of nothing. */
export const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length

/** One field of the exam at the end of a run. */
export const examOf = (log: readonly LogRecord[], field: string): number =>
  numberAt(linesOf(log, 'evaluation', 'exam').at(-1), field)

/** The exams on the way: steps done, and a field. */
export const examsOf = (
  log: readonly LogRecord[],
  field: string,
): readonly (readonly [done: number, value: number])[] =>
  linesOf(log, 'evaluation', 'rl').map((line) => [numberAt(line, 'done'), numberAt(line, field)])

/** The mean of a metric over the steps of RL. */
export const overSteps = (log: readonly LogRecord[], metric: string): number =>
  mean(linesOf(log, 'step', 'rl').map((line) => numberAt(line, metric)))

/** A field of the exams on the way, from the start's: the mean over seeds, with a band from the lowest to the highest. */
export const curveOf = ({ name, logs }: Followed, field: string, atStart: number): Series => {
  const exams = logs.map((log) => new Map(examsOf(log, field)))
  const at = (done: number): readonly number[] => exams.flatMap((exam) => exam.get(done) ?? [])
  const seeds = (x: number, ys: readonly number[]): Series['points'][number] =>
    ys.length === 1 ? { x, y: mean(ys) } : { x, y: mean(ys), low: Math.min(...ys), high: Math.max(...ys) }
  const steps = [...(exams[0]?.keys() ?? [])]
  return {
    name,
    points: [
      seeds(
        0,
        logs.map(() => atStart),
      ),
      ...steps.map((done) => seeds(done, at(done))),
    ],
  }
}

/** What a chart of such curves is of. */
export const overSeeds = (seeds: number): string =>
  seeds === 1 ? 'one seed' : `mean of ${seeds} seeds, band from lowest to highest`

/** The figures of one way to train. */
export const rowOf = ({ name, logs }: Followed): Row => ({
  name,
  passAt1: logs.map((log) => examOf(log, 'passAt1')),
  consAt16: logs.map((log) => examOf(log, 'consAtK')),
  meanLength: logs.map((log) => examOf(log, 'meanLength')),
  thinkRate: logs.map((log) => examOf(log, 'thinkRate')),
  clipped: logs.map((log) => overSteps(log, 'clip_ratio/region_mean')),
})

/** About the error of an exam of 2,000 completions at the accuracies that are compared: 2 sqrt(p (1 - p) / n). */
const CLOSE = 0.01

/** In words: which end together, and which do not. */
export const summaryOf = (table: readonly Row[]): string => {
  const [best, ...others] = [...table].sort((x, y) => mean(y.passAt1) - mean(x.passAt1))
  if (best === undefined) return 'Nothing was trained.'
  const top = mean(best.passAt1)
  const far = others.filter((row) => top - mean(row.passAt1) > CLOSE)
  const level = `${table.length - far.length} of ${table.length} variants end within ${CLOSE} of the best (${best.name}, ${show(top, 3)})`
  if (far.length === 0) return `${level}.`
  const share = ({ clipped }: Row): string => `${show(100 * mean(clipped), 0)} % of its tokens held by the clip`
  return `${level}. Further off: ${far.map((row) => `${row.name}, ${show(mean(row.passAt1), 3)}, with ${share(row)}`).join('; ')}.`
}

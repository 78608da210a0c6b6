/** What runs came to, out of their logs: a curve with its spread over seeds, and the figures of a table. */
import { linesOf, type Series } from '@adjoint/report'
import type { LogRecord } from '@adjoint/rl'

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

/**
 * Distillation in six ways: a teacher of two layers writes a small set of traces; students of one layer learn from the
 * traces alone, from the teacher's distribution on them, or from its distribution on what they write themselves. The last
 * ones meet new problems at every step: a seventh student, who is given the teacher's traces of as many, tells what of
 * their gain is due to that.
 */
import { curve, lineChart, linesOf, renderSvg } from '@adjoint/report'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { main, writeText } from '../cli/example.ts'
import { show, tableText } from '../cli/table.ts'
import { flags } from './flags.ts'
import { job, logOf, type Outcome } from './job.ts'

const HEAD = ['model', 'params', 'pass@1', 'cons@16', 'length', 'KL(T||S)', 'KL(S||T)'] as const
const rowsOf = ({ table }: Outcome): readonly (readonly string[])[] =>
  table.map((row) => [
    ...[row.model, String(row.params), show(row.passAt1, 3), show(row.consAt16, 3), show(row.meanLength, 2)],
    ...[show(row.forwardKl, 4), show(row.reverseKl, 4)],
  ])

/** Held-out accuracy over steps, a curve for each student. */
const chartOf = (folder: string, names: readonly string[]) =>
  pipe(
    names,
    TE.traverseSeqArray((name) => TE.map((log: Parameters<typeof linesOf>[0]) => ({ name, log }))(logOf(folder, name))),
    TE.flatMap((logs) => {
      const series = logs.map(({ name, log }) => {
        const lines = linesOf(log, 'evaluation', 'train')
        return curve(
          lines.map((line) => ({ ...line, step: typeof line['done'] === 'number' ? line['done'] : line.step })),
          'passAt1',
          name,
        )
      })
      const title = 'Accuracy of students on held-out problems'
      return TE.fromTask(() => renderSvg(lineChart({ title, x: 'step', y: 'pass@1', domain: [0, 1], series })))
    }),
  )

await main({
  name: 'gkd',
  about: 'A teacher, and students that learn from it in six ways; writes a log for each, and accuracy.svg.',
  flags,
  job: (given, bench) =>
    pipe(
      job(given, bench),
      TE.bindTo('outcome'),
      TE.let('chart', () => join(bench.folder, 'accuracy.svg')),
      TE.tap(({ outcome, chart }) =>
        pipe(
          chartOf(
            bench.folder,
            outcome.table.map((row) => row.model).filter((name) => name !== 'teacher' && name !== 'start'),
          ),
          TE.flatMap((svg) => writeText(chart, svg)),
        ),
      ),
    ),
  text: ({ outcome, chart }) =>
    `${tableText(HEAD, rowsOf(outcome))}\n` +
    `${outcome.traces.kept} traces of ${outcome.traces.tried}; ${outcome.device}, ${outcome.seconds} s; ${chart}`,
  json: ({ outcome }) => outcome,
})

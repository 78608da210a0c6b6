/**
 * Distillation in six ways: a teacher of two layers writes a small set of traces; students of one layer learn from the
 * traces alone, from the teacher's distribution on them, or from its distribution on what they write themselves. The last
 * ones meet new problems at every step: a seventh student, who is given the teacher's traces of as many, tells what of
 * their gain is due to that.
 * Takes 160 s.
 */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { accuracyChart } from '../cli/accuracy.ts'
import { main } from '../cli/example.ts'
import { show, tableText } from '../cli/table.ts'
import { flags } from './flags.ts'
import { job, type Outcome } from './job.ts'

const HEAD = ['model', 'params', 'pass@1', 'cons@16', 'length', 'KL(T||S)', 'KL(S||T)'] as const
const rowsOf = ({ table }: Outcome): readonly (readonly string[])[] =>
  table.map((row) => [
    ...[row.model, String(row.params), show(row.passAt1, 3), show(row.consAt16, 3), show(row.meanLength, 2)],
    ...[show(row.forwardKl, 4), show(row.reverseKl, 4)],
  ])

const draw = accuracyChart({ title: 'Accuracy of students on held-out problems', x: 'step' })

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
        draw(
          chart,
          bench.folder,
          outcome.table.map((row) => row.model).filter((name) => name !== 'teacher' && name !== 'start'),
        ),
      ),
    ),
  text: ({ outcome, chart }) =>
    `${tableText(HEAD, rowsOf(outcome))}\n` +
    `${outcome.traces.kept} traces of ${outcome.traces.tried}; ${outcome.device}, ${outcome.seconds} s; ${chart}`,
  json: ({ outcome }) => outcome,
})

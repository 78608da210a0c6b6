/**
 * Learning from pairs against learning from advantages: GRPO, DPO on pairs made beforehand, and DPO on pairs made on the
 * way, from one cold start, with one reward and as many sampled completions each.
 */
import { curve, lineChart, linesOf, renderSvg } from '@adjoint/report'
import { type LogRecord, readLog } from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { main, writeText } from '../cli/example.ts'
import { show, tableText } from '../cli/table.ts'
import { flags } from './flags.ts'
import { job, type Outcome } from './job.ts'

const HEAD = ['policy', 'sampled', 'pass@1', 'cons@16', 'thinks', 'in the template', 'length'] as const
const rowsOf = ({ table }: Outcome): readonly (readonly string[])[] =>
  table.map(({ policy, completions, evaluation: e }) => [
    ...[policy, String(completions)],
    ...[e.passAt1, e.consAtK, e.thinkRate, e.formatRate].map((x) => show(x, 3)),
    show(e.meanLength, 2),
  ])

/** Held-out accuracy over steps, a curve for each way to learn. */
const chartOf = (folder: string, names: readonly string[]) =>
  pipe(
    names,
    TE.traverseSeqArray((name) =>
      pipe(
        readLog(join(folder, name, 'log.jsonl')),
        TE.map((log: readonly LogRecord[]) => {
          const lines = linesOf(log, 'evaluation', 'train')
          const done = lines.map((line) => ({
            ...line,
            step: typeof line['done'] === 'number' ? line['done'] : line.step,
          }))
          return curve(done, 'passAt1', name)
        }),
      ),
    ),
    TE.flatMap((series) => {
      const title = 'Accuracy on held-out problems'
      const x = 'step (256 completions sampled for each)'
      return TE.fromTask(() => renderSvg(lineChart({ title, x, y: 'pass@1', domain: [0, 1], series })))
    }),
  )

await main({
  name: 'dpo',
  about: 'GRPO, DPO and online DPO from one cold start; writes a log for each, and accuracy.svg.',
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
            outcome.table.slice(1).map((row) => row.policy),
          ),
          TE.flatMap((svg) => writeText(chart, svg)),
        ),
      ),
    ),
  text: ({ outcome, chart }) =>
    `${tableText(HEAD, rowsOf(outcome))}\n${outcome.device}, ${outcome.seconds} s; ${chart}`,
  json: ({ outcome }) => outcome,
})

/**
 * Learning from pairs against learning from advantages: GRPO, DPO on pairs made beforehand, and DPO on pairs made on the
 * way, from one cold start, with one reward and as many sampled completions each.
 * Takes 95 s.
 */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { accuracyChart } from '../cli/accuracy.ts'
import { main } from '../cli/example.ts'
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

const draw = accuracyChart({ title: 'Accuracy on held-out problems', x: 'step (256 completions sampled for each)' })

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
        draw(
          chart,
          bench.folder,
          outcome.table.slice(1).map((row) => row.policy),
        ),
      ),
    ),
  text: ({ outcome, chart }) =>
    `${tableText(HEAD, rowsOf(outcome))}\n${outcome.device}, ${outcome.seconds} s; ${chart}`,
  json: ({ outcome }) => outcome,
})

/**
 * Reward models and what becomes of them: two judges learn from preference pairs, one from many of every kind, one from a
 * few of one kind. GRPO against them shows how far the truth follows what a model of it says (Gao et al. 2022, "Scaling
 * laws for reward model overoptimization", figure 1).
 * Takes 4 min.
 */
import { lineChart, pageHtml, renderSvg } from '@adjoint/report'
import { readLog, type RunError } from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { main, writeText } from '../cli/example.ts'
import { tableText } from '../cli/table.ts'
import { chartsOf, COURSE_HEAD, courseRow, JUDGE_HEAD, judgeRow, momentsOf, POLICY_HEAD, policyRow } from './figures.ts'
import { flags } from './flags.ts'
import { folderOf, job, type Outcome } from './job.ts'
import { PURSUITS } from './setting.ts'

const logsOf = (folder: string) =>
  pipe(
    PURSUITS,
    TE.traverseSeqArray((pursuit) =>
      pipe(
        readLog(join(folder, folderOf(pursuit), 'log.jsonl')),
        TE.map((log) => [pursuit.name, log] as const),
      ),
    ),
  )

/** A chart of each kind, and a page of all. */
const draw = (folder: string, outcome: Outcome, logs: Parameters<typeof chartsOf>[1]): TE.TaskEither<RunError, void> =>
  pipe(
    Object.entries(chartsOf(outcome, logs)),
    TE.traverseSeqArray(([name, chart]) =>
      pipe(
        TE.fromTask<string, RunError>(() => renderSvg(lineChart(chart))),
        TE.tap((svg) => writeText(join(folder, `${name}.svg`), svg)),
      ),
    ),
    TE.flatMap((svgs) =>
      writeText(
        join(folder, 'report.html'),
        pageHtml({
          title: `reward-model, seed ${outcome.seed}`,
          sections: [
            { kind: 'table', title: 'Held-out pairs', head: JUDGE_HEAD, rows: outcome.judges.map(judgeRow) },
            { kind: 'table', title: 'Held-out problems', head: POLICY_HEAD, rows: outcome.policies.map(policyRow) },
            { kind: 'table', title: 'On the way', head: COURSE_HEAD, rows: logs.map(courseRow) },
            { kind: 'charts', title: 'Over-optimisation', svgs },
          ],
        }),
      ),
    ),
  )

await main({
  name: 'reward-model',
  about:
    'Two reward models from preference pairs, and GRPO against them; writes logs, overoptimisation.svg and report.html.',
  flags,
  job: (given, bench) =>
    pipe(
      job(given, bench),
      TE.bindTo('outcome'),
      TE.bind('logs', () => logsOf(bench.folder)),
      TE.tap(({ outcome, logs }) => draw(bench.folder, outcome, logs)),
      TE.map(({ outcome, logs }) => ({
        outcome: { ...outcome, curves: Object.fromEntries(logs.map(([name, log]) => [name, momentsOf(log)])) },
        logs,
        report: join(bench.folder, 'report.html'),
      })),
    ),
  text: ({ outcome, logs, report }) =>
    [
      tableText(JUDGE_HEAD, outcome.judges.map(judgeRow)),
      tableText(POLICY_HEAD, outcome.policies.map(policyRow)),
      tableText(COURSE_HEAD, logs.map(courseRow)),
      `${outcome.device}, ${outcome.seconds} s; ${report}`,
    ].join('\n'),
  json: ({ outcome }) => outcome,
})

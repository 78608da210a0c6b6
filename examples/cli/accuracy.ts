/** How several ways to learn compare on the way: the short exams in their logs, a curve for each. */
import { curve, lineChart, linesOf, renderSvg } from '@adjoint/report'
import { type LogRecord, readLog, type RunError } from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { writeText } from './example.ts'

/** What the chart says of itself. */
export interface AccuracyTexts {
  readonly title: string
  /** Its horizontal axis. */
  readonly x: string
}

/** Held-out accuracy over the steps of phase 'train', as SVG at `path`: of the runs `names`, each in its folder below `folder`. */
export const accuracyChart =
  ({ title, x }: AccuracyTexts) =>
  (path: string, folder: string, names: readonly string[]): TE.TaskEither<RunError, void> =>
    pipe(
      names,
      TE.traverseSeqArray((name) =>
        pipe(
          readLog(join(folder, name, 'log.jsonl')),
          TE.map((log: readonly LogRecord[]) => {
            const lines = linesOf(log, 'evaluation', 'train')
            // Steps that were done, where the line says so.
            const done = lines.map((line) => ({
              ...line,
              step: typeof line['done'] === 'number' ? line['done'] : line.step,
            }))
            return curve(done, 'passAt1', name)
          }),
        ),
      ),
      TE.flatMap((series) =>
        TE.fromTask(() => renderSvg(lineChart({ title, x, y: 'pass@1', domain: [0, 1], series }))),
      ),
      TE.flatMap((svg) => writeText(path, svg)),
    )

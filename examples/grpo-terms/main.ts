/**
 * GRPO term by term: from one cold start, runs with the whole objective and with each of its terms left out, several seeds each. Writes
 * what was measured as JSON, and the charts of the page `docs/site/learn/grpo-from-its-equation.md`.
 * Takes 6 min.
 */
import { renderSvg } from '@adjoint/report'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, type JobError, main, writeText } from '../cli/example.ts'
import { common, type CommonValues, count, counts, type FlagsOf } from '../cli/flags.ts'
import { show, tableText } from '../cli/table.ts'
import { chartsOf, tableOf } from './figures.ts'
import { type Study, study } from './job.ts'

interface Flags extends CommonValues {
  readonly seeds: readonly number[]
  readonly steps: number
  readonly sftSteps: number
  readonly exam: number
}

const { device, out, json, help } = common
const flags: FlagsOf<Flags> = {
  seeds: counts('seeds of GRPO, each term once with each', [0, 1, 2]),
  steps: count('GRPO steps of a run', 27, { min: 3 }),
  sftSteps: count('SFT steps of the start that all runs share', 1800),
  exam: count('held-out problems of the exams, 8 samples each', 64, { min: 1 }),
  ...{ device, out, json, help },
}

const job = ({ seeds, steps, sftSteps, exam }: Flags, { device, folder, bar }: Bench): TE.TaskEither<JobError, Study> =>
  pipe(
    study({ device, seeds, steps, sftSteps, problems: exam, observe: bar.observe }),
    TE.tap((made) => writeText(join(folder, 'grpo-terms.json'), `${JSON.stringify(made)}\n`)),
    TE.tap((made) =>
      pipe(
        Object.entries(chartsOf(made)),
        TE.traverseSeqArray(([name, spec]) =>
          TE.flatMap((svg: string) => writeText(join(folder, `${name}.svg`), `${svg}\n`))(
            TE.fromTask(() => renderSvg(spec)),
          ),
        ),
      ),
    ),
  )

await main({
  name: 'grpo-terms',
  about: 'GRPO with each term of its objective left out in turn; writes grpo-terms.json and four charts.',
  flags,
  job,
  text: (made) => {
    const { head, rows } = tableOf(made)
    return `${tableText(head, rows)}\nfrom pass@1 ${show(made.cold.passAt1, 3)} after the cold start; ${made.device}`
  },
  json: (made) => made,
})

/**
 * A run under faults: 5 % of its reward calls fail and 1 % hang; a judge behind an OpenAI-compatible endpoint answers one
 * request in four with 429, 500, garbage or a cut stream, and is down altogether for one prompt in a hundred; and the
 * process is killed by SIGKILL three times, at random moments, and resumed. The run must end with exactly the groups asked
 * for, none learnt from twice, absent rewards counted as absent, and with the log, byte for byte, of a run of the same seed
 * that nobody killed.
 *
 * The full one, 1,000 steps: `npm run -s example -- faults --steps 1000`. CI runs a shorter one (`faults.test.ts`).
 * Takes 2 min.
 */
import { describeError, foldIn, hostKey, type Progress, readLog } from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Bench, main } from '../cli/example.ts'
import { common, count, type FlagsOf } from '../cli/flags.ts'
import { show, tableText } from '../cli/table.ts'
import { type Audit, audit } from './audit.ts'
import { serveJudge, type Served } from './judge.ts'
import { type Killed, killsOf, runThrough } from './kill.ts'
import { SFT_STEPS } from './setting.ts'
import type { WorkerTask } from './worker.ts'

interface Flags {
  readonly steps: number
  readonly kills: number
  readonly seed: number
  readonly device: WorkerTask['device'] | null
  readonly out: string | null
  readonly resume: boolean
  readonly json: boolean
  readonly help: boolean
}

const flags: FlagsOf<Flags> = {
  steps: count('steps of GRPO', 1000, { min: 1 }),
  kills: count('kills on the way', 3),
  ...common,
}

interface Outcome {
  readonly device: string
  readonly seconds: number
  readonly audit: Audit
  /** Where it was at each kill. */
  readonly killed: readonly Killed[]
  readonly served: Served
  /** Whether the logs of the two runs have the same bytes. */
  readonly sameLog: boolean
}

// A step of SFT takes about a tenth of one of GRPO.
const SFT_SHARE = 0.1

/** The share of the work that is done, by the time it takes. */
const doneOf =
  (steps: number) =>
  ({ phase, step }: Progress): number =>
    (phase === 'sft' ? SFT_SHARE * step : SFT_SHARE * SFT_STEPS + step) / (SFT_SHARE * SFT_STEPS + steps)

/** The judge, for as long as the runs last. */
const withJudge = <A>(use: (judge: Awaited<ReturnType<typeof serveJudge>>) => TE.TaskEither<string, A>) =>
  TE.bracket(
    TE.tryCatch(serveJudge, (thrown) => `the endpoint cannot be served: ${String(thrown)}`),
    use,
    (judge) => TE.fromTask(() => judge.close()),
  )

const job = (given: Flags, { device, folder, bar }: Bench): TE.TaskEither<string, Outcome> => {
  const { steps, seed } = given
  const started = performance.now()
  const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')]
  const bytes = (of: string) => TE.tryCatch(() => readFile(join(of, 'log.jsonl')), String)
  return pipe(
    withJudge(({ baseUrl, served }) => {
      const through = (of: string, kills: number): TE.TaskEither<string, readonly Killed[]> => {
        const resume = given.resume && ('where begun' as const)
        const task = { folder: of, baseUrl, steps, seed, device: device.kind, resume }
        return runThrough(task, killsOf(kills, foldIn(hostKey(seed), 0)), (progress) => {
          bar.observe({ ...progress, phase: of === whole ? `${progress.phase} whole` : `${progress.phase} killed` })
          return doneOf(steps)(progress)
        })
      }
      return pipe(
        through(whole, 0),
        TE.flatMap(() => through(killed, given.kills)),
        TE.map((at) => ({ killed: at, served: served() })),
      )
    }),
    TE.bind('logs', () => TE.sequenceArray([bytes(whole), bytes(killed)])),
    TE.bind('records', () => TE.mapLeft(describeError)(readLog(join(killed, 'log.jsonl')))),
    TE.map(({ killed: at, served, logs: [a, b], records }) => ({
      device: device.kind,
      seconds: Math.round((performance.now() - started) / 1000),
      audit: audit(records, steps),
      killed: at,
      served,
      sameLog: a!.equals(b!),
    })),
    TE.filterOrElse(
      ({ audit: { wrong }, sameLog }) => wrong.length === 0 && sameLog,
      ({ audit: { wrong }, sameLog }) =>
        [...(sameLog ? [] : ['the log differs from that of the run that nobody killed']), ...wrong.slice(0, 10)].join(
          '\n',
        ),
    ),
  )
}

await main({
  name: 'faults',
  about:
    'GRPO under faults: rewards that fail and hang, a judge behind a bad endpoint, and kills; then an audit of the log.',
  flags,
  job,
  text: ({ device, seconds, audit: a, killed, served }) =>
    `${tableText(
      ['', ''],
      [
        ['steps', String(a.steps)],
        ['groups learnt from', `${a.groups}, ${a.distinct} of them different`],
        ['groups replaced', String(a.replaced)],
        ['completions', String(a.completions)],
        ['with an absent reward', String(a.absent)],
        ['mean reward', `${show(a.reward.first, 3)} over the first tenth, ${show(a.reward.last, 3)} over the last`],
        ['killed after step', killed.map(({ phase, step }) => `${step} of ${phase}`).join(', ')],
        ...Object.entries(served).map(([what, n]) => [`requests: ${what}`, String(n)]),
      ],
    )}\nthe log is that of the run that nobody killed, byte for byte; ${device}, ${seconds} s`,
  json: (outcome) => outcome,
})

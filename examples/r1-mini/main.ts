/**
 * The main job: DeepSeek-R1's recipe in small. A policy of about 100 thousand parameters learns mod-10 chains from a cold
 * start of which half thinks and half guesses; GRPO with a reward for correct answers then makes it think.
 */
import { type Device, random, realize, requestDevice } from '@adjoint/tensor'
import { describeError, readLog, run, type RunError } from '@adjoint/rl'
import Table from 'cli-table3'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Flags, parseFlags, USAGE } from './flags.ts'
import { type Learning, phasesOf, sizeOf } from './job.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { progressBar } from './progress.ts'
import { reportHtml, TABLE_HEAD, tableOf } from './report.ts'
import { model, sftOptimizer } from './setting.ts'

const deviceFailed = (error: Extract<RunError, { _tag: 'DeviceFailed' }>['error']): RunError => ({
  _tag: 'DeviceFailed',
  error,
})

interface Finished {
  readonly outcome: Outcome
  readonly report: string
}

const job =
  (flags: Flags, folder: string) =>
  (device: Device): TE.TaskEither<RunError, Finished> => {
    const { seed, steps, sftSteps, exam, control } = flags
    const bar = progressBar()
    const params = model.init(random.key(seed))
    const start: Learning = { params, opt: sftOptimizer.init(params), reference: null }
    const settings = { example: 'r1-mini', seed, device: device.kind, steps, sftSteps, exam, control }
    const about = { seed, device: device.kind, params: sizeOf(params) }
    return pipe(
      TE.mapLeft(deviceFailed)(realize(device)(start)),
      TE.flatMap((initial) =>
        run({
          folder,
          seed,
          phases: phasesOf({ device, steps, sftSteps, exam, control }),
          checkpointEvery: 25,
          settings,
          observe: bar.observe,
        })(initial, { resume: flags.resume }),
      ),
      TE.tapIO(() => bar.stop),
      TE.flatMap(() => TE.Do),
      TE.bind('records', () => readLog(join(folder, 'log.jsonl'))),
      TE.bind('times', () => readLog(join(folder, 'times.jsonl'))),
      TE.flatMap(({ records, times }) => {
        const outcome = outcomeOf(about, records, times)
        const report = join(folder, 'report.html')
        return TE.tryCatch(
          async () => {
            await writeFile(report, await reportHtml(outcome, control, records, times))
            return { outcome, report }
          },
          (thrown): RunError => ({
            _tag: 'FileFailure',
            path: report,
            code: 'write',
            reason: thrown instanceof Error ? thrown.message : String(thrown),
          }),
        )
      }),
      TE.orElseFirstIOK(() => bar.stop),
    )
  }

const print = ({ outcome, report }: Finished, flags: Flags): void => {
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(outcome)}\n`)
    return
  }
  const table = new Table({ head: [...TABLE_HEAD], style: { head: [], border: [] } })
  table.push(...tableOf(outcome).map((row) => [...row]))
  process.stdout.write(`${table.toString()}\n`)
  process.stdout.write(`${outcome.params} parameters, ${outcome.device}, ${outcome.seconds} s; ${report}\n`)
}

const defaultFolder = (): string => join('runs', `r1-mini-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`)

const main = async (args: readonly string[]): Promise<number> => {
  const parsed = parseFlags(args)
  if (E.isLeft(parsed)) {
    process.stderr.write(`${parsed.left}\n\n${USAGE}`)
    return 2
  }
  const flags = parsed.right
  if (flags.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const finished = await TE.bracket(
    TE.mapLeft(deviceFailed)(requestDevice(flags.device === null ? {} : { kind: flags.device })),
    job(flags, flags.out ?? defaultFolder()),
    (device) => TE.fromTask(() => device.destroy()),
  )()
  if (E.isLeft(finished)) {
    process.stderr.write(`r1-mini: ${describeError(finished.left)}\n`)
    return 1
  }
  print(finished.right, flags)
  return 0
}

process.exitCode = await main(process.argv.slice(2))

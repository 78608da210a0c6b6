/**
 * What the `main.ts` of every example is made of: flags in, a device for as long as the job takes, a table or one JSON
 * object out; exit code 2 for bad flags, 1 for a job that failed (one line on stderr), 0 for one that did not.
 */
import { makeFolder } from '@adjoint/nn'
import { type Command, readCommand } from '@adjoint/report/command-line'
import { describeError, printable, type RunError, type StopSignal } from '@adjoint/rl'
import { type Device, requestDevice } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CommonValues, FlagsOf } from './flags.ts'
import { type ProgressBar, progressBar } from './progress.ts'

/** What a job works with. */
export interface Bench {
  readonly device: Device
  /** The folder of the run: `--out`, or a new one under runs/. It need not exist yet. */
  readonly folder: string
  readonly bar: ProgressBar
  /** Aborted by Ctrl-C: a run that is given it saves, and ends. */
  readonly signal: StopSignal
}

/** Why a job ended early: an error of the package, or a sentence of the example's own. */
export type JobError = RunError | string

/** An example: flags of type `V`, a job that comes to an `A`, and two ways to print it. */
export interface Example<V extends CommonValues, A> {
  readonly name: string
  /** What it does, in a sentence or two. */
  readonly about: string
  readonly flags: FlagsOf<V>
  readonly job: (flags: V, bench: Bench) => TE.TaskEither<JobError, A>
  /** What stands on stdout without `--json`. */
  readonly text: (result: A) => string
  /** The object of `--json`. */
  readonly json: (result: A) => object
}

const defaultFolder = (name: string): string =>
  join('runs', `${name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`)

/** The failure of a device as that of a run. */
export const deviceFailed = (error: Extract<RunError, { _tag: 'DeviceFailed' }>['error']): RunError => ({
  _tag: 'DeviceFailed',
  error,
})

/** Writes a file of a run (a chart, a page), and makes its folder where it is missing. */
export const writeText = (path: string, text: string): TE.TaskEither<RunError, void> =>
  TE.tryCatch(
    async () => {
      await makeFolder(dirname(path))
      await writeFile(path, text)
    },
    (thrown) => ({
      _tag: 'FileFailure',
      path,
      code: 'write',
      reason: thrown instanceof Error ? thrown.message : String(thrown),
    }),
  )

/** The exit code of what SIGINT has ended. */
const INTERRUPTED = 130

const quoted = (word: string): string =>
  /^[\w./,:=@+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\\''`)}'`

/** The command that goes on with a run which was started with `args` and keeps its checkpoints in `folder`. */
export const goOnWith = (name: string, args: readonly string[], folder: string): string => {
  const more = [
    ...(args.includes('--resume') ? [] : ['--resume']),
    ...(args.some((a) => /^--out(=|$)/.test(a)) ? [] : ['--out', folder]),
  ]
  return ['npm run -s example --', name, ...[...args, ...more].map(quoted)].join(' ')
}

/** The command line of an example. */
export const commandOf = <V>(name: string, about: string, flags: FlagsOf<V>): Command<V> => ({
  ...{ name, about, flags },
  call: `npm run -s example -- ${name}`,
})

/** Runs an example on an argument list; its exit code. */
export const runExample =
  <V extends CommonValues, A>({ name, about, flags, job, text, json }: Example<V, A>) =>
  async (args: readonly string[]): Promise<number> => {
    const read = readCommand(commandOf(name, about, flags))(args)
    if (E.isLeft(read)) {
      const { code, text: said } = read.left
      ;(code === 0 ? process.stdout : process.stderr).write(printable(said))
      return code
    }
    const given = read.right.flags
    const bar = progressBar()
    const folder = given.out ?? defaultFolder(name)
    const resumes = 'resume' in flags
    const stopping = new AbortController()
    const { signal } = stopping
    const sayHowToGoOn = (): void => {
      bar.stop()
      const on = resumes ? ` Go on from the last checkpoint:\n  ${printable(goOnWith(name, args, folder))}` : ''
      process.stderr.write(`\n${name}: interrupted.${on}\n`)
    }
    // The first asks the run to save after the step that it is in; where there is no run, or at the second, it ends here.
    const interrupted = (): void => {
      if (resumes && !signal.aborted) {
        stopping.abort()
        process.stderr.write(`\n${name}: saves after this step; Ctrl-C once more ends it at once.\n`)
        return
      }
      sayHowToGoOn()
      process.exit(INTERRUPTED)
    }
    const where = (device: Device): string =>
      `${name} on ${device.kind} (${device.label})${'out' in flags ? `, in ${folder}` : ''}\n`
    process.on('SIGINT', interrupted)
    const finished = await pipe(
      TE.mapLeft(deviceFailed)(requestDevice(given.device === null ? {} : { kind: given.device })),
      TE.flatMap((device): TE.TaskEither<JobError, A> => async () => {
        // A job that throws has a fault of its own, which is not hidden; its device is given back all the same.
        try {
          if (!given.json) process.stderr.write(printable(where(device)))
          return await job(given, { device, folder, bar, signal })()
        } finally {
          bar.stop()
          await device.destroy()
        }
      }),
    )().finally(() => process.off('SIGINT', interrupted))
    if (E.isLeft(finished) && signal.aborted) {
      sayHowToGoOn()
      return INTERRUPTED
    }
    if (E.isLeft(finished)) {
      const { left } = finished
      process.stderr.write(`${name}: ${typeof left === 'string' ? printable(left) : describeError(left)}\n`)
      return 1
    }
    process.stdout.write(`${printable(given.json ? JSON.stringify(json(finished.right)) : text(finished.right))}\n`)
    return 0
  }

/** The whole of a `main.ts`: the example on this process's arguments. */
export const main = async <V extends CommonValues, A>(example: Example<V, A>): Promise<void> => {
  process.exitCode = await runExample(example)(process.argv.slice(2))
}

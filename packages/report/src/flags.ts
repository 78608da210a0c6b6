/** The command line of the run viewer. */
import * as E from 'fp-ts/lib/Either.js'
import { parseArgs } from 'node:util'

export interface Flags {
  readonly help: boolean
  readonly runs: readonly string[]
  /** Null: viewer.html beside the runs. */
  readonly out: string | null
  readonly title: string | null
  readonly force: boolean
  readonly live: boolean
  /** 0: whichever is free. */
  readonly port: number
  /** A folder for event files, in place of the page; null: the page. */
  readonly tensorboard: string | null
}

export const USAGE = `usage: npm run report -- RUNS... [flags]

Compares runs on one page: curves with the spread of seeds, evaluations, samples, rewards, times. A RUN is the folder of a
run (it holds log.jsonl), of a recipe (its stages are 1-name, 2-name, ..), or a folder of such folders. Runs that differ in
their seed only are one setting.

  --out FILE     the page; one HTML file that needs nothing else (default: viewer.html in the folder of the run, or in the
                 folder that all runs share)
  --title TEXT   title of the page (default: what tells the settings apart)
  --force        overwrite --out even where it is not a report
  --live         serve the page on 127.0.0.1 instead, and keep it up to date while the runs go on; ctrl-c ends it
  --port N       port of --live (default 0: one that is free)
  --tensorboard DIR
                 write event files into DIR instead, which TensorBoard shows: tensorboard --logdir DIR
  --help         this text

Exit codes: 0 the page is written (or was served), 1 a RUN is none or it cannot be written, 2 wrong flags.
`

/** Flags of an argument list, or what is wrong with it. */
export const parseFlags = (args: readonly string[]): E.Either<string, Flags> => {
  const parsed = E.tryCatch(
    () =>
      parseArgs({
        args: [...args],
        allowPositionals: true,
        options: {
          help: { type: 'boolean', short: 'h', default: false },
          out: { type: 'string' },
          title: { type: 'string' },
          force: { type: 'boolean', default: false },
          live: { type: 'boolean', default: false },
          port: { type: 'string' },
          tensorboard: { type: 'string' },
        },
      }),
    (thrown) => (thrown instanceof Error ? thrown.message : String(thrown)),
  )
  if (E.isLeft(parsed)) return parsed
  const { values, positionals } = parsed.right
  const { help, out, title, force, live, port, tensorboard = null } = values
  if (help) return E.right({ help, runs: [], out: null, title: null, force, live, port: 0, tensorboard })
  if (positionals.length === 0) return E.left('name at least one RUN: the folder of a run')
  if (out === '') return E.left('--out needs a file')
  if (live && out !== undefined) return E.left('--live serves the page and writes no file: leave out --out')
  if (tensorboard === '') return E.left('--tensorboard needs a folder')
  if (tensorboard !== null && (live || out !== undefined))
    return E.left('--tensorboard writes event files and no page: leave out --out and --live')
  if (!live && port !== undefined) return E.left('--port is the port of --live')
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) < 65536))
    return E.left(`--port ${port}: a port from 0 to 65535 is needed`)
  return E.right({
    help,
    runs: positionals,
    out: out ?? null,
    title: title ?? null,
    force,
    live,
    port: Number(port ?? 0),
    tensorboard,
  })
}

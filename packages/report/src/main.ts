/** The command: reads runs, writes their page, or serves it while they go on. */
import * as E from 'fp-ts/lib/Either.js'
import { stat } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { readCommand } from './command-line/index.ts'
import { type Called, commandOf, type Flags } from './flags.ts'
import { gather } from './gather.ts'
import { serveLive } from './live.ts'
import { type About, pageOf } from './viewer.ts'
import { writeEvents } from './tensorboard/write.ts'
import { writePage } from './write.ts'

/** Where a command line's words go. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** The folder that all of some folders lie in. */
const sharedFolder = (folders: readonly string[]): string => {
  const [first = '', ...rest] = folders
  const parts = first.split(sep)
  const same = parts.findIndex((part, i) => rest.some((other) => other.split(sep)[i] !== part))
  return parts.slice(0, same < 0 ? parts.length : same).join(sep) || sep
}

const defaultOut = async (runs: readonly string[]): Promise<string> => {
  const folders = await Promise.all(
    runs.map(async (run) => {
      const path = resolve(run)
      return (await stat(path)).isDirectory() ? path : dirname(path)
    }),
  )
  return join(sharedFolder(folders), 'viewer.html')
}

const kilobytes = (text: string): string => `${Math.ceil(Buffer.byteLength(text) / 1024)} KB`

const some = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

const writeReport = async (
  name: string,
  asked: readonly string[],
  flags: Flags,
  about: About,
  { out, err }: Terminal,
): Promise<number> => {
  const { runs, problems } = await gather(asked)
  if (problems.length > 0) {
    for (const problem of problems) err(`${name}: ${problem}\n`)
    return 1
  }
  for (const { name: run, notes } of runs) for (const note of notes) err(`${name}: ${run}: ${note}\n`)
  if (flags.tensorboard !== null) {
    const events = await writeEvents(flags.tensorboard, runs)
    if (E.isLeft(events)) {
      err(`${name}: ${events.left}\n`)
      return 1
    }
    out(
      `${flags.tensorboard}: ${some(events.right, 'phase')} of ${some(runs.length, 'run')}; tensorboard --logdir ${flags.tensorboard}\n`,
    )
    return 0
  }
  const path = flags.out ?? (await defaultOut(asked))
  const page = await pageOf(runs, about)
  const written = await writePage(path, page, { force: flags.force })
  if (E.isLeft(written)) {
    err(`${name}: ${written.left}\n`)
    return 1
  }
  out(`${path}: ${some(runs.length, 'run')}, ${kilobytes(page)}\n`)
  return 0
}

/** Runs a command line and gives its exit code. A live page is served until `stop` says so. */
export const report = async (
  called: Called,
  args: readonly string[],
  terminal: Terminal,
  stop: AbortSignal,
): Promise<number> => {
  const read = readCommand(commandOf(called))(args)
  if (E.isLeft(read)) {
    const { code, text } = read.left
    ;(code === 0 ? terminal.out : terminal.err)(text)
    return code
  }
  const { flags, words: asked } = read.right
  const about = flags.title === null ? {} : { title: flags.title }
  if (!flags.live) return writeReport(called.name, asked, flags, about, terminal)
  const server = await serveLive({ runs: asked, port: flags.port, about })
  if (E.isLeft(server)) {
    terminal.err(`${called.name}: ${server.left}\n`)
    return 1
  }
  terminal.out(`${server.right.url} (ctrl-c ends it)\n`)
  await new Promise<void>((done) => {
    if (stop.aborted) done()
    stop.addEventListener('abort', () => done(), { once: true })
  })
  await server.right.close()
  return 0
}

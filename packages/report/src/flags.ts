/** The command line of the run viewer. */
import { type Command, count, help, text, toggle } from './command-line/index.ts'

export interface Flags {
  /** Null: viewer.html beside the runs. */
  readonly out: string | null
  readonly title: string | null
  readonly force: boolean
  readonly live: boolean
  /** 0: whichever is free. */
  readonly port: number
  /** A folder for event files, in place of the page; null: the page. */
  readonly tensorboard: string | null
  readonly help: boolean
}

const together = ({ out, live, port, tensorboard }: Flags): string | null => {
  if (live && out !== null) return '--live serves the page and writes no file: leave out --out'
  if (tensorboard !== null && (live || out !== null))
    return '--tensorboard writes event files and no page: leave out --out and --live'
  return !live && port !== 0 ? '--port is the port of --live' : null
}

/** How the command is called where it runs: `adjoint-report` by who has the package, `npm run report --` in a clone. */
export interface Called {
  /** Stands before each complaint. */
  readonly name: string
  readonly call: string
}

/** The command of who has the package. */
export const PACKAGED: Called = { name: 'adjoint-report', call: 'adjoint-report' }

export const commandOf = ({ name, call }: Called): Command<Flags> => ({
  name,
  call,
  about:
    'Compares runs on one page: curves with the spread of seeds, evaluations, samples, rewards, times. A RUN is the folder of a\n' +
    'run (it holds log.jsonl), of a recipe (its stages are 1-name, 2-name, ..), or a folder of such folders. Runs that differ in\n' +
    'their seed only are one setting.',
  words: { name: 'RUNS...', least: 1, most: Infinity, missing: 'name at least one RUN: the folder of a run' },
  flags: {
    out: text(
      'FILE',
      'the page; one HTML file that needs nothing else (default: viewer.html in the folder of the run, or in the folder that all runs share)',
      'a file',
    ),
    title: text('TEXT', 'title of the page (default: what tells the settings apart)', 'a text'),
    force: toggle('overwrite --out even where it is not a report'),
    live: toggle('serve the page on 127.0.0.1 instead, and keep it up to date while the runs go on; ctrl-c ends it'),
    port: count('port of --live; 0 is one that is free', 0, { max: 65535 }),
    tensorboard: text(
      'DIR',
      'write event files into DIR instead, which TensorBoard shows: tensorboard --logdir DIR',
      'a folder',
    ),
    help,
  },
  together,
  notes: 'Exit codes: 0 the page is written (or was served), 1 a RUN is none or it cannot be written, 2 wrong flags.',
})

/** The flags that every example has, beside the kinds of flags that its own are made of. */
import { count, device, type Flag, folder, help, toggle } from '@adjoint/report/command-line'
import * as E from 'fp-ts/lib/Either.js'

export {
  choice,
  count,
  counts,
  type Flag,
  type FlagsOf,
  folder,
  real,
  text,
  toggle,
  valued,
} from '@adjoint/report/command-line'

/** `--resume`, which needs `--out` beside it. */
const resume: Flag<boolean> = {
  ...toggle('go on from the checkpoint in --out'),
  decode: (name, given) =>
    given[name] === true && given['out'] === undefined
      ? E.left('--resume needs --out DIR, the folder of the run to go on with')
      : E.right(given[name] === true),
}

/** `seeds` and `steps` are for those that have more than one run, or a length. */
export const common = {
  seed: count('seed of the run', 0),
  device: device(),
  out: folder('folder of the run (default: a new one under runs/)'),
  resume,
  json: toggle('one JSON object on stdout at the end, and nothing else'),
  help,
} as const

/** The kind of device that was asked for; null: none. */
export type Wanted = typeof common.device extends Flag<infer A> ? A : never

/** What the machinery of every example reads. */
export interface CommonValues {
  readonly device: Wanted
  /** Absent where a job leaves no files. */
  readonly out?: string | null
  readonly json: boolean
  readonly help: boolean
}

/** Runs as they are named on a command line: found, read, and what is wrong with the names. */
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { findRuns, fingerprint, readRuns, type RunFolder } from './folders.ts'
import type { Run } from './run.ts'
import { type About, pageOf } from './viewer.ts'
import { writePage } from './write.ts'

/** Folders that paths name, and a sentence on each path that names none. */
export interface Found {
  readonly folders: readonly RunFolder[]
  readonly problems: readonly string[]
}

export const find = async (paths: readonly string[]): Promise<Found> => {
  const each = await Promise.all(paths.map(findRuns))
  return {
    folders: each.flatMap((result) => (E.isRight(result) ? result.right : [])),
    problems: each.flatMap((result) => (E.isLeft(result) ? [result.left] : [])),
  }
}

/** All runs, what is wrong, and a text that changes when a file of theirs does. */
export interface Gathered {
  readonly runs: readonly Run[]
  readonly problems: readonly string[]
  readonly version: string
}

export const versionOf = async ({ folders, problems }: Found): Promise<string> =>
  `${problems.join('\n')}\n${await fingerprint(folders)}`

export const gather = async (paths: readonly string[]): Promise<Gathered> => {
  const found = await find(paths)
  // The version is taken first: what is written while the files are read is news.
  const version = await versionOf(found)
  return { runs: await readRuns(found.folders), problems: found.problems, version }
}

/**
 * The page of the runs in a folder, written as its `report.html`: what the command makes, with what the example that
 * ran them has to say of them. Right: its path. Left: one sentence on why there is none.
 */
export const reportRuns =
  (folder: string, about: About = {}): TE.TaskEither<string, string> =>
  async () => {
    const { runs, problems } = await gather([folder])
    if (problems[0] !== undefined) return E.left(problems[0])
    const path = join(folder, 'report.html')
    const written = await writePage(path, await pageOf(runs, about), { force: true })
    return E.isLeft(written) ? written : E.right(path)
  }

/** {@link reportRuns} for scripts: awaits the path of the page, and throws an Error of the sentence on why there is none. */
export const reportRunsAsync = async (folder: string, about: About = {}): Promise<string> => {
  const written = await reportRuns(folder, about)()
  if (E.isLeft(written)) throw new Error(written.left)
  return written.right
}

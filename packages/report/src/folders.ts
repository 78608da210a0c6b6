/** Where runs lie: a folder with a log, one with stages in numbered folders, or one that holds such folders. */
import * as E from 'fp-ts/lib/Either.js'
import type { Dirent, Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { type FileText, type Run, stageOf } from './run.ts'
import { seedInName } from './settings.ts'

/** A run's folder, and those of its stages in order; '' is the folder itself. */
export interface RunFolder {
  readonly folder: string
  readonly stages: readonly string[]
}

const LOGS = ['log.jsonl', 'times.jsonl'] as const
const STAGE = /^\d+-/
/** Folders below a folder of runs that are looked into: `runs/`, a seed's, a model's. */
const DEPTH = 3

const inOrder = new Intl.Collator('en', { numeric: true })

const isGone = (thrown: unknown): boolean => thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
const wordsOf = (thrown: unknown): string =>
  `cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`

const entriesOf = async (folder: string): Promise<readonly Dirent[]> => {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch {
    // Below what was named: what may not be looked into, or has gone since, holds no run that could be shown.
    return []
  }
}

const hasLog = (entries: readonly Dirent[]): boolean => entries.some((entry) => entry.name === 'log.jsonl')
const foldersIn = (entries: readonly Dirent[]): readonly string[] =>
  entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .map((entry) => entry.name)
    .sort(inOrder.compare)

const runsIn = async (folder: string, depth: number): Promise<readonly RunFolder[]> => {
  const entries = await entriesOf(folder)
  const below = foldersIn(entries)
  const stages: string[] = hasLog(entries) ? [''] : []
  for (const name of below.filter((each) => STAGE.test(each)))
    if (hasLog(await entriesOf(join(folder, name)))) stages.push(name)
  if (stages.length > 0) return [{ folder, stages }]
  if (depth === 0) return []
  const found: RunFolder[] = []
  for (const name of below) found.push(...(await runsIn(join(folder, name), depth - 1)))
  return found
}

/** The runs that a path names. Left: what is wrong with it. */
export const findRuns = async (path: string): Promise<E.Either<string, readonly RunFolder[]>> => {
  const given = resolve(path)
  const found = await stat(given).catch((thrown: unknown) =>
    isGone(thrown) ? `${path}: there is no such folder.` : `${path} ${wordsOf(thrown)}.`,
  )
  if (typeof found === 'string') return E.left(found)
  if (!found.isDirectory() && basename(given) !== 'log.jsonl')
    return E.left(`${path} is not the folder of a run: name the folder that holds log.jsonl.`)
  const runs = await runsIn(found.isDirectory() ? given : dirname(given), DEPTH)
  return runs.length === 0
    ? E.left(`${path} holds no run: there is no log.jsonl in it, nor in the folders below.`)
    : E.right(runs)
}

/** Names of folders, as short as tells them apart: without the path they share. */
export const shortNames = (folders: readonly string[]): readonly string[] => {
  const parts = folders.map((folder) => dirname(folder).split(sep))
  const first = parts[0] ?? []
  const differ = first.findIndex((part, i) => parts.some((other) => other[i] !== part))
  const shared = first.slice(0, differ < 0 ? first.length : differ).join(sep) || sep
  return folders.map((folder) => relative(shared, folder) || basename(folder))
}

const textOf = async (path: string): Promise<FileText> => {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    return { wrong: isGone(thrown) ? 'is missing' : wordsOf(thrown) }
  }
}

/** Size and times of a file; null where it cannot be looked at: whoever reads it is told why. */
const looksOf = (path: string): Promise<Stats | null> => stat(path).catch(() => null)

/** Every file whose change is news, with its size and time: equal texts mean that nothing has changed. */
export const fingerprint = async (runs: readonly RunFolder[]): Promise<string> => {
  const paths = runs.flatMap(({ folder, stages }) => stages.flatMap((s) => LOGS.map((file) => join(folder, s, file))))
  const stats = await Promise.all(paths.map(looksOf))
  return stats.map((s, i) => `${paths[i]!} ${s?.size ?? -1} ${s?.mtimeMs ?? 0}`).join('\n')
}

const changedAt = async (paths: readonly string[]): Promise<number> =>
  Math.max(0, ...(await Promise.all(paths.map(looksOf))).map((s) => s?.mtimeMs ?? 0))

/** Reads runs; what of them cannot be read is among their notes. */
export const readRuns = async (found: readonly RunFolder[]): Promise<readonly Run[]> => {
  const distinct = found.filter(({ folder }, i) => found.findIndex((other) => other.folder === folder) === i)
  const names = shortNames(distinct.map(({ folder }) => folder))
  const runs: Run[] = []
  for (const [i, { folder, stages }] of distinct.entries()) {
    const read = await Promise.all(
      stages.map(async (name) =>
        stageOf(name, await textOf(join(folder, name, LOGS[0])), await textOf(join(folder, name, LOGS[1]))),
      ),
    )
    const seeds = read.map(({ stage }) => stage.settings?.['seed']).filter((seed) => typeof seed === 'number')
    runs.push({
      name: names[i]!,
      folder,
      // The stages of a recipe have seeds that were made from its own.
      seed: (stages.length === 1 ? seeds[0] : undefined) ?? seedInName(names[i]!),
      stages: read.map(({ stage }) => stage),
      notes: read.flatMap(({ notes }) => notes),
      changed: await changedAt(stages.flatMap((name) => LOGS.map((file) => join(folder, name, file)))),
    })
  }
  return runs
}

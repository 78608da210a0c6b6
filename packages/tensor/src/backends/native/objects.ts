/** Libraries of compiled C, by their source text: those on disk are loaded, the others compiled, several at a time. */
import * as E from 'fp-ts/lib/Either.js'
import type { Entry, Store } from './store.ts'
import type { Library, System } from './system.ts'
import { compileAll, type RunAll, type Toolchain, type ToolchainFailure } from './toolchain.ts'

/** A library in this process, and the bytes of its file. */
export interface Loaded {
  readonly library: Library
  readonly bytes: number
}
export interface Objects {
  /** A library of each source text, in order. */
  readonly of: (sources: readonly string[]) => E.Either<ToolchainFailure, readonly Loaded[]>
}

export const createObjects = (system: System, toolchain: Toolchain, store: Store, runAll: RunAll): Objects => {
  const { crypto, fs } = system
  const keyOf = (source: string): string =>
    crypto.createHash('sha256').update(toolchain.identity).update(source).digest('hex')

  const load = ({ path, bytes }: Entry): Loaded => ({ library: system.foreign.load(path), bytes })
  /** Null where the file is whole and yet cannot be loaded: it was made elsewhere. */
  const attempt = (entry: Entry): Loaded | null => {
    try {
      return load(entry)
    } catch {
      store.drop(entry)
      return null
    }
  }
  const compile = (fresh: ReadonlyMap<string, string>): E.Either<ToolchainFailure, ReadonlyMap<string, Loaded>> => {
    const jobs = [...fresh].map(([key, source]) => ({
      key,
      source: store.draft('.c'),
      target: store.draft('.so'),
      text: source,
    }))
    try {
      for (const job of jobs) fs.writeFileSync(job.source, job.text)
      const done = compileAll(system, toolchain, jobs, runAll)
      if (E.isLeft(done)) return done
      return E.right(new Map(jobs.map((job) => [job.key, load(store.keep(job.key, job.target))])))
    } finally {
      for (const job of jobs) for (const file of [job.source, job.target]) fs.rmSync(file, { force: true })
    }
  }
  return {
    of: (sources) => {
      const keys = sources.map(keyOf)
      const found = new Map<string, Loaded>()
      for (const [key, entry] of store.find(keys)) {
        const loaded = attempt(entry)
        if (loaded !== null) found.set(key, loaded)
      }
      const fresh = new Map(keys.flatMap((key, i) => (found.has(key) ? [] : [[key, sources[i]!] as const])))
      const made = fresh.size === 0 ? E.right(new Map<string, Loaded>()) : compile(fresh)
      if (E.isLeft(made)) return made
      return E.right(keys.map((key) => (found.get(key) ?? made.right.get(key))!))
    },
  }
}

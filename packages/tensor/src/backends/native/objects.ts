/** Libraries of compiled C, by its source: those on disk are loaded, the others compiled, several to a file and several files at a time. */
import * as E from '../../base/either.ts'
import { cutIntoFiles, fileText, type NamedSource, type Source } from './source.ts'
import type { Entry, Store } from '../engine/store.ts'
import type { Library } from './library.ts'
import type { System } from './system.ts'
import { compileAll, type RunAll, type Toolchain, type ToolchainFailure } from './toolchain.ts'

/** A source's functions in this process: those of a library whose names begin so; and its share of the library's bytes. */
export interface Loaded {
  readonly library: Library
  readonly name: string
  readonly bytes: number
}
export interface Objects {
  /** What each source has become, in order. */
  readonly of: (sources: readonly Source[]) => E.Either<ToolchainFailure, readonly Loaded[]>
}

interface Keyed extends NamedSource {
  readonly key: string
}

export const createObjects = (system: System, toolchain: Toolchain, store: Store, runAll: RunAll): Objects => {
  const { crypto, fs, os } = system
  const keyed = (source: Source): Keyed => {
    const text = fileText([{ name: 'f', source }])
    const key = crypto.createHash('sha256').update(toolchain.identity).update(text).digest('hex')
    return { key, source, name: `f${key.slice(0, 32)}_` }
  }
  const load = ({ name }: Keyed, { path, bytes }: Entry): Loaded => ({
    library: system.foreign.load(path),
    name,
    bytes,
  })
  /** Null where the file is whole and yet cannot be loaded: it was made elsewhere. */
  const attempt = (keyed: Keyed, entry: Entry): Loaded | null => {
    try {
      return load(keyed, entry)
    } catch {
      store.drop(entry)
      return null
    }
  }
  const compile = (fresh: readonly Keyed[]): E.Either<ToolchainFailure, readonly (readonly [string, Loaded])[]> => {
    const jobs = cutIntoFiles(fresh, os.availableParallelism()).map((sources) => ({
      sources,
      source: store.draft('.c'),
      target: store.draft('.so'),
    }))
    try {
      for (const job of jobs) fs.writeFileSync(job.source, fileText(job.sources))
      const done = compileAll(system, toolchain, jobs, runAll)
      if (E.isLeft(done)) return done
      return E.right(
        jobs.flatMap(({ sources, target }) => {
          const entries = store.keep(
            sources.map((s) => s.key),
            target,
          )
          return sources.map((s, i) => [s.key, load(s, entries[i]!)] as const)
        }),
      )
    } finally {
      for (const job of jobs) for (const file of [job.source, job.target]) fs.rmSync(file, { force: true })
    }
  }
  return {
    of: (sources) => {
      const wanted = sources.map(keyed)
      const byKey = new Map(wanted.map((k) => [k.key, k]))
      const found = new Map<string, Loaded>()
      for (const [key, entry] of store.find([...byKey.keys()])) {
        const loaded = attempt(byKey.get(key)!, entry)
        if (loaded !== null) found.set(key, loaded)
      }
      const fresh = [...byKey.values()].filter(({ key }) => !found.has(key))
      const made = fresh.length === 0 ? E.right([]) : compile(fresh)
      if (E.isLeft(made)) return made
      for (const [key, loaded] of made.right) found.set(key, loaded)
      return E.right(wanted.map(({ key }) => found.get(key)!))
    },
  }
}

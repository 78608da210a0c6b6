/**
 * Compiled objects on disk, by what they were compiled from. An entry is a file that names its key and the hash of its own
 * bytes, `<key>-<hash>.so` (or .json, what a compiler said): what is not what its name says is not an entry, and is compiled again.
 *
 * What was compiled together is one file with a name for each key, by hard links where the file system has them.
 *
 * Files come into being elsewhere in the folder and are renamed, so that other processes see whole ones only. An entry that is
 * used is touched, and where all together are too large those used longest ago go first. What the disk refuses is no failure of
 * the caller's: without a folder to write to, objects are compiled into a temporary one, and a warning says so.
 */
import type { Disk } from './disk.ts'

export interface Store {
  /** Whole entries of these keys: where they are, and their bytes. */
  readonly find: (keys: readonly string[]) => ReadonlyMap<string, Entry>
  /** A path to write a new file to, for `keep`. */
  readonly draft: (ending: string) => string
  /** Makes a draft the entry of each of these keys, in order. */
  readonly keep: (keys: readonly string[], draft: string) => readonly Entry[]
  /** Takes an entry out that turned out to be of no use. */
  readonly drop: (entry: Entry) => void
}
export interface Entry {
  readonly path: string
  /** Of its file, which may have several names: its share. */
  readonly bytes: number
}

/** Most bytes of all entries, unless ADJOINT_CACHE_BYTES says otherwise. */
const MOST = 2 ** 28
/** What is left after entries were taken out. */
const SHARE = 0.75
/** Drafts of this age were left by a process that was killed, ms. */
const ABANDONED = 3_600_000

/** The folder for caches: what ADJOINT_CACHE names, else the platform's. */
export const cacheFolder = ({ environment, os, path, platform }: Disk): string => {
  const named = (name: string): string | null => environment[name] || null
  const own = named('ADJOINT_CACHE')
  if (own !== null) return own
  const home = os.homedir()
  const base =
    platform === 'darwin'
      ? path.join(home, 'Library', 'Caches')
      : platform === 'win32'
        ? (named('LOCALAPPDATA') ?? path.join(home, 'AppData', 'Local'))
        : (named('XDG_CACHE_HOME') ?? path.join(home, '.cache'))
  return path.join(base, 'adjoint', 'native')
}

/** Makes a folder and what is above it, level by level: Node's own way to do that never ends where a level can be neither found nor made. */
const makeFolder = (disk: Pick<Disk, 'fs' | 'path'>, folder: string): void => {
  const { fs, path } = disk
  if (fs.existsSync(folder)) return
  const above = path.dirname(folder)
  if (above !== folder) makeFolder(disk, above)
  try {
    fs.mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (!fs.existsSync(folder)) throw error // else another process made it
  }
}

/** Writing throws where there is no folder that can be written to, not even a temporary one. */
export const openStore = (disk: Disk, folder = cacheFolder(disk)): Store => {
  const { fs, path, os, crypto, environment } = disk
  const most = Number(environment['ADJOINT_CACHE_BYTES'] ?? '') || MOST
  const writable = (): string => {
    try {
      makeFolder(disk, folder)
      fs.accessSync(folder, fs.constants.W_OK)
      return folder
    } catch (error) {
      const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'adjoint-'))
      const why = error instanceof Error ? error.message : String(error)
      globalThis.process.emitWarning(
        `compiled kernels cannot be kept in ${folder} (${why}); they are in ${temporary}, where the next process will not find them. Name a folder that can be written to in ADJOINT_CACHE.`,
        { type: 'AdjointWarning', code: 'ADJOINT_CACHE' },
      )
      return temporary
    }
  }
  let made: string | null = null
  /** Made by the first that writes: where nothing is compiled, for want of a compiler, nothing is left behind. */
  const root = (): string => (made ??= writable())
  let drafts = 0
  const draft = (ending: string): string =>
    path.join(root(), `draft-${globalThis.process.pid}-${Date.now()}-${drafts++}${ending}`)

  const hashOf = (bytes: Uint8Array): string => crypto.createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  const keyOf = (name: string): string | null => /^([0-9a-f]{64})-[0-9a-f]{32}\.(?:so|json)$/.exec(name)?.[1] ?? null
  const remove = (file: string): void => fs.rmSync(file, { force: true })
  const names = (): readonly string[] => {
    try {
      return made === null && !fs.existsSync(folder) ? [] : fs.readdirSync(root())
    } catch {
      return []
    }
  }
  /** The entry of a name; null, and gone, where it is not what it says. `seen`: files found whole, by inode, and their hashes. */
  const whole = (name: string, seen: Map<string, string>): Entry | null => {
    const file = path.join(root(), name)
    try {
      const { dev, ino, size, nlink } = fs.statSync(file, { bigint: true })
      const bytes = Math.ceil(Number(size) / Number(nlink))
      const id = `${dev}:${ino}`
      const hash = seen.get(id) ?? hashOf(fs.readFileSync(file))
      if (name.endsWith(`-${hash}${path.extname(name)}`)) {
        const now = new Date()
        if (!seen.has(id)) fs.utimesSync(file, now, now)
        seen.set(id, hash)
        return { path: file, bytes }
      }
    } catch {
      return null // another process took it out
    }
    remove(file)
    return null
  }
  /** One more name for a file. */
  const link = (from: string, to: string): void => {
    try {
      fs.linkSync(from, to)
    } catch {
      if (fs.existsSync(to)) return // another process made the same
      const copy = draft('.copy')
      fs.copyFileSync(from, copy)
      fs.renameSync(copy, to)
    }
  }
  const sizes = (): readonly { readonly file: string; readonly bytes: number; readonly used: number }[] =>
    names().flatMap((name) => {
      const file = path.join(root(), name)
      const stat = fs.statSync(file, { throwIfNoEntry: false })
      if (stat === undefined) return []
      if (name.startsWith('draft-') && Date.now() - stat.mtimeMs > ABANDONED) remove(file)
      return keyOf(name) === null ? [] : [{ file, bytes: Math.ceil(stat.size / stat.nlink), used: stat.mtimeMs }]
    })
  const trim = (): void => {
    const entries = [...sizes()].sort((x, y) => x.used - y.used)
    let bytes = entries.reduce((n, e) => n + e.bytes, 0)
    if (bytes <= most) return
    for (const entry of entries) {
      if (bytes <= SHARE * most) break
      remove(entry.file)
      bytes -= entry.bytes
    }
  }
  let added = 0
  return {
    find: (keys) => {
      const wanted = new Set(keys)
      const found = new Map<string, Entry>()
      if (wanted.size === 0) return found
      const seen = new Map<string, string>()
      for (const name of names()) {
        const key = keyOf(name)
        if (key === null || !wanted.has(key) || found.has(key)) continue
        const entry = whole(name, seen)
        if (entry !== null) found.set(key, entry)
      }
      return found
    },
    draft,
    keep: (keys, from) => {
      const bytes = fs.readFileSync(from)
      const hash = hashOf(bytes)
      const files = keys.map((key) => path.join(root(), `${key}-${hash}${path.extname(from)}`))
      for (const file of files) link(from, file)
      remove(from)
      added += bytes.length
      // all are looked at once in a sixteenth of what there may be
      if (added > most / 16) {
        added = 0
        trim()
      }
      return files.map((file) => ({ path: file, bytes: Math.ceil(bytes.length / keys.length) }))
    },
    drop: (entry) => remove(entry.path),
  }
}

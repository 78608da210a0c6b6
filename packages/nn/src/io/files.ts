/** What saving and loading need of a file system, as a record, so that a test can give one whose disk is full. */
import { codeOf } from './failure.ts'

/** A file that is read by ranges. */
export interface OpenFile {
  /** Bytes when it was opened. */
  readonly size: number
  /** Fills `into` with the bytes from `from` on, and says how many there were: fewer where the file ends. */
  readonly read: (from: number, into: Uint8Array) => Promise<number>
  /** Gives the file back to the system; nothing is read of it afterwards. */
  readonly close: () => Promise<void>
}

/** The bytes of a file in parts, which are asked for one after another. */
export type FileBytes = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** A file to be written. */
export interface Replacement {
  readonly path: string
  readonly pieces: FileBytes
}

/** Files, read and replaced. All reject with the system's error, whose `code` says what failed. */
export interface Files {
  /** The bytes of a file. */
  readonly read: (path: string) => Promise<Uint8Array>
  /** A file to be read by ranges, until it is closed. A folder is an error, EISDIR. */
  readonly open: (path: string) => Promise<OpenFile>
  /**
   * Writes files that belong together, and removes those that they make obsolete. After a failure all files hold what they held before; a
   * crash at any moment leaves all of them as they were, or the last of them absent until all are new. One file is replaced at once.
   */
  readonly replace: (files: readonly Replacement[], obsolete?: readonly string[]) => Promise<void>
  /** Makes a folder, and those that it is in, where they are missing. */
  readonly makeFolder: (path: string) => Promise<void>
}

/** How the parts of a replacement are done; the order of these calls is what makes it atomic. */
export interface FileCalls {
  /** Makes a new file with these bytes, and returns when they are on the disk. */
  readonly writeThrough: (path: string, pieces: FileBytes) => Promise<void>
  readonly rename: (from: string, to: string) => Promise<void>
  readonly remove: (path: string) => Promise<void>
  /** Makes a rename in this file's folder last through a crash of the machine. */
  readonly syncFolder: (path: string) => Promise<void>
}

const partOf = (path: string): string => `${path}.${globalThis.crypto.randomUUID().slice(0, 8)}.part`

/**
 * A replacement that is atomic: the bytes go to new files in the same folder and to the disk, then those take the names. What fails
 * before that is done is undone step by step.
 *
 * Of several files, those that only go among them, the old ones are set aside first, the last that is written first of all: it is the
 * one that says which others there are, and a crash between two renames leaves nobody to take old and new for one.
 */
export const replaceBy =
  ({ writeThrough, rename, remove, syncFolder }: FileCalls): Files['replace'] =>
  async (files, obsolete = []) => {
    const undo: (() => Promise<void>)[] = []
    const aside: string[] = []
    const setAside = async (path: string): Promise<void> => {
      const place = partOf(path)
      try {
        await rename(path, place)
      } catch (error) {
        // what is not there needs no place
        if (codeOf(error) === 'ENOENT') return
        throw error
      }
      aside.push(place)
      undo.push(() => rename(place, path))
    }
    try {
      const parts: string[] = []
      for (const { path, pieces } of files) {
        const part = partOf(path)
        parts.push(part)
        undo.push(() => remove(part))
        await writeThrough(part, pieces)
      }
      if (files.length + obsolete.length > 1)
        for (const path of [...files.toReversed().map((file) => file.path), ...obsolete]) await setAside(path)
      for (const [i, { path }] of files.entries()) {
        await rename(parts[i]!, path)
        undo.push(() => remove(path))
      }
    } catch (error) {
      // The first failure is the one to report; a part may not even exist.
      for (const step of undo.toReversed()) await step().catch(() => undefined)
      throw error
    }
    if (files.length > 0) await syncFolder(files[0]!.path)
    for (const path of aside) await remove(path)
  }

/** What follows a path in the name of a part: a file that was to replace it. */
const PART = /^\.[0-9a-f]{8}\.part$/

/**
 * Removes the parts that replacements of this file have left where the process was killed; whoever calls it knows that
 * none is at work. The file itself stays as it is.
 *
 * @example
 * ```ts
 * import { clearParts } from '@adjoint/nn'
 * import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const folder = mkdtempSync(join(tmpdir(), 'adjoint-'))
 * writeFileSync(join(folder, 'step-10.safetensors.0f3c2a11.part'), 'half of it')
 * await clearParts(join(folder, 'step-10.safetensors'))
 * console.log(readdirSync(folder)) // []
 * ```
 */
export const clearParts = async (path: string): Promise<void> => {
  const { basename, dirname, join, readdir, rm } = await import('#disk')
  const [folder, file] = [dirname(path), basename(path)]
  for (const name of await readdir(folder))
    if (name.startsWith(file) && PART.test(name.slice(file.length))) await rm(join(folder, name), { force: true })
}

/** What making a folder needs of Node. */
export interface FolderCalls {
  readonly mkdir: (path: string) => Promise<unknown>
  readonly stat: (path: string) => Promise<{ readonly isDirectory: () => boolean }>
  readonly dirname: (path: string) => string
}

/**
 * Makes a folder, and those that it is in, level by level: of several at once Node says ENOENT whatever the reason why one cannot be made (a
 * disk that is read-only, for one), and in some places nothing at all.
 */
export const makeFolderBy = ({ mkdir, stat, dirname }: FolderCalls): ((path: string) => Promise<void>) => {
  const isFolder = (path: string): Promise<boolean> =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false, // why it cannot be looked at is no more than why it cannot be made
    )
  /** Makes one level; one that is there already is no failure, whoever made it. */
  const makeLevel = async (path: string): Promise<void> => {
    try {
      await mkdir(path)
    } catch (error) {
      if (!(await isFolder(path))) throw error
    }
  }
  const make = (path: string): Promise<void> =>
    makeLevel(path).catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
      await make(dirname(path))
      await makeLevel(path)
    })
  return make
}

/**
 * Makes a folder, and those that it is in, where they are missing. Rejects with the system's error, whose `code` says why.
 *
 * @example
 * ```ts
 * import { makeFolder } from '@adjoint/nn'
 * import { existsSync, mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'adjoint-')), 'runs', 'first')
 * await makeFolder(path)
 * console.log(existsSync(path)) // true
 * ```
 */
export const makeFolder = async (path: string): Promise<void> => {
  const { dirname, mkdir, stat } = await import('#disk')
  await makeFolderBy({ dirname, mkdir, stat })(path)
}

/** Bytes that one call of the system moves at most. */
const ONE_CALL = 2 ** 30

/** Node's file system, loaded when first used, so that importing this package needs none. */
export const nodeFiles: Files = {
  read: async (path) => {
    const { readFile } = await import('#disk')
    return readFile(path)
  },
  open: async (path) => {
    const { open } = await import('#disk')
    const file = await open(path, 'r')
    try {
      const stat = await file.stat()
      if (stat.isDirectory()) throw Object.assign(new Error(`EISDIR: ${path} is a folder`), { code: 'EISDIR' })
      const read = async (from: number, into: Uint8Array): Promise<number> => {
        let done = 0
        while (done < into.length) {
          const { bytesRead } = await file.read(into, done, Math.min(ONE_CALL, into.length - done), from + done)
          if (bytesRead === 0) break
          done += bytesRead
        }
        return done
      }
      return { size: stat.size, read, close: () => file.close() }
    } catch (error) {
      await file.close()
      throw error
    }
  },
  replace: async (files, obsolete) => {
    const { dirname, open, rename, rm } = await import('#disk')
    await replaceBy({
      writeThrough: async (at, pieces) => {
        const file = await open(at, 'wx')
        try {
          for await (const piece of pieces)
            for (let done = 0; done < piece.length;) {
              const { bytesWritten } = await file.write(piece, done, Math.min(ONE_CALL, piece.length - done))
              done += bytesWritten
            }
          await file.sync()
        } finally {
          await file.close()
        }
      },
      rename: (from, to) => rename(from, to),
      remove: (at) => rm(at, { force: true }),
      syncFolder: async (at) => {
        // Some systems cannot open folders; there the rename lasts as soon as they see fit.
        const folder = await open(dirname(at), 'r').catch(() => null)
        if (folder === null) return
        await folder.sync().catch(() => undefined)
        await folder.close()
      },
    })(files, obsolete)
  },
  makeFolder,
}

/** The two things a checkpoint needs of a file system, as a record, so that a test can give one whose disk is full. */

/** Whole files, read and replaced. Both reject with the system's error, whose `code` says what failed. */
export interface Files {
  /** The bytes of a file. */
  readonly read: (path: string) => Promise<Uint8Array>
  /** All or nothing: after a failure, or a crash at any moment, the file holds what it held before. */
  readonly replace: (path: string, bytes: Uint8Array) => Promise<void>
}

/** How the parts of a replacement are done; the order of these calls is what makes it atomic. */
export interface FileCalls {
  /** Makes a new file with these bytes, and returns when they are on the disk. */
  readonly writeThrough: (path: string, bytes: Uint8Array) => Promise<void>
  readonly rename: (from: string, to: string) => Promise<void>
  readonly remove: (path: string) => Promise<void>
  /** Makes a rename in this folder last through a crash of the machine. */
  readonly syncFolder: (path: string) => Promise<void>
}

/**
 * A replacement that is atomic: the bytes go to a new file in the same folder and to the disk, then that file takes the
 * name. What fails before leaves the old file as it was, and the new one is removed.
 */
export const replaceBy =
  ({ writeThrough, rename, remove, syncFolder }: FileCalls) =>
  async (path: string, bytes: Uint8Array): Promise<void> => {
    const unique = globalThis.crypto.randomUUID().slice(0, 8)
    const temporary = `${path}.${unique}.part`
    try {
      await writeThrough(temporary, bytes)
      await rename(temporary, path)
    } catch (error) {
      // The first failure is the one to report; the part may not even exist.
      await remove(temporary).catch(() => undefined)
      throw error
    }
    await syncFolder(path)
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

/** Node's file system, loaded when first used, so that importing this package needs none. */
export const nodeFiles: Files = {
  read: async (path) => {
    const { readFile } = await import('#disk')
    return readFile(path)
  },
  replace: async (path, bytes) => {
    const { dirname, open, rename, rm } = await import('#disk')
    await replaceBy({
      writeThrough: async (at, data) => {
        const file = await open(at, 'wx')
        try {
          await file.writeFile(data)
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
    })(path, bytes)
  },
}

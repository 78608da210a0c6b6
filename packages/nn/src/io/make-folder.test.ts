// Folders that cannot be made: the reason is told, where Node says ENOENT whatever it is.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { makeFolder, makeFolderBy } from './files.ts'

const root = mkdtempSync(join(tmpdir(), 'adjoint-folder-'))
afterAll(() => rmSync(root, { recursive: true }))

const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}: mkdir '${path}'`), { code })

/** A file system with these folders, all of which refuse new ones with `code`; null where they do not. */
const disk = (folders: readonly string[], code: string | null) => {
  const there = new Set(folders)
  const mkdir = (path: string, options?: { readonly recursive: boolean }): Promise<unknown> => {
    if (there.has(path))
      return options?.recursive === true ? Promise.resolve() : Promise.reject(failure('EEXIST', path))
    if (options?.recursive === true && code !== null) return Promise.reject(failure('ENOENT', path))
    if (options?.recursive !== true && !there.has(dirname(path))) return Promise.reject(failure('ENOENT', path))
    if (code !== null) return Promise.reject(failure(code, path))
    for (let level = path; !there.has(level); level = dirname(level)) there.add(level)
    return Promise.resolve()
  }
  return { make: makeFolderBy({ mkdir, dirname }), there }
}

test('makes all levels that are missing, and none that is there', async () => {
  const path = join(root, 'a', 'b', 'c')
  await makeFolder(path)
  await makeFolder(path)
  expect(existsSync(path)).toBe(true)
})

describe('on a disk that refuses', () => {
  test.each(['EROFS', 'EACCES', 'ENOSPC'])('%s is told, of the first level that is missing', async (code) => {
    for (const path of ['/m/a', '/m/a/b', '/m/a/b/c'])
      await expect(disk(['/', '/m'], code).make(path)).rejects.toMatchObject({ code, message: `${code}: mkdir '/m/a'` })
  })

  test('a folder that is there is no failure', async () => {
    await disk(['/', '/m'], 'EROFS').make('/m')
  })
})

test('where no level is there at all, ENOENT is the reason', async () => {
  await expect(disk([], 'EROFS').make('/m/a')).rejects.toMatchObject({ code: 'ENOENT' })
})

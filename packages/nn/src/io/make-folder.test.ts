// Folders that cannot be made: the reason is told, where Node says ENOENT whatever it is.
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
  const mkdir = (path: string): Promise<unknown> => {
    if (there.has(path)) return Promise.reject(failure('EEXIST', path))
    if (!there.has(dirname(path))) return Promise.reject(failure('ENOENT', path))
    if (code !== null) return Promise.reject(failure(code, path))
    there.add(path)
    return Promise.resolve()
  }
  const stat = (path: string): Promise<{ readonly isDirectory: () => boolean }> =>
    there.has(path) ? Promise.resolve({ isDirectory: () => true }) : Promise.reject(failure('ENOENT', path))
  return { make: makeFolderBy({ mkdir, stat, dirname }), there }
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

test('what stands in the way is told as Node tells it: a file, a link to nothing, no name, and a place where none can be', async () => {
  const [file, link] = [join(root, 'file'), join(root, 'link')]
  writeFileSync(file, '')
  symlinkSync(join(root, 'nowhere'), link)
  await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(file, 'inside'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  await expect(makeFolder(link)).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder('')).rejects.toMatchObject({ code: 'ENOENT' })
  // Node's mkdir of several levels does not return from here.
  if (existsSync('/proc/self')) await expect(makeFolder('/proc/no/where')).rejects.toMatchObject({ code: 'ENOENT' })
})

test('several at once make one tree', async () => {
  const path = join(root, 'p', 'q', 'r')
  await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(root, 'p', 'q', 's'))])
  expect([existsSync(path), existsSync(join(root, 'p', 'q', 's'))]).toEqual([true, true])
})

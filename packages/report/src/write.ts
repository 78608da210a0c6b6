/** A page goes to its file whole or not at all, and never over what is no page. */
import * as E from 'fp-ts/lib/Either.js'
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { MARK } from './viewer.ts'

/** Characters at the start of a page among which its mark is. */
const HEAD = 2000

type Standing = 'nothing' | 'report' | 'other'

const standingAt = async (path: string): Promise<Standing> => {
  const file = await open(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  })
  if (file === null) return 'nothing'
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0)
    return buffer.toString('utf8', 0, bytesRead).includes(MARK) ? 'report' : 'other'
  } finally {
    await file.close()
  }
}

/**
 * Writes a page, atomically: a reader sees the old one or the new one. Left: why it was not written, one sentence; a file
 * that is no report is left as it is unless `force` is set.
 */
export const writePage = async (
  path: string,
  text: string,
  { force = false }: { readonly force?: boolean } = {},
): Promise<E.Either<string, void>> => {
  const beside = join(dirname(path), `.report-${process.pid}.tmp`)
  try {
    if (!force && (await standingAt(path)) === 'other')
      return E.left(`${path} is not a report, and was left as it is: choose another --out, or say --force.`)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(beside, text)
    await rename(beside, path)
    return E.right(undefined)
  } catch (thrown) {
    // What was thrown first is said; that its rest could not be cleared away would only hide it.
    await rm(beside, { force: true }).catch(() => undefined)
    return E.left(`${path} cannot be written: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
}

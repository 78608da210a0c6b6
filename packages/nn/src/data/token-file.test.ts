// Token files: what is written is read, window by window, and nothing else of the file is.
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type Files, nodeFiles } from '../io/files.ts'
import { shuffled } from './shuffle.ts'
import { withTokens, writeTokens } from './token-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'adjoint-tokens-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const fresh = (): string => join(folder, `${files++}.bin`)

describe('token files', () => {
  test('each window is a slice of what was written, whatever the pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('u16' as const, 'u32' as const).chain((dtype) =>
          fc.record({
            dtype: fc.constant(dtype),
            documents: fc.array(fc.array(fc.nat(dtype === 'u16' ? 65_535 : 2 ** 31 - 1))),
            length: fc.integer({ min: 1, max: 7 }),
          }),
        ),
        async ({ dtype, documents, length }) => {
          const path = fresh()
          const all = documents.flat()
          expect(await writeTokens({ path, dtype })(documents)()).toEqual(E.right(all.length))
          const outcome = await withTokens({ path, dtype, length })(({ tokens, windows, read }) => {
            expect([tokens, windows]).toEqual([all.length, Math.max(0, Math.floor((all.length - 1) / length))])
            const order = Array.from({ length: windows }, (_, i) => windows - 1 - i)
            return TE.map((ids: Int32Array) => ({ order, ids }))(read(order))
          })()
          if (E.isLeft(outcome)) throw new Error(outcome.left.message)
          const { order, ids } = outcome.right
          expect(Array.from(ids)).toEqual(order.flatMap((n) => all.slice(n * length, n * length + length + 1)))
        },
      ),
      { seed: 1, numRuns: 60 },
    )
  })

  test('a batch reads its own bytes and no others; an epoch of a shuffle reads each window once, and goes on from a number', async () => {
    const path = fresh()
    await writeTokens({ path, dtype: 'u16' })([Array.from({ length: 1001 }, (_, i) => i)])()
    let bytes = 0
    const counting: Files = {
      ...nodeFiles,
      open: async (at) => {
        const file = await nodeFiles.open(at)
        return { ...file, read: async (from, into) => ((bytes += into.length), file.read(from, into)) }
      },
    }
    const open = withTokens({ path, dtype: 'u16', length: 10, files: counting })
    const firsts = async (from: number, to: number): Promise<readonly number[]> => {
      const outcome = await open(({ windows, read }) => {
        const at = shuffled({ size: windows, seed: 5 })
        return read(Array.from({ length: to - from }, (_, i) => at(from + i)))
      })()
      if (E.isLeft(outcome)) throw new Error(outcome.left.message)
      return Array.from(outcome.right).filter((_, i) => i % 11 === 0)
    }
    const whole = await firsts(0, 100)
    expect(bytes).toBe(100 * 11 * 2)
    expect([...whole].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => 10 * i))
    expect([...(await firsts(0, 37)), ...(await firsts(37, 100))]).toEqual(whole)
  })

  test('an id that does not fit is an error, and the file stays what it was', async () => {
    const path = fresh()
    await writeTokens({ path, dtype: 'u16' })([[1, 2, 3]])()
    const before = readFileSync(path)
    for (const bad of [65_536, -1, 0.5, NaN])
      await expect(writeTokens({ path, dtype: 'u16' })([[4], [bad]])()).rejects.toThrow(/token 1 is/)
    expect(readFileSync(path).equals(before)).toBe(true)
    const wide = fresh()
    await expect(writeTokens({ path: wide, dtype: 'u32' })([[2 ** 31]])()).rejects.toThrow(/token 0 is 2147483648/)
    writeFileSync(wide, new Uint8Array(Uint32Array.of(1, 2 ** 31, 3).buffer))
    expect(await withTokens({ path: wide, dtype: 'u32', length: 2 })(({ read }) => read([0]))()).toMatchObject({
      left: { _tag: 'Corrupt', message: expect.stringContaining('token 1 is 2147483648') as string },
    })
    // @ts-expect-error: a width that is none
    expect(() => writeTokens({ path, dtype: 'u8' })).toThrow(/Choose u16 or u32/)
  })

  test('a file that is missing, cut, or no tokens is a Left, and a window that is not there is an error', async () => {
    const none = await withTokens({ path: join(folder, 'none'), dtype: 'u16', length: 2 })(() => TE.right(1))()
    expect(none).toMatchObject({ left: { _tag: 'MissingFile' } })
    const odd = fresh()
    writeFileSync(odd, new Uint8Array(7))
    expect(await withTokens({ path: odd, dtype: 'u16', length: 2 })(() => TE.right(1))()).toMatchObject({
      left: { _tag: 'Corrupt', path: odd },
    })
    const path = fresh()
    await writeTokens({ path, dtype: 'u32' })([[1, 2, 3, 4, 5]])()
    const outcome = await withTokens({ path, dtype: 'u32', length: 2 })(({ read }) => {
      expect(() => read([2])).toThrow(/window 2 of 2/)
      truncateSync(path, 12)
      return read([1])
    })()
    expect(outcome).toMatchObject({ left: { _tag: 'Corrupt', fault: 'Cut' } })
    expect(existsSync(path)).toBe(true)
  })

  test('what `use` throws is thrown, after the file is closed', async () => {
    const path = fresh()
    await writeTokens({ path, dtype: 'u16' })([[1, 2, 3]])()
    let closed = 0
    const watching: Files = {
      ...nodeFiles,
      open: async (at) => {
        const file = await nodeFiles.open(at)
        return { ...file, close: () => (closed++, file.close()) }
      },
    }
    const use = withTokens({ path, dtype: 'u16', length: 1, files: watching })
    await expect(use(() => () => Promise.reject(new TypeError('a mistake')))()).rejects.toThrow('a mistake')
    expect(await use(() => TE.left('no'))()).toEqual(E.left('no'))
    expect(closed).toBe(2)
  })

  test('a file that cannot be closed is a Left, unless something failed before', async () => {
    const path = fresh()
    await writeTokens({ path, dtype: 'u16' })([[1, 2, 3]])()
    const failing: Files = {
      ...nodeFiles,
      open: async (at) => {
        const { close, ...file } = await nodeFiles.open(at)
        const refuse = async (): Promise<void> => {
          await close()
          throw Object.assign(new Error('EIO: the disk is gone'), { code: 'EIO' })
        }
        return { ...file, close: refuse }
      },
    }
    const use = withTokens({ path, dtype: 'u16', length: 1, files: failing })
    expect(await use(({ read }) => read([1]))()).toMatchObject({ left: { _tag: 'FileSystem', path } })
    expect(await use(() => TE.left('no'))()).toEqual(E.left('no'))
  })
})

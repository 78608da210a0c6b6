/**
 * Texts as token files: nothing but ids, of two or four bytes each, little-endian (what nanoGPT's `train.bin` is). A file far larger
 * than memory is read window by window: a batch reads its own tokens and no others.
 */
import { optionsOf } from '@adjoint/tensor/ir'
import { type Either, left } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type CheckpointError, CheckpointFailure, orThrow, rethrow, task } from '../io/failure.ts'
import { type Files, nodeFiles, type OpenFile } from '../io/files.ts'

const widths = { u16: 2, u32: 4 } as const satisfies Readonly<Record<TokenWidth, number>>

/** How ids are stored: two bytes hold those below 2^16, four those below 2^31, which is as far as ids go on a device. */
export type TokenWidth = 'u16' | 'u32'

/** Where tokens go. */
export interface WriteTokensConfig {
  readonly path: string
  readonly dtype: TokenWidth
  /** Default: Node's. */
  readonly files?: Files
}

/** Ids of at most so many bytes are written at a time. */
const PIECE = 2 ** 20

/**
 * Writes a token file from ids in pieces (one document a piece, say), which are asked for one after another. The file is replaced as a
 * whole or not at all. Resolves to the number of tokens. Left: the file system failed. Throws RangeError for an id that the width does
 * not hold; the file is then as it was.
 *
 * @example
 * ```ts
 * import { withTokens, writeTokens } from '@adjoint/nn'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'adjoint-')), 'train.bin')
 * await writeTokens({ path, dtype: 'u16' })([[5, 6, 7, 8], [9]])() // Right 5
 * const read = withTokens({ path, dtype: 'u16', length: 2 })(({ windows, read }) => {
 *   console.log(windows) // 2: three tokens each, the last of the first being the first of the second
 *   return read([1, 0])
 * })
 * console.log(await read()) // Right Int32Array [7, 8, 9, 5, 6, 7]
 * ```
 */
export const writeTokens = (options: WriteTokensConfig) => {
  const {
    path,
    dtype,
    files = nodeFiles,
  } = optionsOf<WriteTokensConfig>('writeTokens', options, {
    path: true,
    dtype: true,
    files: true,
  })
  const width = widthOf('writeTokens', dtype)
  const beyond = width === 2 ? 2 ** 16 : 2 ** 31
  return (
    documents: Iterable<ArrayLike<number>> | AsyncIterable<ArrayLike<number>>,
  ): TaskEither<CheckpointError, number> =>
    task(async () => {
      let count = 0
      const bytesOf = (ids: ArrayLike<number>, from: number, to: number): Uint8Array => {
        const view = new DataView(new ArrayBuffer((to - from) * width))
        for (let i = from; i < to; i++) {
          const id = ids[i]!
          if (!(Number.isInteger(id) && id >= 0 && id < beyond))
            throw new RangeError(
              `writeTokens: token ${count + i} is ${id}, which ${dtype} does not hold. ` +
                (width === 2 && id >= 0 ? 'Write u32.' : 'Give whole numbers of 0 or more.'),
            )
          if (width === 2) view.setUint16((i - from) * 2, id, true)
          else view.setUint32((i - from) * 4, id, true)
        }
        return new Uint8Array(view.buffer)
      }
      async function* pieces(): AsyncGenerator<Uint8Array> {
        for await (const ids of documents) {
          for (let from = 0; from < ids.length; from += PIECE / width)
            yield bytesOf(ids, from, Math.min(ids.length, from + PIECE / width))
          count += ids.length
        }
      }
      await files.replace([{ path, pieces: pieces() }]).catch(rethrow(path, 'write'))
      return count
    })
}

/**
 * {@link writeTokens} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { CheckpointFailure, writeTokensAsync } from '@adjoint/nn'
 * const written = writeTokensAsync({ path: 'no/such/folder/train.bin', dtype: 'u16' })([[5, 6, 7]])
 * await written.catch((error) => console.log(error instanceof CheckpointFailure && error.error._tag)) // MissingFile
 * ```
 */
export const writeTokensAsync = (options: WriteTokensConfig) => {
  const write = writeTokens(options)
  return (documents: Iterable<ArrayLike<number>> | AsyncIterable<ArrayLike<number>>): Promise<number> =>
    orThrow(write(documents))
}

/** Where tokens are, and how long a sequence is. */
export interface TokensConfig extends WriteTokensConfig {
  /** Tokens that a model reads at once, T; a window has one more, which is the last to predict. */
  readonly length: number
}

/** An open token file as windows of T + 1 tokens, each beginning with the last of the one before it. */
export interface TokenWindows {
  /** Tokens in the file. */
  readonly tokens: number
  /** Whole windows in it: `floor((tokens - 1) / T)`. */
  readonly windows: number
  /**
   * Reads windows by their numbers: [B, T + 1], row-major. Left: the file system failed, or the file was cut. Throws RangeError for a
   * number that is none.
   */
  readonly read: (numbers: readonly number[]) => TaskEither<CheckpointError, Int32Array>
}

const widthOf = (op: string, dtype: TokenWidth): number => {
  if (!Object.hasOwn(widths, dtype)) throw new RangeError(`${op}: the dtype is '${dtype}'. Choose u16 or u32.`)
  return widths[dtype]
}

const corrupt = (path: string, what: string): CheckpointFailure =>
  new CheckpointFailure({
    _tag: 'Corrupt',
    path,
    fault: 'Cut',
    message: `read ${path}: ${what}. Write the file again.`,
  })

const windowsOf = (path: string, file: OpenFile, width: number, length: number): TokenWindows => {
  if (file.size % width !== 0)
    throw corrupt(path, `its ${file.size} bytes are no whole number of tokens of ${width} bytes`)
  const tokens = file.size / width
  const windows = Math.max(0, Math.floor((tokens - 1) / length))
  const bytes = (length + 1) * width
  const read: TokenWindows['read'] = (numbers) => {
    const bad = numbers.find((n) => !(Number.isInteger(n) && n >= 0 && n < windows))
    if (bad !== undefined) throw new RangeError(`withTokens: window ${bad} of ${windows}. Give 0 to ${windows - 1}.`)
    return task(async () => {
      const ids = new Int32Array(numbers.length * (length + 1))
      const buffer = new Uint8Array(bytes)
      const view = new DataView(buffer.buffer)
      for (const [row, n] of numbers.entries()) {
        const got = await file.read(n * length * width, buffer).catch(rethrow(path, 'read'))
        if (got < bytes) throw corrupt(path, `it was cut while it was read, within window ${n}`)
        for (let i = 0; i <= length; i++) {
          const id = width === 2 ? view.getUint16(2 * i, true) : view.getInt32(4 * i, true)
          if (id < 0) throw corrupt(path, `token ${n * length + i} is ${id >>> 0}, and ids end at 2^31`)
          ids[row * (length + 1) + i] = id
        }
      }
      return ids
    })
  }
  return { tokens, windows, read }
}

/**
 * Opens a token file, hands its windows to `use`, and closes it once its task has ended, however it ended. Which windows make a batch is
 * the caller's: `shuffled` gives an order that goes on from a number. Left: the file is missing, is no whole number of tokens, or the
 * file system failed; or what `use` gave.
 *
 * @example
 * ```ts
 * import { shuffled, withTokens } from '@adjoint/nn'
 * const batch = (step: number) =>
 *   withTokens({ path: 'no/such/train.bin', dtype: 'u16', length: 256 })(({ windows, read }) => {
 *     const at = shuffled({ size: windows, seed: 0 })
 *     return read(Array.from({ length: 8 }, (_, row) => at(8 * step + row))) // [8, 257]
 *   })
 * const outcome = await batch(0)() // Left { _tag: 'MissingFile', .. }
 * ```
 */
export const withTokens = (options: TokensConfig) => {
  const {
    path,
    dtype,
    length,
    files = nodeFiles,
  } = optionsOf<TokensConfig>('withTokens', options, {
    path: true,
    dtype: true,
    length: true,
    files: true,
  })
  const width = widthOf('withTokens', dtype)
  if (!(Number.isInteger(length) && length >= 1))
    throw new RangeError(`withTokens: the length is ${length}. Give a whole number of 1 or more.`)
  return <E, A>(use: (windows: TokenWindows) => TaskEither<E, A>): TaskEither<E | CheckpointError, A> =>
    async () => {
      let file: OpenFile | null = null
      let outcome: Either<E | CheckpointError, A>
      try {
        file = await files.open(path).catch(rethrow(path, 'open'))
        outcome = await use(windowsOf(path, file, width, length))()
      } catch (error) {
        // the first failure is the one to report
        await file?.close().catch(() => undefined)
        if (error instanceof CheckpointFailure) return left(error.error)
        throw error
      }
      try {
        await file.close().catch(rethrow(path, 'close'))
      } catch (error) {
        if (!(error instanceof CheckpointFailure)) throw error
        // what `use` says went wrong was first
        return outcome._tag === 'Left' ? outcome : left(error.error)
      }
      return outcome
    }
}

/**
 * {@link withTokens} for scripts: awaits, and throws CheckpointFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { CheckpointFailure, withTokensAsync } from '@adjoint/nn'
 * const counted = withTokensAsync({ path: 'no/such/train.bin', dtype: 'u16', length: 256 })(async ({ windows }) => windows)
 * await counted.catch((error) => console.log(error instanceof CheckpointFailure && error.error._tag)) // MissingFile
 * ```
 */
export const withTokensAsync = (options: TokensConfig) => {
  const open = withTokens(options)
  return <A>(use: (windows: TokenWindows) => Promise<A>): Promise<A> =>
    orThrow(open((windows) => task(() => use(windows))))
}

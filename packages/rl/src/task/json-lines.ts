/** Data sets as files of JSON lines, read through a schema: a bad line is an error with its number, never a row that is left out. */
import { createInterface, createReadStream } from '#system'
import { optionsOf } from '@adjoint/tensor/ir'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { fileFailure, type RunError } from '../run/errors.ts'
import { twin } from '../or-throw.ts'

/** What a value of JSON is, or what is wrong with it: a text that completes 'line 3: ...'. */
export type Schema<A> = (value: unknown) => E.Either<string, A>

/** Which file, and what its lines are. */
export interface JsonLinesConfig<A> {
  readonly path: string
  readonly schema: Schema<A>
}

/** A byte-order mark, which some editors write, is no part of the first line. */
const withoutMark = (line: string): string => (line.startsWith('\uFEFF') ? line.slice(1) : line)

const rowOf =
  <A>(schema: Schema<A>) =>
  (line: string): E.Either<string, A> => {
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (error) {
      return E.left(`it is no JSON (${error instanceof Error ? error.message : String(error)})`)
    }
    return schema(value)
  }

/**
 * The rows of a file of JSON lines, in order; lines without a character are none. It is read line by line, and not beyond the first
 * bad one. Left: FileFailure, BadLine with the number of the line, from 1, and what is wrong with it.
 *
 * @example
 * ```ts
 * import { gsm8k, readJsonLines } from '@adjoint/rl'
 * import { mkdtempSync, writeFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'lines-')), 'test.jsonl')
 * writeFileSync(path, '{"question": "2+2?", "answer": "2+2 is <<2+2=4>>4\\n#### 4"}\n')
 * const rows = await readJsonLines({ path, schema: gsm8k })() // Right [{ question: '2+2?', thought: '2+2 is 4', answer: '4' }]
 * ```
 */
export const readJsonLines = <A>(options: JsonLinesConfig<A>): TE.TaskEither<RunError, readonly A[]> => {
  const { path, schema } = optionsOf<JsonLinesConfig<A>>('readJsonLines', options, { path: true, schema: true })
  const read = rowOf(schema)
  return async () => {
    const rows: A[] = []
    const file = createReadStream(path, 'utf8')
    try {
      let number = 0
      for await (const text of createInterface({ input: file, crlfDelay: Infinity })) {
        number++
        const line = number === 1 ? withoutMark(text) : text
        if (line.trim() === '') continue
        const row = read(line)
        if (E.isLeft(row)) return E.left({ _tag: 'BadLine', path, line: number, reason: row.left })
        rows.push(row.right)
      }
      return E.right(rows)
    } catch (error) {
      // what a schema throws is its author's mistake, and no failure of the file
      if (!(error instanceof Error && 'code' in error)) throw error
      return E.left(fileFailure(path)(error))
    } finally {
      file.destroy()
    }
  }
}

/**
 * {@link readJsonLines} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { gsm8k, readJsonLinesAsync } from '@adjoint/rl'
 * import { mkdtempSync, writeFileSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const path = join(mkdtempSync(join(tmpdir(), 'lines-')), 'test.jsonl')
 * writeFileSync(path, '{"question": "2+2?", "answer": "2+2 is <<2+2=4>>4\\n#### 4"}\n')
 * console.log(await readJsonLinesAsync({ path, schema: gsm8k })) // [{ question: '2+2?', thought: '2+2 is 4', answer: '4' }]
 * ```
 */
export const readJsonLinesAsync = /* @__PURE__ */ twin(readJsonLines)

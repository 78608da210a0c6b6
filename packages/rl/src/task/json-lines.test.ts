// Data sets read line by line: what is written is read, and a bad line is named by its number.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { describeError } from '../run/errors.ts'
import { readJsonLines, type Schema } from './json-lines.ts'
import { gsm8k, type Question, reasoningGym } from './questions.ts'

const folder = mkdtempSync(join(tmpdir(), 'adjoint-lines-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const fileOf = (text: string): string => {
  const path = join(folder, `${files++}.jsonl`)
  writeFileSync(path, text)
  return path
}
const texts: Schema<string> = (value) => (typeof value === 'string' ? E.right(value) : E.left('it is no text'))

describe('lines', () => {
  test('are read as they were written, whatever they hold and however they end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary' })),
        fc.constantFrom('\n', '\r\n', '\n\n'),
        fc.boolean(),
        fc.boolean(),
        async (rows, end, last, mark) => {
          const lines = rows.map((row) => JSON.stringify(row))
          const path = fileOf((mark ? '\uFEFF' : '') + lines.join(end) + (last && rows.length > 0 ? end : ''))
          expect(await readJsonLines({ path, schema: texts })()).toEqual(E.right(rows))
        },
      ),
      { seed: 1, numRuns: 50 },
    )
  })

  test('a bad one is named by its number, and none after it is read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(20), fc.constantFrom('{"a":', '1', 'null', 'x'), async (before, bad) => {
        const path = fileOf([...Array.from({ length: before }, () => '"fine"'), bad, '{"never read'].join('\n'))
        const read = await readJsonLines({ path, schema: texts })()
        expect(read).toMatchObject({ left: { _tag: 'BadLine', path, line: before + 1 } })
      }),
      { seed: 1, numRuns: 20 },
    )
  })

  test('the message has the file, the line and the reason', async () => {
    const path = fileOf('{"question": "2+2?", "answer": 4}')
    const read = await readJsonLines({ path, schema: reasoningGym })()
    expect(E.isLeft(read) && describeError(read.left)).toBe(
      `${path}, line 1: row.answer is not a text. Mend the line, or read the file with the schema of its data.`,
    )
  })

  test('a file that cannot be read is a failure; what a schema throws is thrown', async () => {
    expect(await readJsonLines({ path: join(folder, 'none'), schema: texts })()).toMatchObject({
      left: { _tag: 'FileFailure', code: 'ENOENT' },
    })
    expect(await readJsonLines({ path: folder, schema: texts })()).toMatchObject({
      left: { _tag: 'FileFailure', code: 'EISDIR' },
    })
    const broken: Schema<string> = () => {
      throw new TypeError('a mistake')
    }
    await expect(readJsonLines({ path: fileOf('1'), schema: broken })()).rejects.toThrow('a mistake')
  })
})

const data = new URL('../../../../../shared/fixtures/data/', import.meta.url)
describe.skipIf(!existsSync(data))('data sets made by others (skipped where they are absent)', () => {
  const rows = async (name: string, schema: Schema<Question>): Promise<readonly Question[]> => {
    const read = await readJsonLines({ path: new URL(name, data).pathname, schema })()
    if (E.isLeft(read)) throw new Error(describeError(read.left))
    return read.right
  }

  test('GSM8K: 7,473 and 1,319 problems, each with a number', async () => {
    const [train, held] = [await rows('gsm8k/train.jsonl', gsm8k), await rows('gsm8k/test.jsonl', gsm8k)]
    expect([train.length, held.length]).toEqual([7473, 1319])
    for (const { answer, thought } of [...train, ...held]) {
      expect(answer).toMatch(/^-?[\d,.]+$/)
      expect(thought).not.toMatch(/<<|>>|####/)
    }
  })

  test('reasoning-gym: all rows of all its files', async () => {
    for (const [name, count] of [
      ['chain_sum', 300],
      ['countdown', 500],
      ['gcd', 200],
      ['simple_equations', 300],
    ] as const)
      expect(await rows(`reasoning-gym/${name}.jsonl`, reasoningGym)).toHaveLength(count)
  })
})

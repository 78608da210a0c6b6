import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { csvOf } from './csv.ts'

/** A reader of RFC 4180, cell by cell. */
const parse = (text: string): readonly (readonly string[])[] => {
  const rows: string[][] = []
  const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/y
  let row: string[] = []
  while (cell.lastIndex < text.length) {
    const found = cell.exec(text)
    if (found === null) throw new Error('no CSV')
    row.push(found[1]!.startsWith('"') ? found[1]!.slice(1, -1).replaceAll('""', '"') : found[1]!)
    if (found[2] === '\r\n') {
      rows.push(row)
      row = []
    }
  }
  return rows
}

const cell = fc.oneof(
  fc.string(),
  fc.constantFrom('a,b', '"', '\r\n', '""', ' x '),
  fc.double({ noNaN: true }),
  fc.constant(null),
)

describe('values that are saved', () => {
  test('are read back by the rules of CSV, numbers to the last digit', () => {
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { maxLength: 8 }), (rows) => {
        const read = parse(csvOf(rows))
        expect(read).toEqual(rows.map((row) => row.map((each) => (each === null ? '' : String(each)))))
        rows.forEach((row, i) =>
          row.forEach((each, j) => {
            if (typeof each === 'number') expect(Number(read[i]![j])).toBe(each + 0)
          }),
        )
      }),
      { seed: 1, numRuns: 500 },
    )
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { narrowTable, tableText, wrapped } from './table.ts'

const words = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '-', '/'), maxLength: 30 })
const table = fc
  .integer({ min: 1, max: 5 })
  .chain((n) => fc.array(fc.array(words, { minLength: n, maxLength: n }), { minLength: 1, maxLength: 4 }))

test('a text is in lines no longer than asked for, and all of it', () => {
  const bare = (text: string): string => text.replaceAll(/\s/g, '')
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 20 }), (text, width) => {
      const lines = wrapped(width)(text).split('\n')
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(width)
      expect(bare(lines.join(''))).toBe(bare(text))
    }),
    { seed: 1, numRuns: 500 },
  )
  expect(wrapped(14)('student-unfiltered-sft')).toBe('student-\nunfiltered-sft')
  expect(wrapped(9)('16 by the teacher')).toBe('16 by the\nteacher')
})

test('a table is as narrow as asked for, and the usual one where that fits', () => {
  fc.assert(
    fc.property(table, fc.nat(60), ([head, ...rows], room) => {
      const columns = 1 + 4 * head!.length + room
      const narrow = narrowTable(columns)(head!, rows)
      for (const line of narrow.split('\n')) expect(line.length).toBeLessThanOrEqual(columns)
    }),
    { seed: 2, numRuns: 300 },
  )
  const [head, rows] = [
    ['', 'pass@1'],
    [
      ['teacher', '0.5'],
      ['student-distilled', '0.25'],
    ],
  ] as const
  expect(narrowTable(60)(head, rows)).toBe(tableText(head, rows))
  expect(
    narrowTable(24)(head, rows)
      .split('\n')
      .map((line) => line.length),
  ).toEqual(Array.from({ length: 8 }, () => 22))
})

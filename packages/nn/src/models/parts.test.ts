// A leaf and the parts that files have of it: every element at its place, and back.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Part, StoredLeaf } from './names.ts'
import { extractPart, insertPart } from './parts.ts'

/** Widths and rows around those of blocks, and of the columns that go together. */
const size = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(15, 16, 17, 63, 64, 65, 70))

test('each element of each part has one place in the leaf, turned and reordered as the leaf says; and comes out of it again', () => {
  const law = fc.property(
    fc.record({
      rows: size,
      widths: fc.array(size, { minLength: 1, maxLength: 3 }),
      transposed: fc.boolean(),
      reversed: fc.boolean(),
    }),
    ({ rows, widths, transposed, reversed }) => {
      const width = widths.reduce((a, b) => a + b, 0)
      let at = 0
      const parts = widths.map((own, i): Part => {
        const columns = [at, at + own] as const
        at += own
        return {
          name: `part ${i}`,
          shape: transposed ? [own, rows] : [rows, own],
          columns,
          ...(transposed && reversed && { order: (c: number) => own - 1 - c }),
        }
      })
      const leaf: StoredLeaf = { path: 'leaf', shape: [rows, width], transposed, parts }
      // one number each, in all of them
      const filled = parts.map(({ columns: [from, to] }) =>
        Float32Array.from({ length: rows * (to - from) }, (_, i) => from * rows + i),
      )
      const into = new Float32Array(rows * width).fill(-1)
      parts.forEach((part, i) => insertPart(leaf, part, into, filled[i]!))
      parts.forEach(({ columns: [from, to], order = (c) => c }, i) => {
        for (let r = 0; r < rows; r++)
          for (let c = from; c < to; c++) {
            const own = transposed ? order(c - from) * rows + r : r * (to - from) + c - from
            if (into[r * width + c] !== filled[i]![own]) throw new Error(`part ${i}, row ${r}, column ${c}`)
          }
      })
      parts.forEach((part, i) => expect(extractPart(leaf, part, into)).toEqual(filled[i]))
    },
  )
  fc.assert(law, { seed: 1, numRuns: 60 })
})

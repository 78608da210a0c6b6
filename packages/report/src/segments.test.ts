import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { found, segments, wordsOf } from './segments.ts'

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '1', ' ', '<', 'İ', 'ß'), maxLength: 20 })
const search = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '1', ' '), maxLength: 5 })
const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '1'), maxLength: 3 }), { maxLength: 8 })

describe('a text in pieces', () => {
  test('is that text, whatever is searched for and wherever tokens begin', () => {
    fc.assert(
      fc.property(letters, search, (text, words) => {
        expect(
          segments(text, wordsOf(words))
            .map((s) => s.text)
            .join(''),
        ).toBe(text)
      }),
      { seed: 1, numRuns: 500 },
    )
    fc.assert(
      fc.property(pieces, search, (texts, words) => {
        const parts = segments(texts.join(''), wordsOf(words), texts)
        expect(parts.map((s) => s.text).join('')).toBe(texts.join(''))
        // Each token has the letters that are its own.
        texts.forEach((piece, i) => {
          if (piece !== '')
            expect(
              parts
                .filter((s) => s.token === i)
                .map((s) => s.text)
                .join(''),
            ).toBe(piece)
        })
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  test('has marks where words stand, in either case, and nowhere else', () => {
    fc.assert(
      fc.property(letters, search, (text, asked) => {
        const words = wordsOf(asked)
        const isMarked = segments(text, words).flatMap(({ text: part, marked }) =>
          Array.from({ length: part.length }, () => marked),
        )
        const expected = Array.from({ length: text.length }, (_, i) =>
          words.some((word) =>
            Array.from({ length: word.length }, (_unused, k) => i - k).some(
              (from) => from >= 0 && text.slice(from, from + word.length).toLowerCase() === word,
            ),
          ),
        )
        // Of a word that overlaps itself (`aa` in `aaa`) the first counts, as in any search.
        isMarked.forEach((marked, i) => {
          if (marked) expect(expected[i]).toBe(true)
        })
        const stretches = found(words, text)
        expect(stretches.every(([from], i) => i === 0 || from > stretches[i - 1]![1])).toBe(true)
        for (const word of words) expect(found([word], text).length > 0).toBe(text.toLowerCase().includes(word))
      }),
      { seed: 3, numRuns: 500 },
    )
    expect(segments('Carry 3, carry', ['carry']).map(({ text, marked }) => [text, marked])).toEqual([
      ['Carry', true],
      [' 3, ', false],
      ['carry', true],
    ])
  })
})

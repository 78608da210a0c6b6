import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mod10Chain } from '../task/chain.ts'
import { piecesOf } from './pieces.ts'

/** A decoder of bytes: half a character is the replacement character. 256 ends. */
const bytes = {
  decode: (ids: ArrayLike<number>) => {
    const all = Array.from(ids)
    const end = all.indexOf(256)
    return new TextDecoder().decode(Uint8Array.from(end < 0 ? all : all.slice(0, end)))
  },
}
/** A decoder that opens a block before each completion, as that of a template that ends with one does. */
const opening = { decode: (ids: ArrayLike<number>) => `<think>${bytes.decode(ids)}` }

describe('the texts of tokens', () => {
  test('are one a token, and together what all of them say', () => {
    fc.assert(
      fc.property(
        fc
          .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
          .filter((text) => !text.includes('\uFFFD') && !text.includes('\uFEFF')),
        fc.boolean(),
        fc.constantFrom(bytes, opening),
        (text, ends, decoder) => {
          const ids = [...new TextEncoder().encode(text), ...(ends ? [256] : [])]
          const pieces = piecesOf(decoder)(ids)
          expect(pieces).toHaveLength(ids.length)
          expect(pieces.join('')).toBe(decoder.decode(ids))
        },
      ),
      { seed: 1, numRuns: 500 },
    )
  })

  test('a character of several tokens stands at the last of them, and one that is cut off is said as it is decoded', () => {
    expect(piecesOf(bytes)([0x61, 0xc3, 0xa9, 256])).toEqual(['a', '', 'é', ''])
    expect(piecesOf(bytes)([0x61, 0xc3])).toEqual(['a', '\uFFFD'])
    expect(piecesOf(bytes)([])).toEqual([])
  })

  test('the tokens of a vocabulary of characters are its characters', () => {
    const { vocabulary } = mod10Chain
    const encoded = vocabulary.completion('<think>12</think><answer>3</answer>')
    if (encoded._tag === 'Left') throw new Error('the vocabulary does not have it')
    const pieces = piecesOf(vocabulary)(encoded.right)
    expect(pieces).toHaveLength(encoded.right.length)
    expect(pieces.join('')).toBe('<think>12</think><answer>3</answer>')
    expect(pieces.at(-1)).toBe('')
  })
})

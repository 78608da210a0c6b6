import { isLeft, isRight, right } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { characterTokenizer, tokenizerOf } from './characters.ts'

const specials = ['<pad>', '<eos>', '<think>', '</think>', '<answer>', '</answer>']
const tokenizer = characterTokenizer({ specials, characters: '0123456789+-*=' })

describe('characterTokenizer', () => {
  test('decode after encode is the identity on texts of its pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...tokenizer.vocabulary)), (pieces) => {
        const text = pieces.join('')
        const ids = tokenizer.encode(text)
        expect(isRight(ids) && tokenizer.decode(ids.right)).toBe(text)
        expect(ids).toEqual(right(pieces.map(tokenizer.id)))
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('ids follow specials, then characters', () => {
    expect(tokenizer.vocabulary).toHaveLength(20)
    expect(tokenizer.encode('3+8=<think>1</think>')).toEqual(right([9, 16, 14, 19, 2, 7, 3]))
  })

  test('the longest special wins', () => {
    const { encode } = characterTokenizer({ specials: ['ab', 'abc'], characters: 'abc' })
    expect(encode('abcab')).toEqual(right([1, 0]))
  })

  test('a surrogate pair is one character', () => {
    const { encode, decode } = characterTokenizer({ characters: 'a\u{1F600}' })
    expect(encode('\u{1F600}a')).toEqual(right([1, 0]))
    expect(decode([1])).toBe('\u{1F600}')
  })

  test('an unknown character is named with its position', () => {
    const outcome = tokenizer.encode('3+<think>x')
    expect(outcome).toMatchObject({ left: { _tag: 'UnknownToken', character: 'x', position: 9 } })
    expect(isLeft(outcome) && outcome.left.message).toMatch(/"x" at position 9 .* not in the vocabulary of 20 pieces/)
  })

  test('ids and pieces outside the vocabulary, and pieces named twice, are refused', () => {
    expect(() => tokenizer.decode([0, 20])).toThrow(/token 20 is outside the vocabulary of 20/)
    expect(() => tokenizer.decode([-1])).toThrow(RangeError)
    expect(() => tokenizer.id('<end>')).toThrow(/"<end>" is not in the vocabulary/)
    expect(() => characterTokenizer({ specials: ['<s>', '<s>'], characters: '' })).toThrow(/"<s>" .* twice/)
    expect(() => tokenizerOf(['a', ''])).toThrow(/empty/)
  })

  test('a vocabulary makes the same tokenizer again', () => {
    expect(tokenizerOf(tokenizer.vocabulary).encode('12<eos>')).toEqual(tokenizer.encode('12<eos>'))
  })
})

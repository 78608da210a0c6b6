import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { vocabulary } from './vocabulary.ts'

const v = vocabulary('0123456789+-*=')

describe('vocabulary', () => {
  test('decode after encode is the identity on its texts', () => {
    const text = fc.array(fc.constantFrom(...v.tokens.slice(3))).map((tokens) => tokens.join(''))
    fc.assert(
      fc.property(text, (t) => {
        const ids = v.encode(t)
        return E.isRight(ids) && v.decode(ids.right) === t
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('an unknown character is named with its place', () => {
    expect(v.encode('12a')).toEqual(E.left({ _tag: 'UnknownToken', text: '12a', position: 2 }))
  })

  test('decoding stops at the end of the sequence', () => {
    expect(v.decode([v.bos, 7, v.pad, 8, v.eos[0]!, 9])).toBe('01')
  })

  test('a token listed twice is refused', () => {
    expect(() => vocabulary('aa')).toThrow(RangeError)
  })
})

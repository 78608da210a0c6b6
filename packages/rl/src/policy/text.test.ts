// Whether two tokenizers are one: the same tokens, and texts cut into them alike.
import { huggingFaceTokenizer, trainBpe } from '@adjoint/nn'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mod10Chain } from '../index.ts'
import { sameTokens, type Text } from './text.ts'
import { tokenizerText } from './tokenizer-text.ts'

type Merge = readonly [string, string]
interface Cut {
  readonly name?: string
  readonly merges: readonly (Merge | string)[]
  readonly pre_tokenizer?: unknown
}

/** A byte-level BPE of the printable half of ASCII and these pieces. */
const textOf = (pieces: readonly string[], { name = 'one', merges, pre_tokenizer }: Cut): Text => {
  const bytes = [...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)), 'Ġ']
  const vocab = Object.fromEntries([...new Set([...bytes, ...pieces, '<end>'])].map((piece, id) => [piece, id]))
  const made = huggingFaceTokenizer({
    tokenizer: {
      model: { type: 'BPE', vocab, merges, unk_token: '<end>' },
      pre_tokenizer: pre_tokenizer ?? { type: 'ByteLevel', add_prefix_space: false },
      decoder: { type: 'ByteLevel' },
      added_tokens: [{ id: vocab['<end>'], content: '<end>', special: true }],
    },
    config: { eos_token: '<end>' },
    path: name,
  })
  const text = E.flatMap(made, (tokenizer) => tokenizerText({ tokenizer, template: null }))
  if (E.isLeft(text)) throw new Error(JSON.stringify(text.left))
  return text.right
}
const encoded = ({ completion }: Text, text: string): readonly number[] => {
  const ids = completion(text)
  if (E.isLeft(ids)) throw new Error('no tokens')
  return ids.right
}

const letter = fc.constantFrom('a', 'b', 'c', 'd')
/** Some merges of two letters, in an order. */
const merges = fc.uniqueArray(fc.tuple(letter, letter), {
  minLength: 2,
  maxLength: 6,
  selector: (pair) => pair.join(''),
})

describe('tokenizers of the same tokens', () => {
  test('are one where they have the same merges, however those are written, and then encode alike', () => {
    fc.assert(
      fc.property(merges, fc.stringMatching(/^[abcd ]{0,12}$/), (pairs, words) => {
        const pieces = pairs.map((pair) => pair.join(''))
        const [one, other] = [
          textOf(pieces, { merges: pairs }),
          textOf(pieces, { name: 'other', merges: pairs.map((pair) => pair.join(' ')) }),
        ]
        expect(sameTokens({ student: one, teacher: other })).toEqual(E.right(undefined))
        expect(encoded(one, words)).toEqual(encoded(other, words))
      }),
      { seed: 1, numRuns: 30 },
    )
  })

  test('are two where they write a text as other ids', () => {
    fc.assert(
      fc.property(merges, merges, fc.stringMatching(/^[abcd]{1,12}$/), (first, second, words) => {
        const pieces = [...first, ...second].map((pair) => pair.join('')).sort()
        const [one, other] = [textOf(pieces, { merges: first }), textOf(pieces, { merges: second })]
        fc.pre(encoded(one, words).join() !== encoded(other, words).join())
        expect(sameTokens({ student: one, teacher: other })).toMatchObject({ left: { token: null } })
      }),
      { seed: 1, numRuns: 30 },
    )
  })

  test('in another order of merges are told so, with both names and the first merge', () => {
    const [one, other] = [
      textOf(['ab', 'bc'], {
        merges: [
          ['a', 'b'],
          ['b', 'c'],
        ],
      }),
      textOf(['ab', 'bc'], {
        name: 'other',
        merges: [
          ['b', 'c'],
          ['a', 'b'],
        ],
      }),
    ]
    expect([encoded(one, 'abc'), encoded(other, 'abc')].map((ids) => ids.map((id) => one.token(id)).join(' '))).toEqual(
      ['ab c <end>', 'a bc <end>'],
    )
    expect(sameTokens({ student: one, teacher: other })).toMatchObject({
      left: {
        ...{ _tag: 'OtherTokenizer', student: 'one', teacher: 'other', token: null },
        message: expect.stringContaining(
          'rule 0 by which words become tokens is ["a","b"] in the one and ["b","c"] in the other',
        ) as string,
      },
    })
    // and one that has fewer
    expect(E.isLeft(sameTokens({ student: one, teacher: textOf(['ab', 'bc'], { merges: [['a', 'b']] }) }))).toBe(true)
  })

  test('law: the order of merges that make one piece, one after another, is no rule: each text is written the same', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 2, maxLength: 10 })
    fc.assert(
      fc.property(
        fc.uniqueArray(word, { minLength: 1, maxLength: 8 }),
        fc.array(word, { maxLength: 20 }),
        (given, texts) => {
          // As SentencePiece's pieces are listed: each with all pairs that make it.
          const pieces = [...given].sort((x, y) => x.length - y.length).slice(0, 6)
          const known = new Set(['a', 'b', ...pieces])
          const makers = pieces.map((piece) =>
            Array.from({ length: piece.length - 1 }, (_, i): [string, string] => [
              piece.slice(0, i + 1),
              piece.slice(i + 1),
            ]).filter(([x, y]) => known.has(x) && known.has(y)),
          )
          const one = textOf(pieces, { merges: makers.flat() })
          const other = textOf(pieces, { merges: makers.flatMap((pairs) => [...pairs].reverse()) })
          expect(sameTokens({ student: one, teacher: other })).toEqual(E.right(undefined))
          for (const text of texts) expect(encoded(one, text)).toEqual(encoded(other, text))
        },
      ),
      { seed: 11, numRuns: 60 },
    )
  })

  test('that cut words otherwise are two, though they have the same merges', () => {
    const merged = ['12', '23']
    const digits = {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { type: 'ByteLevel', add_prefix_space: false },
      ],
    }
    const one = textOf(merged, {
      merges: [
        ['1', '2'],
        ['2', '3'],
      ],
    })
    const other = textOf(merged, {
      merges: [
        ['1', '2'],
        ['2', '3'],
      ],
      pre_tokenizer: digits,
    })
    expect(sameTokens({ student: one, teacher: other })).toMatchObject({
      left: {
        token: null,
        message: expect.stringMatching(/"It's 1234567.*is \d+ tokens in the one and \d+ in the other/) as string,
      },
    })
  })
})

test('tokenizers without merges are one where their pieces have the same scores', () => {
  const unigram = (scores: Readonly<Record<string, number>>): Text => {
    const made = huggingFaceTokenizer({
      tokenizer: {
        model: { type: 'Unigram', unk_id: 0, vocab: Object.entries(scores) },
        decoder: { type: 'Metaspace', replacement: '\u2581' },
        added_tokens: [{ id: 0, content: '<end>', special: true }],
      },
      config: { eos_token: '<end>' },
    })
    const text = E.flatMap(made, (tokenizer) => tokenizerText({ tokenizer, template: null }))
    if (E.isLeft(text)) throw new Error(JSON.stringify(text.left))
    return text.right
  }
  const scores = { '<end>': 0, a: -3, b: -3, c: -3, ab: -4, bc: -4 }
  const one = unigram(scores)
  expect(sameTokens({ student: one, teacher: unigram({ ...scores }) })).toEqual(E.right(undefined))
  expect(sameTokens({ student: one, teacher: unigram({ ...scores, bc: -3.5 }) })).toMatchObject({
    left: {
      token: null,
      message: expect.stringContaining('rule 5 by which words become tokens is ["bc",-4]') as string,
    },
  })
})

test('a tokenizer that was learnt twice from one text is one; characters are one, and no tokenizer', async () => {
  const learnt = async (): Promise<Text> => {
    const files = await trainBpe({ vocab: 300 })(['to be, or not to be, that is the question'])()
    const text = E.flatMap(huggingFaceTokenizer(files), (tokenizer) => tokenizerText({ tokenizer, template: null }))
    if (E.isLeft(text)) throw new Error(JSON.stringify(text.left))
    return text.right
  }
  const [one, other] = [await learnt(), await learnt()]
  expect(sameTokens({ student: one, teacher: other })).toEqual(E.right(undefined))
  const characters = mod10Chain.vocabulary
  expect(sameTokens({ student: characters, teacher: { ...characters } })).toEqual(E.right(undefined))
  expect(E.isLeft(sameTokens({ student: one, teacher: characters }))).toBe(true)
})

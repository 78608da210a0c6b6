// Pretraining as its users run it: a folder that loads, byte for byte the same when the run was killed, and clear refusals.
import { loadModelAsync, loadTokenizer } from '@adjoint/nn'
import * as E from 'fp-ts/lib/Either.js'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { exampleOf, killed, testFolder } from '../cli/child.support.ts'

const root = await testFolder('pretrain')
const example = exampleOf('pretrain')
const text = join(root, 'text.txt')
const lines = Array.from(
  { length: 1500 },
  (_, i) => `${i % 17} bottles of beer on the wall, take ${i % 5} of them down.\n`,
)

const flags = (out: string): readonly string[] => [
  ...['--text', text, '--device', 'wasm', '--vocab', '300', '--width', '16', '--layers', '1', '--heads', '2'],
  ...[
    '--kv-heads',
    '1',
    '--context',
    '16',
    '--batch',
    '4',
    '--steps',
    '120',
    '--learning-rate',
    '1e-2',
    '--json',
    '--out',
    join(root, out),
  ],
]
const bytes = (...path: readonly string[]): Buffer => readFileSync(join(root, ...path))

describe('pretrain', () => {
  beforeAll(() => writeFileSync(text, lines.join('')))

  test('saves a model and its tokenizer, which load; killed and resumed, they are the same bytes', async () => {
    const { code, stdout, stderr } = await example(...flags('whole'))
    expect(stderr).not.toContain('pretrain:')
    expect(code).toBe(0)
    const said = JSON.parse(stdout) as { readonly loss: number; readonly heldOutLoss: number; readonly model: string }
    // 300 tokens of which nothing is known are 5.7 nats
    expect(said.loss).toBeLessThan(4)
    expect(Math.abs(said.heldOutLoss - said.loss)).toBeLessThan(1)

    const { model, architecture, config } = await loadModelAsync({ path: said.model })
    const tokenizer = await loadTokenizer({ path: said.model })()
    if (E.isLeft(tokenizer)) throw new Error(tokenizer.left.message)
    const { encode, decode, size, eos } = tokenizer.right
    expect([architecture, model.config.vocab, config['eos_token_id']]).toEqual(['llama', size, eos[0]])
    expect(decode(encode(lines[3]!))).toBe(lines[3])
    expect(encode(lines[3]!).length).toBeLessThan(lines[3]!.length / 2)

    const log = join(root, 'cut', 'log.jsonl')
    await killed('pretrain', flags('cut'), () => existsSync(log) && bytes('cut', 'log.jsonl').includes('"step":60'))
    expect(existsSync(join(root, 'cut', 'model', 'model.safetensors'))).toBe(false)
    const resumed = await example(...flags('cut'), '--resume')
    expect(resumed.code).toBe(0)
    for (const name of ['model.safetensors', 'config.json', 'tokenizer.json', 'tokenizer_config.json'])
      expect(bytes('cut', 'model', name).equals(bytes('whole', 'model', name)), name).toBe(true)
    const logs = ['cut', 'whole'].map((name) => bytes(name, 'log.jsonl').toString())
    expect(logs[0]).toBe(logs[1])
  }, 240_000)

  test('a folder that holds a run, a text that is too short, and one that is not there are refused, and nothing is lost', async () => {
    const before = bytes('whole', 'data', 'train.bin')
    const again = await example(...flags('whole'), '--vocab', '310')
    expect([again.code, again.stdout]).toEqual([1, ''])
    expect(again.stderr).toContain('holds a run already')
    expect(bytes('whole', 'data', 'train.bin').equals(before)).toBe(true)

    writeFileSync(join(root, 'short.txt'), 'a few words\n')
    const short = await example(...flags('short'), '--text', join(root, 'short.txt'))
    expect(short.stderr).toMatch(/the text is too short: .*held-out\.bin holds 1 tokens, and a window has 17/)
    const none = await example(...flags('none'), '--text', join(root, 'no.txt'))
    expect(none.stderr).toMatch(/^pretrain: .*no\.txt/)
    const folder = await example(...flags('none'), '--text', root)
    expect([folder.code, folder.stderr]).toEqual([1, `pretrain: ${root} is no file: give --text a text file\n`])
    expect(existsSync(join(root, 'none'))).toBe(false)
  }, 240_000)
})

// GRPO on a loaded model as its users run it: a small one with GPT-2's tokenizer, in a folder of the hub's layout.
import { llama, saveModel, transformer } from '@adjoint/nn'
import { random } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { exampleOf, killed, testFolder } from '../cli/child.support.ts'

const tokenizer = '../shared/fixtures/tokenizers/gpt2-tokenizer.derived.json'
const present = existsSync(tokenizer)
if (!present) console.log(`skipped: ${tokenizer} is absent; no loaded model is trained`)
const root = await testFolder('grpo')
const example = exampleOf('grpo')
const TEMPLATE = "{% for m in messages %}{{ m['content'] + ' ' }}{% endfor %}"

describe.skipIf(!present)('grpo', () => {
  const model = join(root, 'model')
  const flags = (out: string) => [
    ...['--model', model, '--device', 'wasm', '--steps', '2', '--prompts', '2', '--group', '2', '--micro', '2'],
    ...['--max-tokens', '3', '--rank', '2', '--exam', '4', '--json', '--out', join(root, out)],
  ]
  const logOf = (out: string): string => readFileSync(join(root, out, 'log.jsonl'), 'utf8')

  beforeAll(async () => {
    const small = transformer(
      llama({ vocab: 50_257, width: 8, layers: 1, heads: 2, kvHeads: 1, hidden: 16, context: 96, tiedHead: true }),
    )
    const saved = await saveModel({ path: model })(small, small.init(random.key(0)))()
    if (E.isLeft(saved)) throw new Error(saved.left.message)
    copyFileSync(tokenizer, join(model, 'tokenizer.json'))
    writeFileSync(
      join(model, 'tokenizer_config.json'),
      JSON.stringify({ eos_token: '<|endoftext|>', chat_template: TEMPLATE }),
    )
  })

  test('trains an adapter, leaves the model, and writes its log and report; killed and resumed, the log is the same', async () => {
    const before = readFileSync(join(model, 'model.safetensors'))
    const { code, stdout, stderr } = await example(...flags('whole'))
    expect(stderr).not.toContain('grpo:')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ seed: 0, device: 'wasm', before: { passAt1: 0 }, after: { passAt1: 0 } })
    expect(readFileSync(join(root, 'whole', 'report.html'), 'utf8')).toContain('chain-sum')
    expect(readFileSync(join(model, 'model.safetensors')).equals(before)).toBe(true)
    expect(existsSync(join(root, 'whole', 'adapter', 'adapter_model.safetensors'))).toBe(true)

    const begun = (): boolean =>
      existsSync(join(root, 'cut', 'log.jsonl')) && logOf('cut').includes('"kind":"step","phase":"grpo"')
    await killed('grpo', flags('cut'), begun)
    const resumed = await example(...flags('cut'), '--resume')
    expect(resumed.code).toBe(0)
    expect(logOf('cut')).toBe(logOf('whole'))
  }, 240_000)

  test("another model's tokenizer is one clear line, before anything is loaded", async () => {
    const other = join(root, 'other')
    mkdirSync(other)
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) copyFileSync(join(model, file), join(other, file))
    const fields = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')) as Record<string, unknown>
    // its weights are not even there
    writeFileSync(join(other, 'config.json'), JSON.stringify({ ...fields, vocab_size: 300 }))
    const { code, stdout, stderr } = await example('--model', other, '--device', 'wasm')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('its tokenizer has 50257 tokens, and the model 300')
  }, 120_000)

  test('a model that is not there is one clear line', async () => {
    const { code, stdout, stderr } = await example('--model', join(root, 'none'), '--device', 'wasm')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(join(root, 'none'))
  }, 120_000)
})

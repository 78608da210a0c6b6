// The example as its users run it: a trained model of 260,000 parameters, whose story llama2.c tells, too.
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exampleOf, testFolder } from '../cli/child.support.ts'

const example = exampleOf('generate')
const root = await testFolder('generate')
const fixtures = '../shared/fixtures/checkpoint'
const present = existsSync(fixtures)
if (!present) console.log(`skipped: the fixtures ${fixtures} are absent; no story is told`)

interface Outcome {
  readonly tokens: readonly number[]
  readonly text: string
  readonly tokensPerSecond: number
}
interface Golden {
  readonly greedy_tokens: readonly number[]
  readonly greedy_tokens_257: readonly number[]
  readonly greedy_text_200: string
  readonly greedy_prompted_run_c_n100: readonly { readonly prompt: string; readonly text: string }[]
}

describe.skipIf(!present)('generate', () => {
  if (present) {
    copyFileSync(`${fixtures}/stories260K-hf.safetensors`, join(root, 'model.safetensors'))
    copyFileSync(`${fixtures}/stories260K-hf.config.json`, join(root, 'config.json'))
  }
  const golden = present ? (JSON.parse(readFileSync(`${fixtures}/stories260K.golden.json`, 'utf8')) as Golden) : null!
  const tokenizer = join(fixtures, 'tok512.bin')
  const base = ['--model', root, '--tokenizer', tokenizer, '--device', 'wasm']
  const json = async (...flags: readonly string[]): Promise<Outcome> => {
    const { code, stdout, stderr } = await example(...base, '--json', ...flags)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    return JSON.parse(stdout) as Outcome
  }

  test('tells the story that llama2.c tells, token by token', async () => {
    const { tokens, text, tokensPerSecond } = await json('--tokens', '1', '--max-tokens', '256')
    expect(tokens).toEqual(golden.greedy_tokens_257.slice(1))
    expect(text.startsWith(golden.greedy_text_200)).toBe(true)
    expect(tokensPerSecond).toBeGreaterThan(0)
  }, 400_000)

  test('goes on from a text, as it comes', async () => {
    const { prompt, text } = golden.greedy_prompted_run_c_n100[0]!
    const { code, stdout } = await example(...base, '--prompt', prompt, '--max-tokens', '40')
    expect(code).toBe(0)
    const [story] = stdout.split('\n\n')
    expect(text.startsWith(prompt + story!)).toBe(true)
    expect(story!.length).toBeGreaterThan(40)
    expect(stdout).toMatch(/40 tokens, cut at the most allowed; [\d.]+ a second on wasm/)
  }, 400_000)

  test.each<readonly [string, number, readonly string[], RegExp]>([
    ['nothing is asked', 2, base, /ask by one of --tokens, --prompt and --chat/],
    ['two things are asked', 2, [...base, '--tokens', '1', '--chat', 'a'], /--tokens and --chat are given/],
    [
      'a temperature that is 0 in f32',
      2,
      [...base, '--tokens', '1', '--temperature', '1e-320'],
      /0, or a number above 0/,
    ],
    [
      'a penalty that is 0 in f32',
      2,
      [...base, '--tokens', '1', '--repetition-penalty', '1e-300'],
      /above 0 in f32 is/,
    ],
    ['no model', 2, ['--tokens', '1'], /--model DIR\|FILE is needed/],
    ['a folder that is not there', 1, ['--model', join(root, 'none'), '--tokens', '1'], /none/],
    ['a text without a tokenizer', 1, ['--model', root, '--prompt', 'a'], /tokenizer\.json/],
    ['a chat without a template', 1, [...base, '--chat', 'a'], /no chat template/],
    ['a prompt longer than the context', 1, [...base, '--tokens', '1', '--max-tokens', '513'], /context of 512/],
    ["another model's tokens", 1, [...base, '--tokens', '1,600'], /token 600 is none of this model's 512/],
  ])(
    '%s: one clear line',
    async (_, code, flags, message) => {
      const ended = await example(...flags)
      expect(ended.stderr).toMatch(message)
      expect(ended.code).toBe(code)
      expect(ended.stdout).toBe('')
    },
    240_000,
  )

  test('a shard that is missing is named', async () => {
    const folder = await testFolder('generate-shards')
    copyFileSync(join(root, 'config.json'), join(folder, 'config.json'))
    writeFileSync(
      join(folder, 'model.safetensors.index.json'),
      JSON.stringify({ metadata: {}, weight_map: { 'model.norm.weight': 'model-00001-of-00002.safetensors' } }),
    )
    const { code, stderr } = await example('--model', folder, '--tokens', '1', '--device', 'wasm')
    expect(code).toBe(1)
    expect(stderr).toMatch(/model-00001-of-00002\.safetensors/)
  }, 240_000)
})

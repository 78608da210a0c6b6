// Distillation as its users run it, tiny: a teacher of one layer that guesses, and students that it teaches.
import {
  adam,
  huggingFaceTokenizer,
  llama,
  loadModelAsync,
  loadTokenizerAsync,
  lora,
  llamaModules,
  projections,
  saveAdapterAsync,
  saveModelAsync,
  saveTokenizer,
  trainBpe,
  transformer,
} from '@adjoint/nn'
import { foldIn, hostKey, problems, sftStep, tokenizerText, transformerPolicy } from '@adjoint/rl'
import { random, requestDeviceAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { exampleOf, killed, testFolder } from '../cli/child.support.ts'
import { exam, learning } from './setting.ts'

const root = await testFolder('distill')
const example = exampleOf('distill')
const [model, adapter] = [join(root, 'model'), join(root, 'adapter')]
const right = <A>(outcome: E.Either<unknown, A>): A => {
  if (E.isLeft(outcome)) throw new Error(JSON.stringify(outcome.left))
  return outcome.right
}

const flags = (out: string): readonly string[] => [
  ...[
    '--model',
    model,
    '--adapter',
    adapter,
    '--device',
    'wasm',
    '--problems',
    '24',
    '--max-tokens',
    '3',
    '--width',
    '64',
  ],
  ...[
    '--layers',
    '1',
    '--steps',
    '4',
    '--rows',
    '4',
    '--group',
    '2',
    '--exam',
    '4',
    '--json',
    '--out',
    join(root, out),
  ],
]
const STAGES = ['teacher', 'llama-distilled', 'llama-rl', 'qwen3-distilled', 'qwen3-rl']
const logOf = (out: string, stage: string): string => readFileSync(join(root, out, stage, 'log.jsonl'), 'utf8')

test('more problems than there are, are refused before anything is loaded', async () => {
  const { code, stdout, stderr } = await example('--model', model, '--problems', '3000')
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain('--problems 3000: a whole number, from 1 to 2894, is needed')
})

describe('distill', () => {
  beforeAll(async () => {
    const device = await requestDeviceAsync({ kind: 'wasm' })
    const asked = problems(learning, 'train', { count: 200 })(hostKey(5))
    const other = 'what nobody is ever asked, nobody is ever asked'
    const files = await trainBpe({ vocab: 330 })([...asked.map(learning.prompt), other])()
    const text = right(tokenizerText({ tokenizer: right(huggingFaceTokenizer(files)), template: null }))
    const guesser = transformer(
      llama({ vocab: text.size, width: 16, layers: 1, heads: 2, kvHeads: 1, hidden: 32, context: 72, tiedHead: true }),
    )
    const optimizer = adam({ learningRate: 0.02 })
    const step = sftStep({
      ...{ policy: transformerPolicy(guesser, text), optimizer, device },
      batch: (key) =>
        problems(learning, 'train', { count: 16 })(key).map((p) => ({
          prompt: learning.prompt(p),
          completion: learning.trace(p).answer,
        })),
    })
    const params = guesser.init(random.key(0))
    let state = { params, opt: optimizer.init(params) }
    for (let i = 0; i < 40; i++) state = right(await step(state, foldIn(hostKey(1), i))()).state
    await saveModelAsync({ path: model, device })(guesser, state.params)
    right(await saveTokenizer({ path: model })(files)())
    mkdirSync(adapter)
    const kind = { rank: 2, alpha: 4, targets: /^blocks\./, split: projections(guesser.config) }
    await saveAdapterAsync({ path: adapter, lora: kind, modules: llamaModules, base: model, device })(
      lora(kind).init(state.params)(random.key(2)),
    )
    await device.destroy()
  }, 120_000)

  test('fills the table, saves students that load; killed and resumed, all is the same', async () => {
    const { code, stdout, stderr } = await example(...flags('whole'))
    expect(stderr).not.toContain('distill:')
    expect(code).toBe(0)
    const said = JSON.parse(stdout) as {
      readonly traces: Readonly<Record<string, number>>
      readonly vocabulary: { readonly teacher: number; readonly students: number }
      readonly table: readonly { readonly model: string; readonly passAt1: number }[]
    }
    expect(said.table.map((row) => row.model)).toEqual(['base', 'teacher', ...STAGES.slice(1)])
    for (const { passAt1 } of said.table) expect(passAt1 >= 0 && passAt1 <= 1).toBe(true)
    const { tried, kept, wrong, cut, duplicate } = said.traces
    expect([tried, kept! > 0]).toEqual([96, true])
    expect(kept! + wrong! + cut! + duplicate!).toBe(96)
    expect(said.vocabulary.students).toBeLessThan(said.vocabulary.teacher)
    // what was kept is right, and was asked of nobody in an exam
    const lines = logOf('whole', 'teacher')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l) as Record<string, unknown>)
    const held = new Set(problems(exam, 'heldOut', { count: 128, distinct: true })(hostKey(20251127)).map(exam.prompt))
    for (const line of lines.filter((l) => l['kind'] === 'sample' && l['phase'] === 'traces')) {
      expect(new Set(line['correct'] as number[])).toEqual(new Set([1]))
      expect(held.has(line['prompt'] as string)).toBe(false)
    }

    for (const [stage, architecture] of [
      ['llama-distilled', 'llama'],
      ['qwen3-rl', 'qwen3'],
    ] as const) {
      const path = join(root, 'whole', stage, 'model')
      const loaded = await loadModelAsync({ path })
      const { size, encode, decode } = await loadTokenizerAsync({ path })
      expect([loaded.architecture, loaded.model.config.vocab]).toEqual([architecture, size])
      expect(decode(encode('4 + 3 = sieben 𝄞'))).toBe('4 + 3 = sieben 𝄞')
    }

    const begun = (): boolean =>
      existsSync(join(root, 'cut', 'llama-rl', 'log.jsonl')) && logOf('cut', 'llama-rl').includes('"kind":"step"')
    await killed('distill', flags('cut'), begun)
    const resumed = await example(...flags('cut'), '--resume')
    expect(resumed.code).toBe(0)
    for (const stage of STAGES) expect(logOf('cut', stage), stage).toBe(logOf('whole', stage))
    expect((JSON.parse(resumed.stdout) as { table: unknown }).table).toEqual(said.table)
  }, 240_000)

  test('flags that do not go together, and a teacher that is never right, are one clear line', async () => {
    const odd = await example(...flags('odd'), '--rows', '5')
    expect([odd.code, odd.stdout]).toEqual([1, ''])
    expect(odd.stderr).toContain('--rows 5 completions are no groups of --group 2')
    const none = await example(...flags('none'), '--problems', '1', '--samples', '1')
    expect(none.code).toBe(1)
    expect(none.stderr).toMatch(/none of the 1 completions of the teacher was right/)
    const lost = await example('--model', join(root, 'no'), '--device', 'wasm')
    expect(lost.stderr).toContain(join(root, 'no'))
  }, 120_000)
})

import { foldIn, formatCompletion, hostKey } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exampleOf, testFolder } from '../cli/child.support.ts'
import { MAX_TOKENS, model, task } from './setting.ts'

const out = await testFolder('countdown')
const tokens = (text: string): number => {
  const ids = task.vocabulary.encode(text)
  if (E.isLeft(ids)) throw new Error(`no token for ${text}`)
  return ids.right.length
}

describe('countdown', () => {
  test('every problem and its solution fit the context, with the tokens at both ends', () => {
    for (let i = 0; i < 2000; i++) {
      const p = task.generate(foldIn(hostKey(1), i))
      const completion = tokens(formatCompletion(task.trace(p))) + 1
      expect(completion).toBeLessThanOrEqual(MAX_TOKENS)
      expect(1 + tokens(task.prompt(p)) + MAX_TOKENS).toBeLessThanOrEqual(model.config.context)
    }
  })

  test('runs as a process, and ends with one JSON object', async () => {
    const flags = ['--device', 'wasm', '--sft-steps', '2', '--steps', '1', '--exam', '2', '--json', '--out', out]
    const { code, stdout, stderr } = await exampleOf('countdown')(...flags)
    expect(stderr).not.toContain('countdown:')
    expect(code).toBe(0)
    const figures = { passAt1: 0, passAt8: 0, formatRate: 0, meanLength: expect.any(Number) as number }
    expect(JSON.parse(stdout)).toMatchObject({ seed: 0, device: 'wasm', params: 104768, sft: figures, grpo: figures })
    expect(await readFile(join(out, 'countdown.svg'), 'utf8')).toContain('held-out')
  }, 120_000)
})

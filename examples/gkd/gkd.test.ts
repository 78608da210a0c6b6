// The example as its users run it, in a few steps: one JSON object, the logs it is read off, and a run that goes on.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exampleOf, testFolder } from '../cli/child.support.ts'

const example = exampleOf('gkd')
const root = await testFolder('gkd')

const MODELS = ['teacher', 'start', 'sft', 'forward-kl', 'jsd', 'gkd-half', 'gkd-own', 'policy-gradient', 'sft-fresh']

test('gkd ends with one row a model, out of logs that a resumed run leaves as they are', async () => {
  const size = ['--teacher-steps', '60', '--start-steps', '40', '--steps', '2', '--problems', '8', '--exam', '4']
  const flags = ['--device', 'wasm', '--json', '--out', root, ...size]
  const { code, stdout, stderr } = await example(...flags)
  expect(stderr).not.toContain('gkd:')
  expect(code).toBe(0)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  const outcome = JSON.parse(stdout) as { readonly table: readonly { readonly model: string }[] }
  expect(outcome).toMatchObject({ seed: 0, device: 'wasm', traces: { tried: 8 } })
  expect(outcome.table.map((row) => row.model)).toEqual(MODELS)
  expect(readFileSync(join(root, 'accuracy.svg'), 'utf8')).toContain('policy-gradient')

  const logs = () => MODELS.map((name) => readFileSync(join(root, name, 'log.jsonl'), 'utf8'))
  const before = logs()
  const again = await example(...flags, '--resume')
  expect(again.code).toBe(0)
  expect(logs()).toEqual(before)
  expect((JSON.parse(again.stdout) as typeof outcome).table).toEqual(outcome.table)
}, 400_000)

test('gkd refuses bad flags with its usage and code 2', async () => {
  const { code, stdout, stderr } = await example('--problems', '0')
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain('--help lists the flags')
}, 240_000)

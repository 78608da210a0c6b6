// The job as its users run it: as a process, with flags, killed and resumed. A few steps only.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { exampleOf, killed, testFolder } from '../cli/child.support.ts'

const example = exampleOf('r1-mini')
const root = await testFolder('r1-mini')

const file = (folder: string, name: string): string => join(root, folder, name)
const logOf = (folder: string): string => readFileSync(file(folder, 'log.jsonl'), 'utf8')
const linesOf = (folder: string): number =>
  existsSync(file(folder, 'log.jsonl')) ? logOf(folder).split('\n').length - 1 : 0
const job = (folder: string, ...flags: string[]): readonly string[] => [
  ...['--device', 'wasm', '--sft-steps', '60', '--steps', '2', '--exam', '16', '--json', '--out', join(root, folder)],
  ...flags,
]

const figures = {
  passAt1: expect.any(Number) as number,
  consAt16: expect.any(Number) as number,
  thinkRate: expect.any(Number) as number,
  meanLength: expect.any(Number) as number,
}
const outcome = {
  seed: 0,
  device: 'wasm',
  dtype: 'f32',
  params: 102912,
  paramBytes: 411648,
  peakBytes: expect.any(Number) as number,
  sft: figures,
  grpo: figures,
  seconds: expect.any(Number) as number,
}

describe('r1-mini', () => {
  test('refuses bad flags with its usage and code 2, and says nothing on stdout', async () => {
    const { code, stdout, stderr } = await example('--steps', 'many')
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('--steps many: a whole number')
    expect(stderr).toContain('--help lists the flags')
  }, 240_000)

  test('killed by SIGKILL and resumed, it leaves the log and the outcome of a run that was not; and overwrites neither', async () => {
    const whole = await example(...job('whole'))
    expect(whole.stderr).not.toContain('r1-mini:')
    expect(whole.code).toBe(0)
    // One JSON object and nothing else.
    const result = JSON.parse(whole.stdout) as Readonly<Record<string, unknown>>
    expect(whole.stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(result).toEqual(outcome)
    expect(readFileSync(file('whole', 'report.html'), 'utf8')).toContain('Accuracy on held-out problems')

    // Past the checkpoint at step 25, short of the next one.
    await killed('r1-mini', job('killed'), () => linesOf('killed') >= 35)
    expect(linesOf('killed')).toBeLessThan(linesOf('whole'))
    const resumed = await example(...job('killed', '--resume'))
    expect(resumed.code).toBe(0)
    expect(logOf('killed')).toBe(logOf('whole'))
    const unmeasured = { seconds: 0, peakBytes: 0 }
    expect({ ...(JSON.parse(resumed.stdout) as object), ...unmeasured }).toEqual({ ...result, ...unmeasured })

    const again = await example(...job('whole'))
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('Nothing was overwritten')
    expect(logOf('killed')).toBe(logOf('whole'))
  }, 400_000)

  test('keeps its parameters in two bytes, and goes on so; its folder is that of no other dtype', async () => {
    const few = ['--dtype', 'bf16', '--device', 'wasm', '--sft-steps', '2', '--steps', '1', '--exam', '4', '--json']
    const { code, stdout } = await example(...few, '--out', join(root, 'halves'))
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ dtype: 'bf16', params: 102912, paramBytes: 205824 })
    const other = await example(...few, '--out', join(root, 'halves'), '--resume', '--dtype', 'f16')
    expect(other.code).toBe(1)
    expect(other.stderr).toContain('dtype')
  }, 240_000)

  test.skipIf(!inject('devices').includes('webgpu'))(
    'computes on webgpu what it computes on wasm, within tolerance (skipped where there is no adapter)',
    async () => {
      const few = ['--sft-steps', '4', '--steps', '2', '--exam', '16', '--json']
      const losses = async (device: string): Promise<readonly (readonly number[])[]> => {
        const out = join(root, device)
        const { code, stderr } = await example('--device', device, '--out', out, ...few)
        expect(stderr).not.toContain('r1-mini:')
        expect(code).toBe(0)
        return logOf(device)
          .split('\n')
          .filter((line) => line.includes('"kind":"step"'))
          .map((line) => JSON.parse(line) as Readonly<Record<string, number>>)
          .map((line) => [line['loss'] ?? line['policy_loss']!, line['grad_norm']!, line['entropy'] ?? 0])
      }
      const [wasm, webgpu] = [await losses('wasm'), await losses('webgpu')]
      expect(wasm).toHaveLength(6)
      wasm.forEach((row, i) => row.forEach((x, j) => expect(webgpu[i]![j]).toBeCloseTo(x, 3)))
    },
    400_000,
  )
})

// What a plan says of a small model, by what must hold between its figures.
import { castFloats, llama, qwen3, saveModelAsync, transformer } from '@adjoint/nn'
import { random, realizeAsync, wasmDevice } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exampleOf, testFolder } from '../cli/child.support.ts'
import { learningOf } from './learning.ts'
import { type Measured, measureStep } from './measure.ts'
import { planStep, type StepConfig, type StepPlan } from './step.ts'

const config = llama({ vocab: 512, width: 64, layers: 3, heads: 4, kvHeads: 2, hidden: 160, context: 64 })
const given: StepConfig = {
  ...{ config, method: 'lora', rank: 4, batch: 2, group: 4, micro: 4, sequence: 64, dtype: 'f32', states: 'f32' },
  ...{ checkpoint: false, device: wasmDevice() },
}

describe('a plan', () => {
  const lora = planStep(given)
  const full = planStep({ ...given, method: 'full' })

  test('counts parameters, and Adam keeps two numbers of each that is trained', () => {
    // table and head, three blocks (q, k, v, out, gate, up, down and two norms), the last norm
    const block = 64 * 64 + 2 * 64 * 32 + 64 * 64 + 3 * 64 * 160 + 2 * 64
    expect(full.parameters).toBe(2 * 512 * 64 + 3 * block + 64)
    expect(full.trained).toBe(full.parameters)
    // A and B of seven matrices in each block
    const adapter = 4 * (64 + 64 + 2 * (64 + 32) + 64 + 64 + 3 * (64 + 160))
    expect(lora.trained).toBe(3 * adapter)
    for (const plan of [lora, full]) {
      expect(plan.bytes.weights).toBe(4 * full.parameters)
      expect(plan.bytes.gradients).toBe(4 * plan.trained)
      expect(plan.bytes.optimizer).toBeGreaterThanOrEqual(8 * plan.trained)
      expect(plan.bytes.optimizer).toBeLessThan(8 * plan.trained + 64)
    }
    // keys and values: 3 layers, 8 rows, 2 heads of 16, 64 columns
    expect(lora.bytes.cache).toBe(2 * 4 * 3 * 8 * 2 * 16 * 64)
  })

  test('an adapter needs less than the whole, blocks computed again less than blocks kept, halves half of the weights', () => {
    expect(lora.bytes.peak).toBeLessThan(full.bytes.peak)
    const again = planStep({ ...given, checkpoint: true })
    expect(again.bytes.learning).toBeLessThan(0.6 * lora.bytes.learning)
    expect(again.flops.learning).toBeGreaterThan(lora.flops.learning)
    const halves = planStep({ ...given, method: 'full', dtype: 'bf16' })
    expect(halves.bytes.weights).toBe(full.bytes.weights / 2)
    // masters of f32
    expect(halves.bytes.optimizer).toBeGreaterThanOrEqual(12 * full.parameters)
    const moments = planStep({ ...given, method: 'full', states: 'bf16' })
    expect(moments.bytes.optimizer / full.bytes.optimizer).toBeCloseTo(1 / 2, 3)
  })

  test('operations and the least time grow with the rows; a faster machine needs less', () => {
    const twice = planStep({ ...given, batch: 4 })
    expect(twice.flops.learning).toBe(2 * lora.flops.learning)
    const [slow, fast] = [
      { flops: 1e9, bandwidth: 1e9 },
      { flops: 1e10, bandwidth: 1e10 },
    ]
    expect(lora.seconds(slow) / lora.seconds(fast)).toBeCloseTo(10, 6)
    expect(twice.seconds(slow)).toBeGreaterThan(lora.seconds(slow))
  })
})

describe('what a plan says is what a device counts', () => {
  test.each<readonly [string, Partial<StepConfig>]>([
    ['an adapter', {}],
    ['an adapter, blocks computed again', { checkpoint: true, micro: 8 }],
    ['an adapter on bf16', { dtype: 'bf16' }],
    ['the whole model', { method: 'full' }],
    ['the whole model, moments of bf16', { method: 'full', states: 'bf16', checkpoint: true }],
    ['the whole model of bf16, with masters', { method: 'full', dtype: 'bf16' }],
  ])('%s: within a tenth', async (_, changes) => {
    // one of its own, whose peak is that of this step
    const device = wasmDevice()
    const asked: StepConfig = { ...given, ...changes, device }
    const { bytes } = planStep(asked)
    const params = await realizeAsync(castFloats(asked.dtype)(transformer(config).init(random.key(0))), device)
    const made = await learningOf(asked, params).run(3)
    expect(Math.abs(device.stats().peakBytes / bytes.training - 1)).toBeLessThan(0.1)
    // and it learns: the same tokens become likelier
    expect(made[2]!.loss).toBeLessThan(made[0]!.loss)
    await device.destroy()
  })
})

describe('the command', () => {
  const example = exampleOf('plan')
  const sizes = ['--batch', '2', '--group', '4', '--micro', '4', '--sequence', '64', '--rank', '4', '--device', 'wasm']

  test('plans the model of a folder, of which it reads the description alone', async () => {
    const folder = await testFolder('plan')
    // with QK norms, and heads wider than the stream: what no preset here has
    const other = transformer(
      qwen3({ vocab: 300, width: 48, layers: 2, heads: 4, kvHeads: 2, headDim: 16, hidden: 96, context: 512 }),
    )
    await saveModelAsync({ path: folder })(other, other.init(random.key(0)))
    await rm(join(folder, 'model.safetensors'))
    // a machine of one's own, whose figures are an H100's
    const own = ['--peak-tflops', '67', '--bandwidth-gbs', '3350']
    const { code, stdout, stderr } = await example('--model', folder, ...sizes, ...own, '--json')
    expect([code, stderr]).toEqual([0, ''])
    const { seconds, ...plan } = planStep({ ...given, config: other.config })
    const said = JSON.parse(stdout) as { readonly seconds: Readonly<Record<string, number>> }
    expect(said).toMatchObject(plan)
    expect(said.seconds['67 TFLOP/s, 3350 GB/s']).toBe(said.seconds['H100'])
    expect(said.seconds['H100']).toBe(seconds({ flops: 67e12, bandwidth: 3.35e12 }))
    const half = await example(...sizes, '--peak-tflops', '67')
    expect([half.code, half.stdout]).toEqual([2, ''])
    expect(half.stderr).toMatch(/--bandwidth-gbs the other: give both/)
    const long = await example('--model', folder, ...sizes.map((x) => (x === '64' ? '513' : x)))
    expect([long.code, long.stdout]).toEqual([1, ''])
    expect(long.stderr).toMatch(/--sequence 513: this model reads 512 tokens at most/)
  }, 120_000)

  test('measures beside it, where there are parameters', async () => {
    const folder = await testFolder('plan-measured')
    const model = transformer(config)
    await saveModelAsync({ path: folder })(model, model.init(random.key(0)))
    const { code, stdout, stderr } = await example('--model', folder, ...sizes, '--measure', '--json')
    expect([code, stderr]).toEqual([0, ''])
    const { bytes, measured } = JSON.parse(stdout) as Pick<StepPlan, 'bytes'> & { readonly measured: Measured }
    expect(Math.abs(measured.counted / bytes.training - 1)).toBeLessThan(0.1)
    expect(measured.resident).toBeGreaterThan(measured.counted)
    expect(measured.losses).toHaveLength(2)
    const preset = await example('--measure', ...sizes)
    expect([preset.code, preset.stdout]).toEqual([1, ''])
    expect(preset.stderr).toMatch(/a preset has no parameters.*--model a folder or a GGUF file/)
  }, 120_000)

  test('a device without room for the step is a failure that says so', async () => {
    const folder = await testFolder('plan-no-room')
    const model = transformer(config)
    await saveModelAsync({ path: folder })(model, model.init(random.key(0)))
    // 2.9 MB: the model fits, and a step does not
    const device = wasmDevice({ maximumPages: 45 })
    const outcome = await measureStep(folder, { ...given, method: 'full', device })()
    expect(outcome).toMatchObject({ left: { _tag: 'Device', error: { _tag: 'OutOfMemory' } } })
    expect(E.isLeft(outcome) && outcome.left.message).toMatch(/^a step of learning: .*memory/)
    await device.destroy()
  })

  test('refuses a model that it does not know', async () => {
    const refused = await example('--model', 'GPT-5')
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('SmolLM2-135M')
  }, 120_000)
})

const models = process.env['ADJOINT_MODELS'] ?? ''
const smol = join(models, 'SmolLM2-135M-Instruct.Q4_1.gguf')
const here = models !== '' && existsSync(smol)
if (!here) console.log('skipped: SmolLM2-135M-Instruct.Q4_1.gguf is not in the folder that ADJOINT_MODELS names')
describe.skipIf(!here)('SmolLM2', () => {
  test('learns by an adapter within 2 GB, and within a tenth of its plan', async () => {
    const rows = ['--batch', '8', '--group', '1', '--micro', '8', '--sequence', '256', '--checkpoint']
    const { code, stdout } = await exampleOf('plan')('--model', smol, ...rows, '--measure', '--device', 'cpu', '--json')
    expect(code).toBe(0)
    const { bytes, measured } = JSON.parse(stdout) as Pick<StepPlan, 'bytes'> & { readonly measured: Measured }
    expect(Math.abs(measured.counted / bytes.training - 1)).toBeLessThan(0.1)
    expect(measured.resident).toBeLessThan(2e9)
  }, 600_000)
})

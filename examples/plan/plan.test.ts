// What a plan says of a small model, by what must hold between its figures.
import { llama } from '@adjoint/nn'
import { wasmDevice } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { exampleOf } from '../cli/child.support.ts'
import { planStep, type StepConfig } from './step.ts'

const config = llama({ vocab: 512, width: 64, layers: 3, heads: 4, kvHeads: 2, hidden: 160, context: 64 })
const given: StepConfig = {
  ...{ config, method: 'lora', rank: 4, batch: 2, group: 4, micro: 4, sequence: 64, dtype: 'f32' },
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

  test('says all of it as one object, and refuses a model that it does not know', async () => {
    const example = exampleOf('plan')
    const refused = await example('--model', 'GPT-5')
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('SmolLM2-135M')
  }, 120_000)
})

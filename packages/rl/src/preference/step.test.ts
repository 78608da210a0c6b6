// DPO on a device, end to end.
import { adam, transformer, type TransformerParams } from '@adjoint/nn'
import { random, readAsync, realizeAsync, tree } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { right, testDevice } from '../run/device.support.ts'
import { snapshot } from '../run/device.ts'
import { mod10Chains } from '../task/chain.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { preferencePairs, wrongFormat } from './derive.ts'
import { dpo, ipo, type PreferenceLoss } from './dpo.ts'
import { type DpoState, dpoStep } from './step.ts'
import { transformerPolicy } from '../policy/policy.ts'

const device = await testDevice()

const task = mod10Chains(2)
const { vocabulary } = task
const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const policy = transformerPolicy(model, vocabulary)
const optimizer = adam({ learningRate: 3e-3 })
const batch = preferencePairs(task, { rows: 16, split: 'train', corruptions: [wrongFormat] })
const begin = async (): Promise<DpoState<TransformerParams, ReturnType<typeof optimizer.init>>> => {
  const params = await realizeAsync(model.init(random.key(0)), device)
  return { params, opt: optimizer.init(params), reference: await right(snapshot(device)(params)) }
}
const run = async (loss: PreferenceLoss, steps: number) => {
  const step = dpoStep({ policy, optimizer, loss, batch, width: 14, device })
  let state = await begin()
  const metrics: Readonly<Record<string, number>>[] = []
  for (let i = 0; i < steps; i++) {
    const stepped = await right(step(state, foldIn(hostKey(1), i)))
    state = stepped.state
    metrics.push(stepped.metrics)
  }
  return { state, metrics }
}

describe('DPO', () => {
  test('starts at ln 2 with implicit rewards of 0, and learns to prefer what is chosen', async () => {
    const { metrics } = await run(dpo({ beta: 0.1 }), 60)
    const [first, last] = [metrics[0]!, metrics.at(-1)!]
    expect(Object.keys(first).sort()).toEqual(
      [
        'grad_norm',
        'logps/chosen',
        'logps/rejected',
        'loss',
        'rewards/accuracies',
        'rewards/chosen',
        'rewards/margins',
        'rewards/rejected',
      ].sort(),
    )
    expect(first['loss']).toBeCloseTo(Math.LN2, 5)
    for (const name of ['rewards/chosen', 'rewards/rejected', 'rewards/margins']) expect(first[name]).toBeCloseTo(0, 5)
    expect(first['logps/chosen']).toBeLessThan(-10)
    expect(last['loss']).toBeLessThan(0.4)
    expect(last['rewards/accuracies']).toBeGreaterThan(0.9)
    for (const m of metrics) expect(m['rewards/margins']).toBeCloseTo(m['rewards/chosen']! - m['rewards/rejected']!, 4)
  })

  test('is a function of state and keys, and leaves the reference as it was', async () => {
    const [a, b] = [await run(dpo({ beta: 0.1 }), 5), await run(dpo({ beta: 0.1 }), 5)]
    expect(a.metrics).toEqual(b.metrics)
    const start = await begin()
    for (const [i, leaf] of tree.leaves(a.state.reference).entries())
      expect(await readAsync(leaf, device)).toEqual(await readAsync(tree.leaves(start.params)[i]!, device))
  })

  test('IPO pulls a pair to its margin of 1 / (2 beta) nats, and not beyond', async () => {
    const { metrics } = await run(ipo({ beta: 0.25 }), 120)
    expect(metrics[0]!['loss']).toBeCloseTo(4, 4)
    const tail = metrics.slice(-20)
    const nats = tail.reduce((s, m) => s + m['rewards/margins']! / 0.25, 0) / tail.length
    expect(nats).toBeGreaterThan(1.5)
    expect(nats).toBeLessThan(2.5)
  })

  test('pairs that cannot be encoded are an error', async () => {
    const step = dpoStep({ policy, optimizer, loss: dpo({ beta: 0.1 }), batch, width: 6, device })
    expect(await step(await begin(), hostKey(0))()).toMatchObject({ left: { _tag: 'SequenceTooLong' } })
  })
})

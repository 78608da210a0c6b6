// DPO on a device, end to end.
import { adam, sgd, transformer, type TransformerParams } from '@adjoint/nn'
import { random, readAsync, realizeAsync, tree } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { right, testDevice } from '../run/device.support.ts'
import { snapshot } from '../run/snapshot.ts'
import { mod10Chains } from '../task/chain.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { preferencePairs, wrongFormat } from './derive.ts'
import { dpo, ipo, type PreferenceLoss } from './dpo.ts'
import { ktoStep } from './kto-step.ts'
import { unpaired } from './kto.ts'
import { orpo, simpo } from './reference-free.ts'
import { type DpoState, dpoStep } from './step.ts'
import { transformerPolicy } from '../policy/policy.ts'

const device = await testDevice()

const task = mod10Chains(2)
const { vocabulary } = task
const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const policy = transformerPolicy(model, vocabulary)
const optimizer = adam({ learningRate: 3e-3 })
const batch = preferencePairs(task, { rows: 16, split: 'train', corruptions: [wrongFormat] })
const begin = async (): Promise<DpoState<TransformerParams, ReturnType<typeof optimizer.init>, TransformerParams>> => {
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

describe('without a reference', () => {
  const learnt = async (loss: PreferenceLoss) => {
    const step = dpoStep({ policy, optimizer, loss, batch, width: 14, device })
    const { params, opt } = await begin()
    let state = { params, opt, reference: null }
    const metrics: Readonly<Record<string, number>>[] = []
    for (let i = 0; i < 60; i++) {
      const stepped = await right(step(state, foldIn(hostKey(1), i)))
      state = stepped.state
      metrics.push(stepped.metrics)
    }
    return [metrics[0]!, metrics.at(-1)!] as const
  }

  test('SimPO learns to prefer what is chosen, by the margin asked for', async () => {
    const [first, last] = await learnt(simpo({ beta: 2, gamma: 1 }))
    expect(first['logps/chosen']).toBeGreaterThan(-6)
    expect(last['rewards/accuracies']).toBeGreaterThan(0.9)
    expect(last['rewards/margins']).toBeGreaterThan(1)
  })

  test('ORPO learns to say what is chosen, and to prefer it', async () => {
    const [first, last] = await learnt(orpo({ lambda: 0.5 }))
    expect(last['nll_loss']).toBeLessThan(0.5 * first['nll_loss']!)
    expect(last['log_odds_chosen']).toBeGreaterThan(first['log_odds_chosen']! + 0.5)
    expect(last['logps/chosen']).toBeCloseTo(-last['nll_loss']!, 5)
  })

  test('a loss that is measured from one refuses to begin without', async () => {
    const step = dpoStep({ policy, optimizer, loss: dpo({ beta: 0.1 }), batch, width: 14, device })
    const state = { ...(await begin()), reference: null }
    expect(() => step(state, hostKey(0))).toThrow(/preferenceLearner: this loss is measured from a reference/)
  })
})

describe('KTO', () => {
  test('begins at the reference with half of the weights, and learns from labels alone', async () => {
    const labelled = (i: number) => unpaired(batch(foldIn(hostKey(1), i)))
    const step = ktoStep({ policy, optimizer, beta: 0.2, batch: ([, i]) => labelled(i), width: 14, device })
    let state = await begin()
    const metrics: Readonly<Record<string, number>>[] = []
    for (let i = 0; i < 60; i++) {
      const stepped = await right(step(state, [0, i]))
      state = stepped.state
      metrics.push(stepped.metrics)
    }
    const [first, last] = [metrics[0]!, metrics.at(-1)!]
    expect(first['loss']).toBeCloseTo(0.5, 5)
    expect(first['kl']).toBeCloseTo(0, 5)
    expect(last['loss']).toBeLessThan(0.35)
    expect(last['rewards/chosen']).toBeGreaterThan(last['rewards/rejected']! + 1)
    for (const m of metrics) expect(m['kl']).toBeGreaterThanOrEqual(0)
    const start = await begin()
    for (const [i, leaf] of tree.leaves(state.reference).entries())
      expect(await readAsync(leaf, device)).toEqual(await readAsync(tree.leaves(start.params)[i]!, device))
  })

  test('in parts is what it is at once: one reference point, uneven labels', async () => {
    const labelled = unpaired(batch(hostKey(3))).slice(0, 21)
    const plain = sgd({ learningRate: 1 })
    const once = async (microBatch: number) => {
      const weights = { beta: 0.2, undesirableWeight: 1.5 }
      const step = ktoStep({
        policy,
        optimizer: plain,
        ...weights,
        batch: () => labelled,
        width: 14,
        microBatch,
        device,
      })
      const { params, reference } = await begin()
      // At the second step policy and reference are apart.
      const first = await right(step({ params, opt: plain.init(params), reference }, hostKey(0)))
      const second = await right(step(first.state, hostKey(0)))
      const leaves: number[] = []
      for (const leaf of tree.leaves(second.state.params)) leaves.push(...(await readAsync(leaf, device)))
      return { leaves, metrics: second.metrics }
    }
    const [whole, parts] = [await once(21), await once(8)]
    for (const [name, x] of Object.entries(whole.metrics)) expect(parts.metrics[name]).toBeCloseTo(x, 4)
    expect(whole.metrics['kl']).toBeGreaterThan(0)
    whole.leaves.forEach((x, i) => expect(parts.leaves[i]).toBeCloseTo(x, 4))
  })

  test('none and one completion are errors', async () => {
    const of = (rows: number) =>
      ktoStep({
        policy,
        optimizer,
        beta: 0.2,
        batch: () => unpaired(batch(hostKey(0))).slice(0, rows),
        device,
      })
    expect(await of(0)(await begin(), hostKey(0))()).toMatchObject({ left: { _tag: 'EmptyDataset' } })
    const state = await begin()
    expect(() => of(1)(state, hostKey(0))).toThrow(/mismatched: 1 completions/)
  })
})

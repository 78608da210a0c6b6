// A policy of an adapter says what the adapted model says; the laws of a contravariant functor.
import { type Adapter, lora, projections, transformer, type TransformerParams } from '@adjoint/nn'
import { mul, random, readAsync, realizeAsync, tree, wasmDevice, zeros } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { mod10Chain } from '../task/chain.ts'
import { type LogitPolicy, transformerPolicy } from './policy.ts'
import { policyThrough } from './through.ts'

const device = wasmDevice()
const model = transformer({
  vocab: mod10Chain.vocabulary.size,
  width: 16,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  context: 23,
})
const base = await realizeAsync(model.init(random.key(0)), device)
const { init, adapt } = lora({ rank: 2, targets: /^blocks\./, split: projections(model.config) })
const plain = transformerPolicy(model, mod10Chain.vocabulary)
const policy = policyThrough((adapter: Adapter) => adapt(base, adapter), plain)
const adapter = init(base)(random.key(1))
/** An adapter that changes something: b begins at 0. */
const moved: Adapter = Object.fromEntries(
  Object.entries(adapter).map(([path, { a, b }], i) => [path, { a, b: random.normal()(random.key(i), b.shape) }]),
)

const values = async (of: Parameters<typeof tree.leaves>[0]): Promise<readonly (readonly number[])[]> =>
  Promise.all(tree.leaves(of).map(async (x) => Array.from(await readAsync(x))))
const scored = { tokens: zeros([2, 8], 'i32'), starts: null }
const options = { completion: 3, temperature: 1 }

describe('a policy of an adapter', () => {
  test('scores, gives logits and draws as the adapted model does', async () => {
    const params = adapt(base, moved)
    expect(await values(policy.score(options)(moved, scored))).toEqual(
      await values(plain.score(options)(params, scored)),
    )
    expect(await values(policy.logits(3)(moved, scored))).toEqual(await values(plain.logits(3)(params, scored)))
    const drawing = { maxTokens: 4, temperature: 1, device }
    const prompts = { tokens: zeros([3, 4], 'i32') }
    const [ours, theirs] = [
      await policy.generate(drawing)(moved, prompts, random.key(9)),
      await plain.generate(drawing)(params, prompts, random.key(9)),
    ]
    expect(await values(ours.tokens)).toEqual(await values(theirs.tokens))
  })

  test('through the identity it is the policy itself, and of two after one another that of their composition', async () => {
    const said = async (of: LogitPolicy<Adapter>) => values(of.score(options)(moved, scored))
    expect(await said(policyThrough((x: Adapter) => x, policy))).toEqual(await said(policy))
    const onAdapter = (x: Adapter): TransformerParams => adapt(base, x)
    const halved = (x: Adapter): Adapter => tree.map((leaf) => mul(leaf, 0.5), x)
    const twice = policyThrough(halved, policyThrough(onAdapter, plain))
    const once = policyThrough((x: Adapter) => onAdapter(halved(x)), plain)
    expect(await said(twice)).toEqual(await said(once))
    expect(await said(twice)).not.toEqual(await said(policy))
  })
})

// A learner of an adapter: what it trains, what it leaves, what its reference is, and what memory it holds.
import { adam, type Adapter, lora, projections, quantize, transformer, type TransformerParams } from '@adjoint/nn'
import { random, readAsync, realizeAsync, tree, type Tree } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { group } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { policyThrough } from '../policy/through.ts'
import { named } from '../reward/named.ts'
import { right, testDevice } from '../run/device.support.ts'
import { hostKey } from '../run/keys.ts'
import { mod10Chains } from '../task/chain.ts'
import { type GrpoState, grpoStep } from './grpo.ts'
import { sftStep, traces } from './sft.ts'

const device = await testDevice()
const task = mod10Chains(2)
// Most of its parameters are a table that costs no activations: a second copy of them would be seen.
const model = transformer({
  vocab: task.vocabulary.size,
  width: 32,
  layers: 1,
  heads: 2,
  context: 40_000,
  mlp: 'swiglu',
})
const adapters = lora({ rank: 4, alpha: 8, targets: ['q', 'v', 'down'], split: projections(model.config) })
const optimizer = adam({ learningRate: 0.02 })
type State = GrpoState<Adapter, ReturnType<typeof optimizer.init>>

const numbers = async (t: Tree): Promise<readonly number[]> =>
  (await Promise.all(tree.leaves(t).map(async (x) => [...(await readAsync(x, device))]))).flat()
const bytesOf = (t: Tree): number => 4 * tree.size(t)

const learnt = (base: TransformerParams) => {
  const policy = policyThrough((of: Adapter) => adapters.adapt(base, of), transformerPolicy(model, task.vocabulary))
  return {
    demonstrate: sftStep({ policy, optimizer, batch: traces(task, { rows: 8, thinkShare: 0.5 }), width: 14, device }),
    improve: grpoStep({
      ...{ task, policy, optimizer, device, prompts: 4, group: 4, maxTokens: 6, temperature: 1, promptWidth: 8 },
      objective: { ...GRPO_OBJECTIVE, beta: 0.1 },
      rewards: [named('short', (s) => 1 - s.length / 6)],
      credit: outcome(group()),
    }),
  }
}

describe.each([
  ['f32', <P extends Tree>(p: P): P => p],
  ['8 bits', quantize({ bits: 8 })],
] as const)('an adapter on a base of %s', (_, kept) => {
  const begin = async () => {
    const base = await realizeAsync(kept(model.init(random.key(0))), device)
    const params = await realizeAsync(adapters.init(base)(random.key(1)), device)
    const opt = await realizeAsync(optimizer.init(params), device)
    return { base, params, state: { params, opt, reference: {} } satisfies State as State }
  }

  test(
    'is trained by SFT and by GRPO; the base stays, is its reference, and is there once',
    { timeout: 60_000 },
    async () => {
      const before = device.stats().liveBytes
      const { base, params, state } = await begin()
      const [was, began] = [await numbers(base), await numbers(params)]
      const held = bytesOf(base)
      expect(device.stats().liveBytes - before).toBeLessThan(held + 4 * bytesOf(params) + 4096)

      const { demonstrate, improve } = learnt(base)
      let now: State = state
      const losses: number[] = []
      for (let step = 0; step < 3; step++) {
        const taught = await right(demonstrate(now, hostKey(7), step))
        losses.push(taught.metrics['loss']!)
        now = { ...taught.state, reference: {} }
      }
      expect(losses[2]).toBeLessThan(losses[0]!)

      // from its start again: the policy is its reference, and then no more
      const fresh = await begin()
      const first = await right(improve(fresh.state, hostKey(1)))
      expect(Math.abs(first.metrics['kl']!)).toBeLessThan(1e-6)
      const second = await right(improve(first.state, hostKey(2)))
      expect(second.metrics['kl']).toBeGreaterThan(1e-5)
      expect(await numbers(second.state.params)).not.toEqual(began)
      expect(Object.keys(second.state.params)).toEqual(Object.keys(params))
      expect(await numbers(base)).toEqual(was)
      // two bases are there, of the two beginnings, and no third
      expect(device.stats().liveBytes - before).toBeLessThan(2.5 * held)
    },
  )

  test('learns from the base what it learns from the adapter as it began', { timeout: 60_000 }, async () => {
    const outcomes = await Promise.all(
      ['none', 'first'].map(async (which) => {
        const { base, params, state } = await begin()
        const copy = await realizeAsync(adapters.init(base)(random.key(1)), device)
        expect(await numbers(copy)).toEqual(await numbers(params))
        const { improve } = learnt(base)
        const reference = which === 'none' ? {} : copy
        const first = await right(improve({ ...state, reference }, hostKey(1)))
        const { state: last } = await right(improve(first.state, hostKey(2)))
        return numbers(last.params)
      }),
    )
    expect(outcomes[0]).toEqual(outcomes[1])
  })
})

// PPO with a critic on a device, end to end.
import { adam, sgd, transformer, type TransformerParams } from '@adjoint/nn'
import { random, readAsync, realizeAsync, scalar, tensor, tree, type Tree, zeros } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { outcome } from '../credit/credit.ts'
import { tokenMean } from '../objective/aggregate.ts'
import { adaptiveEntropy, adaptiveKl, controller } from '../objective/control.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { named } from '../reward/named.ts'
import { right, testDevice } from '../run/device.support.ts'
import { snapshot } from '../run/snapshot.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { mod10Chains } from '../task/chain.ts'
import { type CriticParams, ownCritic, valueHead } from './critic.ts'
import { grpoStep } from './grpo.ts'
import { type PpoConfig, type PpoState, ppoStep } from './ppo.ts'

const device = await testDevice()
const task = mod10Chains(2)
const model = transformer({ vocab: task.vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const policy = transformerPolicy(model, task.vocabulary)
const critic = ownCritic(model)
const initial = (seed = 0): Promise<TransformerParams> => realizeAsync(model.init(random.key(seed)), device)
const leavesOf = async (params: Tree): Promise<readonly number[]> => {
  const all: number[] = []
  for (const leaf of tree.leaves(params)) all.push(...(await readAsync(leaf, device)))
  return all
}
const largest = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((most, a, i) => Math.max(most, Math.abs(a - y[i]!)), 0)

const shared = {
  task,
  policy,
  prompts: 8,
  group: 2,
  maxTokens: 6,
  temperature: 1,
  rewards: [named('short', (s: { readonly length: number }) => 1 - s.length / 6)],
  objective: { ...GRPO_OBJECTIVE, aggregate: tokenMean },
  device,
} as const
const plain = sgd({ learningRate: 0.5 })
type O = ReturnType<typeof plain.init>
type Config = PpoConfig<never, TransformerParams, CriticParams, O, O>
type State = PpoState<TransformerParams, CriticParams, O, O>
const begin = async (): Promise<State> => {
  const [params, expecting] = [await initial(), await realizeAsync(critic.init(random.key(1)), device)]
  const learners = { params, opt: plain.init(params), critic: { params: expecting, opt: plain.init(expecting) } }
  return { ...learners, reference: null, control: null }
}
const withReference = async (): Promise<State> => ({ ...(await begin()), reference: await initial(7) })
const make = (over: Partial<Config> = {}) =>
  ppoStep({ ...shared, critic, optimizer: plain, criticOptimizer: plain, ...over } as Config)

describe('PPO', () => {
  test('with a critic that is silent, lambda 1 and one update, is REINFORCE', async () => {
    const silent = { gae: { gamma: 1, lambda: 1 }, whiten: null }
    const { state } = await right(make(silent)(await begin(), hostKey(3)))
    const reinforce = grpoStep({ ...shared, credit: outcome((groups) => groups), optimizer: plain })
    const params = await initial()
    const plainly = await right(reinforce({ params, opt: plain.init(params), reference: null }, hostKey(3)))
    const [a, b, start] = [
      await leavesOf(state.params),
      await leavesOf(plainly.state.params),
      await leavesOf(await initial()),
    ]
    expect(largest(a, start)).toBeGreaterThan(1e-2)
    expect(largest(a, b)).toBeLessThan(1e-6)
    // and the critic has begun to learn
    expect(Math.max(...(await leavesOf(state.critic.params.head)).map(Math.abs))).toBeGreaterThan(1e-3)
  })

  test('is a function of state and key, in parts as at once', async () => {
    const config = { iterations: 2, minibatches: 2 }
    const [once, again, parts] = [
      await right(make(config)(await begin(), hostKey(3))),
      await right(make(config)(await begin(), hostKey(3))),
      await right(make({ ...config, microBatch: 3 })(await begin(), hostKey(3))),
    ]
    expect(again.metrics).toEqual(once.metrics)
    expect(await leavesOf(again.state)).toEqual(await leavesOf(once.state))
    expect(largest(await leavesOf(parts.state.params), await leavesOf(once.state.params))).toBeLessThan(1e-4)
    expect(largest(await leavesOf(parts.state.critic), await leavesOf(once.state.critic))).toBeLessThan(1e-4)
    for (const name of ['loss/value_avg', 'val/clipfrac_avg', 'explained_variance', 'policy_loss', 'kl', 'entropy'])
      expect(parts.metrics[name]).toBeCloseTo(once.metrics[name]!, 4)
  })

  const learns = async <V extends Tree>(
    of: PpoConfig<never, TransformerParams, V, Tree, Tree>['critic'],
    start: V,
    steps: number,
  ) => {
    const optimizer = adam({ learningRate: 5e-3 })
    const step = ppoStep({
      ...shared,
      prompts: 32,
      group: 1,
      critic: of,
      optimizer,
      criticOptimizer: optimizer,
      iterations: 2,
      minibatches: 2,
      valueCoefficient: 0.5,
    })
    const params = await initial()
    const expecting = await realizeAsync(start, device)
    let state = {
      params,
      opt: optimizer.init(params),
      critic: { params: expecting, opt: optimizer.init(expecting) },
      reference: null as TransformerParams | null,
      control: null,
    } as PpoState<TransformerParams, V, ReturnType<typeof optimizer.init>, ReturnType<typeof optimizer.init>>
    const metrics: Readonly<Record<string, number>>[] = []
    for (let i = 0; i < steps; i++) {
      const stepped = await right(step(state, foldIn(hostKey(5), i)))
      state = stepped.state
      metrics.push(stepped.metrics)
    }
    const mean = (name: string, from: number, to: number): number =>
      metrics.slice(from, to).reduce((s, m) => s + m[name]!, 0) / (to - from)
    return { mean, steps }
  }

  test('learns a task, and its critic what to expect', async () => {
    const { mean, steps } = await learns(critic, critic.init(random.key(1)), 25)
    expect(mean('reward', 0, 3)).toBeLessThan(0.5)
    expect(mean('reward', steps - 3, steps)).toBeGreaterThan(0.75)
    expect(mean('explained_variance', 0, 1)).toBeCloseTo(0, 5)
    expect(mean('explained_variance', 5, 15)).toBeGreaterThan(0.2)
    expect(mean('loss/value_avg', steps - 3, steps)).toBeLessThan(0.5 * mean('loss/value_avg', 0, 3))
  }, 60_000)

  test('learns it with a head on the policy too', async () => {
    const head = valueHead(model)
    const { mean, steps } = await learns(head, head.init(random.key(1)), 25)
    expect(mean('reward', steps - 3, steps)).toBeGreaterThan(0.7)
    expect(mean('loss/value_avg', steps - 3, steps)).toBeLessThan(0.1 * mean('loss/value_avg', 0, 3))
  }, 60_000)

  test('the value loss reaches the policy through a shared stream alone', async () => {
    const head = valueHead(model)
    // No reward, no surrogate: what moves is moved by the critic.
    const none = {
      rewards: [named('none', () => 0)],
      objective: { ...shared.objective, clip: { ...shared.objective.clip, surrogate: () => zeros([1, 1]) } },
    }
    const params = await initial()
    const slanted = tensor(
      Float32Array.from({ length: 16 }, (_, i) => i - 8),
      [16, 1],
    )
    const expecting = await realizeAsync({ ...head.init(random.key(1)), weight: slanted }, device)
    const step = ppoStep({ ...shared, ...none, critic: head, optimizer: plain, criticOptimizer: plain })
    const own = { params: expecting, opt: plain.init(expecting) }
    const state = { params, opt: plain.init(params), critic: own, reference: null, control: null }
    const moved = await right(step(state, hostKey(1)))
    expect(largest(await leavesOf(moved.state.params), await leavesOf(await initial()))).toBeGreaterThan(1e-4)
    const apart = await right(make(none)(await begin(), hostKey(1)))
    expect(await leavesOf(apart.state.params)).toEqual(await leavesOf(await initial()))
  })

  test('charges for the divergence, and follows its target and that of the entropy', async () => {
    const control = {
      kl: adaptiveKl({ target: 1e-4, initial: 0.5, gain: 1 }),
      entropy: adaptiveEntropy({ target: 100, rate: 1e-3 }),
    }
    const step = make({ control })
    const from = { ...(await withReference()), control: controller(control).init }
    const first = await right(step(from, hostKey(3)))
    expect(first.metrics['objective/kl_coef']).toBe(0.5)
    expect(first.metrics['objective/kl']).toBeGreaterThan(1e-3)
    const held = async ({ control: at }: State) => [
      ...(await readAsync(at!.beta!, device)),
      ...(await readAsync(at!.entropyBonus!, device)),
    ]
    const [beta, alpha] = await held(first.state)
    expect(beta).toBeCloseTo(0.6, 6)
    expect(alpha).toBeCloseTo(1e-3 * (100 - first.metrics['entropy']!), 5)
    const second = await right(step(first.state, hostKey(4)))
    expect(second.metrics['objective/kl_coef']).toBeCloseTo(0.6, 6)
    expect(second.metrics['objective/entropy_coef']).toBeCloseTo(alpha!, 6)
    // A fixed coefficient of the same size is the same step.
    const fixed = await right(make({ beta: 0.5 })(await withReference(), hostKey(3)))
    const controlled = await right(
      make({ control: { kl: control.kl } })(
        { ...(await withReference()), control: controller({ kl: control.kl }).init },
        hostKey(3),
      ),
    )
    expect(await leavesOf(controlled.state.params)).toEqual(await leavesOf(fixed.state.params))
    const free = await right(make({})(await withReference(), hostKey(3)))
    expect(largest(await leavesOf(free.state.params), await leavesOf(fixed.state.params))).toBeGreaterThan(1e-4)
  })

  test('a state is data: one that was written down goes on as if nothing had happened', async () => {
    const step = make({ control: { entropy: adaptiveEntropy({ target: 1, rate: 0.1 }) }, iterations: 2 })
    const state = { ...(await begin()), control: { beta: null, entropyBonus: scalar(0.1) } }
    const first = await right(step(state, hostKey(0)))
    const written = await right(snapshot(device)(first.state))
    const [on, resumed] = [await right(step(first.state, hostKey(1))), await right(step(written, hostKey(1)))]
    expect(resumed.metrics).toEqual(on.metrics)
    expect(await leavesOf(resumed.state)).toEqual(await leavesOf(on.state))
  })

  test('what is missing, or does not divide, is refused', async () => {
    const state = await begin()
    expect(() => make({ minibatches: 3 })).toThrow(/ppoStep: 16 completions do not split into 3 minibatches/)
    expect(() => make({ beta: 0.1 })(state, hostKey(0))).toThrow(
      /ppoStep: beta is not 0, but the state has no reference/,
    )
    const control = { entropy: adaptiveEntropy({ target: 1, rate: 0.1 }) }
    expect(() => make({ control })(state, hostKey(0))).toThrow(/ppoStep: the state has no entropyBonus/)
  })
})

describe('critics', () => {
  test('expect nothing at first; values are before each token and after the last, and see what comes before alone', async () => {
    const params = await initial()
    const sequences = (last: number) => ({ tokens: tensor([1, 5, 6, 7, last], [1, 5], 'i32'), starts: null })
    const own = critic.init(random.key(1))
    expect([...(await readAsync(critic.values(3)(own, null, sequences(2)), device))]).toEqual([0, 0, 0, 0])
    const said = {
      ...own,
      head: {
        ...own.head,
        weight: tensor(
          Float32Array.from({ length: 16 }, (_, i) => i - 8),
          [16, 1],
        ),
      },
    }
    for (const values of [
      (last: number) => critic.values(3)(said, null, sequences(last)),
      (last: number) => valueHead(model).values(3)(said.head, params, sequences(last)),
    ]) {
      const [a, b] = [await readAsync(values(2), device), await readAsync(values(3), device)]
      expect(a).toHaveLength(4)
      expect([...a.subarray(0, 3)]).toEqual([...b.subarray(0, 3)])
      expect(a[3]).not.toBe(b[3])
    }
  })
})

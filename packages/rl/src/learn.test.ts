// Learning from experience on a device: what each part does to the parameters.
import { sgd, transformer, type TransformerParams } from '@adjoint/nn'
import { random, readAsync, realizeAsync, tree, zeros } from '@adjoint/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { drGrpo } from './advantage.ts'
import { collector } from './collect.ts'
import { unclipped } from './clip.ts'
import { correctionMonoid, tis, tokenLevel } from './correction.ts'
import { type Credit, outcome } from './credit.ts'
import { right, testDevice } from './device.support.ts'
import { dropTruncated, type Experience } from './experience.ts'
import { type LearnConfig, learner } from './learn.ts'
import { GRPO_OBJECTIVE } from './objective.ts'
import { named } from './reward/named.ts'
import { type Chain, mod10Chains } from './task/chain.ts'
import { hostKey } from './task/key.ts'

const device = await testDevice()
let experience: Experience<Chain>
beforeAll(async () => {
  experience = (await right(collect()(await initial(), hostKey(1)))).experience
})

const task = mod10Chains(2)
const model = transformer({ vocab: task.vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const optimizer = sgd({ learningRate: 0.5 })
const shared = () => ({ model, maxTokens: 6, temperature: 1, device })
const collect = () =>
  collector({ ...shared(), task, prompts: 4, group: 4, rewards: [named('short', (s) => 1 - s.length / 6)] })
const initial = (seed = 0): Promise<TransformerParams> => realizeAsync(model.init(random.key(seed)), device)

type Config = LearnConfig<Chain, ReturnType<typeof optimizer.init>>
const leavesOf = async (params: TransformerParams): Promise<readonly number[]> => {
  const all: number[] = []
  for (const leaf of tree.leaves(params)) all.push(...(await readAsync(leaf, device)))
  return all
}
/** The parameters after one batch, all of them in a row, and what was measured. */
const after = async (over: Partial<Config>, given = experience, seed = 0) => {
  const learn = learner<Chain, ReturnType<typeof optimizer.init>>({
    ...shared(),
    credit: outcome(drGrpo),
    objective: GRPO_OBJECTIVE,
    optimizer,
    ...over,
  })
  const params = await initial(seed)
  const { state, metrics, advantages } = await right(
    learn({ params, opt: optimizer.init(params), reference: null }, given, hostKey(2)),
  )
  return { params: await leavesOf(state.params), metrics, advantages }
}
const largest = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((most, a, i) => Math.max(most, Math.abs(a - y[i]!)), 0)

describe('a learner', () => {
  test('is a function of state, experience and key', async () => {
    const [a, b, start] = [await after({}), await after({}), await leavesOf(await initial())]
    expect(a).toEqual(b)
    expect(largest(a.params, start)).toBeGreaterThan(1e-3)
  })

  test('the same credit at every token is the credit of the completion', async () => {
    const each: Credit<Chain> = (graded, key) =>
      outcome(drGrpo)(graded, key).map((a, row) =>
        Array.from({ length: graded.samples[row]!.length }, () => a as number),
      )
    expect(largest((await after({ credit: each })).params, (await after({})).params)).toBeLessThan(1e-6)
  })

  test('credit to the first token alone teaches nothing about the others', async () => {
    const first: Credit<Chain> = ({ samples }) =>
      samples.map(({ length }) => Array.from({ length }, (_, t) => (t === 0 ? 1 : 0)))
    const none: Credit<Chain> = ({ samples }) => samples.map(({ length }) => Array.from({ length }, () => 0))
    const start = await leavesOf(await initial())
    const [some, nothing] = [await after({ credit: first }), await after({ credit: none })]
    expect(nothing.params).toEqual(start)
    expect(largest(some.params, start)).toBeGreaterThan(1e-3)
    const lengths = experience.samples.map((s) => s.length)
    expect(some.advantages).toEqual(lengths.map((n) => 1 / n))
  })

  test('the empty correction changes nothing on policy; a weight of 0 takes a token out', async () => {
    const [plain, corrected] = [await after({}), await after({ correction: correctionMonoid.empty })]
    expect(largest(plain.params, corrected.params)).toBeLessThan(1e-4)
    const none = await after({ correction: (_, __, mask) => zeros(mask.shape) })
    expect(none.params).toEqual(await leavesOf(await initial()))
  })

  test('experience of another policy: the sampler is told from the learner, and the weights are to it', async () => {
    // Another policy than the one that sampled.
    const other = 5
    const plain = await after({}, experience, other)
    const uncorrected = await after({ correction: correctionMonoid.empty }, experience, other)
    const wide = await after({ correction: tis({ level: tokenLevel, high: 1e9 }) }, experience, other)
    const cut = await after({ correction: tis({ level: tokenLevel, high: 0.5 }) }, experience, other)
    for (const { metrics } of [plain, uncorrected, wide, cut])
      expect(metrics['sampling/sampling_logp_difference/mean']).toBeGreaterThan(0.05)
    // The learner is its own old policy once there is a correction: nothing is clipped in the first update.
    expect(uncorrected.metrics['clip_ratio/region_mean']).toBe(0)
    expect(plain.metrics['clip_ratio/region_mean']).toBeGreaterThan(0)
    expect(largest(wide.params, uncorrected.params)).toBeGreaterThan(1e-4)
    expect(largest(wide.params, cut.params)).toBeGreaterThan(1e-4)
    // Unbounded weights on an unclipped ratio of 1 are importance sampling, which is what the ratio to the sampler is.
    const free = { ...GRPO_OBJECTIVE, clip: unclipped }
    const importance = await after({ objective: free }, experience, other)
    expect(largest(wide.params, importance.params)).toBeLessThan(1e-4)
  })

  test('completions that were cut teach nothing where they are dropped', async () => {
    const cut = { ...experience, samples: experience.samples.map((s) => ({ ...s, terminated: false })) }
    expect((await after({}, dropTruncated(cut))).params).toEqual(await leavesOf(await initial()))
  })

  test('a batch that does not split is a mistake', async () => {
    await expect(after({ minibatches: 5 })).rejects.toThrow(/learner: 16 completions do not split into 5/)
  })
})

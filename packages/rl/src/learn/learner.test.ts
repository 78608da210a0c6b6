// Learning from experience on a device: what each part does to the parameters.
import { type GradientTransformation, sgd, transformer, type TransformerParams } from '@adjoint/nn'
import { add, mul, random, readAsync, realizeAsync, scalar, type Scalar, tensor, tree, zeros } from '@adjoint/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { drGrpo } from '../credit/advantage.ts'
import { collector } from '../experience/collect.ts'
import { unclipped } from '../objective/clip.ts'
import { correctionMonoid, tis, tokenLevel } from '../objective/correction.ts'
import { type Credit, outcome } from '../credit/credit.ts'
import { right, testDevice } from '../run/device.support.ts'
import { dropTruncated, type Experience } from '../experience/experience.ts'
import { type LearnConfig, learner } from './grpo.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { named } from '../reward/named.ts'
import { scoreCompletions } from '../policy/score.ts'
import { type Chain, mod10Chains } from '../task/chain.ts'
import { hostKey } from '../run/keys.ts'
import { transformerPolicy } from '../policy/policy.ts'

const device = await testDevice()
let experience: Experience<Chain>
beforeAll(async () => {
  experience = (await right(collect()(await initial(), hostKey(1)))).experience
})

const task = mod10Chains(2)
const model = transformer({ vocab: task.vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const policy = transformerPolicy(model, task.vocabulary)
const optimizer = sgd({ learningRate: 0.5 })
const shared = () => ({ policy, maxTokens: 6, temperature: 1, device })
const collect = () =>
  collector({ ...shared(), task, prompts: 4, group: 4, rewards: [named('short', (s) => 1 - s.length / 6)] })
const initial = (seed = 0): Promise<TransformerParams> => realizeAsync(model.init(random.key(seed)), device)

type Config = LearnConfig<Chain, TransformerParams, ReturnType<typeof optimizer.init>>
const leavesOf = async (params: TransformerParams): Promise<readonly number[]> => {
  const all: number[] = []
  for (const leaf of tree.leaves(params)) all.push(...(await readAsync(leaf, device)))
  return all
}
/** The parameters after one batch, all of them in a row, and what was measured. */
const after = async (over: Partial<Config>, given = experience, seed = 0) => {
  const learn = learner<Chain, TransformerParams, ReturnType<typeof optimizer.init>>({
    ...shared(),
    credit: outcome(drGrpo),
    objective: GRPO_OBJECTIVE,
    optimizer,
    ...over,
  })
  const params = await initial(seed)
  const { state, metrics, advantages, tokenAdvantages, entropies } = await right(
    learn({ params, opt: optimizer.init(params), reference: null }, given, hostKey(2)),
  )
  return { params: await leavesOf(state.params), metrics, advantages, tokenAdvantages, entropies }
}
const largest = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((most, a, i) => Math.max(most, Math.abs(a - y[i]!)), 0)

describe('a learner', () => {
  test('refuses advantages of another number than completions, or than their tokens, and NaN', async () => {
    const of = (credit: Credit<Chain>) => after({ credit })
    await expect(of(() => [1])).rejects.toThrow('learner: the credit gave 1 advantages for 16 completions')
    await expect(of(({ samples }) => samples.map(() => [1, 1, 1, 1, 1, 1, 1]))).rejects.toThrow(
      /learner: the credit gave 7 advantages for the \d tokens of sample 1 of 16/,
    )
    await expect(of(({ samples }) => samples.map(() => NaN))).rejects.toThrow('the credit gave the advantage NaN')
  })

  test('is a function of state, experience and key', async () => {
    const [a, b, start] = [await after({}), await after({}), await leavesOf(await initial())]
    expect(a).toEqual(b)
    expect(largest(a.params, start)).toBeGreaterThan(1e-3)
  })

  test('says the entropies of the first groups under the policy that it was given, and learns as without', async () => {
    const [told, silent] = [await after({ entropies: 2, microBatch: 3 }), await after({ microBatch: 3 })]
    expect(silent.entropies).toBe(null)
    expect({ ...told, entropies: null }).toEqual(silent)
    const { tokens, samples } = experience
    const score = policy.score({ completion: 6, temperature: 1 })
    const sequences = { tokens: tensor(tokens, [samples.length, tokens.length / samples.length]), starts: null }
    const expected = await readAsync(score(await initial(), sequences).entropy, device)
    expect(told.entropies).toHaveLength(2 * 4 * 6)
    expect(largest([...told.entropies!], [...expected.subarray(0, 48)])).toBeLessThan(1e-5)
    expect(told.entropies!.every((h) => h >= 0 && h <= Math.log(task.vocabulary.size) + 1e-6)).toBe(true)
    expect(told.tokenAdvantages.every((each) => each === null)).toBe(true)
    await expect(after({ entropies: -1 })).rejects.toThrow(/learner: entropies is -1/)
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

  test('completions of another length than the learner scores are a mistake', async () => {
    await expect(after({ maxTokens: 5 })).rejects.toThrow(/learner: completions have 6 columns, and maxTokens is 5/)
  })

  test('a batch that does not split is a mistake', async () => {
    await expect(after({ minibatches: 5 })).rejects.toThrow(/learner: 16 completions do not split into 5/)
  })
})

describe('passes of minibatches', () => {
  type Watched = { readonly seen: TransformerParams; readonly updates: Scalar }
  /** Moves nothing: `decay` times what it has seen, plus the gradient, and the number of updates. */
  const watching = (decay: number): GradientTransformation<Watched> => ({
    init: (params) => ({ seen: tree.map((p) => mul(p, 0), params as TransformerParams), updates: scalar(0) }),
    update: (grads, { seen, updates }) => [
      tree.map((g) => mul(g, 0), grads),
      { seen: tree.map((s, g) => add(mul(s, decay), g), seen, grads), updates: add(updates, 1) },
    ],
  })
  // Sampler, policy and reference are three, so that all that an update reads of a batch differs by row.
  const watch = async (decay: number, iterations: number, minibatches: number, key = 2) => {
    const optimizer = watching(decay)
    const learn = learner<Chain, TransformerParams, Watched>({
      ...shared(),
      credit: outcome(drGrpo),
      objective: { ...GRPO_OBJECTIVE, beta: 0.5 },
      correction: tis({ level: tokenLevel, high: 1e9 }),
      optimizer,
      iterations,
      minibatches,
    })
    const [params, reference] = [await initial(5), await initial(6)]
    const { state } = await right(learn({ params, opt: optimizer.init(params), reference }, experience, hostKey(key)))
    return { seen: await leavesOf(state.opt.seen), updates: (await readAsync(state.opt.updates, device))[0] }
  }

  test('are as many updates as passes times minibatches', async () => {
    expect((await watch(1, 3, 4)).updates).toBe(12)
    expect((await watch(1, 1, 1)).updates).toBe(1)
  })

  test('hold every completion once a pass, with all that is known of it', async () => {
    const [whole, parts, twice] = [await watch(1, 1, 1), await watch(1, 1, 4), await watch(1, 2, 4)]
    expect(
      largest(
        whole.seen,
        whole.seen.map(() => 0),
      ),
    ).toBeGreaterThan(1e-3)
    // Means of parts of one size: their mean is that of the whole.
    expect(
      largest(
        parts.seen.map((g) => g / 4),
        whole.seen,
      ),
    ).toBeLessThan(1e-5)
    expect(
      largest(
        twice.seen.map((g) => g / 8),
        whole.seen,
      ),
    ).toBeLessThan(1e-5)
  })

  test('come in an order that follows from the key, another one in each pass', async () => {
    const [once, again, other, twice] = [
      await watch(0, 1, 4),
      await watch(0, 1, 4),
      await watch(0, 1, 4, 3),
      await watch(0, 2, 4),
    ]
    expect(again).toEqual(once)
    expect(largest(other.seen, once.seen)).toBeGreaterThan(1e-4)
    expect(largest(twice.seen, once.seen)).toBeGreaterThan(1e-4)
  })

  test('credit is told log pi - log pi_ref of each token that was sampled', async () => {
    let told: readonly (readonly number[])[] | null = null
    const credit: Credit<Chain> = ({ kl, samples }) => {
      told = kl
      return samples.map(() => 0)
    }
    const learn = learner<Chain, TransformerParams, ReturnType<typeof optimizer.init>>({
      ...shared(),
      credit,
      objective: GRPO_OBJECTIVE,
      optimizer,
    })
    const [params, reference] = [await initial(), await initial(6)]
    const { samples, tokens, width, samplerLogp } = experience
    const score = scoreCompletions(model, { completion: 6, temperature: 1 })
    const refLogp = await readAsync(
      score(reference)({ tokens: tensor(tokens, [16, width + 6]), starts: null }).logp,
      device,
    )
    await right(learn({ params, opt: optimizer.init(params), reference }, experience, hostKey(2)))
    const expected = samples.flatMap(({ length }, row) =>
      Array.from({ length }, (_, t) => samplerLogp[row * 6 + t]! - refLogp[row * 6 + t]!),
    )
    expect(largest(told!.flat(), expected)).toBeLessThan(1e-4)
    expect(
      largest(
        expected,
        expected.map((x) => -x),
      ),
    ).toBeGreaterThan(0.05)
  })
})

test('an entropy bonus moves a policy that no reward moves', async () => {
  const credit: Credit<Chain> = ({ samples }) => samples.map(() => 0)
  const start = await leavesOf(await initial())
  const bonus = await after({ credit, objective: { ...GRPO_OBJECTIVE, entropyBonus: 1 } })
  expect((await after({ credit })).params).toEqual(start)
  expect(largest(bonus.params, start)).toBeGreaterThan(1e-4)
})

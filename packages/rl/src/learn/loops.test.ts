// The loops on a device, end to end, on models small enough for the interpreter.
import { adam, transformer, type TransformerParams } from '@adjoint/nn'
import { argmax, mul, random, readAsync, realizeAsync, tensor, tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import { drGrpo, group } from '../credit/advantage.ts'
import { encodePrompts } from '../policy/batch.ts'
import { right, testDevice } from '../run/device.support.ts'
import { evaluator, summarize } from '../evaluate/evaluate.ts'
import { outcome, relabelled } from '../credit/credit.ts'
import { type GrpoConfig, type GrpoState, grpoStep } from './grpo.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { presets } from '../objective/presets.ts'
import { named } from '../reward/named.ts'
import { format } from '../reward/rules.ts'
import { roller } from '../policy/rollout.ts'
import { scoreCompletions } from '../policy/score.ts'
import { sftLoss, sftStep, traces } from './sft.ts'
import { snapshot } from '../run/snapshot.ts'
import { addition } from '../task/addition.ts'
import { type Chain, mod10Chain, mod10Chains } from '../task/chain.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { problems, splitOf } from '../task/task.ts'
import { transformerPolicy } from '../policy/policy.ts'

const device = await testDevice()

const task = mod10Chains(2)
const model = transformer({ vocab: task.vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const policy = transformerPolicy(model, task.vocabulary)
const optimizer = adam({ learningRate: 1e-2 })
const initial = (seed = 0): Promise<TransformerParams> => realizeAsync(model.init(random.key(seed)), device)
const allLeaves = async (t: TransformerParams): Promise<readonly number[]> => {
  const all: number[] = []
  for (const leaf of tree.leaves(t)) all.push(...(await readAsync(leaf, device)))
  return all
}

describe('rollouts', () => {
  test('log-probabilities from the cache are those of a full forward at the same temperature', async () => {
    const ragged = addition(2)
    const deeper = transformer({ vocab: ragged.vocabulary.size, width: 16, layers: 2, heads: 2, context: 16 })
    const policy = transformerPolicy(deeper, ragged.vocabulary)
    const params = await realizeAsync(deeper.init(random.key(1)), device)
    for (const temperature of [1, 0.7, 1.5]) {
      const config = { task: ragged, policy, group: 3, maxTokens: 8, temperature, device }
      const asked = problems(ragged, 'train', { count: 4 })(hostKey(2))
      const { tokens, starts, width, mask, samplerLogp } = await right(roller(config)(params, asked, hostKey(3)))
      const { logp } = scoreCompletions(deeper, { completion: 8, temperature })(params)({
        tokens: tensor(tokens, [12, width + 8]),
        starts: starts === null ? null : tensor(starts, [12]),
      })
      const scored = await readAsync(logp, device)
      expect(mask.some((m) => m === 0) || mask.every((m) => m === 1)).toBe(true)
      mask.forEach((m, i) => m === 1 && expect(scored[i]).toBeCloseTo(samplerLogp[i]!, 4))
    }
  })

  test('follow from parameters, problems and key; lengths count the end', async () => {
    const roll = roller({ task, policy, group: 4, maxTokens: 6, temperature: 1, device })
    const params = await initial()
    const asked = problems(task, 'train', { count: 8 })(hostKey(2))
    const [a, b, c] = [
      await right(roll(params, asked, hostKey(3))),
      await right(roll(params, asked, hostKey(3))),
      await right(roll(params, asked, hostKey(4))),
    ]
    expect(a.samples).toEqual(b.samples)
    expect(a.samples).not.toEqual(c.samples)
    for (const [i, sample] of a.samples.entries()) {
      expect(sample.problem).toBe(asked[Math.floor(i / 4)])
      expect(sample.length).toBeGreaterThanOrEqual(1)
      expect(sample.length).toBeLessThanOrEqual(6)
      if (!sample.terminated) expect(sample.length).toBe(6)
    }
    expect(a.samples.some((s) => s.terminated)).toBe(true)
  })

  test('that do not fit the context are an error', async () => {
    const of = (maxTokens: number) => roller({ task, policy, group: 1, maxTokens, temperature: 1, device })
    expect(() => of(14)).toThrow(/roller: prompts of task .* have 5 tokens .* up to 14.* context of 16.* at least 19/)
    // One that is longer than those asked for when it was made is a failure of its data.
    const long = { ...problems(task, 'train', { count: 1 })(hostKey(2))[0]!, digits: [1, 2, 3, 4, 5, 6, 7, 8] }
    const asked = [{ ...long, operators: ['+', '+', '+', '+', '+', '+', '+'] as const }]
    const roll = of(6)
    expect(await roll(await initial(), asked, hostKey(0))()).toEqual(
      E.left({ _tag: 'SequenceTooLong', length: 23, context: 16 }),
    )
    expect(await roll(await initial(), [], hostKey(0))()).toMatchObject({ left: { _tag: 'EmptyDataset' } })
  })
})

describe('SFT', () => {
  const step = () =>
    sftStep({
      policy,
      optimizer,
      batch: traces(task, { rows: 16, thinkShare: 0.5 }),
      width: 14,
      device,
    })

  test('lowers the loss, and is a function of state and keys', async () => {
    const losses = async (): Promise<readonly number[]> => {
      const advance = step()
      const params = await initial()
      let state = { params, opt: optimizer.init(params) }
      const seen: number[] = []
      for (let i = 0; i < 30; i++) {
        const stepped = await right(advance(state, foldIn(hostKey(0), i)))
        state = stepped.state
        seen.push(stepped.metrics['loss']!)
      }
      return seen
    }
    const [a, b] = [await losses(), await losses()]
    expect(a).toEqual(b)
    expect(a[0]).toBeGreaterThan(2.5)
    expect(a.at(-1)).toBeLessThan(1.5)
  })

  test('a share of the traces thinks, and all are of the training split', () => {
    const batch = traces(task, { rows: 400, thinkShare: 0.25 })(hostKey(1))
    const thinking = batch.filter((d) => !d.completion.startsWith('<think></think>')).length
    expect(thinking / 400).toBeGreaterThan(0.18)
    expect(thinking / 400).toBeLessThan(0.32)
  })
})

describe('GRPO', () => {
  const config = (over: Partial<GrpoConfig<Chain, TransformerParams, ReturnType<typeof optimizer.init>>> = {}) => ({
    task,
    policy,
    prompts: 4,
    group: 8,
    maxTokens: 6,
    temperature: 1,
    // Ending early is all there is to learn here: a policy without any training finds it.
    rewards: [named('short', (s) => (s.terminated ? 1 - s.length / 6 : 0)), named('format', format, 0)],
    credit: outcome(group()),
    objective: GRPO_OBJECTIVE,
    optimizer,
    device,
    ...over,
  })
  const begin = async (): Promise<GrpoState<TransformerParams, ReturnType<typeof optimizer.init>>> => {
    const params = await initial()
    return { params, opt: optimizer.init(params), reference: null }
  }

  test('learns what is rewarded; a control without signal learns nothing of it', async () => {
    const rewards = async (over: Parameters<typeof config>[0]): Promise<readonly number[]> => {
      const step = grpoStep(config(over))
      let state = await begin()
      const seen: number[] = []
      for (let i = 0; i < 25; i++) {
        const stepped = await right(step(state, foldIn(hostKey(1), i)))
        state = stepped.state
        seen.push(stepped.metrics['reward']!)
      }
      return seen
    }
    const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length
    const learned = await rewards({})
    expect(mean(learned.slice(-5))).toBeGreaterThan(mean(learned.slice(0, 5)) + 0.3)
    const constant = relabelled((given) => given.map((g) => g.map(() => 1)))(outcome(group()))
    const flat = await rewards({ credit: constant })
    expect(Math.abs(mean(flat.slice(-5)) - mean(flat.slice(0, 5)))).toBeLessThan(0.2)
  })

  test('what could learn nothing is refused when the step is made', () => {
    const { drGrpo: constantLength } = presets
    // As a caller without types writes it.
    const made = (over: object) => () => grpoStep({ ...config(), ...over })
    expect(made({ group: 1 })).toThrow('grpoStep: group is 1, and the credit compares at least 2')
    expect(made({ rewards: [] })).toThrow('grpoStep: the credit reads the total of the rewards, and there are none')
    expect(made({ credit: undefined })).toThrow(/^grpoStep: credit is undefined/)
    expect(made({ credit: undefined, objective: constantLength(6).objective })).toThrow(/grpoStep: credit is undefined/)
    expect(made({ objective: constantLength })).toThrow(/^grpoStep: objective is a function/)
    expect(made({ objective: { ...GRPO_OBJECTIVE, clip: 0.2 } })).toThrow(/^grpoStep: clip of the objective is 0.2/)
    const one = named<Chain>('same', () => 1)
    expect(made({ rewards: [one, one] })).toThrow('two rewards are named "same"')
    for (const over of [{ prompts: 0 }, { iterations: 0 }, { minibatches: NaN }, { maxTokens: 0 }])
      expect(made(over)).toThrow(/(prompts|iterations|minibatches|maxTokens)|do not split/)
    expect(made({})).not.toThrow()
  })

  test('equal rewards leave the parameters exactly as they were', async () => {
    const state = await begin()
    const before = await allLeaves(state.params)
    const step = grpoStep(config({ rewards: [named('same', () => 0.3)] }))
    const { state: after, metrics } = await right(step(state, hostKey(2)))
    expect(metrics).toMatchObject({ frac_reward_zero_std: 1, grad_norm: 0, policy_loss: 0 })
    expect(await allLeaves(after.params)).toEqual(before)
  })

  test('on policy the ratio is 1 up to rounding, nothing is clipped, and the loss is 0 while its gradient is not', async () => {
    const { metrics } = await right(grpoStep(config())(await begin(), hostKey(2)))
    expect(metrics['clip_ratio/region_mean']).toBe(0)
    expect(Math.abs(metrics['policy_loss']!)).toBeLessThan(1e-4)
    expect(metrics['grad_norm']).toBeGreaterThan(1e-3)
    expect(metrics['sampling/sampling_logp_difference/max']).toBeLessThan(1e-4)
    expect(metrics['sampling/importance_sampling_ratio/mean']).toBeCloseTo(1, 4)
    expect(metrics['entropy']).toBeGreaterThan(2.5)
    expect(metrics['entropy']).toBeLessThan(Math.log(task.vocabulary.size) + 1e-5)
  })

  test('several passes of minibatches go off policy, and the clip is seen', async () => {
    const eager = adam({ learningRate: 0.05 })
    const params = await initial()
    const step = grpoStep({ ...config(), optimizer: eager, iterations: 3, minibatches: 4, credit: outcome(drGrpo) })
    const { metrics } = await right(step({ params, opt: eager.init(params), reference: null }, hostKey(2)))
    expect(metrics['clip_ratio/region_mean']).toBeGreaterThan(0)
    // of the first update of the step alone
    expect(metrics['sampling/sampling_logp_difference/max']).toBeLessThan(1e-4)
    expect(() => grpoStep({ ...config(), minibatches: 5 })).toThrow(/do not split into 5/)
  })

  test('the KL to a reference is 0 at first, grows, and beta asks for one', async () => {
    const objective = { ...GRPO_OBJECTIVE, beta: 0.01 }
    const step = grpoStep(config({ objective }))
    const state = await begin()
    const reference = await right(snapshot(device)(state.params))
    const first = await right(step({ ...state, reference }, hostKey(2)))
    expect(Math.abs(first.metrics['kl']!)).toBeLessThan(1e-6)
    const second = await right(step(first.state, hostKey(3)))
    expect(second.metrics['kl']).toBeGreaterThan(1e-5)
    const bare = await begin()
    expect(() => step(bare, hostKey(4))).toThrow('grpoStep: beta is not 0, but the state has no reference')
  })

  test('a failed reward is left out: its advantage is 0', async () => {
    const flaky = named<Chain>('flaky', (s) => (s.length % 2 === 0 ? NaN : s.length))
    const { graded } = await right(grpoStep(config({ rewards: [flaky] }))(await begin(), hostKey(2)))
    const absent = graded.filter((g) => Number.isNaN(g.reward.total))
    expect(absent.length).toBeGreaterThan(0)
    expect(absent.every((g) => g.advantage === 0)).toBe(true)
    expect(graded.some((g) => g.advantage !== 0)).toBe(true)
  })
})

describe('evaluation', () => {
  test('asks held-out problems only, the same ones each time, and all figures are of them', async () => {
    const exam = { task, policy, count: 10, samples: 4, temperature: 1, maxTokens: 6, seed: 5, rows: 16, device }
    const params = await initial()
    const evaluate = evaluator(exam)
    const [a, b] = [await right(evaluate(params)), await right(evaluate(params))]
    expect(a).toEqual(b)
    expect(a.samples).toHaveLength(40)
    expect(a.samples.every((s) => splitOf(task)(s.problem) === 'heldOut')).toBe(true)
    expect(new Set(a.samples.map((s) => s.prompt)).size).toBe(10)
  })

  test('greedy decoding is one answer whatever is drawn, the likeliest token at each place', async () => {
    const params = await initial()
    const greedy = { task, policy, count: 6, samples: 3, temperature: 0, maxTokens: 6, seed: 5, device }
    const { samples, evaluation } = await right(evaluator(greedy)(params))
    for (let i = 0; i < samples.length; i += 3)
      expect(new Set(samples.slice(i, i + 3).map((s) => s.completion)).size).toBe(1)
    const [first, firstAlone] = [samples[0]!, await right(evaluator({ ...greedy, samples: 1, count: 1 })(params))]
    expect(firstAlone.samples[0]).toEqual(first)
    expect(evaluation.consAtK).toBe(evaluation.passAt1)
    const ids = await right(TE.fromEither(encodePrompts(task.vocabulary)([first.prompt])))
    const logits = model.apply(params)(ids.prompts.tokens)
    const likeliest = await readAsync(argmax(-1)(logits), device)
    const opening = task.vocabulary.decode(likeliest.slice(-1))
    expect(opening).not.toBe('')
    expect(first.completion.startsWith(opening)).toBe(true)
  })

  test('summarizes completions', () => {
    const problem = { digits: [3, 8, 2, 9, 5], operators: ['+', '*', '-', '*'] } as const
    const say = (completion: string, length: number) => ({ problem, prompt: '', completion, length, terminated: true })
    const thinking = say('<think>1235</think><answer>5</answer>', 10)
    const guess = say('<think></think><answer>4</answer>', 6)
    const noise = say('<answer>', 2)
    expect(summarize(mod10Chain, 3)([thinking, thinking, guess, guess, guess, noise])).toEqual({
      passAt1: expect.closeTo(1 / 3, 12) as number,
      passAtK: 0.5,
      consAtK: 0.5,
      thinkRate: 1 / 3,
      formatRate: 5 / 6,
      meanLength: (10 + 10 + 6 + 6 + 6 + 2) / 6,
    })
    expect(summarize(mod10Chain, 3)([])).toMatchObject({ passAt1: 0, meanLength: 0 })
  })
})

describe('between collecting and learning', () => {
  test('experience may be refined: what has no tokens left teaches nothing, and stays in the log', async () => {
    const step = grpoStep({
      ...{ task, policy, prompts: 4, group: 4, maxTokens: 6, temperature: 1, optimizer, device },
      rewards: [named<Chain>('short', (s) => 1 - s.length / 6)],
      credit: outcome(group()),
      objective: GRPO_OBJECTIVE,
      refine: (experience) => ({ ...experience, mask: experience.mask.map(() => 0) }),
    })
    const params = await initial()
    const before = await allLeaves(params)
    const { state, graded } = await right(step({ params, opt: optimizer.init(params), reference: null }, hostKey(2)))
    expect(await allLeaves(state.params)).toEqual(before)
    expect(graded.some((g) => g.advantage !== 0)).toBe(true)
  })
})

describe('an evaluation in batches', () => {
  test('draws apart in each: a policy that does not look at its prompt says other things', async () => {
    const exam = { task, policy, count: 8, samples: 4, temperature: 1, maxTokens: 6, seed: 5, rows: 16, device }
    const blind = await realizeAsync(
      tree.map((p) => mul(p, 0), await initial()),
      device,
    )
    const said = (await right(evaluator(exam)(blind))).samples.map((s) => s.completion)
    expect(said.slice(16)).not.toEqual(said.slice(0, 16))
  })

  test('counts votes for an answer whatever blanks are around it', () => {
    const problem = { digits: [3, 8, 2, 9, 5], operators: ['+', '*', '-', '*'] } as const
    const say = (answer: string) => ({
      ...{ problem, prompt: '', length: 6, terminated: true },
      completion: `<think></think><answer>${answer}</answer>`,
    })
    expect(summarize(mod10Chain, 3)([say('5 '), say('5'), say('4')]).consAtK).toBe(1)
  })
})

describe('what is learned from', () => {
  test('the loss of a masked token is that of this token, given all before it', async () => {
    const params = await initial()
    const tokens = tensor(Int32Array.from([1, 4, 2, 5, 3, 6]), [1, 6])
    const [loss] = sftLoss(policy)(params, tokens, tensor([0, 0, 0, 0, 0, 1], [1, 6]))
    const { logp } = scoreCompletions(model, { completion: 1, temperature: 1 })(params)({ tokens, starts: null })
    expect((await readAsync(loss, device))[0]).toBeCloseTo(-(await readAsync(logp, device))[0]!, 5)
  })

  test('no trace is of a held-out problem', () => {
    const asked = new Set(traces(task, { rows: 400, thinkShare: 1 })(hostKey(3)).map(({ prompt }) => prompt))
    const heldOut = problems(task, 'heldOut', { count: 10, distinct: true })(hostKey(4)).map(task.prompt)
    expect(heldOut.filter((prompt) => asked.has(prompt))).toEqual([])
  })

  test('the entropy is that of the distribution sampled from: the hotter, the higher', async () => {
    const params = await initial()
    const tokens = tensor(Int32Array.from([1, 4, 2, 5, 3, 6]), [1, 6])
    const at = async (temperature: number) => {
      const { entropy } = scoreCompletions(model, { completion: 5, temperature })(params)({ tokens, starts: null })
      return (await readAsync(entropy, device)).reduce((s, h) => s + h, 0)
    }
    const [cold, warm, hot] = [await at(0.2), await at(1), await at(5)]
    expect(cold).toBeLessThan(warm - 1e-3)
    expect(warm).toBeLessThan(hot - 1e-3)
  })
})

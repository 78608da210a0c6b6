// What is refused: early, by name, with what to do.
import { sgd, transformer } from '@adjoint/nn'
import { random, realizeAsync } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { drGrpo } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { distillStep } from '../distill/distill.ts'
import { forwardKl } from '../distill/divergence.ts'
import { collector } from '../experience/collect.ts'
import { pickGroups } from '../experience/experience.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { roller } from '../policy/rollout.ts'
import { dpo, ipo } from '../preference/dpo.ts'
import { named } from '../reward/named.ts'
import { rewardModel } from '../reward-model/reward-model.ts'
import { rewardModelStep } from '../reward-model/step.ts'
import { right, testDevice } from '../run/device.support.ts'
import { hostKey } from '../run/keys.ts'
import { mod10Chains } from '../task/chain.ts'
import { ownCritic } from './critic.ts'
import { grpoStep, learner } from './grpo.ts'
import { ppoStep } from './ppo.ts'
import { sftStep } from './sft.ts'

const device = await testDevice()
const task = mod10Chains(2)
const { vocabulary } = task
const of = (over: { vocab?: number; context?: number } = {}) =>
  transformer({ vocab: vocabulary.size, width: 8, layers: 1, heads: 1, context: 12, ...over })
const model = of()
const policy = transformerPolicy(model, vocabulary)
const optimizer = sgd({ learningRate: 0.1 })
const shared = { policy, maxTokens: 5, temperature: 1, device }
const sampling = { ...shared, task, prompts: 2, group: 2 }
const rewards = [named('short', (s: { readonly length: number }) => 1 / s.length)]
const learning = { ...shared, credit: outcome(drGrpo), objective: GRPO_OBJECTIVE, optimizer }
const grpo = { ...sampling, rewards, ...learning }
const ppo = { ...sampling, rewards, objective: GRPO_OBJECTIVE, optimizer, criticOptimizer: optimizer }
const begin = async () => {
  const params = await realizeAsync(model.init(random.key(0)), device)
  return { params, opt: optimizer.init(params), reference: null }
}

describe('a step is refused when it is made', () => {
  const batch = () => []
  test.each<readonly [string, () => unknown, RegExp]>([
    ['a model with too few tokens', () => transformerPolicy(of({ vocab: 5 }), vocabulary), /5 tokens, and the text 21/],
    [
      'a context without room',
      () => grpoStep({ ...grpo, policy: transformerPolicy(of({ context: 8 }), vocabulary) }),
      /context of 8/,
    ],
    [
      'prompts that do not fit',
      () => roller({ ...shared, task, group: 2, promptWidth: 3 }),
      /have 5 tokens .* promptWidth is 3/,
    ],
    ['one answer in a group', () => grpoStep({ ...grpo, temperature: 0 }), /at temperature 0 all 2 completions/],
    ['parts of no rows', () => grpoStep({ ...grpo, microBatch: 0 }), /microBatch is 0/],
    [
      'parts of no rows, SFT',
      () => sftStep({ policy, optimizer, batch, device, microBatch: 0.5 }),
      /microBatch is 0.5/,
    ],
    ['no reward, PPO', () => ppoStep({ ...ppo, rewards: [], critic: ownCritic(model) }), /there are none/],
    ['a critic with too few tokens', () => ppoStep({ ...ppo, critic: ownCritic(of({ vocab: 5 })) }), /critic has 5/],
    ['a critic without room', () => ppoStep({ ...ppo, critic: ownCritic(of({ context: 8 })) }), /critic.*context of 8/],
    [
      'a reward model with too few tokens',
      () => rewardModelStep({ model: rewardModel(of({ vocab: 5 })), vocabulary, optimizer, batch, device }),
      /reward model has 5 tokens/,
    ],
    [
      'a teacher without room',
      () =>
        distillStep({
          ...{ policy, optimizer, batch, device, divergence: forwardKl },
          teacher: { policy: transformerPolicy(of({ context: 8 }), vocabulary), params: model.init(random.key(1)) },
        }),
      /teacher's context is 8/,
    ],
    ['a beta that is none', () => dpo({ beta: -1 }), /dpo: beta is -1/],
    ['a beta that is none, IPO', () => ipo({ beta: NaN }), /ipo: beta is NaN/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message)
  })
})

describe('experience of another kind is refused', async () => {
  const experience = (await right(collector({ ...sampling, rewards })((await begin()).params, hostKey(1)))).experience
  const [first] = experience.breakdowns
  test.each<readonly [string, object, RegExp]>([
    ['tokens that the text has not', { tokens: experience.tokens.map((id, i) => (i === 7 ? 99 : id)) }, /has token 99/],
    [
      'an infinite reward',
      { breakdowns: experience.breakdowns.map(() => ({ ...first!, total: Infinity })) },
      /Infinity/,
    ],
  ])('%s', async (_, over, message) => {
    const learn = learner(learning)
    expect(() => learn(nothing, { ...experience, ...over }, hostKey(2))).toThrow(message)
  })
  const nothing = await begin()
})

test('a reference that is the policy itself is refused, before its memory is reused', async () => {
  const { params, opt } = await begin()
  const step = grpoStep(grpo)
  await expect(step({ params, opt, reference: params }, hostKey(1))()).rejects.toThrow(/a snapshot of them/)
})

test('what is logged is what was learnt from, and not all that was collected', async () => {
  const [all, one] = [
    await right(grpoStep(grpo)(await begin(), hostKey(1))),
    await right(grpoStep({ ...grpo, refine: pickGroups([1]) })(await begin(), hostKey(1))),
  ]
  expect(one.ids).toEqual(all.ids.slice(1))
  expect(one.graded).toEqual(all.graded.slice(2))
})

test('what is left of a batch after it was refined must split too', async () => {
  const critic = ownCritic(model)
  const expecting = await realizeAsync(critic.init(random.key(1)), device)
  const step = ppoStep({ ...ppo, critic, minibatches: 4, refine: pickGroups([1]) })
  const state = { ...(await begin()), critic: { params: expecting, opt: optimizer.init(expecting) }, control: null }
  await expect(step(state, hostKey(1))()).rejects.toThrow(/ppoStep: 2 completions do not split into 4 minibatches/)
})

test('the extremes of the sampling ratio are over tokens, not over padding', async () => {
  const { experience } = await right(collector({ ...sampling, rewards })((await begin()).params, hostKey(1)))
  const older = { ...experience, samplerLogp: experience.samplerLogp.map((l, i) => l - experience.mask[i]!) }
  const { metrics } = await right(learner(learning)(await begin(), older, hostKey(2)))
  for (const end of ['min', 'mean', 'max'])
    expect(metrics[`sampling/importance_sampling_ratio/${end}`]).toBeCloseTo(Math.E, 3)
})

// Micro-batches: every step gives the gradient, the parameters and the metrics of the whole batch, however it is cut.
import { sgd, transformer, type TransformerParams } from '@adjoint/nn'
import { random, readAsync, realizeAsync, tree, type Tree } from '@adjoint/tensor'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import { drGrpo } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { distillStep } from '../distill/distill.ts'
import { reverseKl } from '../distill/divergence.ts'
import { onPolicyDistillStep } from '../distill/gkd.ts'
import { miniLlmStep } from '../distill/policy.ts'
import { collector } from '../experience/collect.ts'
import { type Aggregate, constant, sequenceMean, tokenMean } from '../objective/aggregate.ts'
import { tis, tokenLevel } from '../objective/correction.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { preferencePairs, slip, wrongAnswer } from '../preference/derive.ts'
import { dpo } from '../preference/dpo.ts'
import { dpoStep } from '../preference/step.ts'
import { named } from '../reward/named.ts'
import { rewardModel } from '../reward-model/reward-model.ts'
import { rewardModelStep } from '../reward-model/step.ts'
import { right, testDevice } from '../run/device.support.ts'
import type { RunError } from '../run/errors.ts'
import { hostKey } from '../run/keys.ts'
import { mod10Chains } from '../task/chain.ts'
import type { Stepped } from './fit.ts'
import { learner } from './grpo.ts'
import { sftStep, traces } from './sft.ts'

// In double precision; what leaves a program is rounded to single.
const device = await testDevice('reference')
const task = mod10Chains(3)
const { vocabulary } = task
const model = transformer({ vocab: vocabulary.size, width: 8, layers: 1, heads: 2, context: 18 })
const policy = transformerPolicy(model, vocabulary)
const optimizer = sgd({ learningRate: 1 })
const paramsOf = (seed: number): Promise<TransformerParams> => realizeAsync(model.init(random.key(seed)), device)

const leaves = async (t: Tree): Promise<readonly number[]> => {
  const all: number[] = []
  for (const leaf of tree.leaves(t)) all.push(...(await readAsync(leaf, device)))
  return all
}
const near = (xs: readonly number[], ys: readonly number[], tolerance = 2e-7): void => {
  expect(xs).toHaveLength(ys.length)
  xs.forEach((x, i) => expect(Math.abs(x - ys[i]!)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(ys[i]!))))
}

/** A step with a size of its parts, from a state made anew: where it ends, and what it measured. */
type Cut = (
  microBatch?: number,
) => Promise<{ readonly params: Tree; readonly metrics: Readonly<Record<string, number>> }>
const stepped =
  <S extends { readonly params: Tree }>(
    begin: () => Promise<S>,
    step: (microBatch: { readonly microBatch?: number }) => (state: S) => TE.TaskEither<RunError, Stepped<S>>,
  ): Cut =>
  async (microBatch) => {
    const { state, metrics } = await right(step(microBatch === undefined ? {} : { microBatch })(await begin()))
    return { params: state.params, metrics }
  }

const began = async () => {
  const params = await paramsOf(0)
  return { params, opt: optimizer.init(params) }
}
// Demonstrations of which some think: rows of different numbers of tokens.
const batch = traces(task, { rows: 7, thinkShare: 0.5 })
const pairs = preferencePairs(task, { rows: 7, split: 'train', thinkShare: 0.5, corruptions: [wrongAnswer, slip] })
const judge = rewardModel(model)

const steps: Readonly<Record<string, Cut>> = {
  SFT: stepped(began, (micro) => (state) => sftStep({ policy, optimizer, batch, device, ...micro })(state, hostKey(1))),
  DPO: stepped(
    async () => ({ ...(await began()), reference: await paramsOf(3) }),
    (micro) => (state) =>
      dpoStep({ policy, optimizer, loss: dpo({ beta: 0.1 }), batch: pairs, device, ...micro })(state, hostKey(1)),
  ),
  'a reward model': stepped(
    async () => {
      const params = await realizeAsync(judge.init(random.key(2)), device)
      return { params, opt: optimizer.init(params) }
    },
    (micro) => (state) =>
      rewardModelStep({ model: judge, vocabulary, optimizer, batch: pairs, device, ...micro })(state, hostKey(1)),
  ),
  distillation: stepped(began, (micro) => {
    const teacher = { policy, params: model.init(random.key(5)) }
    return (state) =>
      distillStep({ policy, teacher, divergence: reverseKl, optimizer, batch, device, ...micro })(state, hostKey(1))
  }),
  'distillation on own texts': stepped(began, (micro) => {
    const teacher = { policy, params: model.init(random.key(5)) }
    const sampling = { task, prompts: 7, maxTokens: 8, temperature: 1 }
    return (state) =>
      onPolicyDistillStep({ policy, teacher, divergence: reverseKl, sampling, optimizer, device, ...micro })(
        state,
        hostKey(1),
      )
  }),
  'distillation by policy gradient': stepped(began, (micro) => {
    const teacher = { policy, params: model.init(random.key(5)) }
    const sampling = { task, prompts: 7, maxTokens: 8, temperature: 1 }
    return (state) => miniLlmStep({ policy, teacher, sampling, optimizer, device, ...micro })(state, hostKey(1))
  }),
}

const collected = async () => {
  const short = named('short', (s) => 1 - s.length / 8)
  const collect = collector({
    ...{ task, policy, prompts: 3, group: 4, maxTokens: 8, temperature: 1, rewards: [short], device },
  })
  return (await right(collect(await paramsOf(0), hostKey(1)))).experience
}
const experience = await collected()
const grpo =
  (aggregate: Aggregate, minibatches: number): Cut =>
  async (microBatch) => {
    const learn = learner({
      ...{ policy, maxTokens: 8, temperature: 1, credit: outcome(drGrpo), optimizer, device, minibatches },
      objective: { ...GRPO_OBJECTIVE, aggregate, beta: 0.1, entropyBonus: 0.01 },
      correction: tis({ level: tokenLevel, high: 2 }),
      ...(microBatch === undefined ? {} : { microBatch }),
    })
    const params = await paramsOf(4)
    const state = { params, opt: optimizer.init(params), reference: await paramsOf(6) }
    const learned = await right(learn(state, experience, hostKey(2)))
    return { params: learned.state.params, metrics: learned.metrics }
  }

const all: Readonly<Record<string, Cut>> = {
  ...steps,
  'GRPO, sequence mean': grpo(sequenceMean, 1),
  'GRPO, token mean': grpo(tokenMean, 1),
  'GRPO, constant': grpo(constant(8), 1),
  'GRPO, two minibatches': grpo(tokenMean, 2),
}

describe('a step in parts is the step on the whole', () => {
  test.each(Object.entries(all))('%s', async (_, cut) => {
    const whole = await cut()
    const wanted = await leaves(whole.params)
    for (const size of [1, 3]) {
      const parts = await cut(size)
      near(await leaves(parts.params), wanted)
      expect(Object.keys(parts.metrics)).toEqual(Object.keys(whole.metrics))
      near(Object.values(parts.metrics), Object.values(whole.metrics), 1e-5)
    }
  })

  test('where the parts hold different numbers of tokens', () => {
    const lengths = experience.samples.map((s) => s.length)
    expect(new Set(lengths).size).toBeGreaterThan(2)
  })

  test('and a size that is none is refused', async () => {
    await expect(all['SFT']!(0)).rejects.toThrow(/microBatch is 0/)
    await expect(all['GRPO, token mean']!(1.5)).rejects.toThrow(/microBatch is 1.5/)
  })
})

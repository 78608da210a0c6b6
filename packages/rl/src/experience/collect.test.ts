// Collecting on a device: which groups are kept, and that every draw is used once.
import { transformer, type TransformerParams } from '@adjoint/nn'
import { random, realizeAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { type CollectConfig, collector } from './collect.ts'
import { right, testDevice } from '../run/device.support.ts'
import { describeError } from '../run/errors.ts'
import { named } from '../reward/named.ts'
import { informative, rewarded } from './select.ts'
import { type Chain, mod10Chains } from '../task/chain.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { splitOf } from '../task/task.ts'
import { transformerPolicy } from '../policy/policy.ts'

const device = await testDevice()
let params: TransformerParams
beforeAll(async () => {
  params = await realizeAsync(model.init(random.key(0)), device)
})

const task = mod10Chains(2)
const model = transformer({ vocab: task.vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const policy = transformerPolicy(model, task.vocabulary)
const config = (
  over: Partial<CollectConfig<Chain, TransformerParams>> = {},
): CollectConfig<Chain, TransformerParams> => ({
  task,
  policy,
  prompts: 3,
  group: 2,
  maxTokens: 4,
  temperature: 1,
  rewards: [named('ended', (s) => (s.terminated ? 1 : 0))],
  device,
  ...over,
})

describe('a collector', () => {
  test('draws from its key alone, and keeps everything unless told', async () => {
    const collect = collector(config())
    const [a, b, c] = [
      await right(collect(params, hostKey(1))),
      await right(collect(params, hostKey(1))),
      await right(collect(params, hostKey(2))),
    ]
    expect(a.experience).toEqual(b.experience)
    expect(a.experience.ids).toHaveLength(3)
    expect(a.experience.samples).toHaveLength(6)
    expect(new Set([...a.experience.ids, ...c.experience.ids]).size).toBe(6)
    expect(a.metrics).not.toHaveProperty('groups/kept')
    const all = await right(collector(config({ keep: () => true }))(params, hostKey(1)))
    expect(all.experience).toEqual(a.experience)
    expect(all.metrics['groups/kept']).toBe(1)
  })

  test('replaces the groups that it does not keep, until there are as many as asked for, none twice', async () => {
    const collect = collector(config({ keep: informative, rounds: 64 }))
    const seen: string[] = []
    for (let step = 0; step < 4; step++) {
      const { experience, metrics } = await right(collect(params, foldIn(hostKey(3), step)))
      expect(experience.ids).toHaveLength(3)
      expect(experience.tokens).toHaveLength(6 * (experience.width + 4))
      for (let g = 0; g < 3; g++) expect(informative(experience.breakdowns.slice(2 * g, 2 * g + 2))).toBe(true)
      expect(metrics['groups/kept']).toBeGreaterThan(0)
      expect(metrics['groups/kept']).toBeLessThan(1)
      seen.push(...experience.ids)
    }
    expect(new Set(seen).size).toBe(12)
  })

  test('what was kept is the draws in their order, later rounds after earlier ones', async () => {
    // Every second draw, by a count that goes on over the rounds.
    let drawn = 0
    const { experience, metrics } = await right(
      collector(config({ keep: () => drawn++ % 2 === 0 }))(params, hostKey(4)),
    )
    expect(experience.ids.map((id) => Number(id.split('.')[1]))).toEqual([0, 2, 4])
    expect(metrics['num_tokens']).toBeGreaterThan(0)
  })

  test('gives up after its rounds, and says how far it came', async () => {
    const never = await collector(config({ keep: () => false, rounds: 3 }))(params, hostKey(5))()
    expect(never).toEqual(E.left({ _tag: 'TooFewGroups', kept: 0, wanted: 3, sampled: 9 }))
    expect(E.isLeft(never) && describeError(never.left)).toMatch(/of 9 groups sampled for a step, 0 were kept, and 3/)
  })

  test('a group that lost its rewards to failures is replaced', async () => {
    let asked = 0
    const flaky = named<Chain>('flaky', (s) => (asked++ % 3 === 0 ? NaN : s.length))
    const { experience } = await right(collector(config({ rewards: [flaky], keep: rewarded }))(params, hostKey(6)))
    expect(experience.breakdowns.some((b) => Number.isNaN(b.total))).toBe(false)
    expect(experience.ids).toHaveLength(3)
  })

  test('rewards of steps stay with their rows', async () => {
    const { experience } = await right(
      collector(
        config({
          keep: informative,
          rounds: 64,
          processReward: (samples) =>
            Promise.resolve(samples.map((s) => [{ end: s.length - 1, reward: s.completion.length }])),
        }),
      )(params, hostKey(7)),
    )
    expect(experience.steps).toEqual(
      experience.samples.map((s) => [{ end: s.length - 1, reward: s.completion.length }]),
    )
  })
})

describe('what a collector measures', () => {
  test('is of everything sampled, what was not kept included', async () => {
    const lengths: number[] = []
    let drawn = 0
    const { metrics, experience } = await right(
      collector(
        config({
          rewards: [named('length', (s) => lengths[lengths.push(s.length) - 1]!)],
          keep: () => drawn++ % 2 === 0,
        }),
      )(params, hostKey(8)),
    )
    const sum = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0)
    expect(lengths).toHaveLength(12)
    expect(metrics['reward']).toBeCloseTo(sum(lengths) / 12, 12)
    expect(metrics['num_tokens']).toBe(sum(lengths))
    expect(sum(experience.samples.map((s) => s.length))).toBeLessThan(sum(lengths))
    expect(metrics['reward']).not.toBeCloseTo(sum(experience.breakdowns.map((b) => b.total)) / 6, 6)
  })
})

test('a collector asks training problems only', async () => {
  const { experience } = await right(collector(config({ prompts: 8 }))(params, hostKey(9)))
  expect(experience.samples.every((s) => splitOf(task)(s.problem) === 'train')).toBe(true)
})

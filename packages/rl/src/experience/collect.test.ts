// Collecting on a device: which groups are kept, and that every draw is used once.
import { transformer, type TransformerParams } from '@adjoint/nn'
import { random, realizeAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { type CollectConfig, collector } from './collect.ts'
import { right, testDevice } from '../run/device.support.ts'
import { describeError } from '../run/errors.ts'
import { named } from '../reward/named.ts'
import { informative, partlyRight, rewarded } from './select.ts'
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

describe('rewards that break', () => {
  const raise = (thrown: unknown): never => {
    throw thrown
  }
  const collect = (over: Partial<CollectConfig<Chain, TransformerParams>>) =>
    collector(config(over))(params, hostKey(10))()
  const one = named<Chain>('one', () => 1)
  const down = (): Promise<never> => Promise.reject(new Error('HTTP 503'))

  test('a throw ends the step, with the name of the reward, the sample and the cause', async () => {
    const bug = new TypeError('no such field')
    const thrown: unknown = await collect({ rewards: [one, named('broken', () => raise(bug))] }).catch(
      (e: unknown) => e,
    )
    expect(String(thrown)).toMatch(/reward "broken" threw TypeError: no such field, at sample 1 of 6 \(prompt "\d/)
    expect((thrown as Error).cause).toBe(bug)
  })

  test('one that fails now and then is absent there, counted, and its first cause kept', async () => {
    let asked = 0
    const flaky = named<Chain>('flaky', () => (asked++ % 3 === 2 ? down() : 1))
    const { metrics, absences, experience } = await right(
      collector(config({ rewards: [one, flaky] }))(params, hostKey(10)),
    )
    expect(metrics['rewards/flaky/absent']).toBeCloseTo(1 / 3, 12)
    expect(metrics['rewards/one/absent']).toBe(0)
    expect(absences).toEqual([{ reward: 'flaky', absent: 2, of: 6, cause: 'HTTP 503' }])
    expect(experience.breakdowns.map((b) => Number.isNaN(b.total))).toEqual([0, 1, 2, 3, 4, 5].map((i) => i % 3 === 2))
  })

  test('one that fails for all of a batch ends the run, whether groups are replaced or not', async () => {
    const lost = named<Chain>('judge', async () => Promise.reject(new TypeError('score is not a function')))
    for (const over of [{}, { keep: rewarded, rounds: 2 }]) {
      const ended = await collect({ rewards: [one, lost], ...over })
      const of = 'rounds' in over ? 12 : 6
      expect(ended).toEqual(
        E.left({ _tag: 'RewardAbsent', reward: 'judge', absent: of, of, cause: 'score is not a function' }),
      )
      expect(E.isLeft(ended) && describeError(ended.left)).toContain(
        `the reward "judge" is absent for all ${of} completions of a batch: score is not a function.`,
      )
    }
    // An outage of one round is none of all, and a reward that is only watched may be lost.
    let asked = 0
    const outage = named<Chain>('judge', () => (asked++ < 6 ? down() : 1))
    expect(await collect({ rewards: [one, outage], keep: rewarded })).toMatchObject({
      right: { absences: [{ reward: 'judge', absent: 6, of: 12, cause: 'HTTP 503' }] },
    })
    expect(E.isRight(await collect({ rewards: [one, named('watched', down, 0)] }))).toBe(true)
  })

  test('those of steps likewise', async () => {
    type Steps = NonNullable<CollectConfig<Chain, TransformerParams>['processReward']>
    const steps = (processReward: unknown) => collect({ processReward: processReward as Steps })
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [() => raise(new TypeError('a bug')), /processReward threw TypeError: a bug, at a batch of 6/],
      [() => Promise.resolve([[]]), /processReward gave 1 lists, at a batch of 6/],
      [() => Promise.resolve(undefined), /processReward gave undefined/],
      [
        (all: readonly unknown[]) => Promise.resolve(all.map(() => 1)),
        /gave 1, which is no list of steps, at sample 1 of 6/,
      ],
      [
        (all: readonly { readonly length: number }[]) =>
          Promise.resolve(all.map(({ length }) => [{ end: length, reward: 1 }])),
        /gave the step .* of a completion of \d tokens, at sample 1 of 6/,
      ],
      [(all: readonly unknown[]) => Promise.resolve(all.map(() => [{ end: 0, reward: '1' }])), /gave the step/],
    ]
    for (const [processReward, message] of wrong) await expect(steps(processReward)).rejects.toThrow(message)
    expect(await steps(down)).toEqual(
      E.left({ _tag: 'RewardAbsent', reward: 'processReward', absent: 6, of: 6, cause: 'HTTP 503' }),
    )
  })

  test('a choice of groups that breaks is thrown by its name', async () => {
    const keep = (chosen: unknown) =>
      collect({ keep: chosen as NonNullable<CollectConfig<Chain, TransformerParams>['keep']> })
    await expect(keep(() => raise(new TypeError('a bug')))).rejects.toThrow('keep threw TypeError: a bug, at a group')
    await expect(keep(() => Promise.resolve(true))).rejects.toThrow(/keep gave Promise.*neither true nor false/)
    await expect(keep(partlyRight('right'))).rejects.toThrow(/no reward is named "right"; there are ended/)
  })

  test('counts that are none are refused when it is made', () => {
    for (const over of [{ prompts: 0 }, { group: 1.5 }, { rounds: NaN }])
      expect(() => collector(config(over))).toThrow(
        /collector: (prompts|group|rounds) is .* whole number of at least 1/,
      )
  })
})

test('a collector asks training problems only', async () => {
  const { experience } = await right(collector(config({ prompts: 8 }))(params, hostKey(9)))
  expect(experience.samples.every((s) => splitOf(task)(s.problem) === 'train')).toBe(true)
})

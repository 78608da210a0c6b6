// Reward models on a device, end to end: they learn what pairs of a task tell, and reward by it.
import { adam, transformer, type TransformerParams } from '@adjoint/nn'
import { type Device, DeviceFailure, random, readAsync, tensor, tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { right, testDevice } from '../run/device.support.ts'
import { snapshot } from '../run/snapshot.ts'
import { preferencePairs, wrongAnswer, wrongFormat } from '../preference/derive.ts'
import { absences } from '../reward/absence.ts'
import { namedBatch, scoreSamples } from '../reward/named.ts'
import type { Sample } from '../reward/sample.ts'
import { mod10Chain, mod10Chains } from '../task/chain.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { pairEvaluator } from './evaluate.ts'
import { learnedReward } from './learned.ts'
import { rewardModel, type RewardModelParams } from './reward-model.ts'
import { type RewardModelConfig, rewardModelStep } from './step.ts'

const device = await testDevice()

const numberOf = (answer: E.Either<unknown, number>): number => {
  if (E.isRight(answer)) return answer.right
  throw new Error(`absent: ${JSON.stringify(answer.left)}`)
}

const optimizer = adam({ learningRate: 2e-3 })
const corruptions = [wrongAnswer, wrongFormat]
type Config = RewardModelConfig<TransformerParams, ReturnType<typeof optimizer.init>>

const fit = async (
  config: Pick<Config, 'model' | 'vocabulary' | 'batch' | 'width'>,
  steps: number,
): Promise<{ readonly params: RewardModelParams; readonly metrics: readonly Readonly<Record<string, number>>[] }> => {
  const step = rewardModelStep({ ...config, optimizer, device })
  const params = config.model.init(random.key(0))
  let state = { params, opt: optimizer.init(params) }
  const metrics: Readonly<Record<string, number>>[] = []
  for (let i = 0; i < steps; i++) {
    const stepped = await right(step(state, foldIn(hostKey(1), i)))
    state = stepped.state
    metrics.push(stepped.metrics)
  }
  return { params: state.params, metrics }
}

describe('a reward model of chains', () => {
  const { vocabulary } = mod10Chain
  const model = rewardModel(transformer({ vocab: vocabulary.size, width: 32, layers: 2, heads: 4, context: 24 }))
  const evaluate = () => pairEvaluator({ model, vocabulary, width: 22, rows: 128, device })

  test('tells at least 95 % of held-out pairs apart, and is calibrated', async () => {
    const batch = preferencePairs(mod10Chain, { rows: 32, split: 'train', corruptions })
    const { params, metrics } = await fit({ model, vocabulary, batch, width: 22 }, 400)
    expect(Object.keys(metrics[0]!).sort()).toEqual(
      ['accuracy', 'grad_norm', 'loss', 'margin', 'max_reward', 'mean_reward', 'min_reward'].sort(),
    )
    const heldOut = preferencePairs(mod10Chain, { rows: 400, split: 'heldOut', corruptions })(hostKey(2))
    const { evaluation, differences } = await right(evaluate()(params, heldOut))
    expect(evaluation.pairs).toBe(400)
    expect(evaluation.accuracy).toBeGreaterThanOrEqual(0.95)
    expect(evaluation.margin).toBeGreaterThan(1)
    expect(evaluation.nll).toBeLessThan(0.3)
    expect(evaluation.ece).toBeLessThan(0.1)
    expect(differences.filter((d) => d > 0).length / 400).toBe(evaluation.accuracy)
    // Centering keeps the level: what is good is above 0, what is bad below it.
    const last = metrics.at(-1)!
    expect(Math.abs(last['mean_reward']!)).toBeLessThan(last['margin']! / 2)
  })
})

describe('on a small task', () => {
  const task = mod10Chains(2)
  const { vocabulary } = task
  const model = rewardModel(transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 }))
  const batch = preferencePairs(task, { rows: 16, split: 'train', corruptions })
  const say = (completion: string, over: Partial<Sample<unknown>> = {}): Sample<unknown> => ({
    problem: null,
    prompt: '3+4=',
    completion,
    length: 7,
    terminated: true,
    ...over,
  })

  test('a step is a function of state and keys, and lowers the loss', async () => {
    const [a, b] = [
      await fit({ model, vocabulary, batch, width: 14 }, 60),
      await fit({ model, vocabulary, batch, width: 14 }, 60),
    ]
    expect(a.metrics).toEqual(b.metrics)
    const losses = a.metrics.map((m) => m['loss']!)
    expect(losses.slice(-5).reduce((s, l) => s + l, 0) / 5).toBeLessThan(losses[0]! - 0.1)
    for (const m of a.metrics) {
      expect(m['min_reward']).toBeLessThanOrEqual(m['mean_reward']!)
      expect(m['mean_reward']).toBeLessThanOrEqual(m['max_reward']!)
    }
  })

  test('margins reach the loss', async () => {
    const withMargin = (key: Parameters<typeof batch>[0]) => batch(key).map((pair) => ({ ...pair, margin: 3 }))
    const [without, with3] = [
      await fit({ model, vocabulary, batch, width: 14 }, 1),
      await fit({ model, vocabulary, batch: withMargin, width: 14 }, 1),
    ]
    expect(with3.metrics[0]!['margin']).toBe(without.metrics[0]!['margin'])
    expect(with3.metrics[0]!['loss']).toBeGreaterThan(without.metrics[0]!['loss']! + 1.5)
  })

  test('pairs that cannot be encoded are an error', async () => {
    const params = model.init(random.key(0))
    const state = { params, opt: optimizer.init(params) }
    const step = (over: Partial<Config>) => rewardModelStep({ model, vocabulary, optimizer, batch, device, ...over })
    expect(await step({ width: 6 })(state, hostKey(0))()).toMatchObject({ left: { _tag: 'SequenceTooLong' } })
    expect(await step({ batch: () => [] })(state, hostKey(0))()).toMatchObject({ left: { _tag: 'EmptyDataset' } })
    const odd = [{ prompt: '3+4=', chosen: 'x', rejected: '' }]
    expect(await step({ batch: () => odd })(state, hostKey(0))()).toMatchObject({ left: { _tag: 'UnknownToken' } })
  })

  test('an evaluation is of the pairs asked for, whatever the batches', async () => {
    const params = model.init(random.key(4))
    const pairs = preferencePairs(task, { rows: 11, split: 'heldOut', corruptions })(hostKey(2))
    const of = (rows: number, bins = 4) =>
      right(pairEvaluator({ model, vocabulary, width: 14, rows, bins, device })(params, pairs))
    const [small, large] = [await of(4), await of(64)]
    expect(small.differences).toHaveLength(11)
    small.differences.forEach((d, i) => expect(d).toBeCloseTo(large.differences[i]!, 5))
    expect(small.evaluation.bins).toHaveLength(4)
    const empty = pairEvaluator({ model, vocabulary, device })
    expect((await right(empty(params, []))).evaluation.pairs).toBe(0)
    const flipped = pairs.map(({ prompt, chosen, rejected }) => ({ prompt, chosen: rejected, rejected: chosen }))
    const { differences } = await right(pairEvaluator({ model, vocabulary, rows: 64, device })(params, flipped))
    differences.forEach((d, i) => expect(d).toBeCloseTo(-large.differences[i]!, 5))
    const [first] = pairs
    const texts = [first!.chosen, first!.rejected].map((text) => say(text, { prompt: first!.prompt }))
    const [chosen, rejected] = (await learnedReward({ model, params, vocabulary, device })(texts)).map(numberOf)
    expect(large.differences[0]).toBeCloseTo(chosen! - rejected!, 5)
  })

  describe('as a reward', () => {
    const params = model.init(random.key(4))
    const reward = (over: { readonly rows?: number; readonly width?: number } = {}) =>
      learnedReward({ model, params, vocabulary, device, ...over })
    const texts = ['<think>7</think><answer>7</answer>', '<think>', '7', '<answer>1</answer>', '']

    test('scores batches of any size with one program, each row by itself', async () => {
      const samples = texts.map((t) => say(t))
      const all = (await reward({ rows: 2 })(samples)).map(numberOf)
      const score = reward({ rows: 8 })
      await score(samples.slice(0, 1))
      const { pipelines } = device.stats()
      for (const [i, sample] of samples.entries()) expect(numberOf((await score([sample]))[0]!)).toBeCloseTo(all[i]!, 5)
      expect(device.stats().pipelines).toBe(pipelines)
      expect(new Set(all.map((x) => x.toFixed(4))).size).toBe(texts.length)
      expect(await score([])).toEqual([])
      // One text is one row: what it says is read at its <eos>.
      const ids = vocabulary.encode(`3+4=${texts[1]!}`)
      if (E.isLeft(ids)) throw new Error('unreachable')
      const row = Int32Array.from([vocabulary.bos, ...ids.right, vocabulary.eos[0]!])
      const alone = model.score(params)({ tokens: tensor(row, [1, row.length]), starts: null, ends: null })
      expect(all[1]).toBeCloseTo((await readAsync(alone, device))[0]!, 5)
    })

    test('of a completion that was cut is that of one that ended there', async () => {
      const [whole, cut] = await reward()([say('<think>7'), say('<think>7', { terminated: false })])
      expect(cut).toEqual(whole)
    })

    test('of what it cannot read is absent, and only there', async () => {
      const samples = [say('7'), say('x'), say('7'.repeat(20)), say('7', { prompt: '?' }), say('8')]
      const scores = await reward()(samples)
      expect(scores.map(E.isLeft)).toEqual([false, true, true, true, false])
      const breakdowns = await scoreSamples([namedBatch('learned', reward())])(samples)
      expect(breakdowns[0]!.parts['learned']).toBe(numberOf(scores[0]!))
      expect(absences(breakdowns)).toEqual([
        { reward: 'learned', absent: 3, of: 5, cause: expect.stringContaining('no token for "x"') as string },
      ])
    })

    test('of a device that fails is absent, and says why', async () => {
      const lost: Device = {
        ...device,
        compile: () => {
          throw new DeviceFailure({ _tag: 'DeviceLost', message: 'gone' })
        },
      }
      const score = learnedReward({ model, params, vocabulary, device: lost })
      await expect(score([say('7')])).rejects.toThrow('the device failed: gone')
      expect(absences(await scoreSamples([namedBatch('learned', score)])([say('7')]))).toEqual([
        { reward: 'learned', absent: 1, of: 1, cause: 'the device failed: gone' },
      ])
    })

    test('of a snapshot outlives the training that goes on', async () => {
      const start = model.init(random.key(5))
      const kept = await right(snapshot(device)(start))
      const score = learnedReward({ model, params: kept, vocabulary, device })
      const before = await score([say('7')])
      const step = rewardModelStep({ model, vocabulary, optimizer, batch, width: 14, device })
      const { state } = await right(step({ params: start, opt: optimizer.init(start) }, hostKey(0)))
      expect(await score([say('7')])).toEqual(before)
      expect(tree.leaves(state.params).length).toBe(tree.leaves(kept).length)
      const trained = await right(snapshot(device)(state.params))
      expect(await learnedReward({ model, params: trained, vocabulary, device })([say('7')])).not.toEqual(before)
    })
  })
})

import { checkGrads, grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { adam, transformer } from '@adjoint/nn'
import { type Device, DeviceFailure, random, type Scalar, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { right, testDevice } from '../run/device.support.ts'
import { slip, wrongAnswer, wrongStep } from '../preference/derive.ts'
import type { Sample } from '../reward/sample.ts'
import { rewardModel } from '../reward-model/reward-model.ts'
import { values } from '../policy/rollouts.support.ts'
import { addition } from '../task/addition.ts'
import { chainSteps, mod10Chain, mod10Chains } from '../task/chain.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { problem, splitOf } from '../task/task.ts'
import { formatCompletion } from '../policy/template.ts'
import { processRewardStep, stepLoss, stepRewards } from './process-reward.ts'
import { labelledSteps, labelSteps, stepsOf } from './steps.ts'

const device = await testDevice()
const key = fc.nat().map(hostKey)

describe('the steps of a completion', () => {
  test('are the pieces of what is thought, and the answer', () => {
    const text = '<think>1+1=2,2+2=4</think><answer>4</answer>'
    expect(stepsOf(',')(text)).toEqual([
      { through: '<think>1+1=2,'.length, text: '1+1=2' },
      { through: '<think>1+1=2,2+2=4'.length, text: '2+2=4' },
      { through: text.length, text: '4' },
    ])
    expect(stepsOf('')('<think>12</think><answer>2</answer>').map((s) => s.text)).toEqual(['1', '2', '2'])
    expect(stepsOf('')('<think></think><answer>2</answer>').map((s) => s.text)).toEqual(['2'])
    expect(stepsOf('')('<think>12')).toEqual([])
  })

  test('end where the text up to them ends, in order', () => {
    const pieces = fc.array(fc.stringMatching(/^[0-9+=]{1,4}$/), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(pieces, (thoughts) => {
        const text = formatCompletion({ think: thoughts.join(','), answer: '1' })
        const steps = stepsOf(',')(text)
        expect(steps.map((s) => s.text)).toEqual([...thoughts, '1'])
        steps.slice(0, -1).forEach(({ through, text: step }, i) => {
          const upTo = text.slice(0, through)
          expect(upTo.endsWith(i < thoughts.length - 1 ? `${step},` : step)).toBe(true)
        })
        return steps.every((s, i) => i === 0 || s.through > steps[i - 1]!.through)
      }),
      { seed: 1, numRuns: 100 },
    )
  })
})

describe('labels', () => {
  const p = { digits: [3, 8, 2], operators: ['+', '*'] } as const // 1, then 2
  const label = (text: string) => labelSteps(mod10Chains(3), '')(p, text).map(({ end, correct }) => [end, correct])

  test('come from the oracle, at the last token of each step', () => {
    expect(label('<think>12</think><answer>2</answer>')).toEqual([
      [1, true],
      [2, true],
      [6, true], // <think> 1 2 </think> <answer> 2 </answer>
    ])
    expect(label('<think>14</think><answer>2</answer>').map(([, right]) => right)).toEqual([true, false, true])
    expect(label('<think>12</think><answer>4</answer>').map(([, right]) => right)).toEqual([true, true, false])
    // What the oracle has no step for is wrong, its answer being none.
    expect(label('<think>122</think><answer>2</answer>').map(([, right]) => right)).toEqual([true, true, false, true])
    expect(label('<think></think><answer>2</answer>')).toEqual([[4, true]])
    expect(label('<think>12')).toEqual([])
    expect(label('<think>a</think><answer>2</answer>')).toEqual([])
  })

  test('of oracles are all right; of a slip wrong from where it happens, unless healed', () => {
    fc.assert(
      fc.property(key, (k) => {
        const q = mod10Chain.generate(k)
        const trace = mod10Chain.trace(q)
        expect(labelSteps(mod10Chain, '')(q, formatCompletion(trace)).every((s) => s.correct)).toBe(true)
        const slipped = labelSteps(mod10Chain, '')(q, slip(q, trace, k)!)
        const said = Array.from(stepsOf('')(slip(q, trace, k)!), ({ text }) => Number(text))
        expect(slipped.map((s) => s.correct)).toEqual([
          ...chainSteps(q).map((v, i) => v === said[i]),
          said[4] === chainSteps(q)[3],
        ])
        expect(slipped.some((s) => !s.correct)).toBe(true)
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('of steps of many characters', () => {
    const sums = addition(2)
    const q = { x: 57, y: 68 }
    const steps = labelSteps(sums, ',')(q, '<think>7+8+0=15,5+6+1=11</think><answer>125</answer>')
    expect(steps.map((s) => s.correct)).toEqual([true, false, true])
    // <think> 7+8+0=15, then 5+6+1=11
    expect(steps.map((s) => s.end)).toEqual([9, 17, 23])
  })

  test('are derived of one split, half of the completions right, and end with the first mistake', () => {
    const rows = labelledSteps(mod10Chain, {
      rows: 300,
      split: 'heldOut',
      separator: '',
      corruptions: [slip, wrongStep, wrongAnswer],
    })(hostKey(3))
    const right = rows.filter(({ steps }) => steps.every((s) => s.correct)).length
    expect(right / 300).toBeGreaterThan(0.4)
    expect(right / 300).toBeLessThan(0.6)
    rows.forEach(({ prompt, steps }, row) => {
      const q = problem(mod10Chain, 'heldOut')(foldIn(foldIn(hostKey(3), row), 0))
      expect(prompt).toBe(mod10Chain.prompt(q))
      expect(splitOf(mod10Chain)(q)).toBe('heldOut')
      const mistake = steps.findIndex((s) => !s.correct)
      expect(steps).toHaveLength(mistake < 0 ? 5 : mistake + 1)
    })
    const plain = labelledSteps(mod10Chain, { rows: 20, split: 'train', separator: '', corruptions: [] })(hostKey(1))
    expect(plain.every(({ steps }) => steps.every((s) => s.correct))).toBe(true)
  })
})

describe('the loss of steps', () => {
  const dyadic = fc.integer({ min: -320, max: 320 }).map((n) => (n === 0 ? 1 : n) / 64)
  const batch = fc.integer({ min: 1, max: 3 }).chain((rows) =>
    fc.record({
      rows: fc.constant(rows),
      said: fc.array(dyadic, { minLength: 4 * rows, maxLength: 4 * rows }),
      ends: fc.array(fc.constantFrom(0, 1), { minLength: 4 * rows, maxLength: 4 * rows }),
      labels: fc.array(fc.constantFrom(0, 1), { minLength: 4 * rows, maxLength: 4 * rows }),
    }),
  )
  type Host = typeof batch extends fc.Arbitrary<infer H> ? H : never
  const given = ({ rows, ends, labels }: Host) => ({
    ends: tensor(ends, [rows, 4]) as Floats,
    labels: tensor(labels, [rows, 4]) as Floats,
  })
  const saidOf = ({ rows, said }: Host): Floats => tensor(said, [rows, 4])
  const law = (name: string, holds: (h: Host) => void): void => {
    test(name, () => {
      fc.assert(
        fc.property(batch, (h) => {
          holds(h)
          return true
        }),
        { seed: 1, numRuns: 60 },
      )
    })
  }
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

  law('is the mean binary cross-entropy over step ends', (h) => {
    const at = h.said.map((s, i) => ({ s, y: h.labels[i]! })).filter((_, i) => h.ends[i] === 1)
    const [loss, { accuracy }] = stepLoss(saidOf(h), given(h))
    const nll = at.map(({ s, y }) => -(y * Math.log(sigmoid(s)) + (1 - y) * Math.log(1 - sigmoid(s))))
    const mean = (xs: readonly number[]): number => xs.reduce((a, x) => a + x, 0) / Math.max(1, xs.length)
    expect(values(loss)[0]).toBeCloseTo(mean(nll), 6)
    expect(values(accuracy)[0]).toBeCloseTo(mean(at.map(({ s, y }) => (s > 0 === (y === 1) ? 1 : 0))), 6)
  })

  law('reads step ends only: what is said elsewhere changes neither it nor its gradient', (h) => {
    const loss = (x: Floats): Scalar => stepLoss(x, given(h))[0]
    const loud = { ...h, said: h.said.map((s, i) => (h.ends[i] === 1 ? s : i % 2 === 0 ? 1e4 : -1e4)) }
    expect(values(loss(saidOf(loud)))).toEqual(values(loss(saidOf(h))))
    const slopes = values(grad(loss)(saidOf(loud)))
    slopes.forEach((g, i) => expect(g !== 0).toBe(h.ends[i] === 1))
    expect(slopes).toEqual(values(grad(loss)(saidOf(h))))
    checkGrads(loss, { order: 1 })(saidOf(h))
  })

  test('does not overflow, and is 0 without steps', () => {
    const one = (s: number, y: number, e = 1): number =>
      values(stepLoss(tensor([s], [1, 1]), { ends: tensor([e], [1, 1]), labels: tensor([y], [1, 1]) })[0])[0]!
    expect([one(2000, 1), one(-2000, 1), one(2000, 0), one(0, 1), one(5, 1, 0)]).toEqual([
      0,
      2000,
      2000,
      expect.closeTo(Math.LN2, 12),
      0,
    ])
  })
})

describe('on a device', () => {
  const task = mod10Chains(2)
  const { vocabulary } = task
  const model = rewardModel(transformer({ vocab: vocabulary.size, width: 32, layers: 1, heads: 2, context: 16 }))
  const say = (prompt: string, completion: string): Sample<unknown> => ({
    problem: null,
    prompt,
    completion,
    length: 7,
    terminated: true,
  })

  test('a model learns which steps are right, and gives each step its reward where it ends', async () => {
    const optimizer = adam({ learningRate: 2e-3 })
    // Whether the answer is what was thought is learned soon; the arithmetic is not asked for here.
    const batch = labelledSteps(task, { rows: 64, split: 'train', separator: '', corruptions: [wrongAnswer] })
    const step = processRewardStep({ model, vocabulary, optimizer, width: 12, batch, device })
    const params = model.init(random.key(0))
    let state = { params, opt: optimizer.init(params) }
    const losses: number[] = []
    for (let i = 0; i < 400; i++) {
      const stepped = await right(step(state, foldIn(hostKey(0), i)))
      state = stepped.state
      losses.push(stepped.metrics['loss']!)
    }
    expect(losses[0]).toBeGreaterThan(0.4)
    expect(losses.at(-1)).toBeLessThan(0.25)

    const score = stepRewards({ model, params: state.params, separator: '', vocabulary, width: 12, rows: 4, device })
    const samples = [
      say('3+4=', '<think>7</think><answer>7</answer>'),
      say('3+4=', '<think>7</think><answer>2</answer>'),
      say('3+4=', '<think></think><answer>7</answer>'),
      say('3+4=', '<think>7'),
      say('3+4=', `<think>${'7'.repeat(30)}</think><answer>2</answer>`),
      say('3+4?', '<think>7</think><answer>7</answer>'),
    ]
    const rewards = await score(samples)
    expect(rewards.map((r) => r.map(({ end }) => end))).toEqual([[1, 5], [1, 5], [4], [], [], []])
    const unseen = labelledSteps(task, { rows: 100, split: 'heldOut', separator: '', corruptions: [wrongAnswer] })
    const rows = unseen(hostKey(5))
    const judged = await score(rows.map(({ prompt, completion }) => say(prompt, completion)))
    const hits = rows.flatMap(({ steps }, i) => steps.map((s, j) => judged[i]![j]!.reward > 0.5 === s.correct))
    expect(hits).toHaveLength(200)
    expect(hits.filter((hit) => hit).length / 200).toBeGreaterThan(0.9)
    expect(rewards.flat().every(({ reward }) => reward > 0 && reward < 1)).toBe(true)
    // The same whatever else is in the batch.
    expect((await score(samples.slice(1, 2)))[0]).toEqual(rewards[1])
  })

  test('a device that fails is no completion without steps: it rejects, and says why', async () => {
    const lost: Device = {
      ...device,
      compile: () => {
        throw new DeviceFailure({ _tag: 'DeviceLost', message: 'gone' })
      },
    }
    const score = stepRewards({
      model,
      params: model.init(random.key(0)),
      separator: '',
      vocabulary,
      width: 12,
      device: lost,
    })
    await expect(score([say('3+4=', '<think>7</think><answer>7</answer>')])).rejects.toThrow('the device failed: gone')
  })

  test('what cannot be encoded is an error of the step', async () => {
    const optimizer = adam({ learningRate: 1e-3 })
    const params = model.init(random.key(0))
    const state = { params, opt: optimizer.init(params) }
    const step = (rows: number) =>
      processRewardStep({
        model,
        vocabulary,
        optimizer,
        width: 5,
        batch: labelledSteps(task, { rows, split: 'train', separator: '', corruptions: [] }),
        device,
      })
    expect(await step(2)(state, hostKey(0))()).toMatchObject({ left: { _tag: 'SequenceTooLong', context: 5 } })
    expect(await step(0)(state, hostKey(0))()).toMatchObject({ left: { _tag: 'EmptyDataset' } })
  })
})

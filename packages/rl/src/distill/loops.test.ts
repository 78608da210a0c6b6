// Steps of distillation on a device, end to end, on models small enough to learn in a second.
import { adam, transformer, type TransformerParams } from '@adjoint/nn'
import { random, readAsync, realizeAsync, tree } from '@adjoint/tensor'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { right, testDevice } from '../run/device.support.ts'
import { snapshot } from '../run/snapshot.ts'
import type { RunError } from '../run/errors.ts'
import type { Stepped } from '../learn/fit.ts'
import { sftStep, traces } from '../learn/sft.ts'
import type { Learner } from '../learn/update.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { mod10Chains } from '../task/chain.ts'
import { foldIn, type HostKey, hostKey } from '../run/keys.ts'
import { splitOf } from '../task/task.ts'
import { distillStep } from './distill.ts'
import { forwardKl, generalizedJsd, reverseKl } from './divergence.ts'
import { gkdStep, isOnPolicy, onPolicyDistillStep } from './gkd.ts'
import type { TeacherModel } from './loss.ts'
import { divergenceMeter } from './meter.ts'
import { miniLlmStep } from './policy.ts'
import { studentRollouts } from './sampling.ts'
import { epochs } from './source.ts'
import { tailBucket, truncated } from './top-k.ts'

const task = mod10Chains(2)
const { vocabulary } = task
const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 14 })
const large = transformer({ vocab: vocabulary.size, width: 24, layers: 2, heads: 2, context: 16, positions: 'rope' })
const optimizer = adam({ learningRate: 1e-2 })
const [policy, larger] = [transformerPolicy(model, vocabulary), transformerPolicy(large, vocabulary)]
type Opt = ReturnType<typeof optimizer.init>
type Student = Learner<TransformerParams, Opt>
const source = traces(task, { rows: 16, thinkShare: 1 })
const sampling = { task, prompts: 16, maxTokens: 8, temperature: 1 }

const device = await testDevice()
let teacher: TeacherModel<TransformerParams>
beforeAll(async () => {
  const params = await realizeAsync(large.init(random.key(3)), device)
  const step = sftStep({ policy: larger, optimizer, batch: source, width: 14, device })
  let state: Student = { params, opt: optimizer.init(params) }
  for (let i = 0; i < 60; i++) state = (await right(step(state, foldIn(hostKey(1), i)))).state
  teacher = { policy: larger, params: state.params }
})

const begin = async (): Promise<Student> => {
  const params = await realizeAsync(model.init(random.key(0)), device)
  return { params, opt: optimizer.init(params) }
}
const leaves = async (t: TransformerParams): Promise<readonly number[]> => {
  const all: number[] = []
  for (const leaf of tree.leaves(t)) all.push(...(await readAsync(leaf, device)))
  return all
}
type Step = (state: Student, key: HostKey, number: number) => TE.TaskEither<RunError, Stepped<Student>>
const train = async (step: Step, from: Student, first: number, last: number): Promise<Stepped<Student>> => {
  let stepped: Stepped<Student> = { state: from, metrics: {} }
  for (let i = first; i < last; i++) stepped = await right(step(stepped.state, foldIn(hostKey(5), i), i))
  return stepped
}
const metered = () => ({ policy, teacher, device })
const common = () => ({ policy, teacher, optimizer, device })
const fixed = () => ({ ...common(), batch: source })
const texts = traces(task, { rows: 64, thinkShare: 1 })(hostKey(77))
const measure = (params: TransformerParams) =>
  right(
    divergenceMeter({
      ...metered(),
      divergences: { forward: forwardKl, reverse: reverseKl, jsd: generalizedJsd(0.5) },
    })(params, texts),
  )

describe('every way to distill brings the student nearer to the teacher', () => {
  const lambda = (l: number) => () => gkdStep({ ...fixed(), sampling, divergence: generalizedJsd(0.5), lambda: l })
  const ways: Readonly<Record<string, readonly [steps: number, make: () => Step]>> = {
    'forward KL': [15, () => distillStep({ ...fixed(), divergence: forwardKl })],
    'reverse KL': [15, () => distillStep({ ...fixed(), divergence: reverseKl })],
    'JSD(1/2)': [15, () => distillStep({ ...fixed(), divergence: generalizedJsd(0.5) })],
    'the 3 likeliest tokens': [
      15,
      () => distillStep({ ...fixed(), divergence: truncated({ k: 3, tail: tailBucket })(forwardKl) }),
    ],
    'GKD, lambda 1/2': [20, lambda(0.5)],
    'GKD, lambda 1': [20, lambda(1)],
    'policy gradient': [30, () => miniLlmStep({ ...common(), sampling: { ...sampling, prompts: 64 } })],
  }
  test.each(Object.entries(ways))('%s', async (_, [steps, make]) => {
    const before = await measure((await begin()).params)
    const { state, metrics } = await train(make(), await begin(), 0, steps)
    const after = await measure(state.params)
    expect(after['reverse']).toBeLessThan(0.8 * before['reverse']!)
    expect(after['jsd']).toBeLessThan(0.9 * before['jsd']!)
    expect(Object.values(metrics).every(Number.isFinite)).toBe(true)
  })

  test('policy gradient on returns lowers the KL of whole sequences that the student writes', async () => {
    const step = miniLlmStep({ ...common(), sampling: { ...sampling, prompts: 64 }, discount: 1 })
    const perSequence = ({ metrics }: Stepped<unknown>): number => metrics['kl']! * metrics['completions/mean_length']!
    const first = await train(step, await begin(), 0, 1)
    const last = await train(step, first.state, 1, 30)
    expect(perSequence(last)).toBeLessThan(0.5 * perSequence(first))
  })

  test('and the loss is the divergence: 0 for a student that is its teacher', async () => {
    const own = { policy, params: await realizeAsync(model.init(random.key(0)), device) }
    for (const divergence of [forwardKl, reverseKl, generalizedJsd(0.5)]) {
      const step = distillStep({ ...fixed(), teacher: own, divergence })
      expect(Math.abs((await right(step(await begin(), hostKey(0)))).metrics['loss']!)).toBeLessThan(1e-5)
    }
    const step = miniLlmStep({ ...common(), teacher: own, sampling })
    const { kl, policy_loss } = (await right(step(await begin(), hostKey(0)))).metrics
    expect(Math.abs(kl!)).toBeLessThan(1e-5)
    expect(Math.abs(policy_loss!)).toBeLessThan(1e-5)
  })
})

describe('GKD', () => {
  const gkd = (lambda: number, over: object = {}) =>
    gkdStep({ ...fixed(), sampling, divergence: forwardKl, lambda, ...over })
  const never = (): never => {
    throw new Error('asked for fixed texts')
  }

  test('with lambda 0 is distillation on fixed texts, bit for bit', async () => {
    // A source that reads the number of the step.
    const batch = epochs(texts, { rows: 24, key: hostKey(8) })
    const mixed = await train(gkd(0, { batch }), await begin(), 0, 4)
    const plain = await train(distillStep({ ...fixed(), batch, divergence: forwardKl }), await begin(), 0, 4)
    expect(await leaves(mixed.state.params)).toEqual(await leaves(plain.state.params))
    expect(mixed.metrics).toEqual({ ...plain.metrics, on_policy: 0 })
  })

  test('with lambda 1 sees nothing but what the student writes', async () => {
    const own = await train(gkd(1, { batch: never }), await begin(), 0, 4)
    const plain = await train(
      onPolicyDistillStep({ ...common(), sampling, divergence: forwardKl }),
      await begin(),
      0,
      4,
    )
    expect(await leaves(own.state.params)).toEqual(await leaves(plain.state.params))
    expect(own.metrics['on_policy']).toBe(1)
    expect(own.metrics['completions/mean_length']).toBeGreaterThan(0)
    // With lambda 0 it would have asked.
    expect(() => gkd(0, { batch: never })(own.state, hostKey(0))()).toThrow(/fixed texts/)
  })

  test('in between decides by the key, with the probability asked for', async () => {
    const keys = Array.from({ length: 2000 }, (_, i) => foldIn(hostKey(3), i))
    for (const lambda of [0, 0.25, 0.5, 1]) {
      const share = keys.filter(isOnPolicy(lambda)).length / keys.length
      expect(Math.abs(share - lambda)).toBeLessThan(lambda % 1 === 0 ? 1e-12 : 0.04)
    }
    const step = gkd(0.5)
    let state = await begin()
    for (let i = 0; i < 6; i++) {
      const key = foldIn(hostKey(5), i)
      const stepped = await right(step(state, key, i))
      expect(stepped.metrics['on_policy']).toBe(isOnPolicy(0.5)(key) ? 1 : 0)
      state = stepped.state
    }
    for (const lambda of [-0.1, 1.1, NaN]) expect(() => gkd(lambda)).toThrow(/a probability/)
  })

  test('resumed from a snapshot, by fresh programs, is the run that was not', async () => {
    const make = (): Step => gkd(0.5, { batch: epochs(texts, { rows: 24, key: hostKey(8) }) })
    const whole = await train(make(), await begin(), 0, 6)
    const half = await train(make(), await begin(), 0, 3)
    const resumed = await train(make(), await right(snapshot(device)(half.state)), 3, 6)
    expect(await leaves(resumed.state.params)).toEqual(await leaves(whole.state.params))
    expect(resumed.metrics).toEqual(whole.metrics)
    // The order of its texts is part of the run.
    const other = await train(make(), await begin(), 1, 7)
    expect(await leaves(other.state.params)).not.toEqual(await leaves(whole.state.params))
  })
})

describe('a step', () => {
  test('asks its source by key and number, and moves the optimizer on', async () => {
    const asked: (readonly [HostKey, number])[] = []
    const batch = (key: HostKey, number: number) => (asked.push([key, number]), texts.slice(0, 16))
    const step = distillStep({ ...fixed(), batch, divergence: forwardKl })
    const first = await right(step(await begin(), hostKey(1), 7))
    const moments = async ({ opt }: Student): Promise<readonly number[]> => {
      const all: number[] = []
      for (const leaf of tree.leaves(opt)) all.push(...(await readAsync(leaf, device)))
      return all
    }
    const before = await moments(first.state)
    const second = await right(step(first.state, hostKey(2), 8))
    expect(asked).toEqual([
      [hostKey(1), 7],
      [hostKey(2), 8],
    ])
    expect(before.some((x) => x !== 0)).toBe(true)
    expect(await moments(second.state)).not.toEqual(before)
  })

  test('samples other training problems under another key', async () => {
    const roll = studentRollouts({ ...sampling, prompts: 6, group: 2 }, policy, device)
    const { params } = await begin()
    const of = async (seed: number) => (await right(roll(params, hostKey(seed)))).samples
    const [one, same, other] = [await of(1), await of(1), await of(2)]
    expect(one).toHaveLength(12)
    expect(same).toEqual(one)
    expect(other.map((s) => s.prompt)).not.toEqual(one.map((s) => s.prompt))
    expect(one.every((s) => splitOf(task)(s.problem) === 'train')).toBe(true)
    expect(one[0]!.prompt).toBe(one[1]!.prompt)
  })
})

describe('what cannot be', () => {
  test('is refused: another vocabulary, a reference besides the teacher, no texts', async () => {
    const foreign = transformer({ vocab: 5, width: 8, layers: 1, heads: 1, context: 14 })
    const text = { ...vocabulary, size: 5 }
    const stranger = { policy: transformerPolicy(foreign, text), params: foreign.init(random.key(0)) }
    expect(() => distillStep({ ...fixed(), teacher: stranger, divergence: forwardKl })).toThrow(/teacher 5/)
    expect(() => miniLlmStep({ ...common(), teacher: stranger, sampling })).toThrow(/teacher 5/)
    const none = distillStep({ ...fixed(), batch: () => [], divergence: forwardKl })
    expect(await none(await begin(), hostKey(0))()).toMatchObject({ left: { _tag: 'EmptyDataset' } })
    const meter = divergenceMeter({ ...metered(), divergences: { kl: forwardKl } })
    expect(await meter((await begin()).params, [])()).toMatchObject({ left: { _tag: 'EmptyDataset' } })
  })

  test('the meter is the mean over tokens, however the texts are batched', async () => {
    const { params } = await begin()
    const by = (rows: number) =>
      right(divergenceMeter({ ...metered(), divergences: { kl: forwardKl }, rows })(params, texts))
    const [one, many] = [(await by(64))['kl']!, (await by(20))['kl']!]
    expect(many).toBeCloseTo(one, 5)
    const step = distillStep({ ...fixed(), batch: () => texts, divergence: forwardKl })
    expect((await right(step(await begin(), hostKey(0)))).metrics['loss']).toBeCloseTo(one, 5)
  })
})

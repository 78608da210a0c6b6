// A reward that counts what it should not is hacked by a policy that is trained on it; gated, capped and weighed beside what
// is truly wanted, it is not. Real runs of GRPO, small ones; with the keys 2 to 7 they all end the same way.
import { adam, transformer, type TransformerParams } from '@adjoint/nn'
import { random, realizeAsync } from '@adjoint/tensor'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { group } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { right, testDevice } from '../run/device.support.ts'
import { snapshot } from '../run/snapshot.ts'
import { evaluator } from '../evaluate/evaluate.ts'
import { grpoStep } from '../learn/grpo.ts'
import type { Metrics } from '../run/metrics.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { sftStep } from '../learn/sft.ts'
import { dice, foldIn, type HostKey, hostKey } from '../run/keys.ts'
import { problem, type CharacterTask } from '../task/task.ts'
import { TAGS, vocabulary } from '../task/vocabulary.ts'
import { formatCompletion } from '../policy/template.ts'
import { named } from './named.ts'
import { cap, gate, type Reward, sum, weighted } from './reward.ts'
import type { Sample } from './sample.ts'
import { accuracy, format, type Rule } from './rules.ts'
import { transformerPolicy } from '../policy/policy.ts'

/** `3,8,5=`: which is the largest? */
interface Largest {
  readonly digits: readonly number[]
}
const prompt = ({ digits }: Largest): string => `${digits.join(',')}=`
const task: CharacterTask<Largest> = {
  name: 'largest',
  vocabulary: vocabulary('0123456789,='),
  generate: (key) => {
    const roll = dice(key)
    return { digits: [roll(10), roll(10), roll(10)] }
  },
  identity: prompt,
  prompt,
  verify:
    ({ digits }) =>
    (answer) =>
      answer === String(Math.max(...digits)),
  trace: ({ digits }) => ({ think: '', answer: String(Math.max(...digits)) }),
}
/** The cold start knows both: half of its demonstrations give the smallest digit. */
const demonstrations = (key: HostKey) =>
  Array.from({ length: 32 }, (_, row) => {
    const p = problem(task, 'train')(foldIn(foldIn(key, row), 0))
    const pick = dice(foldIn(foldIn(key, row), 1))(2) === 0 ? Math.max : Math.min
    return { prompt: prompt(p), completion: formatCompletion({ think: '', answer: String(pick(...p.digits)) }) }
  })

const MAX_TOKENS = 10
const model = transformer({ vocab: task.vocabulary.size, width: 32, layers: 1, heads: 2, context: 7 + MAX_TOKENS })
const policy = transformerPolicy(model, task.vocabulary)

const device = await testDevice()
let coldStart: TransformerParams
beforeAll(async () => {
  const optimizer = adam({ learningRate: 3e-3 })
  const step = sftStep({
    policy,
    optimizer,
    batch: demonstrations,
    device,
  })
  const params = await realizeAsync(model.init(random.key(0)), device)
  let state = { params, opt: optimizer.init(params) }
  for (let i = 0; i < 200; i++) state = (await right(step(state, foldIn(hostKey(1), i), i))).state
  coldStart = state.params
}, 60_000)

const correct = accuracy(task.verify)
/** Answers are wanted, so somebody pays for each one. */
const answers: Rule<unknown> = ({ completion }) => completion.split('<answer>').length - 1

/** The hope is that whoever answers often is sometimes right. */
const naive: Reward<Largest> = sum<Largest>([correct, answers])
const composed: Reward<Largest> = gate((s: Sample<Largest>) => format(s) === 1)(
  sum<Largest>([correct, weighted(0.1)(cap({ max: 1 })(answers))]),
)

const STEPS = 50
const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length

/** A run of GRPO from the cold start: what it pays, and what it was meant to pay for, at its begin and at its end. */
const trained = async (reward: Reward<Largest>) => {
  const optimizer = adam({ learningRate: 2e-3 })
  const step = grpoStep({
    task,
    policy,
    prompts: 8,
    group: 8,
    maxTokens: MAX_TOKENS,
    temperature: 1,
    rewards: [named('paid', reward), named('correct', correct, 0), named('answers', answers, 0)],
    credit: outcome(group()),
    objective: GRPO_OBJECTIVE,
    optimizer,
    device,
  })
  const exam = evaluator({
    task,
    policy,
    count: 48,
    samples: 8,
    temperature: 1,
    maxTokens: MAX_TOKENS,
    seed: 3,
    device,
  })
  const accuracyOf = async (params: TransformerParams) => (await right(exam(params))).evaluation.passAt1
  const params = await right(snapshot(device)(coldStart))
  let state = { params, opt: optimizer.init(params), reference: null as TransformerParams | null }
  const before = await accuracyOf(params)
  const metrics: Metrics[] = []
  for (let i = 0; i < STEPS; i++) {
    const stepped = await right(step(state, foldIn(hostKey(2), i)))
    state = stepped.state
    metrics.push(stepped.metrics)
  }
  const ends = (name: string) => {
    const values = metrics.map((m) => m[name]!)
    return { first: mean(values.slice(0, 3)), last: mean(values.slice(-3)) }
  }
  return {
    paid: ends('rewards/paid/mean'),
    answers: ends('rewards/answers/mean'),
    heldOut: { first: before, last: await accuracyOf(state.params) },
  }
}

describe('a reward that counts answers', () => {
  test('is hacked: what it pays rises threefold and more, answers with it, and nothing is right any more', async () => {
    const run = await trained(naive)
    expect(run.paid.last).toBeGreaterThan(3 * run.paid.first)
    expect(run.answers.first).toBeLessThan(1.6)
    expect(run.answers.last).toBeGreaterThan(4)
    expect(run.heldOut.first).toBeGreaterThan(0.15)
    expect(run.heldOut.last).toBeLessThan(0.05)
  })

  test('is not when gated by the format, capped and weighed: accuracy on held-out problems is what rises', async () => {
    const run = await trained(composed)
    expect(run.paid.last).toBeGreaterThan(run.paid.first + 0.1)
    expect(run.answers.last).toBeLessThan(1.3)
    expect(run.heldOut.last).toBeGreaterThan(run.heldOut.first + 0.2)
  })

  test('no completion at all is paid by the composed one for more than it is right', () => {
    const text = fc
      .array(fc.constantFrom(...TAGS, ...TAGS, '3', '8', '5', ' '), { maxLength: 12 })
      .map((ts) => ts.join(''))
    const problem: Largest = { digits: [3, 8, 5] }
    const whole = fc
      .tuple(text, fc.constantFrom('8', '3', ''))
      .map(([think, answer]) => formatCompletion({ think, answer }))
    let hacks = 0
    fc.assert(
      fc.property(fc.oneof(text, whole), (completion) => {
        const sample = { problem, prompt: '3,8,5=', completion, length: 1, terminated: true }
        const paid = composed(sample) as number
        expect(paid).toBeGreaterThanOrEqual(0)
        expect(paid).toBeLessThanOrEqual(correct(sample) + 0.1)
        if ((naive(sample) as number) > 2.1) hacks++
      }),
      { seed: 1, numRuns: 2000 },
    )
    expect(hacks).toBeGreaterThan(100)
  })
})

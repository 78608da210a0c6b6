import { adam, transformer, type TransformerParams } from '@adjoint/nn'
import { random, realizeAsync, tree, zeros } from '@adjoint/tensor'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { right, testDevice } from '../run/device.support.ts'
import {
  type Kept,
  keptMonoid,
  rejectionBatches,
  type RejectionConfig,
  rejectionSample,
  selectTraces,
} from './rejection.ts'
import type { Sample } from '../reward/sample.ts'
import { accuracy } from '../reward/rules.ts'
import { sftStep, traces } from '../learn/sft.ts'
import { type Chain, mod10Chains } from '../task/chain.ts'
import { foldIn, hostKey } from '../run/keys.ts'
import { splitOf } from '../task/task.ts'
import { transformerPolicy } from '../policy/policy.ts'

const device = await testDevice()

const say = (completion: string, length = completion.length, terminated = true): Sample<null> => ({
  problem: null,
  prompt: 'p',
  completion,
  length,
  terminated,
})
const draws = fc.array(
  fc
    .tuple(fc.constantFrom('a', 'b', 'cc', 'dd', 'xx', 'xxx'), fc.boolean())
    .map(([completion, terminated]) => say(completion, completion.length, terminated || completion === 'a')),
  { maxLength: 14 },
)
const accept = {
  right: (s: Sample<null>) => !s.completion.startsWith('x'),
  short: (s: Sample<null>) => s.length < 2 || s.completion === 'dd',
}
const sumOf = (xs: Readonly<Record<string, number>>): number => Object.values(xs).reduce((a, b) => a + b, 0)

describe('selection', () => {
  test('keeps what satisfies every rule, once, at most m, in order; and accounts for all', () => {
    fc.assert(
      fc.property(draws, fc.integer({ min: 0, max: 4 }), fc.boolean(), (samples, perProblem, distinct) => {
        const { traces: kept, samples: of, report } = selectTraces({ accept, perProblem, distinct })(samples)
        const fit = samples.filter((s) => s.terminated && accept.right(s) && accept.short(s))
        const once = distinct ? fit.filter((s, i) => fit.findIndex((o) => o.completion === s.completion) === i) : fit
        expect(of).toEqual(once.slice(0, perProblem))
        expect(kept).toEqual(of.map((s) => ({ prompt: 'p', completion: s.completion })))
        expect(report).toMatchObject({ problems: 1, solved: of.length > 0 ? 1 : 0, kept: of.length })
        expect(report.tried).toBe(samples.length)
        expect(report.kept + sumOf(report.rejected)).toBe(report.tried)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('names the first rule that is broken', () => {
    const samples = [say('xxx'), say('cc'), say('cc', 2, false), say('a'), say('a'), say('b'), say('dd')]
    const { traces: kept, report } = selectTraces({ accept, perProblem: 2 })(samples)
    expect(kept.map((t) => t.completion)).toEqual(['a', 'b'])
    expect(report.rejected).toEqual({ right: 1, short: 1, cut: 1, duplicate: 1, surplus: 1 })
  })

  test('a rule that breaks is named, and no promise counts as true', () => {
    const of = (rule: unknown, samples = [say('a'), say('bb')]) =>
      selectTraces({ accept: { fine: () => true, rule: rule as (s: Sample<null>) => boolean } })(samples)
    const bug = new TypeError('no such field')
    const throws = (s: Sample<null>) => {
      if (s.completion === 'bb') throw bug
      return true
    }
    expect(() => of(throws)).toThrow(
      'rule "rule" threw TypeError: no such field, at sample 2 of 2 (prompt "p", completion "bb")',
    )
    expect(() => of(() => Promise.resolve(false))).toThrow(
      /rule "rule" gave Promise.*, which is neither true nor false/,
    )
    expect(() => of(() => undefined)).toThrow(/rule "rule" gave undefined/)
    // One that rejects is heard of once, as the mistake that it is.
    expect(() => of(() => Promise.reject(new Error('down')))).toThrow(/neither true nor false/)
    expect(() => of(throws, [say('bb', 2, false)])).not.toThrow()
  })

  test('a rule may have any name but those that the report counts', () => {
    for (const name of ['cut', 'duplicate', 'surplus'])
      expect(() => selectTraces({ accept: { [name]: () => true } })).toThrow(`a rule is named "${name}"`)
    const { empty, concat } = keptMonoid<null>()
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const kept = selectTraces({ accept: { [name]: (s: Sample<null>) => s.length > 1 } })([
        say('a'),
        say('b'),
        say('cc'),
      ])
      for (const { report } of [kept, concat(kept, empty), concat(empty, kept)])
        expect(Object.entries(report.rejected)).toEqual([[name, 2]])
      expect(Object.entries(concat(kept, kept).report.rejected)).toEqual([[name, 4]])
    }
    expect(() => selectTraces({ accept, perProblem: NaN })).toThrow(/perProblem is NaN/)
  })

  test('what is kept is a monoid, and selection of batches concatenates', () => {
    const { empty, concat } = keptMonoid<null>()
    const kept = draws.map(selectTraces({ accept }))
    fc.assert(
      fc.property(kept, kept, kept, (x, y, z) => {
        expect(concat(concat(x, y), z)).toEqual(concat(x, concat(y, z)))
        expect(concat(empty, x)).toEqual(x)
        expect(concat(x, empty)).toEqual(x)
        const both = concat(x, y)
        expect(both.report.tried).toBe(x.report.tried + y.report.tried)
        expect(both.report.kept).toBe(both.traces.length)
        expect(both.report.kept + sumOf(both.report.rejected)).toBe(both.report.tried)
      }),
      { seed: 1, numRuns: 100 },
    )
  })
})

describe('rejection sampling', () => {
  const task = mod10Chains(2)
  const model = transformer({ vocab: task.vocabulary.size, width: 16, layers: 1, heads: 2, context: 14 })
  const policy = transformerPolicy(model, task.vocabulary)
  const correct = accuracy(task.verify)
  let params: TransformerParams
  beforeAll(async () => {
    const optimizer = adam({ learningRate: 1e-2 })
    const batch = traces(task, { rows: 32, thinkShare: 0.5 })
    const step = sftStep({ policy, optimizer, batch, width: 14, device })
    const initial = await realizeAsync(model.init(random.key(0)), device)
    let state = { params: initial, opt: optimizer.init(initial) }
    for (let i = 0; i < 60; i++) state = (await right(step(state, foldIn(hostKey(1), i)))).state
    params = state.params
  })
  const config = (
    over: Partial<RejectionConfig<Chain, TransformerParams>> = {},
  ): RejectionConfig<Chain, TransformerParams> => ({
    task,
    policy,
    count: 20,
    group: 8,
    maxTokens: 8,
    temperature: 1,
    accept: { correct: (s) => correct(s) === 1 },
    perProblem: 2,
    batch: 8,
    device,
    ...over,
  })
  const of = (kept: Kept<Chain>): readonly string[] => kept.traces.map((t) => t.prompt + t.completion)

  test('keeps right answers to training problems, at most m to each, and says what it tried', async () => {
    const kept = await right(rejectionSample(config())(params, hostKey(4)))
    expect(kept.report).toMatchObject({ problems: 20, tried: 160, kept: kept.traces.length })
    expect(kept.report.kept + sumOf(kept.report.rejected)).toBe(160)
    expect(kept.report.rejected['correct']).toBeGreaterThan(0)
    expect(kept.traces.length).toBeGreaterThan(0)
    for (const sample of kept.samples) {
      expect(correct(sample)).toBe(1)
      expect(splitOf(task)(sample.problem)).toBe('train')
    }
    const perPrompt = (prompt: string): number => kept.traces.filter((t) => t.prompt === prompt).length
    const prompts = new Set(kept.traces.map((t) => t.prompt))
    expect([...prompts].every((p) => perPrompt(p) <= 2)).toBe(true)
    expect(prompts.size).toBe(kept.report.solved)
    expect(new Set(of(kept)).size).toBe(kept.traces.length)
  })

  test('without rules keeps every completion that ended, of distinct problems', async () => {
    const { accept: _, perProblem: __, ...rest } = config()
    const kept = await right(rejectionSample({ ...rest, accept: {}, distinct: false })(params, hostKey(4)))
    expect(Object.keys(kept.report.rejected).every((name) => name === 'cut')).toBe(true)
    expect(kept.report.kept).toBeGreaterThan(100)
    expect(new Set(kept.traces.map((t) => t.prompt)).size).toBe(20)
  })

  test('follows from parameters and key; a batch needs no other, so that a run goes on where it stopped', async () => {
    const [sample, fresh] = [rejectionSample(config()), rejectionSample(config())]
    const whole = await right(sample(params, hostKey(4)))
    const other = await right(sample(params, hostKey(5)))
    expect(await right(sample(params, hostKey(4)))).toEqual(whole)
    expect(await right(fresh(params, hostKey(5)))).toEqual(other)
    expect(of(other)).not.toEqual(of(whole))
    const { batches, batch } = rejectionBatches(config())
    expect(batches).toBe(3)
    const parts: Kept<Chain>[] = []
    for (const index of [2, 0, 1]) parts[index] = await right(batch(params, hostKey(4), index))
    const { empty, concat } = keptMonoid<Chain>()
    expect(parts.reduce(concat, empty)).toEqual(whole)
    // The last batch has 4 problems of its own, and what fills it up is not counted.
    expect(parts.map((p) => p.report.problems)).toEqual([8, 8, 4])
  })

  test('batches draw apart: a policy that does not look at its prompt says other things in each', async () => {
    const blind = tree.map((x) => zeros(x.shape), params)
    const { accept: _, ...rest } = config({ group: 32, distinct: false, perProblem: 32 })
    const { batch } = rejectionBatches({ ...rest, accept: {} })
    const said = async (index: number) => (await right(batch(blind, hostKey(4), index))).traces.map((t) => t.completion)
    expect((await said(0)).length).toBeGreaterThan(10)
    expect(await said(0)).not.toEqual(await said(1))
  })
})

// R1 end to end on models of a few hundred parameters: what each stage does.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { transformer, type TransformerParams } from '@adjoint/nn'
import { jit, neg, random, realizeAsync, tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, test } from 'vitest'
import type { LogRecord } from '../run/log.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { named } from '../reward/named.ts'
import { examine } from './exam.ts'
import { coldStart, distillation, r1, r1Zero, reasoningRl, rejectionSampling, supervised } from './r1.ts'
import { perform, type Recipe, type RecipeEnv } from './recipe.ts'
import type { StageError } from './errors.ts'
import type { R1State } from './state.ts'
import { bitsOf, ended, filesOf, model, openDevice, policy, pupil, STAGES, start, task, tiny } from './tiny.support.ts'
import { wholeRun } from './whole.support.ts'

const { device, fresh, whole, last } = await wholeRun('r1')
const envOf = (folder: string, over: Partial<RecipeEnv> = {}): RecipeEnv => ({
  ...{ device, folder, seed: 0, checkpointEvery: 2, resume: false },
  ...over,
})
const right = async <A>(task: TE.TaskEither<StageError, A>): Promise<A> => ended(await task())

const linesOf = async (folder: string, stage: string): Promise<readonly LogRecord[]> =>
  (await readFile(join(folder, stage, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogRecord)
describe('R1', () => {
  test('is six stages, each with a folder and a log of its own', async () => {
    expect((await readdir(whole)).sort()).toEqual(STAGES)
    for (const stage of STAGES) {
      const [settings, ...lines] = await linesOf(whole, stage)
      expect(settings).toMatchObject({ kind: 'settings', stage, seed: 0, device: 'wasm' })
      expect(lines.length).toBeGreaterThan(1)
    }
  })

  test.each([
    ['1-cold-start', 'base', 'policy'],
    ['2-reasoning-rl', 'policy', 'policy'],
    ['3-rejection-sampling', 'policy', 'kept'],
    ['4-supervised', 'base', 'policy'],
    ['5-all-rewards-rl', 'policy', 'policy'],
    ['6-distillation', 'student', 'student'],
  ])('%s takes %s and makes %s', async (stage, from, to) => {
    const [settings] = await linesOf(whole, stage)
    expect(settings).toMatchObject({ from, to })
  })

  test('trains policy and student; the base survives, though every step reuses the memory of its arguments', async () => {
    const of = ({ models }: R1State, name: string): Promise<unknown> => bitsOf(models[name]!)
    expect(await of(last, 'base')).toEqual(await of(start, 'base'))
    expect(await of(last, 'policy')).not.toEqual(await of(start, 'policy'))
    expect(await of(last, 'student')).not.toEqual(await of(start, 'student'))
    // The state that came in is as it was.
    expect(Object.keys(start.models)).toEqual(['base', 'student', 'policy'])
  })

  test('takes parameters on a device without using them up, and leaves some that outlive it', async () => {
    const own = await openDevice()
    // So wide that its tensors are not small ones, which move to the host when they are read.
    const wide = transformer({ ...model.config, width: 64, headDim: 32, hidden: 256 })
    const broad = transformerPolicy(wide, task.vocabulary)
    const base = await realizeAsync(wide.init(random.key(7)), own)
    const past = await bitsOf(base)
    const recipe = perform([
      coldStart({ ...tiny.coldStart, policy: broad }),
      reasoningRl({ ...tiny.reasoningRl, policy: broad }),
    ])
    const given = { ...start, models: { base, policy: base } }
    const { models } = await right(recipe({ ...envOf(fresh()), device: own })(given))
    expect(await bitsOf(base)).toEqual(past)
    // What is left is host data: whoever reuses the memory of an argument has a copy of its own.
    const learned = await bitsOf(models['policy']!)
    jit((p: TransformerParams) => tree.map((x) => neg(x), p), { donate: [0], device: own })(models['policy']!)
    await own.destroy()
    expect(await bitsOf(models['policy']!)).toEqual(learned)
    expect(learned).not.toEqual(past)
  })

  test('examines at the end of each stage that trains, and on the way', async () => {
    const exams = last.reports.map(({ stage, model: name, figures }) => [stage, name, Object.keys(figures)])
    const figures = ['passAt1', 'passAtK', 'consAtK', 'thinkRate', 'formatRate', 'meanLength']
    expect(exams).toEqual([
      ['1-cold-start', 'policy', figures],
      ['2-reasoning-rl', 'policy', figures],
      ['4-supervised', 'policy', figures],
      ['5-all-rewards-rl', 'policy', figures],
      ['6-distillation', 'student', figures],
    ])
    const lines = await linesOf(whole, '2-reasoning-rl')
    const evaluations = lines.filter(({ kind }) => kind === 'evaluation')
    expect(evaluations.map(({ phase, done }) => [phase, done])).toEqual([
      ['reasoning-rl', 1],
      ['exam', 2],
    ])
    // Completions of training and of the exam are told apart by the phase.
    const samples = lines.filter(({ kind }) => kind === 'sample')
    expect(
      samples.map(({ phase, advantages }) => [phase, Array.isArray(advantages) ? advantages.length : advantages]),
    ).toEqual([
      ...['reasoning-rl', 'reasoning-rl'].map((phase) => [phase, 4]),
      ...Array.from({ length: 4 }, () => ['exam', null]),
    ])
    expect(evaluations[1]).toMatchObject({ model: 'policy', problems: 4, ...last.reports[1]!.figures })
  })

  test('pays for more in its last RL than in its first', async () => {
    const paid = async (stage: string): Promise<readonly string[]> =>
      Object.keys((await linesOf(whole, stage))[1]!).filter((name) => /^rewards.*mean$/.test(name))
    const rules = ['correct', 'format', 'short'].map((name) => `rewards/${name}/mean`)
    expect(await paid('2-reasoning-rl')).toEqual(rules)
    expect(await paid('5-all-rewards-rl')).toEqual([...rules, 'rewards/ended/mean'])
  })

  test('logs the learning rate that its optimizer follows', async () => {
    const rates = (await linesOf(whole, '1-cold-start')).flatMap((line) => line['learning_rate'] ?? [])
    expect(rates).toEqual([0.01, 0.007, 0.004].map((rate) => expect.closeTo(rate, 12) as unknown))
    const constant = (await linesOf(whole, '5-all-rewards-rl')).flatMap((line) => line['learning_rate'] ?? [])
    expect(constant).toEqual([0.01, 0.01])
  })

  test('keeps the traces of its state in a file, and counts what it tried', async () => {
    const path = join(whole, '3-rejection-sampling', 'traces.jsonl')
    const lines = (await readFile(path, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LogRecord)
    expect(lines.map(({ prompt, completion }) => ({ prompt, completion }))).toEqual(last.traces['kept'])
    // Each batch has problems of its own.
    const batchesOf = new Map<unknown, Set<number>>()
    for (const { prompt, step } of lines) batchesOf.set(prompt, (batchesOf.get(prompt) ?? new Set()).add(step))
    expect([...batchesOf.values()].every((batches) => batches.size === 1)).toBe(true)
    const steps = (await linesOf(whole, '3-rejection-sampling')).filter(({ kind }) => kind === 'step')
    const sum = (name: string): number => steps.reduce((n, line) => n + Number(line[name]), 0)
    expect(steps).toHaveLength(3)
    expect([sum('problems'), sum('tried'), sum('kept')]).toEqual([12, 48, lines.length])
    const rejected = ['short', 'cut', 'duplicate', 'surplus'].map((name) => sum(`rejected/${name}`))
    expect(rejected.reduce((a, b) => a + b) + lines.length).toBe(48)
    expect(lines.length).toBeGreaterThan(3)
  })

  test('without its first stage is R1-Zero: a cold start and then R1-Zero leave what R1 leaves', async () => {
    const names = (recipe: Recipe<R1State>): readonly string[] => recipe.map(({ name }) => name)
    const { coldStart: first, ...zeroOf } = tiny
    expect(names(r1Zero(zeroOf))).toEqual(names(r1(tiny)).slice(1))
    const folder = fresh()
    const warm = await right(perform([coldStart(first)])(envOf(folder))(start))
    await right(perform(r1Zero(zeroOf).slice(0, 2))(envOf(folder, { first: 2 }))(warm))
    const left = Object.entries(await filesOf(whole)).filter(([name]) => Number(name[0]) <= 3)
    expect(left).toHaveLength(4)
    expect(await filesOf(folder)).toEqual(Object.fromEntries(left))
    // On its own it reinforces the base.
    const zero = fresh()
    await right(perform(r1Zero(zeroOf).slice(0, 1))(envOf(zero))(start))
    expect(await readdir(zero)).toEqual(['1-reasoning-rl'])
  })
})

describe('other recipes of the same stages', () => {
  test('two samplings of one model draw the same completions, and keep what they like', async () => {
    const folder = fresh()
    const { kept = [], all = [] } = (
      await right(
        perform([
          rejectionSampling({ ...tiny.rejectionSampling, from: 'base' }),
          rejectionSampling({
            ...tiny.rejectionSampling,
            ...{ name: 'unfiltered', from: 'base', to: 'all', accept: {}, perProblem: 99, distinct: false },
          }),
        ])(envOf(folder))(start),
      )
    ).traces
    expect(kept.length).toBeGreaterThan(3)
    expect(all.length).toBeGreaterThan(kept.length)
    for (const trace of kept) expect(all).toContainEqual(trace)
  })

  test('an exam is a stage too, with measures of its own', async () => {
    const folder = fresh()
    const measures = [named('tokens', ({ length }: { readonly length: number }) => length, 0)]
    const exam = { ...tiny.coldStart.exam, measures, shown: 1 }
    const { reports } = await right(
      perform([examine({ policy, exam }), examine({ of: 'student', policy: pupil, exam })])(envOf(folder))(start),
    )
    expect(reports.map(({ stage, model: name }) => [stage, name])).toEqual([
      ['1-exam', 'policy'],
      ['2-exam', 'student'],
    ])
    for (const { figures } of reports) expect(figures['tokens']).toBeCloseTo(figures['meanLength']!, 12)
    expect((await linesOf(folder, '1-exam')).filter(({ kind }) => kind === 'sample')).toHaveLength(1)
  })

  test('branches: a student of another name leaves the first as it was', async () => {
    const { models } = await right(
      perform([
        rejectionSampling({ ...tiny.rejectionSampling, from: 'base' }),
        distillation({ ...tiny.distillation, to: 'student-distilled' }),
      ])(envOf(fresh()))(start),
    )
    expect(await bitsOf(models['student']!)).toEqual(await bitsOf(start.models['student']!))
    expect(await bitsOf(models['student-distilled']!)).not.toEqual(await bitsOf(start.models['student']!))
  })

  test('nothing to learn from is an error that names its stage', async () => {
    const recipe = [
      rejectionSampling({ ...tiny.rejectionSampling, from: 'base', accept: { never: () => false } }),
      supervised(tiny.supervised),
    ]
    expect(await perform(recipe)(envOf(fresh()))(start)()).toEqual(
      E.left({ stage: '2-supervised', error: { _tag: 'EmptyDataset', name: "the set of traces 'kept'" } }),
    )
  })

  test('models and traces that are not there are named', async () => {
    const on = (recipe: Recipe<R1State>): Promise<unknown> => perform(recipe)(envOf(fresh()))(start)()
    await expect(on([distillation({ ...tiny.distillation, from: 'pupil' })])).rejects.toThrow(
      /no model is named 'pupil' \(there are base, student, policy\)/,
    )
    await expect(on([supervised(tiny.supervised)])).rejects.toThrow(/no traces are named 'kept'/)
  })

  test('its task is in its settings by name, and functions are not', async () => {
    const [settings] = await linesOf(whole, '2-reasoning-rl')
    expect(settings).toMatchObject({
      task: task.name,
      rewards: [
        { name: 'correct', weight: 1 },
        { name: 'format', weight: 0.1 },
        { name: 'short', weight: 1 },
      ],
      watch: { every: 1, exam: { task: task.name } },
    })
    expect(settings).not.toHaveProperty('optimizer')
    expect((await linesOf(whole, '3-rejection-sampling'))[0]).toMatchObject({ accept: ['short'], group: 4, count: 12 })
    // What the stage was told beside.
    const [cold] = await linesOf(whole, '1-cold-start')
    expect(cold).toMatchObject({ oracle: { rows: 8, thinkShare: 0.5 } })
    expect(cold).not.toHaveProperty('settings')
  })
})

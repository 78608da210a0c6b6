import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EVERYTHING, type Filter, matches } from './filter.ts'
import { lines, sampleLine } from './made-up.ts'
import type { ShownSample } from './page-data.ts'
import { stageOf } from './run.ts'
import { LONGEST_TEXT, partsOf, samplesOf, spread } from './samples.ts'

const settingOf = (count: number, completion?: string) => ({
  label: 'a',
  runs: [
    {
      name: 'r',
      folder: '/r',
      seed: 0,
      notes: [],
      changed: 0,
      stages: [stageOf('', lines(Array.from({ length: count }, (_, i) => sampleLine(i, completion))), '').stage],
    },
  ],
})

describe('completions of a log', () => {
  test('the chain of thought stands apart from the answer', () => {
    expect(partsOf('<think>1 2</think><answer>3</answer>')).toEqual({ think: '1 2', answer: '3', broken: null })
    expect(partsOf('<think></think><answer>3</answer>')).toMatchObject({ think: '', answer: '3' })
  })

  test.each([
    ['5', '<think> is missing'],
    ['<think>1<think></think><answer>5</answer>', 'twice'],
    ['<answer>5</answer><think>1</think>', 'too early'],
    ['x<think>1</think><answer>5</answer>', 'outside'],
  ])('%s is shown as it stands, with the rule it breaks', (completion, rule) => {
    const { think, answer, broken } = partsOf(completion)
    expect([think, answer]).toEqual([null, completion])
    expect(broken).toContain(rule)
  })

  test('rows hold what the log says, absent rewards as null', () => {
    const { rows, rewards, runs, phases, logged } = samplesOf([settingOf(3)])
    expect({ rewards, runs, phases, logged }).toEqual({
      rewards: ['correct', 'format', 'brief'],
      runs: ['a'],
      phases: ['grpo'],
      logged: 3,
    })
    expect(rows[0]).toMatchObject({ step: 0, prompt: '0+1=', think: 'carry 0', answer: '1', right: true, reward: 1.1 })
    expect(rows[0]!.rewards).toEqual([
      [0, 1],
      [1, 1],
      [2, null],
    ])
    expect(rows[1]).toMatchObject({ right: false, advantage: -0.9 })
  })

  test('more than the page holds are spread over the phase, its first and last kept', () => {
    const { rows, logged } = samplesOf([settingOf(1000)], 100)
    expect([rows.length, logged, rows[0]!.step, rows.at(-1)!.step]).toEqual([100, 1000, 0, 999])
    fc.assert(
      fc.property(fc.nat(500), fc.nat(100), (n, most) => {
        const kept = spread(n, most)
        expect(kept.length).toBe(Math.min(n, most))
        expect(kept.every((k, i) => k < n && (i === 0 || k > kept[i - 1]!))).toBe(true)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('a text longer than the limit is cut, and says so', () => {
    const [row] = samplesOf([settingOf(1, 'x'.repeat(LONGEST_TEXT + 10))]).rows
    expect(row!.answer).toHaveLength(LONGEST_TEXT + '… (10 characters more)'.length)
    expect(row!.answer).toContain('10 characters more')
  })
})

const sample = fc.record({
  run: fc.nat(2),
  phase: fc.nat(2),
  step: fc.nat(50),
  prompt: fc.string(),
  think: fc.option(fc.string()),
  answer: fc.string(),
  broken: fc.option(fc.constant('a rule')),
  length: fc.option(fc.nat(20)),
  right: fc.option(fc.boolean()),
  reward: fc.option(fc.double({ min: -2, max: 2, noNaN: true })),
  advantage: fc.constant(null),
  rewards: fc.constant([]),
}) satisfies fc.Arbitrary<ShownSample>
const filter: fc.Arbitrary<Filter> = fc.record({
  run: fc.option(fc.nat(2)),
  phase: fc.option(fc.nat(2)),
  from: fc.option(fc.nat(50)),
  to: fc.option(fc.nat(50)),
  outcome: fc.constantFrom('right' as const, 'wrong' as const, 'broken' as const, null),
  least: fc.option(fc.double({ min: -2, max: 2, noNaN: true })),
  most: fc.option(fc.double({ min: -2, max: 2, noNaN: true })),
  text: fc.oneof(fc.constant(''), fc.string({ maxLength: 2 })),
})

describe('filters', () => {
  test('whoever asks for nothing gets everything', () => {
    fc.assert(
      fc.property(sample, (s) => {
        expect(matches(EVERYTHING)(s)).toBe(true)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('a filter finds what each of its parts finds', () => {
    const names = Object.keys(EVERYTHING) as (keyof Filter)[]
    fc.assert(
      fc.property(sample, filter, (s, f) => {
        const each = names.every((name) => matches({ ...EVERYTHING, [name]: f[name] })(s))
        expect(matches(f)(s)).toBe(each)
      }),
      { seed: 2, numRuns: 1000 },
    )
  })

  test('words are found in either case, in any of the texts; a reward that is absent is in no range', () => {
    const [row] = samplesOf([settingOf(1)]).rows
    const finds = (f: Partial<Filter>): boolean => matches({ ...EVERYTHING, ...f })(row!)
    expect([finds({ text: 'CARRY 0+1=' }), finds({ text: 'carry 7' })]).toEqual([true, false])
    expect([finds({ least: 1.1, most: 1.1 }), finds({ most: 1 })]).toEqual([true, false])
    expect(matches({ ...EVERYTHING, least: -9 })({ ...row!, reward: null })).toBe(false)
    expect([finds({ from: 0, to: 0 }), finds({ from: 1 })]).toEqual([true, false])
  })
})

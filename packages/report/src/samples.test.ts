import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EVERYTHING, type Filter, matches, searched } from './filter.ts'
import { lines, sampleLine } from './made-up.ts'
import { firstPair, sharedProblems, sourcesOf } from './compare.ts'
import type { ShownGroup, ShownSample } from './page-data.ts'
import { idOf, stageOf } from './run.ts'
import { LONGEST_TEXT, partsOf, samplesOf, spread, TOKENS_OF_PAGE } from './samples.ts'

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
    const { groups, rewards, runs, phases, logged, shown } = samplesOf([settingOf(3)])
    expect({ rewards, runs, phases, logged, shown }).toEqual({
      rewards: ['correct', 'format', 'brief'],
      runs: [{ id: idOf({ folder: '/r' }), name: 'a' }],
      phases: ['grpo'],
      logged: 3,
      shown: 3,
    })
    expect(groups[0]).toMatchObject({ step: 0, prompt: '0+1=', expected: '1', id: 'draw 0' })
    const [first] = groups[0]!.members
    expect(first).toMatchObject({ think: 'carry 0', answer: '1', right: true, reward: 1.1, ended: true })
    expect(first!.rewards).toEqual([
      [0, 1],
      [1, 1],
      [2, null],
    ])
    expect(groups[1]!.members[0]).toMatchObject({ right: false, advantage: -0.9 })
  })

  test('more than the page holds are spread over the phase, its first and last kept', () => {
    const { groups, logged, shown } = samplesOf([settingOf(1000)], 100)
    expect([groups.length, shown, logged, groups[0]!.step, groups.at(-1)!.step]).toEqual([100, 100, 1000, 0, 999])
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 }),
        fc.integer({ min: 8, max: 60 }),
        (of, limit) => {
          const runs = of.map((n, i) => ({ ...settingOf(n).runs[0]!, folder: `/${i}` }))
          const { groups, shown, logged, parts } = samplesOf([{ label: 'a', runs }], limit)
          expect(shown).toBeLessThanOrEqual(limit)
          if (logged <= limit) expect(shown).toBe(logged)
          // The least of phases is there, and each begins with its first.
          expect(of.map((_, i) => groups.find(({ run }) => run === i)?.step)).toEqual(of.map(() => 0))
          expect(parts.map(({ last }) => last)).toEqual(of.map((n) => n - 1))
        },
      ),
      { seed: 4, numRuns: 200 },
    )
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
    const [group] = samplesOf([settingOf(1, 'x'.repeat(LONGEST_TEXT + 10))]).groups
    const [row] = group!.members
    expect(row!.answer).toHaveLength(LONGEST_TEXT + '… (10 characters more)'.length)
    expect(row!.answer).toContain('10 characters more')
  })
})

describe('tokens of the completions', () => {
  const told = (count: number, texts: readonly string[]) => ({
    label: 'a',
    runs: [
      {
        ...{ name: 'r', folder: '/r', seed: 0, notes: [], changed: 0 },
        stages: [
          stageOf(
            '',
            lines(
              Array.from({ length: count }, (_, i) => {
                const numbers = texts.map((_text, t) => -(t + 1) / 3)
                return {
                  ...sampleLine(i, '<answer>7</answer>'),
                  tokens: [texts],
                  logProbs: [numbers],
                  entropies: [numbers],
                }
              }),
            ),
            '',
          ).stage,
        ],
      },
    ],
  })

  test('are those of its text, with what is known of each', () => {
    const { groups } = samplesOf([told(1, ['<answer>', '7', '</answer>', ''])])
    expect(groups[0]!.members[0]!.tokens).toEqual({
      texts: ['<answer>', '7', '</answer>', ''],
      logp: [-0.333, -0.667, -1, -1.33],
      entropy: [-0.333, -0.667, -1, -1.33],
      advantage: null,
    })
  })

  test('that say another text than the completion are none', () => {
    expect(samplesOf([told(1, ['<answer>', '8', '</answer>'])]).groups[0]!.members[0]!.tokens).toBe(null)
    expect(samplesOf([settingOf(1)]).groups[0]!.members[0]!.tokens).toBe(null)
  })

  test('are told of the newest groups, as many as there is room for', () => {
    const texts = ['<answer>', '7', '</answer>', ...new Array<string>(997).fill('')]
    const { groups } = samplesOf([told(100, texts)])
    const has = groups.map(({ members }) => members[0]!.tokens !== null)
    expect(has.filter((is) => is)).toHaveLength(TOKENS_OF_PAGE / 1000)
    expect(has.slice(-60).every((is) => is)).toBe(true)
  })
})

describe('comparing', () => {
  const sources = sourcesOf(
    samplesOf([settingOf(3), { label: 'b', runs: [{ ...settingOf(5).runs[0]!, folder: '/s', name: 's' }] }]),
  )
  test('is of what two sources have in common', () => {
    expect(sources.map(({ name }) => name)).toEqual(['a, seed 0: grpo', 'b, seed 0: grpo'])
    const pair = firstPair(sources)!
    expect(pair.map(({ name }) => name)).toEqual(['a, seed 0: grpo', 'b, seed 0: grpo'])
    expect(sharedProblems(...pair)).toEqual(['0+1=', '1+1=', '2+1='])
    expect(firstPair(sources.slice(0, 1))).toBe(null)
  })
})

const around = fc.record({ run: fc.nat(2), phase: fc.nat(2), step: fc.nat(50), prompt: fc.string() })
const member = fc.record({
  think: fc.option(fc.string()),
  answer: fc.string(),
  broken: fc.option(fc.constant('a rule')),
  length: fc.option(fc.nat(20)),
  right: fc.option(fc.boolean()),
  reward: fc.option(fc.double({ min: -2, max: 2, noNaN: true })),
  advantage: fc.constant(null),
  rewards: fc.constant([]),
  ended: fc.boolean(),
  tokens: fc.constant(null),
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
      fc.property(around, member, (g, s) => {
        expect(matches(EVERYTHING)(g, s)).toBe(true)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('a filter finds what each of its parts finds', () => {
    const names = Object.keys(EVERYTHING) as (keyof Filter)[]
    fc.assert(
      fc.property(around, member, filter, (g, s, f) => {
        const each = names.every((name) => matches({ ...EVERYTHING, [name]: f[name] })(g, s))
        expect(matches(f)(g, s)).toBe(each)
      }),
      { seed: 2, numRuns: 1000 },
    )
  })

  test('a group is found by any of its completions, which are told by number', () => {
    const group = fc
      .record({ around, members: fc.array(member, { minLength: 1, maxLength: 5 }) })
      .map(({ around: where, members }): ShownGroup => ({ ...where, id: null, expected: null, members }))
    fc.assert(
      fc.property(fc.array(group, { maxLength: 6 }), filter, (groups, f) => {
        const all = searched(f, groups)
        for (const { group: g, found } of all)
          expect(found).toEqual([...g.members.keys()].filter((i) => matches(f)(g, g.members[i]!)))
        const rest = groups.filter((g) => !all.some((each) => each.group === g))
        expect(rest.every((g) => g.members.every((m) => !matches(f)(g, m)))).toBe(true)
      }),
      { seed: 3, numRuns: 300 },
    )
  })

  test('words are found in either case, in any of the texts; a reward that is absent is in no range', () => {
    const [group] = samplesOf([settingOf(1)]).groups
    const [row] = group!.members
    const finds = (f: Partial<Filter>): boolean => matches({ ...EVERYTHING, ...f })(group!, row!)
    expect([finds({ text: 'CARRY 0+1=' }), finds({ text: 'carry 7' })]).toEqual([true, false])
    expect([finds({ least: 1.1, most: 1.1 }), finds({ most: 1 })]).toEqual([true, false])
    expect(matches({ ...EVERYTHING, least: -9 })(group!, { ...row!, reward: null })).toBe(false)
    expect([finds({ from: 0, to: 0 }), finds({ from: 1 })]).toEqual([true, false])
  })
})

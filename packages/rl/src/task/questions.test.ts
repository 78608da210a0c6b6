// Data sets as tasks: what every task keeps, and what data adds to it.
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostKey } from '../run/keys.ts'
import { mod10Chain } from './chain.ts'
import { fitting, gsm8k, type Question, questions, reasoningGym } from './questions.ts'
import { problem, problems, splitOf } from './task.ts'

const row = (question: string, answer = '1'): Question => ({ question, answer, thought: '' })
const someRows = (least: number) =>
  fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: least, maxLength: 60 }).map((all) => all.map((q) => row(q)))

describe('questions', () => {
  test('each problem is a row, solved by its answer, and all rows come', () => {
    const rows = Array.from({ length: 30 }, (_, i) => row(`${i}+1=`, `${i + 1}`))
    const task = questions({ name: 'sums', rows, ask: (question) => `Compute ${question}` })
    const seen = new Set(Array.from({ length: 1000 }, (_, i) => task.generate(hostKey(i))))
    expect(seen).toEqual(new Set(rows))
    for (const p of seen) {
      expect(task.verify(p)(task.trace(p).answer)).toBe(true)
      expect(task.verify(p)('no number')).toBe(false)
      expect(task.prompt(p)).toBe(`Compute ${p.question}`)
    }
  })

  test('rows held out are held out, also where they are among the others, and nothing else is', () => {
    fc.assert(
      fc.property(someRows(4), fc.nat(), (rows, seed) => {
        const heldOut = rows.filter((_, i) => i % 2 === 0)
        const task = questions({ name: 'set', rows, heldOut })
        const kept = new Set(heldOut.map(({ question }) => question))
        for (const p of problems(task, 'heldOut', { count: 3 })(hostKey(seed))) expect(kept.has(p.question)).toBe(true)
        for (const p of problems(task, 'train', { count: 3 })(hostKey(seed))) expect(kept.has(p.question)).toBe(false)
      }),
      { seed: 1, numRuns: 30 },
    )
  })

  test('without rows held out, the split is that of every task', () => {
    const rows = Array.from({ length: 200 }, (_, i) => row(`question ${i}`))
    const task = questions({ name: 'set', rows })
    const held = rows.filter((p) => splitOf(task)(p) === 'heldOut').length
    expect(held).toBeGreaterThan(5)
    expect(held).toBeLessThan(40)
    expect(splitOf(task)(problem(task, 'train')(hostKey(3)))).toBe('train')
  })

  test('of two rows with one question the first counts; no rows are a mistake', () => {
    const task = questions({ name: 'twice', rows: [row('q', '1'), row('q', '2')] })
    expect(task.generate(hostKey(0)).answer).toBe('1')
    expect(() => questions({ name: 'none', rows: [] })).toThrow(/questions: none has no rows/)
    // @ts-expect-error: a misspelt option
    expect(() => questions({ name: 'set', rows: [row('q')], holdOut: [] })).toThrow(/holdOut/)
  })

  test('a solution of GSM8K without its final answer is no row', () => {
    expect(gsm8k({ question: 'q', answer: 'It is 4.' })).toEqual(E.left('row.answer has no final answer behind ####'))
    expect(gsm8k({ question: 'q', answer: 'It is 4.\n####  ' })).toMatchObject({ _tag: 'Left' })
    expect(gsm8k({ question: 'q' })).toEqual(E.left('row.answer is not a text'))
  })
})

test.each([
  ...[
    ['3/4', 'basic_arithmetic'],
    ['', 'gcd'],
    ['n/a', 'gcd'],
    ['1 + 2', 'chain_sum'],
    ['12,', 'lcm'],
    ['4/8', 'fraction_simplification'],
  ],
  ...[
    ['none', 'mini_sudoku'],
    ['', 'number_sorting'],
    ['-2 + 9', 'countdown'],
  ],
])('a row whose answer %j is none of %s is left out', (answer, source) => {
  const row = reasoningGym({ question: 'q', answer, metadata: { source_dataset: source } })
  expect(row).toMatchObject({ _tag: 'Left', left: expect.stringMatching(/^row.answer is none of its task/) as string })
})

describe('prompts that are too long', () => {
  const text = mod10Chain.vocabulary
  const sums = fc.array(fc.integer({ min: 1, max: 12 }).map((n) => row(`${'1+'.repeat(n)}1=`)))

  test('are left out and counted, or an error', () => {
    fc.assert(
      fc.property(sums, fc.integer({ min: 3, max: 30 }), (rows, tokens) => {
        const length = ({ question }: Question): number =>
          E.getOrElse((): readonly number[] => [])(text.prompt(question)).length
        const fits = rows.filter((r) => length(r) <= tokens)
        expect(fitting({ text, tokens, longer: 'leave out' })(rows)).toEqual(
          E.right({ rows: fits, leftOut: rows.length - fits.length }),
        )
        const first = rows.find((r) => length(r) > tokens)
        expect(fitting({ text, tokens })(rows)).toEqual(
          first === undefined
            ? E.right({ rows, leftOut: 0 })
            : E.left({ _tag: 'SequenceTooLong', length: length(first), context: tokens }),
        )
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test('a character that the text has not is an error either way', () => {
    expect(fitting({ text, tokens: 9, longer: 'leave out' })([row('é')])).toMatchObject({
      left: { _tag: 'UnknownToken' },
    })
  })
})

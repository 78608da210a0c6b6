import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type LogRecord, parseRecord } from '../run/log.ts'
import { hostKey } from '../run/keys.ts'
import { mod10Chains } from '../task/chain.ts'
import { problem } from '../task/task.ts'
import {
  decodeEvaluation,
  decodeSample,
  evaluationRecord,
  figuresOf,
  type Recorded,
  sampleRecord,
  sampleRecords,
} from './record.ts'

const task = mod10Chains(2)
type Problem = ReturnType<typeof task.generate>
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(NaN)).map((x) => x + 0)
const name = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('__proto__', 'constructor', 'kind', 'version', ''))

/** A group of one problem, of which more or less is known: the same of all its members, as it is in a run. */
const groups = fc
  .record({
    seed: fc.nat(1000),
    size: fc.integer({ min: 1, max: 4 }),
    names: fc.uniqueArray(name, { maxLength: 3 }),
    graded: fc.boolean(),
    told: fc.boolean(),
  })
  .chain(({ seed, size, names, graded, told }) => {
    const asked = problem(task, 'train')(hostKey(seed))
    const member = fc
      .record({
        completion: fc.oneof(fc.string(), fc.constant(`<think></think><answer>${task.trace(asked).answer}</answer>`)),
        length: fc.nat(20),
        terminated: fc.boolean(),
        parts: fc.tuple(...names.map((n) => fc.tuple(fc.constant(n), number))),
        total: number,
        advantage: number,
        logProbs: fc.array(number, { maxLength: 3 }),
        tokens: fc.array(fc.nat(task.vocabulary.size - 1), { maxLength: 4 }),
        entropies: fc.array(number, { maxLength: 4 }),
        tokenAdvantages: fc.array(number, { maxLength: 4 }),
      })
      .map(
        ({ parts, total, advantage, logProbs, tokens, entropies, tokenAdvantages, ...sample }): Recorded<Problem> => ({
          sample: { ...sample, problem: asked, prompt: task.prompt(asked) },
          ...(graded ? { reward: { total, parts: Object.fromEntries(parts) }, advantage } : {}),
          ...(told ? { logProbs, tokens, entropies, tokenAdvantages } : {}),
        }),
      )
    return fc.array(member, { minLength: size, maxLength: size })
  })

/** What a log holds of a record once it was written and read. */
const throughLog = (record: Omit<LogRecord, 'phase' | 'step'>): LogRecord => {
  const read = parseRecord(JSON.stringify({ ...record, phase: 'grpo', step: 3 }))
  if (read._tag === 'None') throw new Error('it is no record')
  return read.value
}

describe('the record of a group', () => {
  test('is read back from a log as it was written, with an entry a completion in each list', () => {
    fc.assert(
      fc.property(groups, fc.option(fc.string()), fc.boolean(), (group, id, told) => {
        const record = sampleRecord(task)(group, id, told ? task.vocabulary : null)
        expect(decodeSample(throughLog(record))).toEqual(E.right(record))
        expect(record.completions).toEqual(group.map(({ sample }) => sample.completion))
        expect(Object.keys(record.rewards)).toEqual(Object.keys(group[0]!.reward?.parts ?? {}))
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('says what the task takes for right, what is absent, and log-probabilities where they are asked for', () => {
    const asked = problem(task, 'train')(hostKey(1))
    const { answer } = task.trace(asked)
    const member = (completion: string, reward: number): Recorded<Problem> => ({
      sample: { problem: asked, prompt: task.prompt(asked), completion, length: 3, terminated: true },
      reward: { total: 2 * reward, parts: { correct: reward } },
      advantage: 0.5,
      logProbs: [-1, -2],
    })
    const rows = [member(`<think></think><answer>${answer}</answer>`, 1), member('?', NaN), member('next', 0)]
    const [record, ...more] = sampleRecords(task, { group: 2, shown: 1 })(rows, ['draw 7', 'draw 8'])
    expect(more).toEqual([])
    expect(record).toEqual({
      kind: 'sample',
      version: 1,
      id: 'draw 7',
      prompt: task.prompt(asked),
      expected: answer,
      completions: [rows[0]!.sample.completion, '?'],
      lengths: [3, 3],
      terminated: [true, true],
      correct: [1, 0],
      rewards: { correct: [1, null] },
      totals: [2, null],
      advantages: [0.5, 0.5],
      logProbs: null,
      tokens: null,
      entropies: null,
      tokenAdvantages: null,
    })
    const asking = sampleRecords(task, { group: 3, shown: 1, logProbs: true })(rows)
    expect(asking[0]!.id).toBe(null)
    expect(() => sampleRecords(task, { group: 2, shown: 1 })(rows, ['draw 7'])).toThrow(/2 groups and 1 ids/)
    expect(asking[0]!.logProbs).toEqual([
      [-1, -2],
      [-1, -2],
      [-1, -2],
    ])
  })

  test("has the tokens of the policy's text, and what is known of each, where they are asked for", () => {
    const asked = problem(task, 'train')(hostKey(1))
    const { vocabulary } = task
    const written = vocabulary.completion('<answer>3</answer>')
    if (E.isLeft(written)) throw new Error('the vocabulary does not have it')
    const tokens = written.right
    const each = (x: number) => tokens.map((_, t) => x + t / 3)
    const row: Recorded<Problem> = {
      sample: {
        ...{ problem: asked, prompt: task.prompt(asked), completion: '<answer>3</answer>' },
        ...{ length: tokens.length, terminated: true },
      },
      tokens,
      logProbs: each(-9),
      entropies: each(0),
      tokenAdvantages: each(1),
    }
    const [told] = sampleRecords(task, { group: 1, shown: 1, text: vocabulary })([row])
    expect(told!.tokens![0]!.join('')).toBe(row.sample.completion)
    expect(told!.tokens![0]).toHaveLength(tokens.length)
    expect(told!.logProbs).toEqual([each(-9)])
    expect(told!.entropies![0]!.slice(0, 3)).toEqual([0, 0.3333, 0.6667])
    expect(told!.tokenAdvantages![0]!.slice(0, 2)).toEqual([1, 1.333])
    const [silent] = sampleRecords(task, { group: 1, shown: 1 })([row])
    expect(silent).toMatchObject({ tokens: null, logProbs: null, entropies: null, tokenAdvantages: null })
    // Lists have an entry for each of a group: what one lacks, none has.
    const { entropies: _, ...less } = row
    expect(sampleRecords(task, { group: 2, shown: 1, text: vocabulary })([row, less])[0]!.entropies).toBe(null)
  })

  test('is of one prompt', () => {
    const [a, b] = [1, 2].map((seed) => problem(task, 'train')(hostKey(seed)))
    const of = (asked: Problem): Recorded<Problem> => ({
      sample: { problem: asked, prompt: task.prompt(asked), completion: '', length: 0, terminated: true },
    })
    expect(() => sampleRecord(task)([of(a!), of(b!)])).toThrow(/2 completions to 2 prompts/)
    expect(() => sampleRecord(task)([])).toThrow(/0 completions/)
  })

  test('that is not of the schema is said to be so', () => {
    fc.assert(
      fc.property(
        groups,
        fc.constantFrom(
          ['prompt', 'a text'],
          ['completions', 'a list'],
          ['lengths', 'a list'],
          ['rewards', 'an object'],
          ['advantages', 'a list'],
        ),
        (group, [field, what]) => {
          const good = throughLog(sampleRecord(task)(group))
          expect(decodeSample({ ...good, version: 2 })).toEqual(E.left('its version is 2, and 1 is read here'))
          expect(decodeSample({ ...good, kind: 'step' })).toEqual(E.left('its kind is step'))
          expect(decodeSample({ ...good, [field]: 3 })).toEqual(E.left(`record.${field} is not ${what}`))
          const { [field]: _, ...less } = good
          expect(decodeSample({ ...less, kind: 'sample', phase: 'grpo', step: 3 })).toEqual(
            E.left(`record.${field} is not ${what}`),
          )
          const { id: __, tokens: _tokens, entropies: _entropies, tokenAdvantages: _advantages, ...old } = good
          expect(decodeSample({ ...old, kind: 'sample', phase: 'grpo', step: 3 })).toEqual(
            E.right({ ...sampleRecord(task)(group), entropies: null, tokenAdvantages: null }),
          )
          expect(decodeSample({ ...good, lengths: [...group.map(() => 1), 1] })).toEqual(
            E.left('its lists differ in length'),
          )
        },
      ),
      { seed: 2, numRuns: 50 },
    )
  })
})

describe('the record of an evaluation', () => {
  test('is read back from a log as it was written', () => {
    const figures = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}@[0-9]$/), number, { maxKeys: 4 })
    fc.assert(
      fc.property(figures, fc.nat(), fc.nat(), fc.option(fc.string()), (given, problems, done, model) => {
        const record = evaluationRecord({ model, problems, done })(given)
        const present = Object.fromEntries(Object.entries(given).filter(([, x]) => !Number.isNaN(x)))
        expect(figuresOf(throughLog(record))).toEqual(present)
        expect(decodeEvaluation(throughLog(record))).toMatchObject(E.right({ model, problems, done, ...present }))
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('has no figure that is named as a field, and no other version', () => {
    expect(() => evaluationRecord({ problems: 1, done: 0 })({ done: 3 })).toThrow(/named 'done'/)
    const good = throughLog(evaluationRecord({ problems: 1, done: 0 })({ passAt1: 1 }))
    expect(decodeEvaluation({ ...good, version: 0 })).toEqual(E.left('its version is 0, and 1 is read here'))
    expect(decodeEvaluation({ ...good, problems: 'all' })._tag).toBe('Left')
  })
})

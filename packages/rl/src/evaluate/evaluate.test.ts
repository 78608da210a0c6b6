// The figures of an evaluation, from samples that are given.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Sample } from '../reward/sample.ts'
import type { Task } from '../task/task.ts'
import { summarize } from './evaluate.ts'

// A problem is the answer that solves it.
const task: Task<string> = {
  name: 'echo',
  generate: () => '1',
  identity: (answer) => answer,
  prompt: (answer) => `${answer}?`,
  verify: (wanted) => (answer) => answer === wanted,
  trace: (answer) => ({ think: '', answer }),
}
const say = (problem: string, answer: string | null, prompt = `${problem}?`): Sample<string> => ({
  ...{ problem, prompt, length: 4, terminated: true },
  completion: answer === null ? 'nothing' : `<think></think><answer>${answer}</answer>`,
})
const answers = fc.array(fc.option(fc.constantFrom('0', '1', '2')), { minLength: 3, maxLength: 3 })
const exam = fc.array(fc.tuple(fc.constantFrom('0', '1'), answers), { minLength: 1, maxLength: 5 })

describe('a summary', () => {
  test('is the mean over problems of what each says alone', () => {
    fc.assert(
      fc.property(exam, (asked) => {
        const of = (group: (typeof asked)[number]) => group[1].map((a) => say(group[0], a, JSON.stringify(group)))
        const whole = summarize(task, 3)(asked.flatMap(of))
        const each = asked.map((group) => summarize(task, 3)(of(group)))
        for (const name of ['passAt1', 'passAtK', 'consAtK', 'formatRate', 'meanLength'] as const)
          expect(whole[name]).toBeCloseTo(each.reduce((s, e) => s + e[name], 0) / each.length, 9)
        const right = asked.flatMap(([wanted, given]) => given.map((a) => a === wanted))
        expect(whole.passAt1).toBeCloseTo(right.filter(Boolean).length / right.length, 9)
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('of samples that are not k for each problem is refused', () => {
    fc.assert(
      fc.property(exam, fc.nat({ max: 14 }), (asked, at) => {
        const samples = asked.flatMap(([problem, given], p) => given.map((a) => say(problem, a, `${p}`)))
        const missing = samples.toSpliced(at % samples.length, 1)
        expect(() => summarize(task, 3)(missing)).toThrow(/summarize: \d+ samples are not 3 for each problem/)
        // One is missing, and another too many: the groups between them are of two problems.
        const last = samples.at(-1)!
        if (samples[at % samples.length]!.prompt !== last.prompt)
          expect(() => summarize(task, 3)([...missing, last])).toThrow(
            /summarize: samples \d+ to \d+ answer two prompts/,
          )
      }),
      { seed: 1, numRuns: 100 },
    )
    for (const k of [0, -1, 1.5, NaN]) expect(() => summarize(task, k)).toThrow(/summarize: k is/)
    expect(summarize(task, 3)([])).toMatchObject({ passAt1: 0, meanLength: 0 })
  })

  test('a verifier that breaks is named, with what it was asked', () => {
    const of = (verify: unknown) => () =>
      summarize({ ...task, verify: verify as Task<string>['verify'] }, 1)([say('1', '1'), say('2', '7\u001b[2J')])
    const bug = new TypeError('a bug')
    const throws = () => (answer: string) => {
      if (answer.startsWith('7')) throw bug
      return true
    }
    expect(of(throws)).toThrow(
      String.raw`the verifier of task "echo" threw TypeError: a bug, at the answer "7\u001b[2J" to "2?"`,
    )
    expect(of(() => () => Promise.resolve(false))).toThrow(
      /the verifier of task "echo" gave Promise.*neither true nor false/,
    )
    expect(of(() => () => 1)).toThrow('gave 1, which is neither true nor false')
  })
})

// Sums asked for in English, beside the generator that they are taken from.
import { existsSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accuracy } from '../reward/rules.ts'
import { hostKey } from '../run/keys.ts'
import { chainSum } from './chain-sum.ts'
import { readJsonLines } from './json-lines.ts'
import { reasoningGym } from './questions.ts'
import { splitOf } from './task.ts'

const task = chainSum({ terms: { min: 2, max: 4 }, digits: { min: 1, max: 4 } })
const key = fc.nat().map(hostKey)

describe('chain sums', () => {
  test('the answer is the sum of what the prompt asks for, and any sentence that ends with it is right', () => {
    const correct = accuracy(task.verify, task.answerIn)
    fc.assert(
      fc.property(
        key,
        fc.constantFrom('', 'The answer is ', '1 + 1 = 2, so '),
        fc.constantFrom('', '.'),
        (k, before, end) => {
          const problem = task.generate(k)
          const prompt = task.prompt(problem)
          const [said] = /[\d].*(?= =)/.exec(prompt)!
          const sum = said.split(/ (?=[+-])/).reduce((n, term) => n + Number(term.replace(' ', '')), 0)
          const { answer } = task.trace(problem)
          expect(Number(answer)).toBe(sum)
          const sample = { problem, prompt, length: 1, terminated: true }
          expect(correct({ ...sample, completion: `${before}${answer}${end}` })).toBe(1)
          expect(correct({ ...sample, completion: `${before}${sum + 1}${end}` })).toBe(0)
          expect(correct({ ...sample, completion: 'I cannot say.' })).toBe(0)
          expect(['train', 'heldOut']).toContain(splitOf(task)(problem))
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })

  test('ranges that are none are an error', () => {
    expect(() => chainSum({ terms: { min: 3, max: 2 }, digits: { min: 1, max: 1 } })).toThrow(/3 to 2 terms/)
    expect(() => chainSum({ terms: { min: 2, max: 2 }, digits: { min: 1, max: 16 } })).toThrow(/15 digits/)
  })

  const path = new URL('../../../../../shared/fixtures/data/reasoning-gym/chain_sum.jsonl', import.meta.url).pathname
  test.skipIf(!existsSync(path))(
    'rows of reasoning-gym are asked in the same words (skipped where they are absent)',
    async () => {
      const rows = await readJsonLines({ path, schema: reasoningGym })()
      if (E.isLeft(rows)) throw new Error('unreadable')
      for (const { question, answer } of rows.right) {
        const [said] = /(?<=: ).*(?= =)/.exec(question)!
        const terms = said.split(/ (?=[+-])/).map((term) => Number(term.replace(' ', '')))
        expect(task.prompt({ terms })).toBe(question)
        expect(task.verify({ terms })(answer)).toBe(true)
      }
    },
  )
})

// TinyZero's rows: each is solved by all of its numbers, or told with its line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { describeError } from '../run/errors.ts'
import { hostKey } from '../run/keys.ts'
import { evaluateExpression } from './expression.ts'
import { readJsonLines } from './json-lines.ts'
import { type Question, questions } from './questions.ts'
import { problem } from './task.ts'
import { tinyZero } from './tiny-zero.ts'

const folder = mkdtempSync(join(tmpdir(), 'adjoint-tiny-'))
afterAll(() => rmSync(folder, { recursive: true }))

const rowOf = (nums: readonly number[], target: number): Question => {
  const read = tinyZero({ nums, target })
  if (E.isLeft(read)) throw new Error(read.left)
  return read.right
}
const sorted = (numbers: readonly number[]): readonly number[] => [...numbers].sort((a, b) => a - b)

/** A target that some way of joining the numbers one after another reaches, in whole numbers from 0. */
const reachable = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 4 }),
    fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }),
  )
  .map(([nums, ops]) => ({
    nums,
    target: nums
      .slice(1)
      .reduce(
        (value, n, i) => [value + n, Math.abs(value - n), value * n, value % n === 0 ? value / n : value + n][ops[i]!]!,
        nums[0]!,
      ),
  }))

describe('a row', () => {
  test('has a solution of all of its numbers, and is judged by what they come to', () => {
    fc.assert(
      fc.property(reachable, ({ nums, target }) => {
        const row = rowOf(nums, target)
        const value = evaluateExpression(row.answer)
        expect(value).toMatchObject({ right: { value: { numerator: BigInt(target), denominator: 1n } } })
        expect(E.isRight(value) && sorted(value.right.numbers)).toEqual(sorted(nums))
        const right = questions({ name: 'tiny-zero', rows: [row] }).verify(row)
        for (const text of [
          row.answer,
          ` (${row.answer})\n`,
          `\`\`\`\n${row.answer}\n\`\`\``,
          `\\boxed{${row.answer}}`,
        ])
          expect(right(text)).toBe(true)
        for (const text of [
          `${target}`,
          `${row.answer} + 1`,
          `${row.answer} + 0`,
          `${row.answer} = ${target}`,
          row.question,
          '',
        ])
          expect([text, right(text)]).toEqual([text, false])
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('is found through fractions and numbers below 0, where nothing else reaches it', () => {
    // 8 / (3 - 8 / 3), and 6 / (1 - 3 / 4)
    for (const [nums, target] of [
      [[3, 3, 8, 8], 24],
      [[1, 3, 4, 6], 24],
      [[5], 5],
      [[2, 0, 7], 9],
    ] as const) {
      const row = rowOf(nums, target)
      expect(evaluateExpression(row.answer)).toMatchObject({ right: { value: { numerator: BigInt(target) } } })
    }
    expect(rowOf([44, 19, 35], 98)).toEqual({
      question:
        'Using the numbers [44, 19, 35], create an equation that equals 98. You can use basic arithmetic operations (+, -, *, /) and each number can only be used once.',
      answer: expect.any(String) as string,
      thought: '',
      grader: 'countdown',
    })
  })

  test.each<readonly [unknown, string]>([
    [{ nums: [1, 1], target: 98 }, 'no expression of 1, 1, each once, is 98'],
    [{ nums: [1, 2, 3] }, 'row.target is not a whole number of 0 or more'],
    [{ target: 3 }, 'row.nums is not a list'],
    [{ nums: ['1'], target: 1 }, 'row.nums[0] is not a whole number from 0'],
    [{ nums: [1.5], target: 1 }, 'row.nums[0] is not a whole number from 0'],
    [{ nums: [-1], target: 1 }, 'row.nums[0] is not a whole number from 0'],
    [{ nums: [], target: 0 }, 'row.nums has 0 numbers, and 1 to 5 are solved here'],
    [{ nums: [1, 1, 1, 1, 1, 1], target: 7 }, 'row.nums has 6 numbers, and 1 to 5 are solved here'],
    [[1, 2], 'row is not an object'],
  ])('%j is none', (value, reason) => {
    expect(tinyZero(value)).toEqual(E.left(reason))
  })
})

test('a file is read, and a bad line told by its number', async () => {
  const path = join(folder, 'countdown.jsonl')
  const good = '{"target": 98, "nums": [44, 19, 35]}\n{"nums": [63, 95, 96], "target": 64}\n'
  writeFileSync(path, good)
  const read = await readJsonLines({ path, schema: tinyZero })()
  if (E.isLeft(read)) throw new Error(describeError(read.left))
  const task = questions({ name: 'tiny-zero', rows: read.right, heldOut: [] })
  const asked = problem(task, 'train')(hostKey(0))
  expect(task.verify(asked)(task.trace(asked).answer)).toBe(true)
  writeFileSync(path, `${good}{"nums": [1, 2], "target": 50}\n`)
  expect(await readJsonLines({ path, schema: tinyZero })()).toMatchObject({
    left: { _tag: 'BadLine', line: 3, reason: 'no expression of 1, 2, each once, is 50' },
  })
})

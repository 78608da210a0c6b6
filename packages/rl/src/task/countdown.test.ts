import { existsSync, readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sameMath } from '../reward/answer.ts'
import { countdown, sameCountdown, solveCountdown } from './countdown.ts'
import { evaluateExpression } from './expression.ts'

// -- random expressions, as text and as what they mean ------------------------------------------
interface Meant {
  readonly text: string
  readonly value: number
  readonly precedence: 0 | 1 | 2
  readonly numbers: readonly number[]
}
const wrap = (m: Meant, least: number): string => (m.precedence < least ? `(${m.text})` : m.text)
const { meant } = fc.letrec<{ meant: Meant }>((tie) => ({
  meant: fc.oneof(
    { maxDepth: 5 },
    fc.nat({ max: 30 }).map((n): Meant => ({ text: String(n), value: n, precedence: 2, numbers: [n] })),
    fc
      .tuple(tie('meant'), fc.constantFrom('+', '-', '*'), tie('meant'), fc.constantFrom('', ' '))
      .map(([a, op, b, gap]): Meant => {
        const precedence = op === '*' ? 1 : 0
        const text = `${wrap(a, precedence)}${gap}${op}${gap}${wrap(b, precedence + 1)}`
        const value = op === '+' ? a.value + b.value : op === '-' ? a.value - b.value : a.value * b.value
        return { text, value, precedence, numbers: [...a.numbers, ...b.numbers] }
      }),
  ),
}))

describe('expressions', () => {
  test('mean what they say', () => {
    fc.assert(
      fc.property(meant, ({ text, value, numbers }) => {
        const result = evaluateExpression(text)
        if (text.length > 500) return E.isLeft(result)
        return (
          E.isRight(result) &&
          Number(result.right.value.numerator) / Number(result.right.value.denominator) === value &&
          String(result.right.numbers) === String(numbers)
        )
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('never throw on any text', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...Array.from('0123+-*/() ')) }))
    fc.assert(
      fc.property(text, (t) => {
        evaluateExpression(t)
        countdown().verify({ numbers: [1, 2, 3], target: 6 })(t)
        return true
      }),
      { seed: 1, numRuns: 1000 },
    )
    expect(evaluateExpression('('.repeat(100_000))).toEqual(E.left({ _tag: 'TooLong', length: 100_000 }))
  })

  test('are exact: (1/3)*3 = 1, and division by zero has no value', () => {
    expect(evaluateExpression('1/3*3')).toMatchObject(E.right({ value: { numerator: 1n, denominator: 1n } }))
    expect(evaluateExpression('1/(2-2)')).toEqual(E.left({ _tag: 'DivisionByZero', position: 1 }))
    expect(['', '1+', '+1', '(1', '1)', '1 2', '1**2', 'a'].map((t) => E.isLeft(evaluateExpression(t)))).toEqual(
      Array(8).fill(true),
    )
  })
})

describe('countdown', () => {
  const verify = countdown().verify({ numbers: [3, 7, 25], target: 54 })

  test('accepts any solution, and nothing else', () => {
    expect(['3*(25-7)', '(25 - 7) * 3', '25*3-7*3'].map(verify)).toEqual([true, true, false])
    expect(['54', '27+27', '3*25-7', '', '3*(25-7'].map(verify)).toEqual([false, false, false, false, false])
    const twice = countdown().verify({ numbers: [5, 5], target: 10 })
    expect([twice('5+5'), twice('5+5+5-5'), twice('5*2')]).toEqual([true, false, false])
  })

  test('the solver solves what can be solved', () => {
    expect(solveCountdown({ numbers: [3, 7, 25], target: 54 })).toEqual({
      steps: ['25-7=18', '18*3=54'],
      expression: '(25-7)*3',
    })
    expect(solveCountdown({ numbers: [1, 1, 1], target: 99 })).toBeNull()
  })

  const fixture = '../shared/fixtures/data/reasoning-gym/countdown.jsonl'
  test.skipIf(!existsSync(fixture))(`agrees with the solutions of reasoning-gym (${fixture})`, () => {
    const rows = readFileSync(fixture, 'utf8').trim().split('\n')
    for (const row of rows) {
      const { answer, metadata } = JSON.parse(row) as {
        answer: string
        metadata: { numbers: number[]; target: number }
      }
      expect(countdown().verify(metadata)(answer), `${metadata.target} = ${answer}`).toBe(true)
    }
  })

  const small = fc.integer({ min: 1, max: 99 })
  test('of a row with one solution every expression of its value over its numbers is right, and no other', () => {
    fc.assert(
      fc.property(small, small, small, (a, b, c) => {
        const right = sameCountdown(`${a}*(${b} + ${c})`)
        const target = a * (b + c)
        // the numbers in another order, and grouped otherwise
        for (const text of [`(${c}+${b})*${a}`, ` ${a} * (${b}+${c}) `, `((${b}+${c}) * ${a})`])
          expect(right(text)).toBe(true)
        // other numbers of the same value, and the same ones of another
        expect(right(`${a}*(${b + 1} + ${c - 1})`)).toBe(b + 1 === c)
        expect(right(`${a} + ${b} + ${c}`)).toBe(a + b + c === target)
        // the target itself, a number too few, one too many, one twice, and no expression
        for (const text of [`${target}`, `${a * b} + ${a * c}`, `${a}*(${b}+${c})+1-1`, `${a}*${b}+${a}*${c}`, '', 'x'])
          expect(right(text)).toBe(false)
      }),
      { seed: 1, numRuns: 200 },
    )
    expect(sameCountdown('6/4*8')('6*(8/4)')).toBe(true)
  })

  test('is taken in code, formulas, and after its statement, with any sign of a product', () => {
    const right = sameCountdown('20*28 + 98')
    const written = [
      ...[
        'Here:\n```\n98 + 28*20\n```',
        '```python\n98 + 28*20\n```\nDone.',
        '\\(98+28\\times20\\)',
        '\\[98+28\\cdot 20\\]',
      ],
      ...[
        '98 + \\left(28\\cdot20\\right)',
        '98 + 28x20',
        '98 + 28 x 20',
        '98 + 28 ∗ 20',
        '**98+28*20**',
        '\\boxed{98+28 × 20}',
      ],
      ...[
        'The answer is 98 + 28*20',
        'The answer is 98 + 28*20.',
        'Answer: $98 + 28*20$',
        'The answer is \\(98 + 28*20\\).',
      ],
    ]
    for (const text of written) expect([text, right(text)]).toEqual([text, true])
    const wrong = [
      'The answer is 658',
      '\\(658\\)',
      '```\n658\n```',
      '98 + 28x20x1',
      '28*20\n+ 98 - 0',
      'The answer is 98 + 28*20 + 1',
    ]
    for (const text of wrong) expect([text, right(text)]).toEqual([text, false])
  })

  test('what is expected counts without the spaces around it, and has to be an expression', () => {
    const around = fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t'), maxLength: 4 })
    fc.assert(
      fc.property(small, small, around, around, (a, b, before, after) => {
        const right = sameCountdown(`${before}${a}*${b}${after}`)
        expect([`${b}*${a}`, `${before}${a} * ${b}${after}`, `${a}+${b}+1`].map(right)).toEqual([true, true, false])
      }),
      { seed: 1, numRuns: 100 },
    )
    expect(() => sameCountdown('not an expression')).toThrow(
      /the expected "not an expression" is no expression: the grammar has something else at position 0/,
    )
    expect(() => sameCountdown(' -2 + 9')).toThrow(/"-2 \+ 9" is no expression: a sign before a number/)
    expect(() => sameCountdown('')).toThrow(TypeError)
    expect(() => sameCountdown('4/(2-2)')).toThrow(/what the \/ at position 1 divides by is 0/)
    expect(() => sameCountdown('1+'.repeat(300))).toThrow(/it has 600 characters/)
  })

  test.skipIf(!existsSync(fixture))(
    `judges reasoning-gym's rows, where the value alone would let the target pass`,
    () => {
      for (const row of readFileSync(fixture, 'utf8').trim().split('\n')) {
        const { answer, metadata } = JSON.parse(row) as { answer: string; metadata: { target: number } }
        const judged = [answer, `(${answer})`, `${metadata.target}`, `${answer} + 0`].map(sameCountdown(answer))
        expect(judged, answer).toEqual([true, true, false, false])
        expect(sameMath()(answer)(`${metadata.target}`)).toBe(true)
      }
    },
  )
})

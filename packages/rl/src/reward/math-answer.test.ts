import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sameChoice } from './choice.ts'
import { mathAnswer } from './math-answer.ts'

const found = (cases: readonly (readonly [string, string])[]): void => {
  for (const [text, answer] of cases) expect(mathAnswer(text), text).toBe(answer)
}

describe('the answer in a text', () => {
  test('is the last box that holds something', () => {
    found([
      ['As $7^2 = 49$, the root is $\\boxed{7}$, not $8$.', '7'],
      ['first $\\boxed{1}$, but then $\\boxed{\\frac{1}{2}}$.', '\\frac{1}{2}'],
      ['$\\boxed{4}$ and \\boxed{}', '4'],
      ['$\\boxed{4}$ and \\boxed{ \\boxed{ } }', '4'],
      ['$\\boxed{\\boxed{5}}$', '5'],
      ['\\boxed{ \\fbox{ \\boxed{\\frac12} } }', '\\frac12'],
      ['\\boxed{x = \\boxed{5}}', 'x = \\boxed{5}'],
      ['\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
      ['$\\boxed 7$ it is', '7'],
      ['\\boxed{open', '\\boxed{open'],
    ])
    // A box in parts, and a joint of them.
    found([
      ['$\\boxed{1}$ and $\\boxed{2}$', '1 , 2'],
      ['$\\boxed{1}$ is wrong, and $\\boxed{2}$', '2'],
    ])
  })

  test('of nested boxes is what the innermost holds, however many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.constantFrom('5', '\\frac{1}{2}', '{x}'), (n, answer) => {
        expect(mathAnswer(`so $${'\\boxed{'.repeat(n)}${answer}${'}'.repeat(n)}$.`)).toBe(answer)
      }),
      { seed: 8, numRuns: 60 },
    )
  })

  test('is what the text says it is', () => {
    found([
      ['the final answer is $5$. I checked it with $6$. The final answer is $7$.', '7'],
      ['The answer is 5, and 6 are left.', '5'],
      ['The answer is $x = 5$, since $5^2 = 25$.', 'x = 5'],
      ['The answer is: **12**', '12'],
      ['Final Answer: The volume of $ABC$ is 120. I hope it is correct.', '120'],
      ['The answer is 10 + 5 = 15.', '10 + 5 = 15'],
      ['The answer is east.', 'east'],
      ['3 + 4 = 7\n#### 1,234', '1,234'],
      ['so \\boxed{200} at first. The final answer is $10{,}455$. I hope it is correct.', '10{,}455'],
      ['so \\boxed{200}. The final answer is checked.', '200'],
    ])
  })

  test('stops where the text runs on into another', () => {
    fc.assert(
      fc.property(
        fc.nat(999),
        fc.constantFrom('\n\nQuestion: 3+4? ', '\nQ: 3+4?\nA: ', '\n\nProblem 12: ', '\n**Question 2:** ', '\n### Problem: ', '<|im_end|>\n<|im_start|>user\n', '</s>', '\n\nHuman: ', '\nExercise 3:'), // prettier-ignore
        fc.constantFrom('The answer is 1001.', '\\boxed{1001}', '#### 1001', 'so $1001$', '1001'),
        fc.constantFrom((n: number) => `The answer is ${n}.`, (n: number) => `It is $\\boxed{${n}}$.`, (n: number) => `#### ${n}`, (n: number) => ` ${n}`), // prettier-ignore
        (n, next, other, say) => {
          expect(mathAnswer(say(n) + next + other)).toBe(String(n))
        },
      ),
      { seed: 8, numRuns: 300 },
    )
    found([
      // What only repeats its question has not answered before it.
      ['Question: 3+4?\nThe answer is 7', '7'],
      ['Let me say it again.\nQuestion: what is 3+4?\nThe answer is 7', '7'],
    ])
  })

  test('is the last formula of prose, or the last number after it', () => {
    found([
      ['$1$ and $2$ and $3$', '1 , 2 , 3'],
      ['it is \\( x \\); then \\[ y \\] if you like', ' y '],
      ['it is \\( x \\), or \\[ y \\]', ' x  ,  y '],
      ['From $x = 4$ we see that there are 12 of them.', '12'],
      ['so 10 and then 1,000.5 apples', '1,000.5'],
      ['it costs \\$5 or $6$', '6'],
      [' 5 ', '5'],
      ['\\frac{1}{2}', '\\frac{1}{2}'],
      ['AB : CD = 1 : 2', 'AB : CD = 1 : 2'],
    ])
  })
})

describe('the choice in a text', () => {
  test('is the letter that it names', () => {
    const same = sameChoice({ letters: 'ABCD' })
    for (const text of [
      'C',
      '(C) Cecile',
      'C. since it is',
      'The answer is C, not A or B',
      'It is not A, so I think C',
      '\\boxed{\\text{C}}',
      'A lot of it is clear: (C)',
      'Answer: (C)',
    ])
      // prettier-ignore
      expect([same('C')(text), same('A')(text), same('(C) Cecile')(text)], text).toEqual([true, false, true])
    for (const text of ['', 'E', 'CD', "C's", '3']) expect(same('C')(text), text).toBe(false)
    expect(same('none')('none')).toBe(false)
    expect(() => sameChoice({ letters: '' })).toThrow(/letters/)
  })
})

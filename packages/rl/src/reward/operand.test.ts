// What a reader of the graders found: wrong answers that were paid, and right ones that were refused.
import { describe, expect, test } from 'vitest'
import { sameMath } from './answer.ts'
import { sameReduced, sameResult } from './exact.ts'

type Grader = (expected: string) => (answer: string) => boolean
const judged = (grader: Grader, expected: string, texts: readonly string[], paid: boolean): void => {
  const right = grader(expected)
  for (const text of texts) expect([expected, text, right(text)]).toEqual([expected, text, paid])
}

const OPERATORS = [
  ...['+', '-', '−', '–', '*', '**', '/', '//', '%', '^', '×', '÷', '·', '∙', 'x', '\\times', '\\cdot', '\\div'],
  ...['times', 'plus', 'minus', 'over', 'mod', 'divided by', 'multiplied by'],
]
/** What may stand around an operand. */
const AROUND: readonly ((numeral: string) => string)[] = [
  (n) => n,
  (n) => `$${n}$`,
  (n) => `**${n}**`,
  (n) => `\`${n}\``,
  (n) => `"${n}"`,
  (n) => `(${n})`,
  (n) => `\\(${n}\\)`,
]
const STATEMENTS = ['The answer is ', 'Answer: ', '#### ', 'It is ', 'We compute ', 'The final answer is ']

describe('a part of a calculation is no result', () => {
  test.each(OPERATORS)('with %s before or behind it, whatever is around either', (by) => {
    for (const statement of STATEMENTS)
      for (const around of AROUND)
        for (const end of ['', '.', ' =', '\n']) {
          const [a, b] = [around('48'), around('5')]
          for (const text of [`${a} ${by} ${b}`, `${a} ${by} 5`, `48 ${by} ${b}`])
            for (const expected of ['48', '5'])
              expect([
                expected,
                `${statement}${text}${end}`,
                sameResult(expected)(`${statement}${text}${end}`),
              ]).toEqual([expected, `${statement}${text}${end}`, false])
        }
  })

  test('nor is one without blanks, one of a call, or one with a sign', () => {
    judged(
      sameResult,
      '48',
      ['The answer is 48-4', 'The answer is 48,4', 'The answer is 48;4', 'The answer is 48x4'],
      false,
    )
    judged(
      sameResult,
      '48',
      ['It is √48', 'It is sqrt(48)', 'It is $\\sqrt{48}$', 'It is f(48)', 'It is max(4, 48)'],
      false,
    )
    judged(
      sameResult,
      '48',
      ['It is 2^{48}', 'It is x48', 'It is 4**48', 'It is 4//48', 'It is 48x4', 'It is 4\\times48'],
      false,
    )
    judged(sameResult, '-7', ['It is 3 + −7', 'It is 3 * (−7)', 'It is 3 + -7', 'It is 3 * (-7)', 'It is 9 -7'], false)
    judged(sameResult, '1', ['#### 1 - 2', 'Answer: 1 x 5', 'It is 2 -\n1', '2 - 1 =', 'It is 2 - x1'], false)
    judged(sameResult, '7', ['14 halves', '28 quarters', '21 thirds', 'fourteen halves', '70 tenths'], false)
    judged(
      sameReduced,
      '3/4',
      ['It is 1 - 3/4', 'The answer is 1 - 3/4', '2 * 3/4', 'It is $1$ - $\\frac{3}{4}$'],
      false,
    )
  })

  test('in the statement that sameMath reads it is computed', () => {
    judged(sameMath(), '48', ['The answer is 48 - 4', 'The answer is 48 x 4', 'The answer is 48 × 4'], false)
    judged(
      sameMath(),
      '48',
      ['The answer is 48 minus 4', 'The answer is 48,4', 'The answer is 48;4', '#### 48-4'],
      false,
    )
    judged(sameMath(), '44', ['The answer is 48 - 4', '#### 48-4', 'Answer: 48 − 4'], true)
  })
})

describe('sameMath takes no part of a calculation out of prose', () => {
  test.each(OPERATORS.filter((by) => by !== '*'))('with %s before it', (by) => {
    for (const end of ['', '.', '\n'])
      judged(sameMath(), '48', [`It is 4 ${by} 48${end}`, `We get 5 ${by} 48${end}`], false)
    judged(sameMath(), '48', [`It is $4$ ${by} $48$.`, `It is 4 ${by} $48$`], false)
  })

  test('and the number that a text ends with is still one', () => {
    judged(
      sameMath(),
      '48',
      ['It is 48', '4 + 44 = 48', 'So 4 × 12 = 48.', 'He has 48 apples.', 'It is $48$.', 'x = 48'],
      true,
    )
    // the calculation as a whole is read where it is the statement
    judged(sameMath(), '192', ['The answer is 4 × 48', '4 × 48', 'It is $4 \\times 48$.'], true)
  })

  test('a letter behind a numeral that is no unit is a variable', () => {
    for (const letter of ['x', 'y', 'z', 'n', 'a', 'b']) {
      const texts = [
        `It is 48${letter}`,
        `The answer is 48${letter}.`,
        `#### 48${letter}`,
        `48${letter}`,
        `It is 48${letter}^2.`,
      ]
      judged(sameMath(), '48', texts, false)
      judged(sameResult, '48', texts, false)
      judged(sameMath(), `48${letter}`, texts.slice(0, 4), true)
    }
    judged(sameMath(), '48', ['It is 48 m', 'It is 48m', 'It is 48 kg.', 'The answer is 48km'], true)
  })

  test('but times are none, nor hours', () => {
    const texts = ['It is 3x as large.', 'She is 3x older than him.', 'It runs 3x faster.', 'He runs 3x a week.']
    judged(sameMath(), '3', [...texts, 'It leaves at 3a.m.'], true)
    judged(sameResult, '3', [...texts, 'It leaves at 3a.m.'], true)
    judged(sameMath(), '3', ['It is 3x as a function of x.', 'It is 3x over 2.'], false)
  })

  test('nor are words of one letter behind a dash or an operator in words', () => {
    const texts = ['He runs 5 times a week.', 'It is 5 - a prime.', 'It is 5 – I am sure.', "It is 5 - I'm sure."]
    judged(sameMath(), '5', [...texts, 'It is 5 plus a bonus.', '20 - 15 = 5 - a round number.'], true)
    judged(sameResult, '5', texts, true)
    judged(sameMath(), '5', ['It is 5 - a.', 'It is 5 - a is so.', 'It is 5 times a.', 'It is 5 - x no'], false)
  })
})

describe('the number itself is one', () => {
  test('with words, dashes, units and other numbers about it', () => {
    judged(
      sameResult,
      '7',
      [
        ...['4 + 3 = **7**', 'x = **7**', 'x = `7`', '= **7**', '**4 + 3 = 7**', '4 + 3 equals **7**'],
        ...['The answer is 7, as 4 + 3 = 7.', 'The answer is 7. Check: 10 - 3 = 7', '7 months', '7 apples', 'seven'],
        ...[
          'The total is 7.',
          '7 + 0 = 7',
          'The answer is 7 + 0 = 7',
          'So 7 + 0 is 7.',
          'The answer is 7 - as was asked.',
        ],
        ...[
          'The answer is **7**.\n\n10 - 3 is what we did.',
          'Step 3:\n7',
          'The answer (in legs) is 7',
          'So, of 4 **7**',
        ],
        ...[
          '10 - 3 → 7',
          'We have 10 - 3, which is $7$',
          'gcd(14, 21) = 7',
          'gcd(14, 21) is 7',
          'The result (7)',
          'It is \\textbf{7}.',
          'It is $\\left(7\\right)$',
          'It appears 7 times.',
        ],
      ],
      true,
    )
    judged(sameMath(), '7', ['4 + 3 = **7**', 'x = **7**', 'x = `7`', '= **7**'], true)
    judged(
      sameResult,
      '-7',
      [
        '–7',
        '−7',
        'The answer is –7',
        'It is −7.',
        'x = –7',
        'negative seven',
        'minus seven',
        'negative 7',
        '3 – 10 = –7',
      ],
      true,
    )
    judged(sameResult, '7', ['–7', 'The answer is –7', 'negative seven', 'minus seven'], false)
  })

  test('also far behind: the time is in proportion to the text', () => {
    const text = `${' '.repeat(9900)}x = 7`
    expect([sameResult('7')(text), sameResult('1')(`It is 2 -${' '.repeat(9000)}1`)]).toEqual([true, false])
  })

  test('of a fraction: brackets and signs over the line, and none under it', () => {
    judged(
      sameReduced,
      '-3/4',
      ['(-3)/4', '\\left(-\\frac{3}{4}\\right)', '\\cfrac{-3}{4}', '–3/4', 'The answer is -3/4'],
      true,
    )
    judged(sameReduced, '23/131', ['\\left(\\frac{23}{131}\\right)', '\\cfrac{23}{131}', '92/524 = **23/131**'], true)
    judged(sameReduced, '-3/4', ['3/-4', '\\frac{3}{-4}', '3/4', '(3)/4'], false)
    judged(sameReduced, '23/131', ['\\frac{-23}{-131}', '(-23)/131'], false)
  })

  test('what is expected must be one', () => {
    for (const expected of ['3/4', '', 'n/a', '1 + 2', '12,', '14 halves'])
      expect(() => sameResult(expected)).toThrow(/sameResult: the expected .* is no number that was computed/)
  })
})

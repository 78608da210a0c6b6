// Any text is judged, in time that grows with its length alone.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sameLatex, sameMath, sameNumber, sameText } from './answer.ts'
import { sameChoice } from './choice.ts'
import { mathAnswer } from './math-answer.ts'

const LONG = 1_000_000
const graders = {
  math: sameMath()('17'),
  expected: (text: string) => sameMath()(text)('17'),
  number: sameNumber()('17'),
  latex: sameLatex('17'),
  text: sameText('17'),
  choice: sameChoice()('A'),
  extraction: (text: string) => mathAnswer(text) === '17',
}
/** The longest that a grader takes over a text, in ms, and whether any takes it for 17. */
const judged = (text: string) => {
  const times = Object.values(graders).map((grader) => {
    const start = performance.now()
    const right = grader(text)
    return { ms: performance.now() - start, right }
  })
  return { slowest: Math.max(...times.map(({ ms }) => ms)), right: times.some(({ right }) => right) }
}
// A second by itself; machines that test are shared.
const A_SECOND = 3_000

describe('a megabyte', () => {
  const characters = ['1', '0', ' ', '\n', '\t', '\\', '{', '}', '(', '[', '$', '.', ',', '-', '=', '|', '^', '_', '/', ':', ';', '%', '&', '<', "'", '#', '*', '中', '😀'] // prettier-ignore
  test.each(characters)('of %j is wrong, within a second', (c) => {
    for (const text of [c.repeat(LONG / c.length), `1${c.repeat(LONG / c.length)}x`]) {
      const { slowest, right } = judged(text)
      expect(right).toBe(false)
      expect(slowest).toBeLessThan(A_SECOND)
    }
  })

  const pieces = ['\\frac', '\\frac{', '\\boxed{', '\\boxed{}', '\\boxed ', '\\text{a}', '\\text{', '\\sqrt', '1,000,', '1 ', '1e5 ', '1/', '=1', '\\(2\\) ', '$2$ ', '$ \n', '\n ', '\\begin{pmatrix}', 'answer is ', 'Answer: \n\n', '#### \n', '\n\nQuestion: ', '. B', 'a b ', '<|', '\\pm', '0.\\overline{3}'] // prettier-ignore
  test.each(pieces)('of %j is wrong, within a second', (piece) => {
    const repeated = piece.repeat(LONG / piece.length)
    for (const text of [repeated, `The answer is ${repeated}`, `\\boxed{${repeated}}`]) {
      const { slowest, right } = judged(text)
      expect(right).toBe(false)
      expect(slowest).toBeLessThan(A_SECOND)
    }
  })
})

describe('what is short and large', () => {
  const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + '17' + close.repeat(depth)
  const large = {
    brackets: nested('(', ')', 20_000),
    'unclosed brackets': '('.repeat(20_000),
    braces: nested('{', '}', 20_000),
    fractions: nested('\\frac{1}{', '}', 60),
    'mixed numbers in mixed numbers': nested('2\\frac{x}{', '}', 60),
    'branches of branches': nested('1 \\pm (', ')', 60),
    signs: '-'.repeat(2_000) + '17',
    'a tower': nested('9^{', '}', 60),
    'ten to a billion': '10^{1000000000}',
    'a root near one': '(1.0000001)^{10^{15}}',
    factorials: '1000!!!!!',
    'a factorial': '100000!',
    'a binomial': '\\binom{1000000}{1000}',
    exponentials: 'e^{e^{e^{e^{e^{e}}}}}',
    'a sine far out': '\\sin(10^{1000})',
    sines: Array.from({ length: 300 }, (_, i) => `\\sin(${i}x)`).join('+'),
    'a polynomial': nested('(x + y + z)^{90} + (', ')', 30),
    variables: 'xyz'.repeat(600),
    'large fractions': Array.from({ length: 150 }, (_, i) => `\\frac{3^{${9000 + i}}}{7^{${5000 + i}}}`).join('+'),
    'many members': Array.from({ length: 600 }, (_, i) => `\\sqrt{${i + 2}}`).join(', '),
    'a product of matrices': Array<string>(3).fill(`\\begin{pmatrix}${Array<string>(14).fill(Array<string>(14).fill('x').join('&')).join('\\\\')}\\end{pmatrix}`).join(' '), // prettier-ignore
  }
  test.each(Object.entries(large))('%s', (_, text) => {
    const start = performance.now()
    expect(sameMath()('17.5')(text)).toBe(false)
    expect(sameMath()(`${text} + 1`)(text)).toBe(false)
    expect(performance.now() - start).toBeLessThan(2 * A_SECOND)
    expect(sameMath()(text)(text)).toBe(true)
  })

  test('twenty thousand boxes around an answer are one', () => {
    expect(mathAnswer(nested('\\boxed{', '}', 20_000))).toBe('17')
  })

  test('no text throws, whatever it is made of', () => {
    const piece = fc.constantFrom('\\frac', '\\sqrt', '\\boxed', '\\left', '\\begin{pmatrix}', '\\end{pmatrix}', '\\text{', '\\pm', '\\cup', '\\in', '\\sin', '\\log_', '\\binom', '\\overline', '\\lfloor', '\\rfloor', '\\infty', '\\\\', '\\', '{', '}', '(', ')', '[', ']', '\\{', '\\}', '|', '$', '^', '_', ',', ';', ':', '=', '<', '≠', '≈', '.', '%', '°', '!', '&', '-', '+', '*', '/', ' ', '\n', '0', '17', '2.5', 'e', 'i', 'x', 'f', 'cm', 'and', 'answer is', '####', 'constructor', '__proto__') // prettier-ignore
    const text = fc.oneof(
      fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
      fc.string({ unit: 'binary', maxLength: 30 }),
    )
    fc.assert(
      fc.property(text, text, (x, y) => {
        const same = sameMath()
        expect(same(x)(x)).toBe(true)
        expect(same(x)(y)).toBe(same(y)(x))
        for (const grader of Object.values(graders)) expect(typeof grader(x)).toBe('boolean')
      }),
      { seed: 8, numRuns: 1000 },
    )
  })
})

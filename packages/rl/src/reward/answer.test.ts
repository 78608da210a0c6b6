import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sameMath, sameNumber, sameText } from './answer.ts'

const same = sameMath()

describe('answers as texts and numbers', () => {
  test('a text is the same but for white space', () => {
    expect(sameText('so  be it')(' so be\nit ')).toBe(true)
    expect(sameText('so be it')('sobe it')).toBe(false)
    expect(sameText('A')('a')).toBe(false)
  })

  test('numbers are compared as numbers', () => {
    const same = sameNumber()
    for (const [x, y] of [
      ['1200', '$1,200'],
      ['0.5', '.5'],
      ['0.5', '50%'],
      ['0.5', '50\\%'],
      ['1.5e-3', '0.0015'],
      ['1/3', '2/6'],
      ['18.90', '\\$18.9'],
      ['3/4', '0.75'],
      ['-2', '-2.0'],
      ['1e3', '1000'],
      ['1234567', '1,234,567'],
    ] as const) {
      expect(same(x)(y), `${x} and ${y}`).toBe(true)
    }
    for (const [x, y] of [
      ['1200', '1,20'],
      ['5', ''],
      ['5', '5 apples'],
      ['1', '1/0'],
      ['', ''],
      ['2', '2.000001'],
      ['1', '-1'],
      ['1e-10', '2e-10'],
      ['0', '1e-12'],
      ['10000000000000001', '10000000000000000'],
      ['1', '1/1/1'],
      ['0', '10%%'],
    ] as const) {
      expect(same(x)(y), `${x} and ${y}`).toBe(false)
    }
    expect(sameNumber(1e-3)('1000')('1000.9')).toBe(true)
    expect(sameNumber(1e-3)('1000')('1001.1')).toBe(false)
    expect(sameNumber(1e-3)('1e-6')('2e-6')).toBe(false)
    expect(() => sameNumber(-1)).toThrow(/tolerance/)
    expect(() => sameMath(Infinity)).toThrow(/tolerance/)
  })

  test('whatever is no number is none, and a number is itself however it is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), fc.string(), (n, text) => {
        expect(sameNumber()(String(n))(n.toLocaleString('en'))).toBe(true)
        expect(sameNumber()(String(n))(`${2 * n}/2`)).toBe(true)
        expect(sameNumber()(String(n))(`x${text}`)).toBe(false)
      }),
      { seed: 1, numRuns: 200 },
    )
  })
})

// Expressions as trees, so that what is written and what is meant are both known.
type Node = readonly ['n', number] | readonly ['v', string] | readonly ['+' | '*' | '-', Node, Node]
const { node } = fc.letrec<{ node: Node; leaf: Node }>((tie) => ({
  leaf: fc.oneof(
    fc.integer({ min: 1, max: 30 }).map((n) => ['n', n] as const),
    fc.constantFrom('x', 'y', 'a').map((v) => ['v', v] as const),
  ),
  node: fc.oneof(
    { maxDepth: 3 },
    tie('leaf'),
    fc.tuple(fc.constantFrom('+', '*', '-' as const), tie('node'), tie('node')),
  ),
}))
const plain = (t: Node): string =>
  t[0] === 'n' || t[0] === 'v' ? String(t[1]) : `(${plain(t[1])} ${t[0]} ${plain(t[2])})`
/** Sums and products the other way round, differences as sums, in other clothes. */
const fancy = (t: Node): string =>
  t[0] === 'n' || t[0] === 'v'
    ? String(t[1])
    : t[0] === '*'
      ? `\\left(${fancy(t[2])}\\right) \\cdot {${fancy(t[1])}}`
      : `{-\\frac{${t[0] === '+' ? '-2' : '2'}}{2}\\left(${fancy(t[2])}\\right) + ${fancy(t[1])}}`

describe('answers as mathematics', () => {
  test('two ways to write one expression are the same, and one more is not', () => {
    fc.assert(
      fc.property(node, (t) => {
        expect(same(plain(t))(`$${fancy(t)}$`), `${plain(t)} and ${fancy(t)}`).toBe(true)
        expect(same(`$${fancy(t)}$`)(plain(t))).toBe(true)
        expect(same(plain(t))(`$${fancy(t)} + 1$`)).toBe(false)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('it is reflexive, symmetric, and total on any text', () => {
    const pieces = fc.constantFrom('\\frac', '{', '}', '1', '23', 'x', '^', '_', '(', ')', ',', '=', '\\sqrt', '[', '|', '$', '\\boxed{', '-', '\\begin{pmatrix}', ' ') // prettier-ignore
    const text = fc.array(pieces, { maxLength: 8 }).map((ps) => ps.join(''))
    fc.assert(
      fc.property(text, text, (x, y) => {
        expect(same(x)(x)).toBe(true)
        expect(same(x)(y)).toBe(same(y)(x))
      }),
      { seed: 1, numRuns: 2000 },
    )
  })

  test('by value, entry by entry, in any order where order says nothing', () => {
    for (const [x, y] of [
      ['2-2p', '2(1-p)'],
      ['\\frac{1}{2}', '0.5'],
      ['\\frac34', '\\dfrac{3}{4}'],
      ['\\sqrt{12}', '2\\sqrt3'],
      ['x^{-1}', '1/x'],
      ['x^23', 'x^{23}'],
      ['-x^2', '-(x^2)'],
      ['\\sqrt[3]{8}', '2'],
      ['5!', '120'],
      ['\\binom{5}{2}', '10'],
      ['\\log_2 8', '3'],
      ['\\sin^2 x + \\cos^2 x', '1'],
      ['|-3|', '3'],
      ['101_2', '5'],
      ['14{,}916', '14916'],
      ['1,234,567', '1234567'],
      ['90^\\circ', '90'],
      ['28\\%', '28'],
      ['12\\text{ cm}', '12'],
      ['(1, 2)', '( 1 ; \\frac{4}{2} )'],
      ['1, 2, 3', '\\{3, 1, 2\\}'],
      ['1 \\text{ and } 2', '2, 1'],
      ['x = 3', '3'],
      ['(p, q) = (1, 2)', '(1, 2)'],
      ['\\frac{AB}{CD} = 2', '2'],
      ['x + y = 3', '6 = 2y + 2x'],
      ['x \\le 1', '-x \\ge -1'],
      ['x \\in [0, 1)', '[0, 1)'],
      ['0 < x \\le 1', '(0, 1]'],
      ['(0, 1) \\cup (2, 3)', '(2, 3) \\cup (0, 1)'],
      ['\\infty', '\\infty'],
      ['x = 1/3 \\approx 0.33', '\\frac13'],
      [
        '\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}',
        '\\begin{bmatrix} 1 & \\frac42 \\\\ 3 & 4 \\\\ \\end{bmatrix}',
      ],
      ['\\left[\\begin{array}{cc}1 & 2\\end{array}\\right]', '\\begin{pmatrix}1 & 2\\end{pmatrix}'],
      ['\\text{odd}', 'Odd'],
    ] as const) {
      expect(same(x)(y), `${x} and ${y}`).toBe(true)
      expect(same(y)(x), `${y} and ${x}`).toBe(true)
    }
    for (const [x, y] of [
      ['2-2p', '2-2q'],
      ['-x^2', '(-x)^2'],
      ['x^23', '3x^2'],
      ['11111111100', '11111111101'],
      ['(1, 2)', '(2, 1)'],
      ['(1, 2)', '[1, 2)'],
      ['(1, 2)', '1, 2'],
      ['1, 2', '1, 2, 3'],
      ['x < 1', 'x \\le 1'],
      ['x < 1', '-x < -1'],
      ['x + y = 3', 'x + y = 4'],
      ['7 = 11a + c', '11a + c'],
      ['2x + y = 0', '0'],
      ['2x = 10', '10'],
      ['101_2', '101'],
      ['3_2', '3'],
      ['19_5', '1'],
      ['x_1', 'x_2'],
      ['\\text{odd}', '\\text{even}'],
      ['odd', 'dod'],
      ['\\begin{pmatrix} 1 & 2 \\end{pmatrix}', '\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}'],
      ['\\infty', '-\\infty'],
      ['\\sqrt{-1}', '\\sqrt{-2}'],
      ['1', ''],
      ['1/0', '2/0 + x - x - 1'],
    ] as const) {
      expect(same(x)(y), `${x} and ${y}`).toBe(false)
      expect(same(y)(x), `${y} and ${x}`).toBe(false)
    }
  })
})

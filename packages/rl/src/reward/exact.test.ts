// Answers in one form alone: every usual spelling of the right one is right, and nothing else is, the question's own words first of all.
import { existsSync, readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type GraderName, graders } from '../task/graders.ts'
import { reasoningGym } from '../task/questions.ts'
import { sameGrid, sameReduced, sameResult, sameSequence } from './exact.ts'
import { sameMath } from './answer.ts'

const fenced = (text: string): string => `\`\`\`\n${text}\n\`\`\``
const boxed = (text: string): string => `So it is $\\boxed{${text}}$.`

describe('sameResult', () => {
  const integer = fc.integer({ min: -99_999, max: 99_999 })
  const spellings = (n: number): readonly string[] => [
    ...[`${n}`, `\n${n} \n`, `$${n}$`, boxed(`${n}`), fenced(`${n}`), `**${n}**`, `\`${n}\``, `The answer is ${n}.`],
    ...[`${n}.0`, `x = ${n}`, `Answer: ${n}`, `${n} legs`, `${n}\\text{ students}`, `#### ${n}`],
    ...[n.toLocaleString('en'), `1 + 2 = ${n}`, `The total is **${n}**`, `$${n - 3} + 3 = ${n}$`],
  ]

  test('takes a number however it is written, and no other number', () => {
    fc.assert(
      fc.property(integer, integer, (n, other) => {
        const right = sameResult(`${n}`)
        for (const text of spellings(n)) expect([text, right(text)]).toEqual([text, true])
        if (other !== n) for (const text of spellings(other)) expect([text, right(text)]).toEqual([text, false])
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('takes no expression of that value, though its value is the same', () => {
    const natural = fc.integer({ min: 1, max: 999 })
    fc.assert(
      fc.property(natural, natural, fc.constantFrom('+', '-', '*', '/'), (a, b, op) => {
        const value = { '+': a + b, '-': a - b, '*': a * b, '/': a }[op]
        const expression = op === '/' ? `${a * b} / ${b}` : `${a} ${op} ${b}`
        const right = sameResult(`${value}`)
        for (const text of [expression, `$${expression}$`, boxed(expression), `${expression} =`, fenced(expression)])
          expect([text, right(text)]).toEqual([text, false])
        expect(sameMath()(`${value}`)(expression)).toBe(true)
      }),
      { seed: 1, numRuns: 100 },
    )
    for (const text of ['\\sqrt{49}', '\\frac{14}{2}', '7^1', '3!+1', '(7)(1)', '49^{1/2}', '', '=', 'x'])
      expect([text, sameResult('7')(text)]).toEqual([text, false])
  })
})

describe('sameReduced', () => {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
  const size = fc.integer({ min: 1, max: 999 })
  const spellings = (n: number, d: number): readonly string[] => [
    ...[
      `${n}/${d}`,
      `${n} / ${d}`,
      `$${n}/${d}$`,
      `$\\frac{${n}}{${d}}$`,
      `\\dfrac{${n}}{${d}}`,
      boxed(`\\frac{${n}}{${d}}`),
    ],
    ...[
      fenced(`${n}/${d}`),
      `**${n}/${d}**`,
      `The answer is $\\frac{${n}}{${d}}$.`,
      `$\\frac{${2 * n}}{${2 * d}} = \\frac{${n}}{${d}}$`,
    ],
  ]

  test('takes a fraction in lowest terms, however it is written, and neither another nor the same one extended', () => {
    fc.assert(
      fc.property(size, size, fc.integer({ min: 2, max: 9 }), (a, b, k) => {
        const [n, d] = [a / gcd(a, b), b / gcd(a, b)]
        const right = sameReduced(`$\\frac{${n}}{${d}}$`)
        for (const text of spellings(n, d)) expect([text, right(text)]).toEqual([text, true])
        for (const [x, y] of [
          [k * n, k * d],
          [n + d, d],
          [-n, d],
        ] as const)
          for (const text of spellings(x, y)) expect([text, right(text)]).toEqual([text, false])
        if (n !== d) for (const text of spellings(d, n)) expect([text, right(text)]).toEqual([text, false])
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('of a whole number the number; what is expected must be in lowest terms', () => {
    expect([sameReduced('5')('5/1'), sameReduced('-3/4')('\\frac{-3}{4}'), sameReduced('1/2')('0.5')]).toEqual([
      true,
      true,
      false,
    ])
    for (const expected of ['4/8', '1/0', 'half', ''])
      expect(() => sameReduced(expected)).toThrow(/sameReduced: the expected .* is no fraction in lowest terms/)
  })
})

describe('sameSequence', () => {
  const decimal = fc
    .tuple(fc.integer({ min: -9999, max: 9999 }), fc.nat(2))
    .map(([n, places]) => (n / 100).toFixed(places))
  const list = fc.array(decimal, { minLength: 2, maxLength: 8 })
  const quoted = (items: readonly string[], by = "'"): string => `[${items.map((x) => by + x + by).join(', ')}]`
  const spellings = (items: readonly string[]): readonly string[] => [
    ...[quoted(items), quoted(items, '"'), quoted(items, ''), quoted(items).replaceAll(' ', ''), items.join(', ')],
    ...[
      fenced(quoted(items)),
      `\`\`\`python\n${quoted(items)}\n\`\`\``,
      boxed(quoted(items)),
      `$${quoted(items, '')}$`,
    ],
    ...[
      `[\n${items.map((x) => `  '${x}'`).join(',\n')}\n]`,
      `The sorted list is ${quoted(items)}.`,
      quoted(items).replaceAll('-', '−'),
    ],
    ...[
      `Of [3, 1] it is ${quoted(items)}`,
      quoted(items.map((x) => `${Number(x)}`)),
      `${quoted(items).slice(0, -1)},]`,
    ],
  ]

  test('takes a list in its order, however it is written', () => {
    fc.assert(
      fc.property(list, (items) => {
        const right = sameSequence(quoted(items))
        for (const text of spellings(items)) expect([text, right(text)]).toEqual([text, true])
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test('takes no other order, no other items, no fewer and no more', () => {
    fc.assert(
      fc.property(list, fc.nat(7), fc.nat(7), (items, i, j) => {
        const right = sameSequence(quoted(items))
        const [a, b] = [i % items.length, j % items.length]
        const swapped = items.map((x, k) => (k === a ? items[b]! : k === b ? items[a]! : x))
        const others = [
          items.slice(1),
          [...items, items[a]!],
          items.map((x, k) => (k === a ? `${Number(x) + 0.01}` : x)),
          items.map((x, k) => (k === a ? (Number(x) === 0 ? '1' : `${-Number(x)}`) : x)),
          ...(Number(items[a]) === Number(items[b]) ? [] : [swapped]),
        ]
        for (const wrong of others)
          for (const text of spellings(wrong)) expect([text, right(text)]).toEqual([text, false])
      }),
      { seed: 1, numRuns: 50 },
    )
    for (const text of ['', '[]', ']', '[', '1', "['1', '2'"]) expect(sameSequence("['1', '2']")(text)).toBe(false)
    expect(sameSequence('[]')('[]')).toBe(true)
    expect(() => sameSequence('')).toThrow(/sameSequence: the expected "" has no list/)
  })
})

describe('sameGrid', () => {
  const grid = fc
    .tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 2, max: 4 }))
    .chain(([rows, columns]) =>
      fc.array(fc.array(fc.nat(20), { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows }),
    )
  const lines = (rows: readonly (readonly number[])[], by = ' '): string => rows.map((row) => row.join(by)).join('\n')
  const spellings = (rows: readonly (readonly number[])[]): readonly string[] => [
    ...[lines(rows), `${lines(rows)}\n`, lines(rows).replaceAll('\n', '\r\n'), lines(rows).replaceAll('\n', ' \n\n')],
    ...[
      fenced(lines(rows)),
      `The solution is:\n${lines(rows)}\nEach row has all.`,
      JSON.stringify(rows),
      lines(rows, ', '),
    ],
    ...[
      `\\begin{bmatrix}${rows.map((row) => row.join(' & ')).join(' \\\\ ')}\\end{bmatrix}`,
      `\\boxed{${lines(rows)}}`,
    ],
    ...[
      JSON.stringify(rows, null, 2)
        .replaceAll(/,\n\s*(?=\d)/g, ', ')
        .replaceAll(/\[\s+(?=\d)/g, '['),
    ],
    `1 1\n1 1\nis what was asked, and this is solved:\n${lines(rows)}`,
  ]

  test('takes a grid however it is written, and none that differs anywhere', () => {
    fc.assert(
      fc.property(grid, fc.nat(9), fc.nat(9), (rows, i, j) => {
        const right = sameGrid(lines(rows))
        for (const text of spellings(rows)) expect([text, right(text)]).toEqual([text, true])
        const [r, c] = [i % rows.length, j % rows[0]!.length]
        const others = [
          rows.map((row, k) => (k === r ? row.map((x, l) => (l === c ? x + 1 : x)) : row)),
          rows.slice(1),
          [...rows, rows[r]!],
          rows.map((row) => row.slice(1)),
          [rows.flat()],
        ]
        for (const wrong of others)
          for (const text of spellings(wrong)) expect([text, right(text)]).toEqual([text, false])
      }),
      { seed: 1, numRuns: 60 },
    )
    for (const text of ['', 'none', '_ 1\n2 _', '1 2 2 1', '12\n21']) expect(sameGrid('1 2\n2 1')(text)).toBe(false)
    const table = [
      '| 1 | 2 |\n|---|---|\n| 2 | 1 |',
      '+---+\n|1 2|\n|2 1|\n+---+',
      '\\hline 1 & 2 \\\\ \\hline 2 & 1 \\\\ \\hline',
    ]
    for (const text of table) expect([text, sameGrid('1 2\n2 1')(text)]).toEqual([text, true])
    expect(sameGrid('1 2\n2 1')('| 1 | 2 |\n|---|---|\n| 1 | 2 |')).toBe(false)
    expect(() => sameGrid('no rows')).toThrow(/sameGrid: the expected "no rows" has no rows of numerals/)
  })
})

interface Row {
  readonly question: string
  readonly answer: string
  readonly metadata: Readonly<Record<string, unknown>>
}
const data = new URL('../../../../../shared/fixtures/data/reasoning-gym/', import.meta.url)
const present = existsSync(data)
if (!present)
  console.warn('exact.test.ts: ../shared/fixtures is absent; the graders of reasoning-gym are not tried on its rows')
const tasks: Readonly<Record<string, GraderName>> = {
  ...Object.fromEntries(
    [
      ...['basic_arithmetic', 'chain_sum', 'decimal_arithmetic', 'gcd', 'gsm_symbolic', 'lcm', 'leg_counting'],
      ...['letter_counting', 'simple_equations'],
    ].map((name) => [name, 'result'] as const),
  ),
  ...{ countdown: 'countdown', fraction_simplification: 'reduced', mini_sudoku: 'grid', number_sorting: 'sequence' },
}
describe.skipIf(!present)('every task of reasoning-gym at hand', () => {
  test.each(Object.entries(tasks))('%s is judged by %s', (name, grader) => {
    const rows = readFileSync(new URL(`${name}.jsonl`, data), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row)
    for (const row of rows) {
      const read = reasoningGym(row)
      if (E.isLeft(read)) throw new Error(read.left)
      expect(read.right.grader).toBe(grader)
      const right = graders[grader](row.answer)
      const { answer, question, metadata } = row
      for (const text of [answer, `${answer}\n`, ` ${answer} `, fenced(answer)])
        expect([text, right(text)]).toEqual([text, true])
      // What is asked is no answer, nor is a part of it that has the value of one. (A question that happens to end with the number asked for
      // says that number.)
      const puzzle = metadata['puzzle'] as readonly (readonly number[])[] | undefined
      const asked = [
        ...(grader === 'result' ? [] : [question]),
        ...[metadata['expression'], metadata['equation'], puzzle?.map((line) => line.join(' ')).join('\n')],
      ]
      const unsorted = metadata['original_numbers'] as readonly string[] | undefined
      if (unsorted !== undefined && unsorted.join() !== (metadata['sorted_numbers'] as readonly string[]).join())
        asked.push(`[${unsorted.map((x) => `'${x}'`).join(', ')}]`, unsorted.join(', '))
      if (grader === 'reduced') asked.push(`${String(metadata['numerator'])}/${String(metadata['denominator'])}`)
      for (const text of asked)
        if (typeof text === 'string' && text !== answer && name !== 'countdown')
          expect([text, right(text)]).toEqual([text, false])
      const near =
        grader === 'result'
          ? [`${Number(answer) + 1}`, `${Number(answer) - 1}`]
          : [answer.replace(/\d/, (d) => `${(Number(d) + 1) % 10}`)]
      for (const text of near) expect([text, right(text)]).toEqual([text, false])
    }
  })
})

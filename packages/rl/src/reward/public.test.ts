// The graders on the tables of other graders, and on answers that people wrote.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sameLatex, sameMath } from './answer.ts'
import { sameChoice } from './choice.ts'

const fixtures = new URL('../../../../../shared/fixtures/', import.meta.url)
const present = existsSync(fixtures)
if (!present) console.warn('public.test.ts: ../shared/fixtures is absent; the graders are not compared with others')
const text = (path: string): string => readFileSync(new URL(path, fixtures), 'utf8')
const answersOf = (path: string): readonly string[] =>
  text(path)
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { answer: string }).answer)

describe.skipIf(!present)('the tables of other graders', () => {
  interface Row {
    readonly test: string
    readonly gold: string
    readonly pred: string
    readonly expected: 0 | 1
    /** Decimal places that the other grader rounds to. */
    readonly precision?: number
  }
  const judge = (rows: readonly Row[], grader: (row: Row) => boolean) => {
    const wrong = rows.filter((row) => grader(row) !== (row.expected === 1))
    return { right: rows.length - wrong.length, accepted: wrong.filter((row) => row.expected === 0) }
  }

  test('at least 98 % of the table of lighteval, and no wrong answer is right', () => {
    const rows = JSON.parse(text('graders/lighteval-cases.json')) as Row[]
    const letters = rows.filter((row) => row.test === 'test_extraction_abc')
    const mathematics = rows.filter((row) => row.test !== 'test_extraction_abc')
    const byLetter = judge(letters, ({ gold, pred }) => sameChoice()(gold)(pred))
    const exactly = judge(mathematics, ({ gold, pred }) => sameMath()(gold)(pred))
    const rounded = judge(mathematics, ({ gold, pred, precision }) =>
      sameMath(precision === undefined ? 0 : 10 ** -precision)(gold)(pred),
    )
    console.log(`lighteval: ${rounded.right} (exact: ${exactly.right}) of ${mathematics.length}, letters ${byLetter.right} of ${letters.length}`) // prettier-ignore
    expect([letters.length, mathematics.length]).toEqual([11, 194])
    expect([...byLetter.accepted, ...exactly.accepted, ...rounded.accepted]).toEqual([])
    expect(byLetter.right).toBe(11)
    expect(rounded.right / mathematics.length).toBeGreaterThanOrEqual(0.98)
    expect((exactly.right + byLetter.right) / rows.length).toBeGreaterThanOrEqual(0.98)
  })

  test('sameLatex is is_equiv of Hendrycks et al. on all of its own cases', () => {
    const rows = JSON.parse(text('graders/hendrycks-is_equiv-cases.json')) as {
      a: string
      b: string
      expected: boolean
    }[]
    expect(rows.length).toBe(16)
    for (const { a, b, expected } of rows) {
      expect(sameLatex(a)(b), `${a} and ${b}`).toBe(expected)
      expect(sameLatex(b)(a), `${b} and ${a}`).toBe(expected)
    }
    // sameMath differs on the two lists whose order says nothing.
    const differs = rows.filter(({ a, b, expected }) => sameMath()(a)(b) !== expected).map(({ a }) => a)
    expect(differs).toEqual(['10, 4, -2', '0.1, 4, 2'])
  })
})

const NUMBER = /^-?\d+(?:,\d{3})*$/
const grouped = (a: string, comma: string): string => Number(a.replaceAll(',', '')).toLocaleString('en').replaceAll(',', comma) // prettier-ignore
const ofNumbers =
  (spell: (a: string) => string) =>
  (a: string): string =>
    NUMBER.test(a) ? spell(a) : a

/** One answer in other clothes. */
const SPELLINGS: Readonly<Record<string, (a: string) => string>> = {
  'in a formula': (a) => `$${a}$`,
  'in a box': (a) => `So it is $\\boxed{${a}}$.`,
  'in two boxes, and an empty one after': (a) => `\\boxed{\\boxed{${a}}} or \\boxed{}`,
  'as it is said': (a) => `The answer is $${a}$.`,
  'with its full stop': (a) => `$${a}.$`,
  'with spaces': (a) => ` ${a.replaceAll(/([-+=])/g, ' $1 ')} `,
  'on a line of its own': (a) => `\\[\n${a}\n\\]`,
  'in parentheses of TeX': (a) => `\\(${a}\\)`,
  'with \\dfrac': (a) => a.replaceAll(/\\d?frac/g, '\\dfrac'),
  'with \\tfrac': (a) => a.replaceAll(/\\d?frac/g, '\\tfrac'),
  'with a slash': (a) => a.replaceAll(/(?<!\d)\\d?frac\{(\d+)\}\{(\d+)\}/g, '$1/$2'),
  'with all braces': (a) =>
    a.replaceAll(/\\(d?frac) ?(\d)(\d)/g, '\\$1{$2}{$3}').replaceAll(/\\sqrt ?(\d)/g, '\\sqrt{$1}'),
  'with brackets that grow': (a) =>
    /\\left|text/.test(a) ? a : a.replaceAll(/[([]/g, '\\left$&').replaceAll(/[)\]]/g, '\\right$&'),
  'with brackets that do not': (a) => a.replaceAll(/\\(?:left|right)/g, ''),
  'with a unit': (a) => (/text|mbox|circ|\\\$|[(,=x]/.test(a) ? a : `${a}\\text{ units}`),
  'as what x is': (a) => (/[=,]|\\in|text/.test(a) ? a : `x = ${a}`),
  'upright by another command': (a) => a.replaceAll(/\\(?:text|mbox)\{([^{}]*)\}/g, '\\mathrm{$1}'),
  'before a run-on question': (a) => `The answer is $${a}$.\n\nQuestion: 3+4?\nThe answer is $7$`,
  'as a decimal': ofNumbers((a) => `${a}.0`),
  'without separators': ofNumbers((a) => a.replaceAll(',', '')),
  'with commas': ofNumbers((a) => grouped(a, ',')),
  'with commas in braces': ofNumbers((a) => grouped(a, '{,}')),
  'with thin spaces': ofNumbers((a) => grouped(a, '\\,')),
  'with tight commas': ofNumbers((a) => grouped(a, ',\\!')),
  'as money': ofNumbers((a) => `\\$${a}`),
  'in prose': ofNumbers((a) => `so there are ${a} of them in all`),
  'as GSM8K writes it': ofNumbers((a) => `3 + 4 is 7\n#### ${a}`),
  'as a quotient': ofNumbers((a) => `\\frac{${2 * Number(a.replaceAll(',', ''))}}{2}`),
  'with a power of ten': ofNumbers((a) => `${a.replaceAll(',', '')}00 \\times 10^{-2}`),
}

/** What an answer is not: a digit, a sign, the order or the brackets of a tuple, a part of a union changed. */
const changed = (a: string): readonly string[] => {
  const at = (i: number, by: string): string => a.slice(0, i) + by + a.slice(i + 1)
  const characters = Array.from(a).flatMap((c, i) => {
    if (/\d/.test(c)) return [1, 3, 5].map((d) => at(i, String((Number(c) + d) % 10)))
    return c === '-' ? [at(i, '+')] : c === '+' ? [at(i, '-')] : []
  })
  const whole = /^[\d.,\\a-z{}]+$/.test(a) && /[1-9]/.test(a) ? [`-${a}`] : []
  const longer = /[1-9]$|\d0$/.test(a) && !/\./.test(a) ? [`${a}1`, ...(/_/.test(a) ? [] : [`${a}0`])] : []
  const tuple = /^(\\left)?([([])(.*?)(\\right)?([)\]])$/.exec(a)
  const [, left = '', open = '', inside = '', right = '', close = ''] = tuple ?? []
  const items = inside.split(',')
  const ordered = tuple !== null && items.length > 1 && !/cup|text/.test(a)
  const brackets = ordered
    ? [
        `${left}${open}${[...items].reverse().join(',')}${right}${close}`,
        `${left}${open}${inside},1${right}${close}`,
        ...(items.length === 2
          ? [
              `${left}${open === '(' ? '[' : '('}${inside}${right}${close}`,
              `${left}${open}${inside}${right}${close === ')' ? ']' : ')'}`,
            ]
          : []),
      ]
    : []
  const union = a.includes('\\cup') ? [a.split('\\cup')[0]!, a.replace('(', '['), a.replace('\\cup', ',')] : []
  const branch = a.includes('\\pm') ? [a.replace('\\pm', '+')] : []
  const others = [...characters, ...whole, ...longer, ...brackets, ...union, ...branch, `${a}+1`, `${a} + x`]
  return others.filter((b) => b !== a)
}

describe.skipIf(!present)('answers that people wrote', () => {
  const same = sameMath()
  const read = (): readonly (readonly [string, readonly string[]])[] => [
    ['MATH-500', [...new Set(answersOf('data/math500/math500.jsonl'))].map((a) => a.replace(/^-2,1$/, '-2, 1'))],
    ['GSM8K', [...new Set(['train', 'test'].flatMap((split) => answersOf(`data/gsm8k/${split}.jsonl`)).map((a) => a.split('####').at(-1)!.trim()))]], // prettier-ignore
  ]

  test('are equal to themselves in any clothes, either way round', () => {
    for (const [name, answers] of read()) {
      const pairs = answers.flatMap((a) => Object.entries(SPELLINGS).map(([how, spell]) => ({ a, b: spell(a), how })))
      const missed = pairs.filter(({ a, b }) => !same(a)(b) || !same(b)(a))
      console.log(`${name}: ${answers.length} answers, ${pairs.length} spellings`)
      expect(missed).toEqual([])
    }
  }, 60_000)

  test('are not equal to what they are changed into', () => {
    for (const [name, answers] of read()) {
      const pairs = answers.flatMap((a) => changed(a).map((b) => ({ a, b })))
      const accepted = pairs.filter(({ a, b }) => same(a)(b) || same(b)(a) || same(`$${a}$`)(`\\boxed{${b}}`))
      console.log(`${name}: ${answers.length} answers, ${pairs.length} changes`)
      expect(accepted).toEqual([])
    }
  }, 60_000)

  test('are not equal to one another, unless they mean the same', () => {
    const answers = [...new Set(answersOf('data/math500/math500.jsonl'))].slice(0, 150)
    const confused = answers.flatMap((a, i) => answers.slice(i + 1).flatMap((b) => (same(a)(b) ? [`${a} ${b}`] : [])))
    expect(confused.sort()).toEqual(['120^\\circ 120', '30^\\circ 30', '40_9 36', '42 52_8', '5 x=5'])
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chartText } from './chart-text.ts'
import { short } from './format.ts'

const values = fc.array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })), { maxLength: 20 })

test('a chart says of each curve its name, first, last, lowest and highest value', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const text = chartText('Reward', 'step', [
        { name: 'one', y: a },
        { name: 'two', y: b },
      ])
      const [one, two] = [a, b].map((y) => y.filter((value) => value !== null))
      if (one!.length + two!.length === 0) {
        expect(text).toBe('Reward over step: nothing yet.')
        return
      }
      for (const [name, known] of [['one', one!] as const, ['two', two!] as const])
        expect(text).toContain(
          known.length === 0
            ? `${name} has no values`
            : `${name} from ${short(known[0]!)} to ${short(known.at(-1)!)}, ` +
                `lowest ${short(Math.min(...known))}, highest ${short(Math.max(...known))}`,
        )
    }),
    { seed: 1 },
  )
})

test('of many curves it says some, and how many more there are', () => {
  const curves = (n: number) => Array.from({ length: n }, (_, i) => ({ name: `curve ${i}`, y: [i] }))
  expect(chartText('Loss', 'step', curves(8))).not.toContain('more')
  expect(chartText('Loss', 'step', curves(9))).toMatch(/curve 7 .*; and 1 curve more\.$/)
  expect(chartText('Loss', 'step', curves(60))).toMatch(/; and 52 curves more\.$/)
  expect(chartText('Loss', 'step', [])).toBe('Loss over step: nothing yet.')
})

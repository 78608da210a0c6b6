import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CardData, PhaseData } from './page-data.ts'
import { type Looking, shownCard, tableOf } from './shown.ts'
import { COLOUR_COUNT } from './stroke.ts'
import { svgOf } from './svg.ts'

const value = fc.option(fc.double({ min: -10, max: 1e3, noNaN: true }), { freq: 6 })
const curve = fc
  .tuple(fc.array(value, { maxLength: 30 }), fc.boolean(), fc.string(), fc.nat(1))
  .map(([y, banded, name, setting]) => ({
    ...{ name, style: setting, setting, y },
    x: y.map((_, i) => 2 * i),
    band: banded
      ? { low: y.map((v) => (v === null ? null : v - 1)), high: y.map((v) => (v === null ? null : v + 1)) }
      : null,
  }))
const card: fc.Arbitrary<CardData> = fc.record({
  ...{
    id: fc.constant('a'),
    phase: fc.constant('p'),
    group: fc.string(),
    title: fc.string(),
    metric: fc.constant(null),
  },
  ...{ unit: fc.string(), domain: fc.constantFrom(null, [0, 1] as const), ceiling: fc.constantFrom(null, 5) },
  curves: fc.array(curve, { maxLength: 4 }),
})
const clock = { steps: [0, 60], seconds: [0, 120], tokens: null }
const phase: PhaseData = { id: 'p', title: 'grpo', clocks: [clock, { steps: [], seconds: null, tokens: null }] }
const looking: fc.Arbitrary<Looking> = fc.record({
  along: fc.constantFrom('step', 'time', 'tokens'),
  smooth: fc.constantFrom(0, 0.5),
  logarithmic: fc.boolean(),
  hidden: fc.constantFrom([], [1], [0, 1]),
})
const plain: Looking = { along: 'step', smooth: 0, logarithmic: false, hidden: [] }
const colours = Array.from({ length: COLOUR_COUNT }, (_, i) => `rgb(${i}, 0, 0)`)
const drawn = { colours, ink: 'black', muted: 'grey', line: 'silver', page: 'white' }

describe('a chart as it is looked at', () => {
  test('is the data where nothing is set', () => {
    fc.assert(
      fc.property(card, (c) => {
        const { curves, note, logarithmic } = shownCard(c, phase, plain)
        expect(curves.map(({ x, y }) => [x, y])).toEqual(c.curves.map(({ x, y }) => [x, y]))
        expect([note, logarithmic]).toEqual([null, false])
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('has places that go up, lists of one length, and on an axis of powers nothing of 0 or less', () => {
    fc.assert(
      fc.property(card, looking, (c, how) => {
        const { curves, logarithmic } = shownCard(c, phase, how)
        for (const { x, y, steps, smoothed, low, high, setting } of curves) {
          expect(how.hidden).not.toContain(setting)
          // The clock of the first setting takes two seconds a step.
          if (how.along !== 'tokens') expect(x).toEqual(steps.map((step) => (how.along === 'time' ? 2 * step : step)))
          expect(x.every((at, i) => i === 0 || at > x[i - 1]!)).toBe(true)
          for (const list of [y, steps, smoothed, low, high]) if (list !== null) expect(list).toHaveLength(x.length)
          if (logarithmic)
            for (const list of [y, smoothed, low, high])
              for (const v of list ?? []) expect(v === null || v > 0).toBe(true)
        }
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  test('says what is not seen', () => {
    const of = (y: readonly number[], how: Partial<Looking>, setting = 0) =>
      shownCard(
        {
          ...{ id: 'a', phase: 'p', group: '', title: '', metric: null, unit: '', domain: null, ceiling: null },
          curves: [{ name: 'a', style: 0, setting, x: y.map((_, i) => i), y, band: null }],
        },
        phase,
        { ...plain, ...how },
      ).note
    expect(of([1, 0, -1], { logarithmic: true })).toBe('2 values of 0 or less are not shown')
    expect(of([0, -1], { logarithmic: true })).toBe('no value above 0: the axis stays straight')
    expect(of([1], { along: 'tokens' })).toBe('tokens is not logged')
    expect(of([1], { along: 'time' })).toBe(null)
    expect(of([1], { along: 'time' }, 1)).toBe('time is not logged')
  })

  test('is a table with a row for each step, and its values in it', () => {
    fc.assert(
      fc.property(card, (c) => {
        const [head, ...rows] = tableOf(c, phase)
        const steps = [...new Set(c.curves.flatMap(({ x }) => x))].sort((a, b) => a - b)
        expect(rows.map(([step]) => step)).toEqual(steps)
        expect(rows.every((row) => row.length === head!.length)).toBe(true)
        const known = rows.flatMap((row) => row.slice(1)).filter((cell) => cell !== null).length
        const values = c.curves.flatMap(({ y, band }) => [...y, ...(band === null ? [] : [...band.low, ...band.high])])
        const clocked = head!.includes('seconds') ? rows.length : 0
        expect(known).toBe(values.filter((v) => v !== null).length + clocked)
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  test('is an SVG of its own: no text of a log is markup in it, and no coordinate is no number', () => {
    fc.assert(
      fc.property(card, looking, (c, how) => {
        const zoom = how.smooth > 0 ? ([3, 9] as const) : null
        const svg = svgOf({ ...drawn, card: c, shown: shownCard(c, phase, how), along: how.along, x: 'step', zoom })
        expect(svg).not.toMatch(/NaN|Infinity|undefined|null/)
        const left = svg
          .replace(/<(svg|title|rect|text|line|path|clipPath|g)( [a-zA-Z0-9-]+="[^"<>]*")* ?\/?>/g, '')
          .replace(/<\/(svg|title|text|clipPath|g)>/g, '')
        expect(left).not.toMatch(/[<>]/)
      }),
      { seed: 4, numRuns: 300 },
    )
    const evil = { ...plainCard, title: '</title><script>alert(1)</script>\u0007' }
    const svg = svgOf({
      ...drawn,
      card: evil,
      shown: shownCard(evil, phase, plain),
      along: 'step',
      x: 'step',
      zoom: null,
    })
    expect(svg).not.toContain('<script')
    expect(svg).not.toContain('\u0007')
  })
})

const plainCard: CardData = {
  ...{ id: 'a', phase: 'p', group: 'g', title: 't', metric: null, unit: '', domain: null, ceiling: null },
  curves: [],
}

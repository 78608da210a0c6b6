import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ALONG } from './clock.ts'
import { DEFAULT_VIEW, fromHash, TINTS, toHash, type View } from './view.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }).map((x) => x + 0)
const stretch = fc
  .tuple(number, number)
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
  .filter(([a, b]) => a < b)
const some = text.filter((t) => t !== '')
const view: fc.Arbitrary<View> = fc.record({
  section: text,
  smooth: fc.double({ min: 0, max: 0.99, noNaN: true }).map((x) => x + 0),
  logarithmic: fc.boolean(),
  along: fc.constantFrom(...ALONG),
  find: text,
  pins: fc.uniqueArray(some, { maxLength: 4 }),
  large: fc.option(some),
  zoom: fc
    .dictionary(fc.oneof(text, fc.constantFrom('a~b', '~', '__proto__')), stretch, { maxKeys: 3 })
    .map((z) => ({ ...z })),
  hidden: fc.uniqueArray(fc.stringMatching(/^[0-9a-f]{8}$/), { maxLength: 4 }),
  tint: fc.constantFrom(...TINTS),
  told: fc.boolean(),
  samples: fc.record({
    ...{ text, run: text, phase: text, outcome: text, from: text, to: text, least: text, most: text, order: text },
  }),
  page: fc.nat(1000),
  compare: fc.option(fc.record({ left: text, right: text, problem: text })),
})

describe('the address', () => {
  test('holds all that a reader has set, and gives it back', () => {
    fc.assert(
      fc.property(view, (v) => {
        expect(fromHash(`#${toHash(v)}`)).toEqual(v)
      }),
      { seed: 1, numRuns: 1000 },
    )
  })

  test('has nothing to say where nothing is set', () => {
    expect(toHash(DEFAULT_VIEW)).toBe('')
    expect(toHash({ ...DEFAULT_VIEW, section: 'samples' })).toBe('samples')
    expect(fromHash('')).toEqual(DEFAULT_VIEW)
  })

  test('of any kind is a view that can be written again', () => {
    const nonsense = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({
        unit: fc.constantFrom('#', '?', '&', '=', '%', '~', 'zoom', 'smooth', 'x', 'hide', 's', '9', 'NaN', '%E0'),
      }),
    )
    fc.assert(
      fc.property(nonsense, (hash) => {
        const read = fromHash(hash)
        expect(fromHash(toHash(read))).toEqual(read)
        expect(read.smooth >= 0 && read.smooth <= 0.99).toBe(true)
        expect(Object.values(read.zoom).every(([from, to]) => from < to)).toBe(true)
      }),
      { seed: 2, numRuns: 1000 },
    )
    expect(fromHash('#?smooth=2&x=moons&zoom=3~1~a&page=1.5&hide=3&tint=plaid')).toEqual(DEFAULT_VIEW)
  })

  test('of before, which named settings by number, hides nothing, and is read for the rest', () => {
    expect(fromHash('#samples?smooth=0.5&hide=s0&hide=s12')).toEqual({
      ...DEFAULT_VIEW,
      section: 'samples',
      smooth: 0.5,
    })
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { group } from '../credit/advantage.ts'
import type { Breakdown } from '../reward/named.ts'
import { informative, partlyRight, rewarded } from './select.ts'

const total = fc.oneof(fc.constantFrom(0, 0.1, 1), fc.constant(NaN))
const groups = fc
  .array(total, { maxLength: 8 })
  .map((totals) => totals.map((t): Breakdown => ({ total: t, parts: { correct: t } })))
const config = { seed: 1, numRuns: 500 }

test('a group is informative where one of its advantages is not 0, and rewarded then', () => {
  fc.assert(
    fc.property(groups, (g) => {
      const advantages = group()([g.map((b) => b.total)]).flat()
      expect(informative(g)).toBe(advantages.some((a) => a !== 0))
      if (informative(g)) expect(rewarded(g)).toBe(true)
    }),
    config,
  )
})

test('a group is rewarded where two rewards are there', () => {
  fc.assert(
    fc.property(groups, (g) => {
      expect(rewarded(g)).toBe(g.filter((b) => !Number.isNaN(b.total)).length >= 2)
    }),
    config,
  )
})

test('partly right is 0 < correct < G among the rewards that are there', () => {
  const of = (...correct: readonly number[]): boolean =>
    partlyRight('correct')(correct.map((c) => ({ total: 5 * c, parts: { correct: c } })))
  expect([of(1, 0), of(1, 1), of(0, 0), of(1, NaN), of(1, NaN, 0), of()]).toEqual([
    true,
    false,
    false,
    false,
    true,
    false,
  ])
  expect(() => partlyRight('other')([{ total: 1, parts: { correct: 1 } }])).toThrow(
    /no reward is named "other"; there are correct/,
  )
  expect(partlyRight('other')([])).toBe(false)
})

test('a reward between 0 and 1 is right', () => {
  const parts = [0.5, 0].map((correct) => ({ total: 0, parts: { correct } }))
  expect(partlyRight('correct')(parts)).toBe(true)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evaluateDifferences, fitTemperature } from './calibration.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const difference = fc.double({ min: -12, max: 12, noNaN: true })
const differences = fc.array(difference, { minLength: 1, maxLength: 60 })
const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length

describe('the evaluation of pairs', () => {
  test('counts, averages and bins', () => {
    const result = evaluateDifferences({ bins: 2 })([3, 0.1, -0.1, -2, 0])
    expect(result).toMatchObject({ pairs: 5, accuracy: 0.4, margin: expect.closeTo(0.2, 12) as number })
    expect(result.nll).toBeCloseTo(mean([3, 0.1, -0.1, -2, 0].map((d) => -Math.log(sigmoid(d)))), 12)
    const [low, high] = result.bins as [(typeof result.bins)[0], (typeof result.bins)[0]]
    // 0.1, -0.1 and the tie have little confidence, of which one and a half turn out right.
    expect(low).toMatchObject({ from: 0.5, to: 0.75, count: 3, frequency: 0.5 })
    expect(low.confidence).toBeCloseTo((2 * sigmoid(0.1) + 0.5) / 3, 12)
    expect(high).toMatchObject({ from: 0.75, to: 1, count: 2, frequency: 0.5 })
    expect(result.ece).toBeCloseTo((3 / 5) * (low.confidence - 0.5) + (2 / 5) * (high.confidence - 0.5), 12)
  })

  test('of no pairs is 0 everywhere, and certainty is in the last bin', () => {
    expect(evaluateDifferences()([])).toMatchObject({ pairs: 0, accuracy: 0, margin: 0, nll: 0, ece: 0 })
    const { bins, nll } = evaluateDifferences()([1e4, -1e4])
    expect(bins.at(-1)).toMatchObject({ count: 2, confidence: 1, frequency: 0.5 })
    expect(nll).toBe(5000)
  })

  test('every pair is in one bin, whose bounds hold its confidence', () => {
    fc.assert(
      fc.property(differences, fc.integer({ min: 1, max: 15 }), (ds, bins) => {
        const result = evaluateDifferences({ bins })(ds)
        expect(result.bins).toHaveLength(bins)
        expect(result.bins.reduce((n, b) => n + b.count, 0)).toBe(ds.length)
        return result.bins.every(
          (b) => b.count === 0 || (b.confidence >= b.from - 1e-12 && b.confidence <= b.to + 1e-12),
        )
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('the calibration error is the one over pairs in both orders', () => {
    fc.assert(
      fc.property(
        fc.array(
          difference.filter((d) => d !== 0),
          { minLength: 1, maxLength: 60 },
        ),
        fc.integer({ min: 1, max: 8 }),
        (ds, bins) => {
          // (p, chosen first) and (1 - p, chosen second), in 2 bins equal bins of [0, 1]
          const both = ds.flatMap((d) => [
            {
              p: sigmoid(d),
              y: 1,
              bin: Math.floor((sigmoid(Math.abs(d)) - 0.5) * 2 * bins) * (d > 0 ? 1 : -1),
              above: d > 0,
            },
            {
              p: sigmoid(-d),
              y: 0,
              bin: Math.floor((sigmoid(Math.abs(d)) - 0.5) * 2 * bins) * (d > 0 ? -1 : 1),
              above: d < 0,
            },
          ])
          const names = [...new Set(both.map((b) => `${b.bin} ${b.above}`))]
          const error = names
            .map((name) => both.filter((b) => `${b.bin} ${b.above}` === name))
            .reduce(
              (sum, own) =>
                sum + (own.length / both.length) * Math.abs(mean(own.map((b) => b.p)) - mean(own.map((b) => b.y))),
              0,
            )
          expect(evaluateDifferences({ bins })(ds).ece).toBeCloseTo(error, 9)
        },
      ),
      { seed: 1, numRuns: 200 },
    )
  })
})

describe('the temperature', () => {
  const nll = (ds: readonly number[], t: number): number => evaluateDifferences()(ds.map((d) => d / t)).nll

  test('makes k right of n a chance of k/n', () => {
    expect(fitTemperature([8, 8, 8, -8])).toBeCloseTo(8 / Math.log(3), 9)
    expect(fitTemperature([])).toBe(1)
    expect(fitTemperature([0, 0])).toBe(1)
  })

  test('where none is best it is the bound', () => {
    expect(fitTemperature([1, 2])).toBeCloseTo(1e-3, 9)
    expect(fitTemperature([-1, -2])).toBeCloseTo(1e3, 3)
  })

  test('no other one is more likely, and scaling the differences scales it', () => {
    fc.assert(
      fc.property(differences, fc.double({ min: 0.2, max: 5, noNaN: true }), (ds, other) => {
        const best = fitTemperature(ds)
        const within = Math.min(Math.max(best * other, 1e-3), 1e3)
        expect(nll(ds, best)).toBeLessThanOrEqual(nll(ds, within) + 1e-9)
        if (best > 0.01 && best < 100) expect(fitTemperature(ds.map((d) => 2 * d)) / best).toBeCloseTo(2, 6)
      }),
      { seed: 1, numRuns: 200 },
    )
  })
})

// Draws against what defines their distributions: bounds, moments, quantiles, frequencies; the same on every device.
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { random, readAsync, tensor } from '../index.ts'

const devices = await presentDevices()
const N = 20_000
const mean = (xs: readonly number[]): number => xs.reduce((p, x) => p + x, 0) / xs.length
const below = (xs: readonly number[], q: number): number => xs.filter((x) => x < q).length / xs.length

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (_, device) => {
  const draw = async (sampler: random.Sampler, seed = 1): Promise<readonly number[]> =>
    Array.from(await readAsync(sampler(random.key(seed), [N]), device))

  it('exponential: mean and variance 1, 1 - 1/e below 1', async () => {
    const xs = await draw(random.exponential)
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(0)
    expect(mean(xs)).toBeCloseTo(1, 1)
    expect(mean(xs.map((x) => (x - 1) ** 2))).toBeCloseTo(1, 1)
    expect(below(xs, 1)).toBeCloseTo(1 - 1 / Math.E, 1)
  })
  it('laplace: mean 0, mean size 1, half of it below 0', async () => {
    const xs = await draw(random.laplace)
    expect(xs.every(Number.isFinite)).toBe(true)
    expect(Math.abs(mean(xs))).toBeLessThan(0.03)
    expect(mean(xs.map(Math.abs))).toBeCloseTo(1, 1)
    expect(below(xs, 0)).toBeCloseTo(0.5, 1)
  })
  it.each([
    [-2, 2, 0, 0.7737],
    [0, 1, 0.4598, 0.0794],
    [-Infinity, 0, -0.7979, 0.3634],
  ])('truncatedNormal(%d, %d)', async (lower, upper, at, variance) => {
    const xs = await draw(random.truncatedNormal(lower, upper))
    expect(xs.every((x) => x > lower && x < upper)).toBe(true)
    expect(Math.abs(mean(xs) - at)).toBeLessThan(0.02)
    expect(Math.abs(mean(xs.map((x) => (x - at) ** 2)) - variance)).toBeLessThan(0.02)
  })
  it('choice: frequencies with replacement, an order without', async () => {
    const p = tensor([1, 3, 0, 4])
    const xs = Array.from(await readAsync(random.choice(4, { p })(random.key(2), [N]), device))
    ;[0.125, 0.375, 0, 0.5].forEach((f, i) =>
      expect(Math.abs(xs.filter((x) => x === i).length / N - f)).toBeLessThan(0.02),
    )
    const even = Array.from(await readAsync(random.choice(4)(random.key(3), [N]), device))
    expect(Math.abs(even.filter((x) => x === 3).length / N - 0.25)).toBeLessThan(0.02)
    const rows = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    const order = Array.from(await readAsync(random.choice(rows, { replace: false })(random.key(4), [3]), device))
    expect(order.toSorted()).toEqual([1, 2, 3, 4, 5, 6])
    // what has no weight comes last
    const last = Array.from(await readAsync(random.choice(4, { p, replace: false })(random.key(5), [4]), device))
    expect([last[3], last.toSorted()]).toEqual([2, [0, 1, 2, 3]])
  })
})

it('what cannot be drawn is named', () => {
  const key = random.key(0)
  expect(() => random.choice(0)(key, [1])).toThrow('nothing to draw from')
  expect(() => random.choice(2, { replace: false })(key, [3])).toThrow('3 different draws from 2')
  expect(() => random.choice(2, { p: tensor([1]) })(key)).toThrow('one probability for each of 2')
  expect(() => random.truncatedNormal(1, 1)(key)).toThrow('no interval')
})

import { presentDevices } from '@adjoint/testing'
import { broadcastTo, type Expr, log, random, readAsync, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { Floats } from './layer.ts'
import { NO_TOKEN, readDrawn, sampleLogits, type Sampling } from './sample.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]

const p = [0.05, 0.3, 0.1, 0.35, 0.2]
const rows = (n: number): Floats => broadcastTo([n, 5])(log(tensor(p, [1, 5])))

/** How often each token is drawn in `n` rows, and the log-probability reported for each. */
const draws = (config: Sampling, n: number) => {
  const { tokens, logp } = sampleLogits(config)(random.key(7), rows(n))
  const [ids, nats] = [values(tokens), values(logp)]
  const counts = p.map((_, id) => ids.filter((i) => i === id).length)
  return { counts, ids, nats }
}
/** Pearson's statistic against probabilities; its 99.9% quantile is 18.5 with four degrees of freedom. */
const chiSquare = (counts: readonly number[], expected: readonly number[]): number => {
  const n = counts.reduce((a, b) => a + b, 0)
  return counts.reduce(
    (sum, c, i) => sum + (expected[i] === 0 ? c * 1e9 : (c - n * expected[i]!) ** 2 / (n * expected[i]!)),
    0,
  )
}
const normalised = (weights: readonly number[]): readonly number[] => {
  const total = weights.reduce((a, b) => a + b, 0)
  return weights.map((w) => w / total)
}

describe('sampleLogits', () => {
  test.each<readonly [string, Sampling, readonly number[]]>([
    ['the softmax', {}, p],
    ['temperature 1/2, the squares', { temperature: 0.5 }, normalised(p.map((q) => q * q))],
    ['top-k 2', { topK: 2 }, normalised([0, 0.3, 0, 0.35, 0])],
    ['top-k beyond the vocabulary', { topK: 99 }, p],
    ['top-p 0.5: the two that reach it', { topP: 0.5 }, normalised([0, 0.3, 0, 0.35, 0])],
    ['top-p 0.66: a third one', { topP: 0.66 }, normalised([0, 0.3, 0, 0.35, 0.2])],
    ['top-p below the likeliest', { topP: 0.01 }, [0, 0, 0, 1, 0]],
    ['top-k, then top-p of what is left', { topK: 3, topP: 0.7 }, normalised([0, 0.3, 0, 0.35, 0])],
  ])('draws from %s, and reports its log-probabilities', (_, config, expected) => {
    const { counts, ids, nats } = draws(config, 4000)
    expect(chiSquare(counts, expected)).toBeLessThan(18.5)
    ids.forEach((id, i) => expect(nats[i]).toBeCloseTo(Math.log(expected[id]!), 5))
  })

  test('greedy is the largest logit, with the log-probability of the model itself', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 8 }), (logits) => {
        const { tokens, logp } = sampleLogits({ temperature: 0 })(random.key(0), tensor(logits, [1, logits.length]))
        expect(values(tokens)).toEqual([logits.indexOf(Math.max(...logits))])
        const total = logits.reduce((sum, v) => sum + Math.exp(v - Math.max(...logits)), 0)
        expect(values(logp)[0]).toBeCloseTo(-Math.log(total), 5)
      }),
      { seed: 1, numRuns: 30 },
    )
  })

  test.each<Sampling>([
    {},
    { temperature: 0 },
    { temperature: 0.5 },
    { topK: 1 },
    { topK: 2 },
    { topP: 0.5 },
    { topK: 9, topP: 0.1 },
  ])('%o: no token is drawn from what is no distribution, nor one that is hidden, on every device', async (config) => {
    const [nan, inf] = [NaN, Infinity]
    const logits = tensor(
      [
        [nan, nan, nan, nan],
        [0, 5, nan, 1],
        [-inf, -inf, -inf, -inf],
        [-inf, -inf, 3, -inf],
        [0, 1, inf, 2],
        [-inf, 1e30, -1e30, -inf],
        [1, 2, 3, 4],
      ].flat(),
      [7, 4],
    )
    for (const device of devices) {
      const drawn = sampleLogits(config)(random.key(1), logits)
      const [tokens, logp] = [await readAsync(drawn.tokens, device), await readAsync(drawn.logp, device)]
      for (const row of [0, 1, 2, 4]) expect([tokens[row], logp[row]]).toEqual([NO_TOKEN, NaN])
      expect([tokens[3], tokens[5]]).toEqual([2, 1])
      expect([logp[3], logp[5]]).toEqual([0, 0])
      expect(tokens[6]).toBeGreaterThanOrEqual(0)
      await expect(readDrawn(drawn, device)).rejects.toMatchObject({ rows: [0, 1, 2, 4] })
      await expect(readDrawn(drawn, device)).rejects.toThrow(
        /logits of row 0 \(and of 3 more, 1, 2, 4\) are no distribution/,
      )
      const fine = await readDrawn(sampleLogits(config)(random.key(1), tensor([1, 2, 3, 4], [2, 2])), device)
      expect([...fine.logp].every(Number.isFinite)).toBe(true)
    }
  })

  test('sorting and keeping everything draws what not sorting draws', () => {
    expect(draws({ topK: 5, topP: 1 - 1e-7 }, 50).ids).toEqual(draws({}, 50).ids)
  })

  test('equal logits: top-k keeps exactly k', () => {
    const { tokens } = sampleLogits({ topK: 2 })(random.key(0), broadcastTo([200, 6])(tensor([0], [1, 1])))
    expect(new Set(values(tokens))).toEqual(new Set([0, 1]))
  })

  test('the same key draws the same tokens, whatever rows follow', () => {
    const ids = (n: number): readonly number[] => values(sampleLogits({})(random.key(3), rows(n)).tokens)
    expect(ids(20).slice(0, 8)).toEqual(ids(8))
  })

  test.each<readonly [Sampling, RegExp]>([
    [{ temperature: -1 }, /temperature is -1/],
    [{ temperature: NaN }, /temperature is NaN/],
    [{ temperature: 1e-50 }, /temperature is 1e-50. Choose 0 \(greedy\), or a number above 0 in f32/],
    [{ topK: 0 }, /topK is 0/],
    [{ topK: 1.5 }, /topK is 1.5/],
    [{ topP: 0 }, /topP is 0/],
    [{ topP: 1.1 }, /topP is 1.1/],
  ])('%o is refused', (config, message) => {
    expect(() => sampleLogits(config)(random.key(0), rows(1))).toThrow(message)
  })
})

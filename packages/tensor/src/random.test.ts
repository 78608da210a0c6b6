import { shapes } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from './graph/evaluate.ts'
import type { Expr } from './graph/expr.ts'
import { scalar, tensor, zeros } from './ops/creation.ts'
import * as raw from './primitives/index.ts'
import * as random from './random.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const key0 = random.key(0)
const key42 = random.key(42)
const mean = (xs: readonly number[]): number => xs.reduce((p, q) => p + q, 0) / xs.length

describe('the generator', () => {
  const block = (k: readonly number[], x: readonly number[]): readonly string[] => {
    const word = (v: number): Expr => raw.fill([], 'u32', v)
    const out = (w: 0 | 1): string =>
      values(raw.threefry(word(k[0]!), word(k[1]!), word(x[0]!), word(x[1]!), w))[0]!.toString(16)
    return [out(0), out(1)]
  }
  it('gives the known answers of Random123 for threefry2x32-20', () => {
    expect(block([0, 0], [0, 0])).toEqual(['6b200159', '99ba4efe'])
    expect(block([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])).toEqual(['1cb996fc', 'bb002be7'])
    expect(block([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual(['c4923a9c', '483df7a0'])
  })
})

describe('the values of JAX (jax_threefry_partitionable)', () => {
  it('keys', () => {
    expect(random.split(key0, 2).map(values)).toEqual([
      [1797259609, 2579123966],
      [928981903, 3453687069],
    ])
    expect(values(random.key(-1))).toEqual([4294967295, 4294967295])
    expect(values(random.key(2n ** 32n + 5n))).toEqual([1, 5])
    expect(values(random.key(scalar(7, 'u32')))).toEqual([0, 7])
  })
  it('draws of its tutorial on random numbers', () => {
    expect(values(random.uniform()(key0))[0]).toBeCloseTo(0.947667, 6)
    expect(values(random.normal()(key0))[0]).toBeCloseTo(1.6226422, 6)
    const atOnce = values(random.normal()(key42, [3]))
    ;[-0.02830462, 0.46713185, 0.29570296].forEach((v, i) => expect(atOnce[i]).toBeCloseTo(v, 6))
    const individually = random.split(key42, 3).map((k) => values(random.normal()(k))[0])
    ;[0.07592554, 0.60576403, 0.4323065].forEach((v, i) => expect(individually[i]).toBeCloseTo(v, 6))
  })
})

describe('keys', () => {
  it('split is foldIn of the positions, and foldIn of different data differs', () => {
    random.split(key42, 5).forEach((k, i) => {
      expect(values(k)).toEqual(values(random.foldIn(key42, i)))
      expect(values(k)).toEqual(values(random.foldIn(key42, scalar(i, 'i32'))))
    })
    const many = random.split(key42, 1000).map((k) => values(k).join())
    expect(new Set(many).size).toBe(1000)
  })
  it('draws depend on the key and the number of the element only, not on the shape', () => {
    fc.assert(
      fc.property(shapes(), (shape) => {
        const size = shape.reduce((n, d) => n * d, 1)
        expect(values(random.bits(key0, shape))).toEqual(values(random.bits(key0, [size])))
      }),
      { seed: 2, numRuns: 30 },
    )
  })
  it('are u32[2], and nothing else', () => {
    expect(() => random.normal()(zeros([2]) as unknown as random.Key)).toThrow('a key is u32[2]')
    expect(() => random.key(0.5)).toThrow('no safe integer')
    expect(() => random.key(undefined as never)).toThrow('the seed undefined is no safe integer')
    expect(() => random.key(zeros([2], 'u32') as never)).toThrow('a seed is a scalar')
    expect(() => random.foldIn(key0, 0.5)).toThrow('0.5 is no integer of 32 bits')
    expect(() => random.foldIn(key0, 2 ** 32)).toThrow('is no integer of 32 bits')
    expect(() => random.split(key0, -1)).toThrow('-1 is no number of keys')
  })
  it('that are forgotten, and shapes that are none, are an error of the draw', () => {
    const samplers = {
      bits: random.bits,
      normal: random.normal(),
      gumbel: random.gumbel,
      bernoulli: random.bernoulli(),
      randint: random.randint(0, 2),
    }
    for (const [name, sampler] of Object.entries(samplers)) {
      expect(() => sampler(undefined as never, [2]), name).toThrow(`random.${name}: the key is undefined`)
      expect(() => sampler([2] as never), name).toThrow(`random.${name}: the key is an array of 1. The key comes first`)
      expect(() => sampler(key0, [2.5]), name).toThrow(`random.${name}`)
    }
    expect(() => random.uniform()(undefined as never)).toThrow('random.uniform: the key is undefined')
    expect(() => random.categorical()(undefined as never, zeros([2]))).toThrow(
      'random.categorical: the key is undefined',
    )
    expect(() => random.permutation(-1)(key0)).toThrow('random.permutation')
    expect(() => random.bernoulli(1.5)(key0)).toThrow('1.5 is no probability')
  })
})

describe('distributions', () => {
  const n = 20_000
  it('uniform: range, mean, steps of 2^-23', () => {
    const u = values(random.uniform()(key42, [n]))
    expect(u.every((x) => x >= 0 && x < 1 && Number.isInteger(x * 2 ** 23))).toBe(true)
    expect(Math.abs(mean(u) - 0.5)).toBeLessThan(0.01)
    const v = values(random.uniform({ minval: -3, maxval: 5 })(key42, [n]))
    expect(v.every((x) => x >= -3 && x < 5)).toBe(true)
    expect(Math.abs(mean(v) - 1)).toBeLessThan(0.06)
  })
  it('uniform stays below maxval where rounding would reach it, and refuses an empty interval', () => {
    for (const [minval, maxval] of [
      [1000, 1001],
      [-1001, -1000],
      [1, 1 + 2 ** -23],
      [-1, 2 ** -149],
      [0, 1e-44],
      [-(2 ** -149), 0],
      [1e30, 1.0000001e30],
    ] as const) {
      const draws = values(random.uniform({ minval, maxval })(key42, [100_000])).map(Math.fround)
      const [lo, hi] = [Math.fround(minval), Math.fround(maxval)]
      expect(draws.filter((v) => v < lo || v >= hi)).toEqual([])
    }
    for (const [minval, maxval] of [
      [1, 1],
      [2, 1],
      [1, 1 + 1e-9],
      [NaN, 1],
      [-3e38, 3e38],
    ] as const)
      expect(() => random.uniform({ minval, maxval })(key0)).toThrow(RangeError)
  })
  it('normal: the moments, and location and scale', () => {
    const z = values(random.normal()(key42, [n]))
    expect(Math.abs(mean(z))).toBeLessThan(0.02)
    expect(Math.abs(mean(z.map((x) => x ** 2)) - 1)).toBeLessThan(0.03)
    expect(Math.abs(mean(z.map((x) => x ** 4)) - 3)).toBeLessThan(0.2)
    const y = values(random.normal({ mean: 5, stddev: 2 })(key42, [3]))
    y.forEach((x, i) => expect(x).toBeCloseTo(5 + 2 * z[i]!, 6))
  })
  it('gumbel: mean is the Euler constant', () => {
    expect(Math.abs(mean(values(random.gumbel(key42, [n]))) - 0.5772)).toBeLessThan(0.03)
  })
  it('categorical: frequencies are the softmax, and -Infinity is never drawn', () => {
    const logits = tensor([0, Math.log(3), -Infinity])
    const drawn = values(
      random.categorical(-1)(key42, raw.broadcastTo(raw.reshape(logits, [1, 3]), [n, 3]) as typeof logits),
    )
    expect(drawn).not.toContain(2)
    expect(Math.abs(mean(drawn) - 0.75)).toBeLessThan(0.02)
    expect(random.categorical(0)(key0, zeros([4, 5])).shape).toEqual([5])
  })
  it('categorical: a row without a distribution is an error, or no position', () => {
    const [nan, inf] = [NaN, Infinity]
    const rows = (...logits: readonly (readonly number[])[]) => tensor(logits as number[][])
    const draw = random.categorical(-1)
    expect(() => draw(key0, rows([0, 1], [-inf, -inf]) as never)).toThrow(
      'random.categorical(f32[2, 2]): every logit of row 1 is -Infinity',
    )
    expect(() => draw(key0, rows([nan, 1], [0, 0]) as never)).toThrow('a logit of row 0 is NaN')
    expect(() => random.categorical(0)(key0, rows([0, -inf], [0, -inf]) as never)).toThrow('every logit of row 1')
    const computed = raw.neg(rows([inf, inf], [nan, 0], [inf, 0], [0, -inf]))
    expect(values(draw(key0, computed as never))).toEqual([-(2 ** 31), -(2 ** 31), 1, 1])
  })
  it('bernoulli: with a number, and with a tensor of chances', () => {
    expect(Math.abs(mean(values(random.bernoulli(0.3)(key42, [n]))) - 0.3)).toBeLessThan(0.02)
    expect(values(random.bernoulli(tensor([0, 1]))(key42, [3, 2]))).toEqual([0, 1, 0, 1, 0, 1])
  })
  it('randint: every value of the range, none outside, wide ranges too', () => {
    const drawn = values(random.randint(-2, 3)(key42, [n]))
    expect([...new Set(drawn)].sort((p, q) => p - q)).toEqual([-2, -1, 0, 1, 2])
    ;[-2, -1, 0, 1, 2].forEach((v) =>
      expect(Math.abs(drawn.filter((d) => d === v).length / n - 0.2)).toBeLessThan(0.02),
    )
    const wide = values(random.randint(-2147483648, 2147483647)(key42, [n]))
    expect(wide.every((x) => Number.isInteger(x) && x >= -2147483648 && x < 2147483647)).toBe(true)
    expect(Math.abs(mean(wide) / 2 ** 31)).toBeLessThan(0.02)
    expect(() => random.randint(3, 3)).toThrow('[3, 3) is no range of i32 integers')
    expect(() => random.randint(0, 2 ** 31 + 1)).toThrow('no range')
    expect(() => random.randint(0.5, 3)).toThrow('no range')
    const last = values(random.randint(2 ** 31 - 2, 2 ** 31)(key42, [50]))
    expect([...new Set(last)].sort((p, q) => p - q)).toEqual([2 ** 31 - 2, 2 ** 31 - 1])
    const whole = values(random.randint(-(2 ** 31), 2 ** 31)(key42, [n]))
    expect(Math.abs(mean(whole) / 2 ** 31)).toBeLessThan(0.02)
    expect(Math.min(...whole)).toBeLessThan(-0.999 * 2 ** 31)
    expect(Math.max(...whole)).toBeGreaterThan(0.999 * 2 ** 31)
  })
  it('randint: the remainder that JAX takes of two draws, in u32', () => {
    const [k1, k2] = random.split(key42, 2)
    const [high, low] = [values(random.bits(k1, [50])), values(random.bits(k2, [50]))].map((xs) => xs.map(BigInt))
    const u32 = (x: bigint): bigint => BigInt.asUintN(32, x)
    for (const span of [1n, 2n, 10n, 1000n, 65536n, 65537n, 2147483647n, 4294967295n]) {
      const root = (1n << 16n) % span
      const multiplier = u32(root * root) % span
      const expected = high!.map((h, i) => u32(u32((h % span) * multiplier) + (low![i]! % span)) % span)
      const lo = -(2n ** 31n)
      const drawn = values(random.randint(Number(lo), Number(lo + span))(key42, [50]))
      expect(drawn.map((v) => BigInt(v) - lo)).toEqual(expected)
    }
  })
  it('permutation: every number once, another order for another key', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(1000), (size, seed) => {
        const order = values(random.permutation(size)(random.key(seed)))
        expect([...order].sort((p, q) => p - q)).toEqual(Array.from({ length: size }, (_, i) => i))
      }),
      { seed: 3, numRuns: 50 },
    )
    expect(values(random.permutation(20)(key0))).not.toEqual(values(random.permutation(20)(key42)))
  })
})

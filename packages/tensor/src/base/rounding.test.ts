import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dtypes } from './dtype.ts'
import { type Half, packHalves, roundHalves, unpackHalves } from './rounding.ts'

const seed = 16
const all = Uint16Array.from({ length: 65536 }, (_, i) => i)
const kinds: readonly Half[] = ['f16', 'bf16']

describe.each(kinds)('%s', (dtype) => {
  const { round } = dtypes[dtype]
  const values = unpackHalves(dtype, all)
  /** The finite numbers of the format, in order; and infinity where the next one would be, from which numbers round to it. */
  const finite = [...new Set(values)].filter((v) => Number.isFinite(v)).sort((x, y) => x - y)
  const beyond = 2 * finite.at(-1)! - finite.at(-2)!
  const line = [-beyond, ...finite, beyond]

  it('every pattern of bits is a number, and comes back', () => {
    const back = packHalves(dtype, values, new Uint16Array(65536))
    for (let i = 0; i < 65536; i++)
      if (Number.isNaN(values[i])) expect(unpackHalves(dtype, back.slice(i, i + 1))[0]).toBeNaN()
      else if (back[i] !== i) expect(back[i]).toBe(i)
  })

  it('its numbers are their own roundings', () => {
    for (const v of values) if (!Object.is(round(v), v)) expect(round(v)).toBe(v)
  })

  it('halfway goes to the number with the even bits, and anything else to the nearer', () => {
    for (let i = 0; i + 1 < line.length; i++) {
      const [lo, hi] = [line[i]!, line[i + 1]!]
      const middle = (lo + hi) / 2
      const bits = packHalves(dtype, [lo, hi], new Uint16Array(2))
      const even = i === 0 ? -Infinity : i + 2 === line.length ? Infinity : bits[0]! % 2 === 0 ? lo : hi
      if (round(middle) !== even) expect([lo, hi, round(middle)]).toEqual([lo, hi, even])
      const nearer = (by: number): number => middle + by * (hi - lo)
      const bound = (v: number): number => (Math.abs(v) === beyond ? Math.sign(v) * Infinity : v)
      if (round(nearer(-0.01)) !== bound(lo)) expect(round(nearer(-0.01))).toBe(bound(lo))
      if (round(nearer(0.01)) !== bound(hi)) expect(round(nearer(0.01))).toBe(bound(hi))
    }
  })

  it('many are rounded as each is, and the first that becomes infinite is found', () => {
    const middles = line.slice(1).map((v, i) => Math.fround((v + line[i]!) / 2))
    const near = middles.flatMap((v) => {
      const bits = new Uint32Array(Float32Array.of(v).buffer)[0]!
      return [...new Float32Array(Uint32Array.of(bits - 1, bits, bits + 1).buffer)]
    })
    const numbers = Float32Array.from([...values, ...near, -0, Infinity, -Infinity, NaN])
    const out = new Float32Array(numbers.length)
    const first = roundHalves(dtype, numbers, out)
    numbers.forEach((v, i) => {
      if (!Object.is(out[i], round(v))) expect([v, out[i]]).toEqual([v, round(v)])
    })
    expect(first).toBe(numbers.findIndex((v, i) => Number.isFinite(v) && !Number.isFinite(out[i])))
    // in place, and packed from numbers of either kind of array
    expect(roundHalves(dtype, numbers, numbers)).toBe(first)
    const [packed, again] = [new Uint16Array(numbers.length), new Uint16Array(numbers.length)]
    expect(packHalves(dtype, numbers, packed)).toEqual(packHalves(dtype, [...numbers], again))
  })

  it('rounding is odd, monotone and idempotent', () => {
    const number = fc.double({ noNaN: true })
    fc.assert(
      fc.property(number, number, (x, y) => {
        expect(round(-x)).toBe(-round(x))
        expect(round(round(x))).toBe(round(x))
        if (x <= y) expect(round(x)).toBeLessThanOrEqual(round(y))
      }),
      { seed },
    )
  })
})

it('known values', () => {
  // 65504 is the largest f16; 2^-24 the smallest above 0; bf16 keeps 8 bits of an f32
  expect([65504, 65519.9, 65520, 1e-8, 2 ** -24, 2 ** -25, 1 / 3].map(dtypes.f16.round)).toEqual([
    65504,
    65504,
    Infinity,
    0,
    2 ** -24,
    0,
    0.333251953125,
  ])
  expect([1 / 3, 3.3895e38, 3.4e38, 256, 257, 259].map(dtypes.bf16.round)).toEqual([
    0.333984375,
    3.3895313892515355e38,
    Infinity,
    256,
    256,
    260,
  ])
  expect([...packHalves('f16', [1.5, -2, NaN, Infinity], new Uint16Array(4))]).toEqual([0x3e00, 0xc000, 0x7e00, 0x7c00])
  expect([...packHalves('bf16', [1.5, -2, NaN, Infinity], new Uint16Array(4))]).toEqual([
    0x3fc0, 0xc000, 0x7fc0, 0x7f80,
  ])
})

/** f32 numbers where implementations go wrong, and the distance of a result from the truth. */

const bits = new Uint32Array(1)
const float = new Float32Array(bits.buffer)
export const fromBits = (b: number): number => {
  bits[0] = b
  return float[0]!
}
const bitsOf = (x: number): number => {
  float[0] = x
  return bits[0]!
}

/** The least normal and the largest finite f32. */
export const TINY = 2 ** -126
export const HUGE = fromBits(0x7f7fffff)

/** x with its neighbours up to `reach` units in the last place away. */
const around = (x: number, reach = 2): readonly number[] => {
  const near = Math.fround(x)
  if (near === 0 || !Number.isFinite(near)) return [near]
  return Array.from({ length: 2 * reach + 1 }, (_, i) => fromBits(bitsOf(near) + i - reach))
}
const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
const bothSigns = (xs: readonly number[]): readonly number[] => xs.flatMap((x) => [x, -x])

/** Numbers in [0, 1), the same each time. */
export const uniforms = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
/** Any bit pattern: every exponent is as likely as another, NaN and infinities among them. */
export const anyBits = (seed: number, n: number): readonly number[] => {
  const next = uniforms(seed)
  return range(n).map(() => fromBits(Math.floor(next() * 2 ** 32)))
}

const extremes = bothSigns([0, 2 ** -149, 3 * 2 ** -149, 2 ** -126 - 2 ** -149, TINY, HUGE, Infinity])

/** Where functions overflow, underflow, saturate, or change their method. */
const thresholds = [
  ...[88.72284, 88.02969, 87.33654, 103.97208, 89.41599, 104, 127.99999, 128, 126, 149, 150, 17.32868, 16.635532],
  ...[0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 9.01, 9.2, 10, 0.625, 0.0004, 0.34657359, Math.SQRT1_2, Math.SQRT2, Math.E],
  ...[
    2 ** 23,
    2 ** 23 - 0.5,
    2 ** 24,
    2 ** 31,
    2 ** 32,
    1e4,
    1e5,
    1e8,
    3e9,
    1e10,
    1e19,
    1.8e19,
    2e19,
    1e20,
    1e30,
    3.4e38,
  ],
]
/** Multiples of a quarter turn, and the f32 nearest to one of all (16367173 2^72 is within 2^-29 of one). */
const quarterTurns = [...range(320).map((k) => k + 1), ...range(300).map((k) => Math.round(1.043 ** (k + 140)))].map(
  (k) => k * (Math.PI / 2),
)

/** Some ten thousand. */
export const specialValues: readonly number[] = [
  ...extremes,
  NaN,
  ...bothSigns(thresholds.flatMap((x) => around(x, 3))),
  ...bothSigns(range(277).flatMap((k) => around(2 ** (k - 149), 1))),
  ...bothSigns(quarterTurns.flatMap((x) => around(x, 1))),
  ...bothSigns([16367173 * 2 ** 72]),
  ...bothSigns(range(90).flatMap((k) => [k / 2, k + 0.25])),
  ...anyBits(1, 2200),
  ...((next) => range(1500).map(() => Math.fround((next() - 0.5) * 40)))(uniforms(2)),
  ...((next) => range(500).map(() => Math.fround((next() - 0.5) * 2)))(uniforms(3)),
]

const corners = [
  ...[...extremes, NaN],
  ...bothSigns([0.1, 0.5, 1, 1 + 2 ** -23, 1.5, 2, 2.5, 3, 7, 10, 100, 127, 1e5, 1e7, 1e9]),
  ...bothSigns([2 ** 23 + 1, 2 ** 24, 2 ** 24 + 2, 1e-3, 1e-7, 1e-20, 1e-38, 1e20, 1e30, 3.4e38]),
]
/** Every pair of corners, and pairs of random bits, of near exponents, and of ordinary numbers. */
export const specialPairs: { readonly x: readonly number[]; readonly y: readonly number[] } = (() => {
  const next = uniforms(4)
  const [a, b] = [anyBits(5, 2500), anyBits(6, 2500)]
  const close = a.slice(0, 2000).map((x) => Math.fround(x * 2 ** Math.floor(40 * next() - 34) * (1 + next())))
  const plain = range(2000).map(() => [Math.fround(200 * (next() - 0.5)), Math.fround(60 * (next() - 0.5))] as const)
  return {
    x: [...corners.flatMap((x) => corners.map(() => x)), ...a, ...a.slice(0, 2000), ...plain.map(([x]) => x)].map(
      Math.fround,
    ),
    y: [...corners.flatMap(() => corners), ...b, ...close, ...plain.map(([, y]) => y)].map(Math.fround),
  }
})()

/** A subnormal operand as a device that flushes may see it. */
export const flushed = (x: number): number => (Math.abs(x) < TINY ? 0 * x : x)

/**
 * Distance of an f32 from the truth, in units of the truth's last place; of the least normal number's below that. Zeros count
 * with their sign; where the truth rounds beyond the finite numbers, it is as far away as it is from 2^128.
 */
export const ulps = (got: number, truth: number): number => {
  if (Number.isNaN(truth) || Number.isNaN(got)) return Number.isNaN(truth) && Number.isNaN(got) ? 0 : Infinity
  if (truth === 0) return Object.is(got, truth) ? 0 : Math.max(1, Math.abs(got) / 2 ** -149)
  const size = Math.abs(truth)
  if (Math.abs(got) === Infinity || size === Infinity) {
    if (Math.sign(got) !== Math.sign(truth)) return Infinity
    if (got === truth) return 0
    return Math.max(0, (2 ** 128 - Math.min(Math.abs(got), size)) / 2 ** 104 - 0.5)
  }
  return Math.abs(got - truth) / 2 ** (Math.max(-126, Math.floor(Math.log2(size))) - 23)
}

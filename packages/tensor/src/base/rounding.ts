/**
 * Floats of few bits. A binary format has p significant bits and exponents from e_min to e_max; below 2^e_min its numbers
 * are evenly spaced, 2^(e_min - p + 1) apart. f16 is p = 11, e from -14 to 15; bf16, the upper half of an f32, p = 8, e from
 * -126 to 127 (IEEE 754-2019, 3.6, for the first).
 *
 * The bits of 1.5 are 0x3e00 as f16 (sign 0, exponent 15 + 0, fraction .1) and 0x3fc0 as bf16.
 */
export interface FloatFormat {
  readonly precision: number
  readonly lowestExponent: number
  readonly highestExponent: number
}

/** To the nearest integer, ties to the even one. */
const nearestEven = (x: number): number => {
  const floor = Math.floor(x)
  const rest = x - floor
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1
}
/** The exponent of a positive finite number: 2^e <= x < 2^(e + 1). */
const exponentOf = (x: number): number => {
  const e = Math.floor(Math.log2(x))
  // the logarithm rounds
  return x < 2 ** e ? e - 1 : x >= 2 ** (e + 1) ? e + 1 : e
}

/** The nearest number of a format, ties to even: infinite from half a step beyond the largest. */
export const roundTo =
  ({ precision, lowestExponent, highestExponent }: FloatFormat) =>
  (x: number): number => {
    if (x === 0 || !Number.isFinite(x)) return x
    const step = 2 ** (Math.max(exponentOf(Math.abs(x)), lowestExponent) - precision + 1)
    const rounded = nearestEven(Math.abs(x) / step) * step
    return Math.sign(x) * (rounded >= 2 ** (highestExponent + 1) ? Infinity : rounded)
  }

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

/** The 16 bits of an f16 that is given as a number. */
const f16Bits = (x: number): number => {
  float[0] = x
  const sign = (word[0]! >>> 16) & 0x8000
  if (Number.isNaN(x)) return 0x7e00
  const size = Math.abs(x)
  if (size < 2 ** -14) return sign | (size * 2 ** 24)
  return size === Infinity ? sign | 0x7c00 : sign | (((word[0]! & 0x7fffffff) >>> 13) - (112 << 10))
}
const f16Value = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const [exponent, fraction] = [(bits >>> 10) & 31, bits & 0x3ff]
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
const bf16Bits = (x: number): number => {
  float[0] = x
  return Number.isNaN(x) ? 0x7fc0 : word[0]! >>> 16
}
const bf16Value = (bits: number): number => {
  word[0] = bits << 16
  return float[0]!
}

const halves = { f16: { bits: f16Bits, value: f16Value }, bf16: { bits: bf16Bits, value: bf16Value } } as const
/** The dtypes of two bytes an element. */
export type Half = keyof typeof halves
export const isHalf = (dtype: string): dtype is Half => Object.hasOwn(halves, dtype)

/** Writes numbers that are elements of a dtype of two bytes as their bits. */
export const packHalves = (dtype: Half, data: ArrayLike<number>, into: Uint16Array): Uint16Array => {
  const { bits } = halves[dtype]
  for (let i = 0; i < data.length; i++) into[i] = bits(data[i]!)
  return into
}
/** The numbers again. */
export const unpackHalves = (dtype: Half, packed: Uint16Array): Float32Array =>
  Float32Array.from(packed, halves[dtype].value)

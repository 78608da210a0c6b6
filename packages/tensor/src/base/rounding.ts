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

const double = new Float64Array(1)
/** The upper half of a double's bits: its sign, 11 bits of its exponent, 20 of its fraction. */
const UPPER = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0
const doubleWords = new Uint32Array(double.buffer)
const BIAS = 1023

/**
 * The nearest number of a format, ties to even: infinite from half a step beyond the largest.
 *
 * Numbers near x are `step` apart. A double has 53 bits, so that those near `2^52 step` are `step` apart too: adding that number rounds to the
 * step, as all sums are rounded, and subtracting it is exact.
 */
export const roundTo = ({ precision, lowestExponent, highestExponent }: FloatFormat): ((x: number) => number) => {
  const beyond = 2 ** (highestExponent + 1)
  return (x) => {
    double[0] = x
    // 2^e <= |x| < 2^(e + 1); of subnormal doubles and 0 it is lower than that of any format
    const exponent = ((doubleWords[UPPER]! >>> 20) & 0x7ff) - BIAS
    if (exponent > highestExponent) return Number.isNaN(x) ? NaN : x > 0 ? Infinity : -Infinity
    const step = (exponent < lowestExponent ? lowestExponent : exponent) - precision + 1
    doubleWords[UPPER] = (step + 52 + BIAS) << 20
    doubleWords[1 - UPPER] = 0
    const magic = double[0]
    const size = Math.abs(x) + magic - magic
    const rounded = size >= beyond ? Infinity : size
    // the sign of a zero too
    return x < 0 || Object.is(x, -0) ? -rounded : rounded
  }
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

const halves = { f16: { bits: f16Bits }, bf16: { bits: bf16Bits } } as const
/** The dtypes of two bytes an element. */
export type Half = keyof typeof halves
export const isHalf = (dtype: string): dtype is Half => Object.hasOwn(halves, dtype)

/** Writes numbers that are elements of a dtype of two bytes as their bits. */
export const packHalves = (dtype: Half, data: ArrayLike<number>, into: Uint16Array): Uint16Array => {
  const { bits } = halves[dtype]
  for (let i = 0; i < data.length; i++) into[i] = bits(data[i]!)
  return into
}

/** The bits of the f32 that each f16 is, by its own; made when first asked for. */
let widened: Uint32Array | null = null
const f16Words = (): Uint32Array =>
  (widened ??= new Uint32Array(Float32Array.from({ length: 65536 }, (_, i) => f16Value(i)).buffer))

/** The numbers again. */
export const unpackHalves = (
  dtype: Half,
  packed: Uint16Array,
  into: Float32Array = new Float32Array(packed.length),
): Float32Array => {
  const bits = new Uint32Array(into.buffer, into.byteOffset, packed.length)
  if (dtype === 'bf16') for (let i = 0; i < packed.length; i++) bits[i] = packed[i]! << 16
  else {
    const table = f16Words()
    for (let i = 0; i < packed.length; i++) bits[i] = table[packed[i]!]!
  }
  return into
}

/**
 * Arbitraries of shapes, elements and arrays: valid by construction (shape, then what fits it, then elements), never by
 * filtering, so that every run tests and every counterexample shrinks to something small.
 */
import fc from 'fast-check'
import { dtypes, type DType, type HostArray } from '@adjoint/tensor/ir'

/** Array data with its shape, in doubles; what the reference interpreter computes with. */
export interface Data {
  readonly shape: readonly number[]
  readonly dtype: DType
  readonly data: Float64Array
}

/** Sizes that catch tilings and strides: 1, small primes, seldom 0. */
export const dims: fc.Arbitrary<number> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(1, 2, 3, 4, 5, 7) },
  { weight: 1, arbitrary: fc.constant(0) },
)
/** Sizes without the empty one. */
export const positiveDims: fc.Arbitrary<number> = fc.constantFrom(1, 2, 3, 4, 5, 7)

export interface ShapeBounds {
  readonly minRank?: number
  readonly maxRank?: number
  readonly dim?: fc.Arbitrary<number>
}
export const shapes = ({ minRank = 0, maxRank = 3, dim = dims }: ShapeBounds = {}): fc.Arbitrary<readonly number[]> =>
  fc.array(dim, { minLength: minRank, maxLength: maxRank })

const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)

/** Two shapes that broadcast (NumPy), and what they broadcast to. */
export const broadcastablePairs: fc.Arbitrary<{
  readonly x: readonly number[]
  readonly y: readonly number[]
  readonly out: readonly number[]
}> = shapes().chain((out) => {
  const operand = fc
    .tuple(fc.nat(out.length), fc.array(fc.boolean(), { minLength: out.length, maxLength: out.length }))
    .map(([drop, ones]) => out.map((d, i) => (ones[i] === true ? 1 : d)).slice(drop))
  return fc.tuple(operand, operand).map(([x, y]) => {
    const at = (shape: readonly number[], i: number): number => shape[i - out.length + shape.length] ?? 1
    return {
      x,
      y,
      out: out.map((_, i) => (at(x, i) === 1 ? at(y, i) : at(x, i))).slice(-Math.max(x.length, y.length) || out.length),
    }
  })
})

/** Axes of a shape, distinct and ascending. */
export const axesOf = (rank: number): fc.Arbitrary<readonly number[]> =>
  fc.subarray(Array.from({ length: rank }, (_, i) => i))

export const permutations = (rank: number): fc.Arbitrary<readonly number[]> => {
  const axes = Array.from({ length: rank }, (_, i) => i)
  return fc.shuffledSubarray(axes, { minLength: rank, maxLength: rank })
}

/** Ordinary elements: floats with two decimals within +-3, small integers, 0 or 1. */
export const elements = (dtype: DType): fc.Arbitrary<number> => {
  switch (dtype) {
    case 'f32':
      return fc.integer({ min: -300, max: 300 }).map((n) => n / 100)
    // exactly representable in 8 bits
    case 'f16':
    case 'bf16':
      return fc.integer({ min: -127, max: 127 }).map((n) => n / 32)
    case 'i32':
      return fc.integer({ min: -50, max: 50 })
    case 'u32':
      return fc.nat(100)
    case 'bool':
      return fc.nat(1)
  }
}
/** Elements where implementations go wrong: extremes, signed zeros, infinities, NaN. */
export const awkward = (dtype: DType): fc.Arbitrary<number> => {
  switch (dtype) {
    case 'f16':
    case 'bf16':
      return fc.constantFrom(0, -0, 1, -1, 0.5, 1.5, 2 ** -14, Infinity, -Infinity, NaN)
    case 'f32':
      return fc.constantFrom(0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, 1e-30, 1e30, Infinity, -Infinity, NaN, 88, -104)
    case 'i32':
      return fc.constantFrom(0, 1, -1, 2147483647, -2147483648, 65537, -65537)
    case 'u32':
      return fc.constantFrom(0, 1, 2147483648, 4294967295, 65537)
    case 'bool':
      return fc.nat(1)
  }
}
/** Floats from `from` to `to` in steps of a hundredth. */
export const between = (from: number, to: number): fc.Arbitrary<number> =>
  fc.integer({ min: Math.round(from * 100), max: Math.round(to * 100) }).map((n) => n / 100)

export const data = (
  shape: readonly number[],
  dtype: DType = 'f32',
  element: fc.Arbitrary<number> = elements(dtype),
): fc.Arbitrary<Data> =>
  fc
    .array(element, { minLength: size(shape), maxLength: size(shape) })
    .map((values) => ({ shape, dtype, data: Float64Array.from(values) }))

/** Floats all different, at least a tenth apart: no ties for maxima, no kinks. */
export const distinct = (shape: readonly number[]): fc.Arbitrary<Data> => {
  const n = size(shape)
  const ladder = Array.from({ length: n }, (_, i) => (i - n / 2) * 0.13 + 0.05)
  return fc
    .shuffledSubarray(ladder, { minLength: n, maxLength: n })
    .map((values) => ({ shape, dtype: 'f32' as const, data: Float64Array.from(values) }))
}

/** The host's array of a dtype holding these values. */
export const hostArray = ({ dtype, data }: Data): HostArray => {
  const host = dtypes[dtype].allocate(data.length)
  host.set(data)
  return host
}

/**
 * Floats of 16 bits: between their bits, in an i32, and the f32 that they are; and the nearest of them to any f32. The same
 * instructions do one lane and four.
 *
 * f16 is sign, 5 bits of exponent, 10 of fraction. Moved to where an f32 has them, h << 13 with the sign in front, they read
 * as an f32 that is 2^112 times too small, since the exponents count from 15 and from 127; what is below 2^-14 comes
 * out right as well, for both formats space it evenly. With the largest exponent it reads as a number from 2^16 on, where it is
 * infinite or NaN: 2^112 times that overflows, and 2^112 times any other does not. So up and down again it is infinite there and
 * itself elsewhere, and its bits with those that it had are the exponent of infinity over the fraction that makes a NaN of it. This is half of
 * the instructions of a choice. bf16 is the upper half of an f32.
 */
import type { Half } from '../../../base/rounding.ts'
import { bitsOf, f32, fromBits, i32, select } from './arithmetic.ts'
import type { Emitter, Val } from './emitter.ts'
import { code } from './instructions.ts'

const SIGN = -0x80000000
const INFINITE = 0x7f800000
const isNaN_ = (e: Emitter, x: Val): Val => e.op('fne', x, x)
const withSignOf = (e: Emitter, x: Val, size: Val): Val =>
  fromBits(e, e.op('ior', bitsOf(e, size), e.op('iand', bitsOf(e, x), i32(e, SIGN))))

/** From bits in the lower half of an i32, loaded with its sign, to f32. */
export const widened: Readonly<Record<Half, (e: Emitter, bits: Val) => Val>> = {
  bf16: (e, bits) => fromBits(e, e.op('ishl', bits, i32(e, 16))),
  f16: (e, bits) => {
    const moved = e.op('iand', e.op('ishl', bits, i32(e, 13)), i32(e, SIGN | 0x0fffe000))
    const finite = e.op('fmul', fromBits(e, moved), f32(e, 2 ** 112))
    const back = e.op('fmul', e.op('fmul', finite, f32(e, 2 ** 112)), f32(e, 2 ** -112))
    return fromBits(e, e.op('ior', bitsOf(e, finite), bitsOf(e, back)))
  },
}

/** Eight lanes of 16 bits: the first four, and the last four, each in the upper half of its lane of 32 over what `low` has there. */
const interleaved = (e: Emitter, low: Val, high: Val): readonly [Val, Val] => {
  const part = (from: number): Val => {
    const lanes = [0, 1, 2, 3].flatMap((l) => [from + l, 8 + from + l]).flatMap((l) => [2 * l, 2 * l + 1])
    return e.pure([...code.shuffle, ...lanes], [low, high], 'i32', true)
  }
  return [part(0), part(4)]
}
const sixteens = (e: Emitter, bits: number): Val => e.vector('i32', new Array<number>(4).fill((bits << 16) | bits))

/** A way to widen many for products, with less care than one by itself needs. */
export interface Widening {
  /** Eight lanes of 16 bits, as two vectors of f32 that `scale` is missing in, for the other factor to have. */
  readonly widen: (e: Emitter, bits: Val) => readonly [Val, Val]
  readonly scale: number
  /** Follows whether any came out wrong, so that all is done again by `widened`; null where none can. */
  readonly watch: {
    readonly more: (e: Emitter, seen: Val, bits: Val) => Val
    readonly failed: (e: Emitter, seen: Val) => Val
  } | null
}

/**
 * The bits of eight take their places while they are in one vector, five instructions instead of seven for each four. f16 stays 2^112 times
 * too small: the other factor is made as much larger, which changes no bit of a product unless it overflows, and then the sum is not finite.
 * What is infinite or NaN reads as a number from 2^16 on. The largest so far of the bits doubled, which drops the sign, tells of it.
 */
export const widening: Readonly<Record<Half, Widening>> = {
  bf16: {
    widen: (e, bits) => {
      const [first, last] = interleaved(e, sixteens(e, 0), bits)
      return [fromBits(e, first), fromBits(e, last)]
    },
    scale: 1,
    watch: null,
  },
  f16: {
    widen: (e, bits) => {
      // sign, three zeros, exponent and 7 bits of the fraction; then its other 3
      const spread = e.pure(code.i16x8ShrS, [bits, i32(e, 3)], 'i32', true)
      const high = e.pure(code.v128And, [spread, sixteens(e, 0x8fff)], 'i32', true)
      const low = e.pure(code.i16x8Shl, [bits, i32(e, 13)], 'i32', true)
      const [first, last] = interleaved(e, low, high)
      return [fromBits(e, first), fromBits(e, last)]
    },
    scale: 2 ** 112,
    watch: {
      more: (e, seen, bits) =>
        e.pure(code.i16x8MaxU, [seen, e.pure(code.i16x8Add, [bits, bits], 'i32', true)], 'i32', true),
      failed: (e, seen) => {
        const beyond = e.pure(code.i16x8GtU, [seen, sixteens(e, 0xf7ff)], 'i32', true)
        return e.pure(code.v128AnyTrue, [beyond], 'bool', false)
      },
    },
  },
}

/** From an f32 that is one of them to bits in the lower half of an i32. */
export const narrowed: Readonly<Record<Half, (e: Emitter, x: Val) => Val>> = {
  bf16: (e, x) => e.op('ishru', bitsOf(e, x), i32(e, 16)),
  f16: (e, x) => {
    const bits = bitsOf(e, x)
    const size = e.op('iand', bits, i32(e, 0x7fffffff))
    const normal = e.op('isub', e.op('ishru', size, i32(e, 13)), i32(e, 112 << 10))
    const small = e.op('truncS', e.op('fmul', fromBits(e, size), f32(e, 2 ** 24)))
    const special = select(e, e.op('igtu', size, i32(e, INFINITE)), i32(e, 0x7e00), i32(e, 0x7c00))
    const isSmall = e.op('flt', fromBits(e, size), f32(e, 2 ** -14))
    const known = select(e, isSmall, small, select(e, e.op('igeu', size, i32(e, INFINITE)), special, normal))
    return e.op('ior', known, e.op('iand', e.op('ishru', bits, i32(e, 16)), i32(e, 0x8000)))
  },
}

/** The upper bits of a positive f32, after the others were rounded to nearest, ties to even. */
const upperBits = (e: Emitter, bits: Val, dropped: number): Val => {
  const odd = e.op('iand', e.op('ishru', bits, i32(e, dropped)), i32(e, 1))
  const up = e.op('iadd', e.op('iadd', bits, i32(e, 2 ** (dropped - 1) - 1)), odd)
  return e.op('iand', up, i32(e, -(2 ** dropped)))
}

/** The nearest f32 that one of them can be. */
export const rounded: Readonly<Record<Half, (e: Emitter, x: Val) => Val>> = {
  // beyond the largest the exponent becomes that of infinity
  bf16: (e, x) => select(e, isNaN_(e, x), f32(e, NaN), fromBits(e, upperBits(e, bitsOf(e, x), 16))),
  f16: (e, x) => {
    const size = e.op('fabs', x)
    const normal = upperBits(e, bitsOf(e, size), 13)
    const large = e.op('igeu', normal, i32(e, 0x47800000)) // 65536
    const small = e.op('fmul', e.op('fnearest', e.op('fmul', size, f32(e, 2 ** 24))), f32(e, 2 ** -24))
    const ordinary = select(e, large, f32(e, Infinity), fromBits(e, normal))
    const value = select(e, e.op('flt', size, f32(e, 2 ** -14)), small, ordinary)
    return withSignOf(e, x, select(e, isNaN_(e, x), f32(e, NaN), value))
  },
}

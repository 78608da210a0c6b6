/** The operators of the loop IR as instructions: one exhaustive table over UnaryOp, one over BinaryOp, and the casts. */
import type { Register } from '../../../base/dtype.ts'
import type { BinaryOp, ReduceOp, UnaryOp } from '../../../loops/scalar.ts'
import {
  asInteger,
  bitsOf,
  extract,
  extremum,
  f32,
  fromBits,
  gatherLanes,
  i32,
  narrow,
  narrowInteger,
  not,
  select,
  type Wide,
  wide,
  wideTruncated,
  widen,
  widenInteger,
} from './arithmetic.ts'
import type { Emitter, Val } from './emitter.ts'
import { rounded } from './halves.ts'
import type { Instruction, Type } from './instructions.ts'
import { pow, transcendental } from './transcendental.ts'

type Unary = (e: Emitter, x: Val, dtype: Register) => Val
type Binary = (e: Emitter, x: Val, y: Val, dtype: Register) => Val

export const typeOf = (dtype: Register): Type => (dtype === 'u32' ? 'i32' : dtype)

const negated = (e: Emitter, x: Val): Val => e.op('isub', i32(e, 0), x)
/** The identity on integers. */
const rounding =
  (name: Instruction): Unary =>
  (e, x, dtype) =>
    dtype === 'f32' ? e.op(name, x) : x

export const unaryOps: Readonly<Record<UnaryOp, Unary>> = {
  ...transcendental,
  neg: (e, x, dtype) => (dtype === 'f32' ? e.op('fneg', x) : negated(e, x)),
  abs: (e, x, dtype) =>
    dtype === 'f32' ? e.op('fabs', x) : dtype === 'i32' ? extremum(e, 'maxS', x, negated(e, x)) : x,
  sign: (e, x, dtype) => {
    if (dtype === 'f32') {
      const [zero, one] = [f32(e, 0), f32(e, 1)]
      return select(e, e.op('fgt', x, zero), one, select(e, e.op('flt', x, zero), f32(e, -1), x))
    }
    const atMostOne = extremum(e, dtype === 'i32' ? 'minS' : 'minU', x, i32(e, 1))
    return dtype === 'i32' ? extremum(e, 'maxS', atMostOne, i32(e, -1)) : atMostOne
  },
  not: (e, x) => not(e, x),
  floor: rounding('ffloor'),
  ceil: rounding('fceil'),
  round: rounding('fnearest'),
  sqrt: (e, x) => e.op('fsqrt', x),
  rsqrt: (e, x) => e.op('fdiv', f32(e, 1), e.op('fsqrt', x)),
  reciprocal: (e, x) => e.op('fdiv', f32(e, 1), x),
  isnan: (e, x) => e.op('fne', x, x),
  isinf: (e, x) => e.op('feq', e.op('fabs', x), f32(e, Infinity)),
  f16: rounded.f16,
  bf16: rounded.bf16,
}

/** One instruction for floats, one for integers, one for bool (whose 1 + 1 is 1). */
const arithmetic =
  (float: Instruction, integer: Instruction, logical: Instruction): Binary =>
  (e, x, y, dtype) =>
    e.op(dtype === 'f32' ? float : dtype === 'bool' ? logical : integer, x, y)

const extreme =
  (float: Instruction, kind: 'min' | 'max', logical: Instruction): Binary =>
  (e, x, y, dtype) => {
    if (dtype === 'f32') return e.op(float, x, y)
    if (dtype === 'bool') return e.op(logical, x, y)
    return extremum(e, dtype === 'i32' ? `${kind}S` : `${kind}U`, x, y)
  }

const comparison =
  (float: Instruction, signedOp: Instruction, unsignedOp: Instruction): Binary =>
  (e, x, y, dtype) => {
    if (dtype === 'f32') return e.op(float, x, y)
    if (dtype === 'bool') return e.op(signedOp, asInteger(e, x), asInteger(e, y))
    return e.op(dtype === 'i32' ? signedOp : unsignedOp, x, y)
  }

/** In lanes the distance is one scalar; lanes that differ in distance are shifted one by one. */
const shift =
  (signedOp: Instruction, unsignedOp: Instruction): Binary =>
  (e, x, y, dtype) => {
    const name = dtype === 'i32' ? signedOp : unsignedOp
    if (!y.lanes) return e.op(name, x, y)
    return gatherLanes(
      e,
      [0, 1, 2, 3].map((l) => e.op(name, extract(e, x, l), extract(e, y, l))),
    )
  }

/** Exact in doubles; division by zero gives 0, and the lowest integer divided by -1 wraps to itself. */
const quotient = (e: Emitter, x: Val, y: Val, isSigned: boolean): Val => {
  const q = narrowInteger(e, wide(e, 'ddiv', widenInteger(e, x, isSigned), widenInteger(e, y, isSigned)), isSigned)
  const wrapped = isSigned ? select(e, e.op('ieq', y, i32(e, -1)), negated(e, x), q) : q
  return select(e, e.op('ieq', y, i32(e, 0)), i32(e, 0), wrapped)
}
const integerMod = (e: Emitter, x: Val, y: Val, isSigned: boolean): Val => {
  const r = e.op('isub', x, e.op('imul', quotient(e, x, y, isSigned), y))
  const opposed = e.op('ilts', e.op('ixor', r, y), i32(e, 0))
  const fixed = isSigned ? select(e, e.op('band', opposed, e.op('ine', r, i32(e, 0))), e.op('iadd', r, y), r) : r
  return select(e, e.op('ieq', y, i32(e, 0)), i32(e, 0), fixed)
}

/** Bits of a quotient that a remainder in doubles takes at once: q < 2^28 times a divisor of 24 bits is exact. */
const QUOTIENT_BITS = 28
/** x - trunc(x / y) y, exactly, for |x| < 2^28 |y|. The quotient of two such f32 rounds to no integer that it is not. */
const wideRemainder = (e: Emitter, x: Wide, y: Wide): Wide =>
  wide(e, 'dsub', x, wide(e, 'dmul', wideTruncated(e, wide(e, 'ddiv', x, y)), y))
/**
 * The remainder of division towards zero, exact in doubles: at once where the quotient is below 2^28. Else long division:
 * the remainder by y 2^280 first (no quotient of two f32 is larger), then by y 2^252, and so on, each by an exact step.
 */
const floatRemainder = (e: Emitter, x: Val, y: Val): Val => {
  const [ax, ay] = [e.op('fabs', x), e.op('fabs', y)]
  const isLarge = e.op('fge', ax, e.op('fmul', ay, f32(e, 2 ** QUOTIENT_BITS)))
  const usual = narrow(e, wideRemainder(e, widen(e, x), widen(e, y)))
  const [exact] = e.rarely('remainder', isLarge, [x, y], [usual], ([dividend, divisor]) => {
    let rest = widen(e, dividend!)
    const by = widen(e, divisor!)
    for (let digit = 10; digit >= 0; digit--)
      rest = wideRemainder(e, rest, wide(e, 'dmul', by, 2 ** (QUOTIENT_BITS * digit)))
    return [narrow(e, rest)]
  })
  return select(e, e.op('flt', ax, ay), x, exact!) // also where y is infinite
}
/** The remainder with y added where the signs differ; a zero takes the sign of y. */
const floatMod = (e: Emitter, x: Val, y: Val): Val => {
  const r = floatRemainder(e, x, y)
  const zero = f32(e, 0)
  const differ = e.op('bxor', e.op('flt', r, zero), e.op('flt', y, zero))
  const ofZero = fromBits(e, e.op('iand', bitsOf(e, y), i32(e, -0x80000000)))
  return select(e, e.op('feq', r, zero), ofZero, select(e, differ, e.op('fadd', r, y), r))
}

/** x^y modulo 2^32 by squaring; 1 / x^|y| truncated for a negative exponent. */
const integerPower = (e: Emitter, x: Val, y: Val, isSigned: boolean): Val => {
  const [zero, one] = [i32(e, 0), i32(e, 1)]
  let result: Val = one
  let base = x
  for (let b = 0; b < 32; b++) {
    const set = e.op('ine', e.op('iand', e.op('ishru', y, i32(e, b)), one), zero)
    result = select(e, set, e.op('imul', result, base), result)
    base = e.op('imul', base, base)
  }
  if (!isSigned) return result
  const odd = e.op('ine', e.op('iand', y, one), zero)
  const ofMinusOne = select(e, odd, i32(e, -1), one)
  const inverse = select(e, e.op('ieq', x, one), one, select(e, e.op('ieq', x, i32(e, -1)), ofMinusOne, zero))
  return select(e, e.op('ilts', y, zero), inverse, result)
}

const power: Binary = (e, x, y, dtype) => {
  if (y.value === 1) return x
  if (dtype === 'f32') {
    if (y.value === 2) return e.op('fmul', x, x)
    if (y.value === 3) return e.op('fmul', e.op('fmul', x, x), x)
    return pow(e, x, y)
  }
  if (y.value === 2) return e.op('imul', x, x)
  return integerPower(e, x, y, dtype === 'i32')
}

export const binaryOps: Readonly<Record<BinaryOp, Binary>> = {
  add: arithmetic('fadd', 'iadd', 'bor'),
  sub: arithmetic('fsub', 'isub', 'bxor'),
  mul: arithmetic('fmul', 'imul', 'band'),
  div: (e, x, y, dtype) => (dtype === 'f32' ? e.op('fdiv', x, y) : quotient(e, x, y, dtype === 'i32')),
  mod: (e, x, y, dtype) => (dtype === 'f32' ? floatMod(e, x, y) : integerMod(e, x, y, dtype === 'i32')),
  pow: power,
  max: extreme('fmax', 'max', 'bor'),
  min: extreme('fmin', 'min', 'band'),
  and: (e, x, y, dtype) => e.op(dtype === 'bool' ? 'band' : 'iand', x, y),
  or: (e, x, y, dtype) => e.op(dtype === 'bool' ? 'bor' : 'ior', x, y),
  xor: (e, x, y, dtype) => e.op(dtype === 'bool' ? 'bxor' : 'ixor', x, y),
  shl: shift('ishl', 'ishl'),
  shr: shift('ishrs', 'ishru'),
  eq: comparison('feq', 'ieq', 'ieq'),
  ne: comparison('fne', 'ine', 'ine'),
  lt: comparison('flt', 'ilts', 'iltu'),
  le: comparison('fle', 'iles', 'ileu'),
  gt: comparison('fgt', 'igts', 'igtu'),
  ge: comparison('fge', 'iges', 'igeu'),
}

export const reducer: Readonly<Record<ReduceOp, BinaryOp>> = { sum: 'add', prod: 'mul', max: 'max', min: 'min' }

/** Numeric conversion. */
export const convert = (e: Emitter, x: Val, from: Register, to: Register): Val => {
  if (from === to) return x
  if (to === 'bool') return from === 'f32' ? e.op('fne', x, f32(e, 0)) : e.op('ine', x, i32(e, 0))
  if (from === 'bool') {
    const one = asInteger(e, x)
    if (to !== 'f32') return one
    return x.lanes ? select(e, x, f32(e, 1), f32(e, 0)) : e.op('convertS', one)
  }
  if (to === 'f32') return e.op(from === 'u32' ? 'convertU' : 'convertS', x)
  if (from === 'f32') return e.op(to === 'u32' ? 'truncU' : 'truncS', x)
  return x // i32 and u32 share their bits
}

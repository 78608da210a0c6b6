/** The operators of the loop IR as instructions: one exhaustive table over UnaryOp, one over BinaryOp, and the casts. */
import type { DType } from '../../dtype.ts'
import type { BinaryOp, ReduceOp, UnaryOp } from '../scalar.ts'
import {
  asInteger,
  extract,
  extremum,
  f32,
  gatherLanes,
  i32,
  narrowInteger,
  not,
  select,
  wide,
  widenInteger,
} from './arithmetic.ts'
import type { Emitter, Val } from './emitter.ts'
import type { Instruction, Type } from './instructions.ts'
import { pow, transcendental } from './transcendental.ts'

type Unary = (e: Emitter, x: Val, dtype: DType) => Val
type Binary = (e: Emitter, x: Val, y: Val, dtype: DType) => Val

export const typeOf = (dtype: DType): Type => (dtype === 'u32' ? 'i32' : dtype)

const negated = (e: Emitter, x: Val): Val => e.op('isub', i32(e, 0), x)
/** The identity on integers. */
const rounding =
  (name: Instruction): Unary =>
  (e, x, dtype) =>
    dtype === 'f32' ? e.op(name, x) : x

export const unaryOps: Readonly<Record<UnaryOp, Unary>> = {
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
  exp: transcendental.exp,
  exp2: transcendental.exp2,
  expm1: transcendental.expm1,
  log: transcendental.log,
  log2: transcendental.log2,
  log1p: transcendental.log1p,
  sqrt: (e, x) => e.op('fsqrt', x),
  rsqrt: (e, x) => e.op('fdiv', f32(e, 1), e.op('fsqrt', x)),
  reciprocal: (e, x) => e.op('fdiv', f32(e, 1), x),
  sin: transcendental.sin,
  cos: transcendental.cos,
  tan: transcendental.tan,
  tanh: transcendental.tanh,
  sinh: transcendental.sinh,
  cosh: transcendental.cosh,
  sigmoid: transcendental.sigmoid,
  erf: transcendental.erf,
  isnan: (e, x) => e.op('fne', x, x),
  isinf: (e, x) => e.op('feq', e.op('fabs', x), f32(e, Infinity)),
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

/** The upper half of a float's mantissa, so that products of halves are exact (Veltkamp). */
const upperHalf = (e: Emitter, x: Val): Val => {
  const c = e.op('fmul', x, f32(e, 4097))
  return e.op('fsub', c, e.op('fsub', c, x))
}
/**
 * The remainder of |x| / |y| with the product exact (Dekker), so that it is right for quotients up to 2^24; then the sign
 * of x, and y added where the signs differ.
 */
const floatMod = (e: Emitter, x: Val, y: Val): Val => {
  const [ax, ay] = [e.op('fabs', x), e.op('fabs', y)]
  const q = e.op('ftrunc', e.op('fdiv', ax, ay))
  const product = e.op('fmul', q, ay)
  const [qh, yh] = [upperHalf(e, q), upperHalf(e, ay)]
  const [ql, yl] = [e.op('fsub', q, qh), e.op('fsub', ay, yh)]
  const first = e.op('fsub', e.op('fmul', qh, yh), product)
  const cross = e.op('fadd', e.op('fadd', first, e.op('fmul', qh, yl)), e.op('fmul', ql, yh))
  const lost = e.op('fadd', cross, e.op('fmul', ql, yl))
  const r = e.op('fsub', e.op('fsub', ax, product), lost)
  const [zero, infinity] = [f32(e, 0), f32(e, Infinity)]
  // the rounded quotient may be one too large or one too small
  const tooSmall = select(e, e.op('fge', r, ay), e.op('fsub', r, ay), r)
  const near = select(e, e.op('flt', r, zero), e.op('fadd', r, ay), tooSmall)
  const endless = e.op('band', e.op('feq', ay, infinity), e.op('flt', ax, infinity))
  const size = select(e, e.op('bor', endless, e.op('flt', ax, ay)), ax, near)
  const signed = select(e, e.op('flt', x, zero), e.op('fneg', size), size)
  const differ = e.op('bxor', e.op('flt', x, zero), e.op('flt', y, zero))
  return select(e, e.op('band', differ, e.op('fne', size, zero)), e.op('fadd', signed, y), signed)
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
export const convert = (e: Emitter, x: Val, from: DType, to: DType): Val => {
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

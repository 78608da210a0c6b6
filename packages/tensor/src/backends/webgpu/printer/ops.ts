/** WGSL for every operation of the scalar language, as exhaustive tables. Operands are texts of atoms: names or literals. */
import { dtypes, type Register } from '../../../base/dtype.ts'
import type { BinaryOp, ReduceOp, Scalar, UnaryOp } from '../../../loops/scalar.ts'

/** The type of a value in a shader's registers (in memory a bool is a u32). */
export const registerType = (dtype: Register): string => (dtype === 'bool' ? 'bool' : dtypes[dtype].wgsl)

/** A literal; infinities and NaN, which WGSL has no literals for, by their bits. */
export const literal = (dtype: Register, value: number): string => {
  switch (dtype) {
    case 'f32': {
      const x = Math.fround(value)
      if (Number.isNaN(x)) return 'from_bits(0x7fc00000u)'
      if (!Number.isFinite(x)) return x > 0 ? 'from_bits(0x7f800000u)' : 'from_bits(0xff800000u)'
      if (Object.is(x, -0)) return 'from_bits(0x80000000u)'
      const text = String(x)
      return `${x < 0 ? `(${text}` : text}${Number.isInteger(x) && !text.includes('e') ? '.0' : ''}${x < 0 ? ')' : ''}`
    }
    case 'i32': {
      const x = value | 0
      return x === -2147483648 ? 'i32(-2147483648)' : x < 0 ? `(${x}i)` : `${x}i`
    }
    case 'u32':
      return `${value >>> 0}u`
    case 'bool':
      return value === 0 ? 'false' : 'true'
  }
}

const call =
  (name: string) =>
  (x: string): string =>
    `${name}(${x})`

export const unaryText: Readonly<Record<UnaryOp, (x: string, dtype: Register) => string>> = {
  neg: (x, t) => (t === 'u32' ? `(0u - ${x})` : `(-${x})`),
  abs: (x, t) => (t === 'u32' ? x : `abs(${x})`),
  sign: (x, t) => (t === 'f32' ? `sign_f32(${x})` : t === 'u32' ? `min(${x}, 1u)` : `sign(${x})`),
  not: (x, t) => (t === 'bool' ? `(!${x})` : `(~${x})`),
  floor: call('floor'),
  ceil: call('ceil'),
  round: call('round'),
  exp: call('exp_f32'),
  exp2: call('exp2_f32'),
  expm1: call('expm1_f32'),
  log: call('log_f32'),
  log2: call('log2_f32'),
  log1p: call('log1p_f32'),
  sqrt: call('sqrt_f32'),
  rsqrt: call('rsqrt_f32'),
  reciprocal: (x) => `div_f32(1.0, ${x})`,
  sin: call('sin_f32'),
  cos: call('cos_f32'),
  tan: call('tan_f32'),
  tanh: call('tanh_f32'),
  sinh: call('sinh_f32'),
  cosh: call('cosh_f32'),
  sigmoid: call('sigmoid_f32'),
  erf: call('erf_f32'),
  isnan: (x, t) => (t === 'f32' ? `is_nan(${x})` : 'false'),
  isinf: (x, t) => (t === 'f32' ? `is_inf(${x})` : 'false'),
  f16: call('round_f16'),
  bf16: call('round_bf16'),
}

type Text2 = (x: string, y: string, dtype: Register) => string
const infix =
  (op: string): Text2 =>
  (x, y) =>
    `(${x} ${op} ${y})`
/** WGSL orders numbers only; false < true. Floats are ordered by their bits (see prelude.ts). */
const order =
  (op: '<' | '<=' | '>' | '>='): Text2 =>
  (x, y, t) => {
    if (t === 'bool') return `(u32(${x}) ${op} u32(${y}))`
    if (t !== 'f32') return `(${x} ${op} ${y})`
    const name = op.length === 1 ? 'less' : 'less_equal'
    return op.startsWith('<') ? `${name}(${x}, ${y})` : `${name}(${y}, ${x})`
  }

/** A float 0, which compilers drop from sums, though -0 + 0 is 0. */
const ZERO = literal('f32', 0)

/** By the dtype of the operands. Shift counts are taken modulo 32; x / 0 = x mod 0 = 0 for integers. */
export const binaryText: Readonly<Record<BinaryOp, Text2>> = {
  add: (x, y, t) => {
    if (t === 'bool') return `(${x} | ${y})`
    if (x === ZERO || y === ZERO) return `plus_zero(${x === ZERO ? y : x})`
    return `(${x} + ${y})`
  },
  sub: (x, y) => (x === ZERO ? `plus_zero(-${y})` : `(${x} - ${y})`),
  mul: (x, y, t) => (t === 'bool' ? `(${x} & ${y})` : `(${x} * ${y})`),
  div: (x, y, t) => `div_${t}(${x}, ${y})`,
  mod: (x, y, t) => `mod_${t}(${x}, ${y})`,
  pow: (x, y, t) => (t === 'f32' && y === '2.0' ? `(${x} * ${x})` : `pow_${t}(${x}, ${y})`),
  max: (x, y, t) => (t === 'f32' ? `max_f32(${x}, ${y})` : t === 'bool' ? `(${x} | ${y})` : `max(${x}, ${y})`),
  min: (x, y, t) => (t === 'f32' ? `min_f32(${x}, ${y})` : t === 'bool' ? `(${x} & ${y})` : `min(${x}, ${y})`),
  and: infix('&'),
  or: infix('|'),
  xor: (x, y, t) => (t === 'bool' ? `(${x} != ${y})` : `(${x} ^ ${y})`),
  shl: (x, y) => `(${x} << (u32(${y}) & 31u))`,
  shr: (x, y) => `(${x} >> (u32(${y}) & 31u))`,
  eq: infix('=='),
  ne: (x, y) => `!(${x} == ${y})`, // SPIR-V's != is false on NaN
  lt: order('<'),
  le: order('<='),
  gt: order('>'),
  ge: order('>='),
}

/** Whether `binaryText` gives a product of floats, which compilers fuse with a sum or regroup with a product (see `rounded`). */
export const isProduct = (s: Scalar): boolean =>
  s.kind === 'binary' &&
  s.dtype === 'f32' &&
  (s.op === 'mul' || (s.op === 'pow' && s.y.kind === 'const' && s.y.value === 2))

/** x, of dtype `from`, as a `to`. */
export const castText = (to: Register, x: string, from: Register): string => {
  if (to === from) return x
  if (to === 'bool') return from === 'f32' ? `!is_zero(${x})` : `(${x} != ${literal(from, 0)})`
  if (from === 'f32' && to !== 'f32') return `to_${to}(${x})`
  return `${dtypes[to].wgsl}(${x})`
}

export const combineText: Readonly<Record<ReduceOp, Text2>> = {
  sum: binaryText.add,
  prod: binaryText.mul,
  max: binaryText.max,
  min: binaryText.min,
}

/** C for every operation of the scalar language, as exhaustive tables. Operands are texts of atoms: names, or calls. */
import type { DType, Register } from '../../../base/dtype.ts'
import type { BinaryOp, ReduceOp, UnaryOp } from '../../../loops/scalar.ts'

/** By what the names of functions over a register end in: `_f`, `_i`, `_u`. A mask is an i32. */
const suffix: Readonly<Record<Register, 'f' | 'i' | 'u'>> = { f32: 'f', i32: 'i', u32: 'u', bool: 'i' }
/** The type of a vector of a register. */
export const vectorType = (dtype: Register): string => `v${suffix[dtype]}`
/** The type of an element in memory, and the ending of the functions that load and store such. */
export const elements: Readonly<Record<DType, { readonly type: string; readonly suffix: string }>> = {
  f32: { type: 'float', suffix: 'f' },
  f16: { type: 'uint16_t', suffix: 'h' },
  bf16: { type: 'uint16_t', suffix: 'h' },
  i32: { type: 'int32_t', suffix: 'i' },
  u32: { type: 'int32_t', suffix: 'i' },
  bool: { type: 'int32_t', suffix: 'i' },
}

/** A value that all lanes share. */
export const literal = (dtype: Register, value: number): string => {
  switch (dtype) {
    case 'f32': {
      const x = Math.fround(value)
      if (Number.isNaN(x)) return 'bits_f(0x7fc00000)'
      if (!Number.isFinite(x)) return x > 0 ? 'bits_f(0x7f800000)' : 'bits_f((int32_t)0xff800000)'
      if (Object.is(x, -0)) return 'bits_f((int32_t)0x80000000)'
      const text = String(x)
      return `splat_f(${text}${/[.e]/.test(text) ? '' : '.0'}f)`
    }
    case 'i32':
      return `splat_i((int32_t)${value | 0}LL)`
    case 'u32':
      return `splat_u(${value >>> 0}u)`
    case 'bool':
      return value === 0 ? 'splat_i(0)' : 'splat_i(-1)'
  }
}

type Text = (x: string, dtype: Register) => string
const call =
  (name: string): Text =>
  (x) =>
    `${name}(${x})`
/** The identity on integers. */
const rounding =
  (name: string): Text =>
  (x, t) =>
    t === 'f32' ? `${name}(${x})` : x

export const unaryText: Readonly<Record<UnaryOp, Text>> = {
  neg: (x, t) => (t === 'f32' ? `neg_f(${x})` : `(-${x})`),
  abs: (x, t) => (t === 'f32' ? `abs_f(${x})` : t === 'i32' ? `max_i(${x}, -${x})` : x),
  sign: (x, t) =>
    t === 'f32' ? `sign_f(${x})` : t === 'i32' ? `clamp_i(${x}, -1, 1)` : `min_u(${x}, ${literal('u32', 1)})`,
  not: (x) => `(~${x})`,
  floor: rounding('floor_f'),
  ceil: rounding('ceil_f'),
  round: rounding('round_f'),
  exp: call('exp_f'),
  exp2: call('exp2_f'),
  expm1: call('expm1_f'),
  log: call('log_f'),
  log2: call('log2_f'),
  log1p: call('log1p_f'),
  sqrt: call('sqrt_f'),
  rsqrt: (x) => `(1.0f / sqrt_f(${x}))`,
  reciprocal: (x) => `(1.0f / ${x})`,
  sin: call('sin_f'),
  cos: call('cos_f'),
  tan: call('tan_f'),
  tanh: call('tanh_f'),
  sinh: call('sinh_f'),
  cosh: call('cosh_f'),
  sigmoid: call('sigmoid_f'),
  erf: call('erf_f'),
  isnan: (x, t) => (t === 'f32' ? `is_nan(${x})` : 'splat_i(0)'),
  isinf: (x, t) => (t === 'f32' ? `(abs_f(${x}) == __builtin_inff())` : 'splat_i(0)'),
  f16: call('round_f16'),
  bf16: call('round_bf16'),
}

type Text2 = (x: string, y: string, dtype: Register) => string
const infix =
  (op: string, ofBools = op): Text2 =>
  (x, y, t) =>
    `(${x} ${t === 'bool' ? ofBools : op} ${y})`
const named =
  (name: string, ofBools: string): Text2 =>
  (x, y, t) =>
    t === 'bool' ? `(${x} ${ofBools} ${y})` : `${name}_${suffix[t]}(${x}, ${y})`
/** A mask; true is -1, so that bools are ordered the other way round. */
const comparison =
  (op: string, ofBools: string): Text2 =>
  (x, y, t) =>
    `((vi)(${x} ${t === 'bool' ? ofBools : op} ${y}))`
/** The distance modulo 32. */
const shift =
  (op: string): Text2 =>
  (x, y) =>
    `(${x} ${op} (${y} & 31))`

const power: Text2 = (x, y, t) => {
  if (y === literal(t, 1)) return x
  if (y === literal(t, 2)) return `(${x} * ${x})`
  if (t === 'f32' && y === literal(t, 3)) return `(${x} * ${x} * ${x})`
  return `pow_${suffix[t]}(${x}, ${y})`
}

/** By the dtype of the operands. */
export const binaryText: Readonly<Record<BinaryOp, Text2>> = {
  add: infix('+', '|'),
  sub: infix('-', '^'),
  mul: infix('*', '&'),
  div: (x, y, t) => (t === 'f32' ? `(${x} / ${y})` : `div_${suffix[t]}(${x}, ${y})`),
  mod: (x, y, t) => `mod_${suffix[t]}(${x}, ${y})`,
  pow: power,
  max: named('max', '|'),
  min: named('min', '&'),
  and: infix('&'),
  or: infix('|'),
  xor: infix('^'),
  shl: shift('<<'),
  shr: shift('>>'),
  eq: comparison('==', '=='),
  ne: comparison('!=', '!='),
  lt: comparison('<', '>'),
  le: comparison('<=', '>='),
  gt: comparison('>', '<'),
  ge: comparison('>=', '<='),
}

export const selectText = (cond: string, x: string, y: string, dtype: Register): string =>
  `sel_${suffix[dtype]}(${cond}, ${x}, ${y})`

/** x, of register `from`, as a `to`. */
export const castText = (to: Register, x: string, from: Register): string => {
  if (to === from) return x
  if (to === 'bool') return `((vi)(${x} != 0))`
  if (from === 'bool') return to === 'f32' ? `(vf)(${x} & 0x3f800000)` : `(${vectorType(to)})(${x} & 1)`
  if (to === 'f32') return `__builtin_convertvector(${x}, vf)`
  if (from === 'f32') return `to_${suffix[to]}(${x})`
  return `((${vectorType(to)})${x})` // i32 and u32 share their bits
}

/** One value of a register from its partial values. */
export const combineText: Readonly<Record<ReduceOp, Text2>> = {
  sum: binaryText.add,
  prod: binaryText.mul,
  max: binaryText.max,
  min: binaryText.min,
}
/** All lanes folded into one, which all lanes then hold. */
export const acrossText = (op: ReduceOp, x: string, dtype: Register): string =>
  dtype === 'bool'
    ? `across_${op === 'sum' || op === 'max' ? 'or' : 'and'}(${x})`
    : `across_${op}_${suffix[dtype]}(${x})`

/** Loaded bits as the register of their dtype. */
export const fromMemory = (dtype: DType, bits: string): string => {
  switch (dtype) {
    case 'f32':
    case 'i32':
      return bits
    case 'u32':
      return `((vu)${bits})`
    case 'bool':
      return `(${bits} != 0)`
    case 'f16':
    case 'bf16':
      return `${dtype}_f(${bits})`
  }
}
/** A value as the bits that a store of its dtype takes. */
export const toMemory = (dtype: DType, x: string): string => {
  switch (dtype) {
    case 'f32':
    case 'i32':
      return x
    case 'u32':
      return `((vi)${x})`
    case 'bool':
      return `(${x} & 1)`
    case 'f16':
    case 'bf16':
      return `f_${dtype}(${x})`
  }
}

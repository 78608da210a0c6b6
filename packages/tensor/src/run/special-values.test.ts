/**
 * Elementwise operations at some ten thousand special values, against double precision: on every device, and where the
 * operands are constants that are computed before any device runs. One table of bounds, in units of the last place.
 */
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import * as T from '../index.ts'
import { fill, fillP } from '../primitives/leaves.ts'
import { simplify } from '../graph/simplify.ts'
import { flushed, HUGE, specialPairs, specialValues, TINY, ulps } from './special-values.support.ts'
import { typed } from '../graph/tensor.ts'

type F32 = T.Tensor<readonly number[], 'f32'>
type Any = T.Tensor
const devices = await presentDevices()

interface Bound {
  /** Units in the last place. */
  readonly ulp: number
  /** What a result may be off beside that, where the function is made of parts that cancel. */
  readonly absolute?: (x: number) => number
  /** Whether a subnormal result may be 0 on every device; for webgpu see `holds`. */
  readonly flushes?: true
}
type Unary = readonly [f: (x: F32) => Any, truth: (x: number) => number, bound: Bound]
type Binary = readonly [f: (x: F32, y: F32) => Any, truth: (x: number, y: number) => number, bound: Bound]

const exact: Bound = { ulp: 0 }
const rounded: Bound = { ulp: 0.5 }
/** Correctly rounded but on webgpu, whose specification allows 2.5 units (some adapters come nearer, see `div_f32`). */
const quotient: Bound = { ulp: 2.5 }
/** A root or inverse root of WGSL: 2.5 units by its specification, correctly rounded on the others. */
const root: Bound = { ulp: 2.5 }
const flag = (x: boolean): number => (x ? 1 : 0)
const between = (lo: number, x: number, hi: number): number =>
  Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, lo), hi)) + 0
const toEven = (x: number): number => {
  const down = Math.floor(x)
  const at = x - down === 0.5 ? down + (down % 2 === 0 ? 0 : 1) : Math.round(x)
  return at === 0 ? Math.sign(x) * 0 : at
}
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
/** erf x = 1 - exp(-x^2) / sqrt(pi) times a continued fraction (DLMF 7.9.4) far out, its Taylor series (7.6.1) near 0. */
const erf = (x: number): number => {
  const size = Math.abs(x)
  if (!(size > 2)) {
    let [term, sum] = [x, x]
    for (let n = 1; n < 60 && x !== 0; n++) {
      term *= -(x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = 0
  for (let n = 80; n > 0; n--) fraction = n / 2 / (size + fraction)
  return Math.sign(x) * (1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * (size + fraction)))
}
const erfc = (x: number): number => {
  if (!(x > 1)) return 1 - erf(x)
  let fraction = 0
  for (let n = 200; n > 0; n--) fraction = n / 2 / (x + fraction)
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction))
}
const logaddexp = (x: number, y: number): number =>
  x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)))
const mod = (x: number, y: number): number => {
  const rest = x % y // exact
  if (rest === 0) return y < 0 ? -0 : 0
  return Math.sign(rest) === Math.sign(y) ? rest : rest + y
}
const pow = (x: number, y: number): number => {
  if (y === 0 || x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1
  return x ** y
}

const unary: Readonly<Record<string, Unary>> = {
  neg: [T.neg, (x) => -x, exact],
  abs: [T.abs, Math.abs, exact],
  sign: [T.sign, Math.sign, exact],
  floor: [T.floor, Math.floor, exact],
  ceil: [T.ceil, Math.ceil, exact],
  round: [T.round, toEven, exact],
  relu: [T.relu, (x) => (x <= 0 ? 0 : x), exact],
  clamp: [T.clamp(-1.5, 1e10), (x) => (Number.isNaN(x) ? x : Math.min(Math.max(x, -1.5), Math.fround(1e10))), exact],
  'clamp with crossed bounds': [T.clamp(2, -2), (x) => (Number.isNaN(x) ? x : -2), exact],
  isnan: [T.isnan, (x) => flag(Number.isNaN(x)), exact],
  isinf: [T.isinf, (x) => flag(Math.abs(x) === Infinity), exact],
  'cast to i32': [T.cast('i32'), (x) => between(-2147483648, x, 2147483647), exact],
  'cast to u32': [T.cast('u32'), (x) => between(0, x, 4294967295), exact],
  'cast to bool': [T.cast('bool'), (x) => flag(x !== 0), exact],
  'x + 0': [(x) => T.add(x, 0), (x) => x + 0, exact],
  '0 - x': [(x) => T.sub(0, x), (x) => 0 - x, exact],
  '-(x - 1)': [(x) => T.neg(T.sub(x, 1)), (x) => -(x - 1), rounded],
  square: [T.square, (x) => x * x, rounded],
  sqrt: [T.sqrt, Math.sqrt, root],
  rsqrt: [T.rsqrt, (x) => 1 / Math.sqrt(x), root],
  reciprocal: [T.reciprocal, (x) => 1 / x, quotient],
  exp: [T.exp, Math.exp, { ulp: 1.5, flushes: true }],
  exp2: [T.exp2, (x) => 2 ** x, { ulp: 1.5, flushes: true }],
  expm1: [T.expm1, Math.expm1, { ulp: 1.5 }],
  log: [T.log, Math.log, { ulp: 1 }],
  log2: [T.log2, Math.log2, { ulp: 1.5 }],
  log1p: [T.log1p, Math.log1p, { ulp: 3 }],
  sin: [T.sin, Math.sin, { ulp: 2.5 }],
  cos: [T.cos, Math.cos, { ulp: 2.5 }],
  tan: [T.tan, Math.tan, { ulp: 5 }],
  tanh: [T.tanh, Math.tanh, { ulp: 6 }],
  sinh: [T.sinh, Math.sinh, { ulp: 4 }],
  cosh: [T.cosh, Math.cosh, { ulp: 4 }],
  sigmoid: [T.sigmoid, sigmoid, { ulp: 3, flushes: true }],
  log10: [T.log10, Math.log10, { ulp: 3 }],
  cbrt: [T.cbrt, Math.cbrt, { ulp: 2 }],
  asin: [T.asin, Math.asin, { ulp: 3 }],
  acos: [T.acos, Math.acos, { ulp: 3 }],
  atan: [T.atan, Math.atan, { ulp: 3 }],
  asinh: [T.asinh, Math.asinh, { ulp: 4 }],
  acosh: [T.acosh, Math.acosh, { ulp: 4 }],
  atanh: [T.atanh, Math.atanh, { ulp: 4 }],
  erfc: [T.erfc, erfc, { ulp: 5, flushes: true }],
  trunc: [T.trunc, Math.trunc, exact],
  isfinite: [T.isfinite, (x) => flag(Number.isFinite(x)), exact],
  nanToNum: [T.nanToNum(), (x) => (Number.isNaN(x) ? 0 : Math.min(Math.max(x, -HUGE), HUGE)), exact],
  elu: [T.elu(), (x) => (x > 0 ? x : Math.expm1(x)), { ulp: 3 }],
  leakyRelu: [T.leakyRelu(0.5), (x) => (x < 0 ? x * 0.5 : x), rounded],
  erf: [T.erf, erf, { ulp: 1.5 }],
  softplus: [T.softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), { ulp: 3.5, flushes: true }],
  // the sigmoid may be 0 below 2^-126, and is multiplied by an x above -88 then
  silu: [T.silu, (x) => x / (1 + Math.exp(-x)), { ulp: 4, absolute: () => 2 ** -119 }],
  // 1 + tanh and 1 + erf cancel for x < 0
  gelu: [
    T.gelu,
    (x) => (x === -Infinity ? 0 : (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
    { ulp: 4, absolute: (x) => 3e-7 * Math.abs(x) },
  ],
  geluExact: [
    T.geluExact,
    (x) => (x / 2) * (1 + erf(x * Math.SQRT1_2)),
    { ulp: 4, absolute: (x) => 2e-7 * Math.abs(x) },
  ],
}
const binary: Readonly<Record<string, Binary>> = {
  add: [T.add, (x, y) => x + y, rounded],
  sub: [T.sub, (x, y) => x - y, rounded],
  mul: [T.mul, (x, y) => x * y, rounded],
  div: [T.div, (x, y) => x / y, quotient],
  mod: [T.mod, mod, rounded],
  pow: [T.pow, pow, { ulp: 1.5 }],
  atan2: [T.atan2, Math.atan2, { ulp: 4, flushes: true }],
  hypot: [T.hypot, Math.hypot, { ulp: 3 }],
  // where the two parts cancel
  logaddexp: [T.logaddexp, logaddexp, { ulp: 3, absolute: () => 1e-7 }],
  xlogy: [T.xlogy, (x, y) => (x === 0 && !Number.isNaN(y) ? 0 : x * Math.log(y)), { ulp: 3 }],
  maximum: [T.maximum, Math.max, exact],
  minimum: [T.minimum, Math.min, exact],
  eq: [T.eq, (x, y) => flag(x === y), exact],
  ne: [T.ne, (x, y) => flag(x !== y), exact],
  lt: [T.lt, (x, y) => flag(x < y), exact],
  le: [T.le, (x, y) => flag(x <= y), exact],
  gt: [T.gt, (x, y) => flag(x > y), exact],
  ge: [T.ge, (x, y) => flag(x >= y), exact],
  'where x < y': [(x, y) => T.where(T.lt(x, y), x, y), (x, y) => (x < y ? x : y), exact],
}

/**
 * Whether `got` is f(...args), as near as the bound says.
 *
 * A device may flush subnormals (webgpu: WGSL lets it, and GPUs do, each operation as it likes: NVIDIA's arithmetic takes
 * them for zeros, and moves and integer operations keep them). So there a subnormal operand also counts as the zero of its
 * sign; a result below 2^-126 may be any number up to there, where the truth or an operand is subnormal. What is made of
 * normal numbers and is a normal number, a zero, infinite or NaN is as on every device.
 */
const holds = (
  got: number,
  f: (...args: readonly number[]) => number,
  args: readonly number[],
  { ulp, absolute, flushes }: Bound,
  mayFlush: boolean,
): boolean => {
  const anyTiny = mayFlush && args.some((x) => flushed(x) !== x)
  const near = (truth: number): boolean =>
    ulps(got, truth) <= ulp ||
    Math.abs(got - truth) <= (absolute?.(args[0]!) ?? -1) ||
    (Math.abs(truth) < TINY &&
      ((flushes === true && truth !== 0 && got === 0) ||
        (mayFlush && (truth !== 0 || anyTiny) && Math.abs(got) <= TINY)))
  if (near(f(...args))) return true
  const choices = args.map((x) => (mayFlush && flushed(x) !== x ? [x, flushed(x)] : [x]))
  return choices
    .reduce<readonly (readonly number[])[]>((all, of) => all.flatMap((a) => of.map((x) => [...a, x])), [[]])
    .some((a) => near(f(...a)))
}
const wrong = (
  name: string,
  got: ArrayLike<number>,
  f: (...args: readonly number[]) => number,
  argsAt: (i: number) => readonly number[],
  bound: Bound,
  mayFlush: boolean,
): readonly string[] =>
  Array.from(got).flatMap((y, i) => {
    const args = argsAt(i)
    return holds(y, f, args, bound, mayFlush) ? [] : [`${name}(${args.join(', ')}) = ${y}, not ${f(...args)}`]
  })

const vector = (data: readonly number[]): F32 => T.tensor(Float32Array.from(data), [data.length])

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (kind, device) => {
  const mayFlush = kind === 'webgpu'
  it.each(Object.entries(unary))('%s', async (name, [op, f, bound]) => {
    const got = await T.readAsync(op(vector(specialValues)), device)
    const bad = wrong(name, got, f, (i) => [Math.fround(specialValues[i]!)], bound, mayFlush)
    expect(bad.slice(0, 10)).toEqual([])
  })
  it.each(Object.entries(binary))('%s', async (name, [op, f, bound]) => {
    const { x, y } = specialPairs
    const got = await T.readAsync(op(vector(x), vector(y)), device)
    const bad = wrong(name, got, f, (i) => [x[i]!, y[i]!], bound, mayFlush)
    expect(bad.slice(0, 10)).toEqual([])
  })

  it('products are rounded before they are used, and taken in their order', async () => {
    const x = vector([1.5e28, -3e-20, 1.5e30, 7.7e35])
    const by = (...factors: readonly number[]): F32 => factors.reduce((y, c): F32 => T.mul(y, c), x)
    const regrouped = await T.readAsync(by(2 ** -80, 2 ** -80), device)
    expect(regrouped[0]! / (1.5e28 * 2 ** -160)).toBeCloseTo(1, 6)
    // -x y + y x is 0, and what rounding leaves where one of the two is not rounded
    const y = by(Math.fround(Math.SQRT1_2))
    const largest: T.Tensor<readonly [], 'f32'> = T.max()(y)
    expect((await T.readAsync(T.sub(y, largest), device))[3]).toBe(0)
  })
  it('a multiple divided by what it is of is the other factor, or next to it on webgpu', async () => {
    const n = Array.from({ length: 4000 }, (_, i) => i + 1)
    for (const k of [3, 7, 10, 49, 1000.5, 4095]) {
      const quotients = await T.readAsync(T.div(vector(n.map((i) => i * k)), k), device)
      const off = n.filter((i, at) => ulps(quotients[at]!, i) > (kind === 'webgpu' ? quotient.ulp : 0))
      expect(off).toEqual([])
    }
  })

  const integers = {
    i32: [0, 1, -1, 2, -2, 3, 7, -7, 10, 65537, -65537, 2 ** 30, 2147483647, -2147483647, -2147483648],
    u32: [0, 1, 2, 3, 7, 65537, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1],
  } as const
  const floor = (x: bigint, y: bigint): bigint => ((x % y) + y) % y
  const exactly: Readonly<Record<string, readonly [(x: Any, y: Any) => Any, (x: bigint, y: bigint) => bigint]>> = {
    add: [T.add, (x, y) => x + y],
    sub: [T.sub, (x, y) => x - y],
    mul: [T.mul, (x, y) => x * y],
    div: [T.div, (x, y) => (y === 0n ? 0n : x / y)],
    mod: [T.mod, (x, y) => (y === 0n ? 0n : floor(x, y))],
    maximum: [T.maximum, (x, y) => (x > y ? x : y)],
    minimum: [T.minimum, (x, y) => (x < y ? x : y)],
  }
  it.each(['i32', 'u32'] as const)('%s wraps; by zero the quotient and the remainder are 0', async (dtype) => {
    const values = integers[dtype]
    const [x, y] = [values.flatMap((v) => values.map(() => v)), values.flatMap(() => values)]
    const round = (v: bigint): bigint => (dtype === 'i32' ? BigInt.asIntN(32, v) : BigInt.asUintN(32, v))
    for (const [name, [op, f]] of Object.entries(exactly)) {
      const got = await T.readAsync(op(T.tensor(x, [x.length], dtype), T.tensor(y, [y.length], dtype)), device)
      const want = x.map((v, i) => Number(round(f(BigInt(v), BigInt(y[i]!)))))
      expect(Array.from(got), name).toEqual(want)
    }
  })
})

describe('constants give what a device gives', () => {
  const number = (value: number): F32 => typed(fill([], 'f32', value))
  /** The value that an expression of constants is simplified to; null where it is left to the device. */
  const folded = (x: Any): number | null => {
    const [simple] = simplify([x])
    // a fill's parameters hold its value
    return simple!.node.prim === (fillP as unknown) ? (simple!.node.params as { readonly value: number }).value : null
  }
  const some = specialValues.filter((_, i) => i % 5 === 0 || i < 15)
  it.each(Object.entries(unary))('%s', (name, [op, f, bound]) => {
    const got = some.map((x) => folded(op(number(x))))
    const at = some.flatMap((x, i) => (got[i] === null ? [] : [[Math.fround(x), got[i]!] as const]))
    expect(at.length).toBeGreaterThan(some.length / 5)
    const bad = wrong(
      name,
      at.map(([, y]) => y),
      f,
      (i) => [at[i]![0]],
      bound,
      false,
    )
    expect(bad.slice(0, 10)).toEqual([])
  })
  it.each(Object.entries(binary))('%s', (name, [op, f, bound]) => {
    const pairs = specialPairs.x.flatMap((x, i) => (i % 7 === 0 || i < 90 ? [[x, specialPairs.y[i]!] as const] : []))
    const at = pairs.flatMap(([x, y]) => {
      const value = folded(op(number(x), number(y)))
      return value === null ? [] : [[x, y, value] as const]
    })
    expect(at.length).toBeGreaterThan(pairs.length / 5)
    const bad = wrong(
      name,
      at.map(([, , z]) => z),
      f,
      (i) => [at[i]![0], at[i]![1]],
      bound,
      false,
    )
    expect(bad.slice(0, 10)).toEqual([])
  })
})

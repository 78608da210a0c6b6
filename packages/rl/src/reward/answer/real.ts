/**
 * Real numbers: rationals, exact for as long as they can be, and decimals of many digits for the rest (roots, pi, sines). A
 * decimal is rounded, and how far it may be trusted is known from the largest and the smallest number met on the way.
 */
import { Decimal } from 'decimal.js'
import * as Q from './rational.ts'

export type Real = Q.Rational | Decimal

/** What an evaluation works with, and what it notes. */
export interface Arithmetic {
  readonly digits: number
  readonly D: typeof Decimal
  /** The largest and the smallest decimal exponent met. */
  high: number
  low: number
  readonly budget: Budget
}

/** What may still be spent, in units of a few microseconds: a judgement is bounded in time whatever is written. */
export interface Budget {
  left: number
}
export const budget = (): Budget => ({ left: 30_000 })

/** Digits to compute with: more where numbers of more different sizes meet. */
export const LEVELS = [50, 100, 200] as const
export type Level = 0 | 1 | 2

const DECIMALS = LEVELS.map((digits) =>
  Decimal.clone({ precision: digits, maxE: 1e9, minE: -1e9, toExpNeg: -1e9, toExpPos: 1e9, defaults: true }),
)

export const arithmetic = (level: Level, within: Budget = budget()): Arithmetic => ({
  digits: LEVELS[level],
  D: DECIMALS[level]!,
  high: 0,
  low: 0,
  budget: within,
})

/** Thrown where an evaluation takes too long; caught where values are compared. */
export class TooMuch extends Error {}

const spend = (a: Arithmetic, effort: number): void => {
  if ((a.budget.left -= effort) < 0) throw new TooMuch()
}

const note = (a: Arithmetic, x: Decimal): Decimal | null => {
  if (x.isNaN()) return null
  if (x.isFinite() && !x.isZero()) {
    a.high = Math.max(a.high, x.e)
    a.low = Math.min(a.low, x.e)
  }
  return x
}

export const isRational = (x: Real): x is Q.Rational => !(x instanceof Decimal)

const decimal = (a: Arithmetic, x: Real): Decimal => {
  if (!isRational(x)) return x
  spend(a, 1 + (Q.size(x) >> 6))
  const [n, d] = [new a.D(x.n.toString()), new a.D(x.d.toString())]
  note(a, n)
  note(a, d)
  return n.div(d)
}

type Binary = (a: Arithmetic, x: Real, y: Real) => Real | null

/** Exact where both are rational, else rounded. A rational that grows too long is null: rounded, it could equal another. */
const lift =
  (exact: (x: Q.Rational, y: Q.Rational) => Q.Rational | null, rounded: (x: Decimal, y: Decimal) => Decimal): Binary =>
  (a, x, y) => {
    if (isRational(x) && isRational(y)) {
      const long = (Q.size(x) + Q.size(y)) >> 8
      spend(a, 1 + long * long)
      return exact(x, y)
    }
    spend(a, 2)
    return note(a, rounded(decimal(a, x), decimal(a, y)))
  }

export const plus = lift(Q.add, (x, y) => x.plus(y))
export const times = lift(Q.multiply, (x, y) => x.times(y))
const quotient = lift(Q.divide, (x, y) => x.div(y))
export const isZero = (x: Real): boolean => (isRational(x) ? x.n === 0n : x.isZero())
export const isNegative = (x: Real): boolean => (isRational(x) ? x.n < 0n : x.isNegative())
/** A quotient by 0 is no number. */
export const over: Binary = (a, x, y) => (isZero(y) ? null : quotient(a, x, y))
export const negative = (x: Real): Real => (isRational(x) ? Q.negate(x) : x.neg())
export const absolute = (x: Real): Real => (isNegative(x) ? negative(x) : x)

/** x ** y, real: of a negative x where y is a quotient with an odd denominator, as an odd root is. */
export const power: Binary = (a, x, y) => {
  if (isRational(y)) {
    if (y.d === 1n) return whole(a, x, y.n)
    if (isNegative(x)) {
      if (y.d % 2n === 0n) return null
      const mirrored = power(a, negative(x), y)
      return mirrored === null || y.n % 2n === 0n ? mirrored : negative(mirrored)
    }
    if (isRational(x)) {
      spend(a, 1 + (Q.size(x) >> 6) ** 2 / 16)
      const root = Q.rootOf(x, y.d)
      if (root !== null) return whole(a, root, y.n)
    }
  }
  if (isNegative(x)) return null
  if (isZero(x)) return isNegative(y) || isZero(y) ? null : Q.ZERO
  if (isRational(y) && y.n === 1n && y.d === 2n) return root(a, x)
  if (!tame(y)) return null
  return costly(a, (u, v) => u.pow(v), x, y)
}

const root = (a: Arithmetic, x: Real): Real | null => {
  spend(a, a.digits)
  return note(a, decimal(a, x).sqrt())
}

const whole = (a: Arithmetic, x: Real, k: bigint): Real | null => {
  if (k === 0n) return isZero(x) ? null : Q.ONE
  if (isZero(x)) return k < 0n ? null : Q.ZERO
  if (isRational(x)) {
    const exact = Q.raise(x, k)
    spend(a, 1 + (exact === null ? 0 : (Q.size(exact) >> 8) ** 2))
    if (exact !== null) return exact
  }
  return costly(a, (u, v) => u.pow(v), x, Q.integer(k))
}

/** A function that takes a series: dear, and more so with more digits. */
const costly = (a: Arithmetic, f: (...xs: readonly Decimal[]) => Decimal, ...xs: readonly Real[]): Real | null => {
  spend(a, 200 * (a.digits / 50) ** 1.5)
  const given = xs.map((x) => decimal(a, x))
  if (!given.every((x) => x.isFinite())) return null
  const value = note(a, f(...given))
  return value?.isFinite() === true ? value : null
}

/** Whether a function may be applied to x: of one with more digits before its point nothing is left to be reduced by. */
const tame = (x: Real): boolean => (isRational(x) ? Q.size(x) < 200 : x.e < 50)

/** A number that the functions of decimal.js give, as a function of reals. */
export const apply =
  (f: (x: Decimal) => Decimal) =>
  (a: Arithmetic, x: Real): Real | null =>
    tame(x) ? costly(a, f, x) : null

export const pi = (a: Arithmetic): Real | null => costly(a, (x) => x.acos(), Q.integer(-1n))
export const euler = (a: Arithmetic): Real | null => costly(a, (x) => x.exp(), Q.ONE)
export const infinity = (a: Arithmetic): Real => new a.D(Infinity)

export const floor = (a: Arithmetic, x: Real): Real | null => {
  if (isRational(x)) return Q.floor(x)
  return x.isFinite() && x.e < a.digits - 10 ? Q.integer(BigInt(x.floor().toFixed(0))) : null
}

export const factorial = (a: Arithmetic, x: Real): Real | null => {
  if (!isRational(x) || x.d !== 1n || x.n < 0n || x.n > 1000n) return null
  spend(a, 1 + Number(x.n))
  let product = 1n
  for (let k = 2n; k <= x.n; k++) product *= k
  return Q.integer(product)
}

export const binomial = (a: Arithmetic, n: Real, k: Real): Real | null => {
  if (!isRational(n) || !isRational(k) || n.d !== 1n || k.d !== 1n) return null
  if (n.n < 0n || k.n < 0n || n.n > 1_000_000n) return null
  if (k.n > n.n) return Q.ZERO
  const fewer = k.n < n.n - k.n ? k.n : n.n - k.n
  if (fewer > 1000n) return null
  spend(a, 1 + Number(fewer))
  let value = 1n
  for (let i = 1n; i <= fewer; i++) value = (value * (n.n - fewer + i)) / i
  return Q.rational(value, 1n)
}

/**
 * Whether two values are one: rationals exactly; decimals where they agree to as many digits as can be trusted, and null
 * where those are too few to tell. With d digits, and numbers between 10^low and 10^high on the way, rounding is below
 * 10^(2 high - low - d + 8); what two answers differ by, if they do, is above the smallest number met, or so.
 */
export const same = (a: Arithmetic, x: Real, y: Real): boolean | null => {
  if (isRational(x) && isRational(y)) return Q.equal(x, y)
  const [u, v] = [decimal(a, x), decimal(a, y)]
  if (!u.isFinite() || !v.isFinite()) return u.eq(v)
  const span = a.high - a.low
  if (a.digits < 2 * span + 30) return null
  return u
    .minus(v)
    .abs()
    .lte(new a.D(10).pow(a.high + span + 8 - a.digits))
}

/** Whether |x - y| <= tolerance |x|. */
export const near = (a: Arithmetic, tolerance: Q.Rational, x: Real, y: Real): boolean => {
  if (isRational(x) && isRational(y)) return Q.within(tolerance, x, y)
  const [u, v] = [decimal(a, x), decimal(a, y)]
  if (!u.isFinite() || !v.isFinite()) return u.eq(v)
  return u
    .minus(v)
    .abs()
    .lte(u.abs().times(decimal(a, tolerance)))
}

/** The sign of x - y. */
export const order = (a: Arithmetic, x: Real, y: Real): number =>
  isRational(x) && isRational(y) ? Q.compare(x, y) : decimal(a, x).comparedTo(decimal(a, y))

/** Whether the decimal that is written is the value, rounded half away from zero to the digits it has after its point. */
export const rounds = (a: Arithmetic, written: Q.Rational, places: number, value: Real): boolean => {
  if (isRational(value)) {
    // A value that is itself a finite decimal is not written rounded: it would have been written whole.
    if (finiteDecimal(value.d)) return false
  }
  const x = decimal(a, value)
  return x.isFinite() && x.toDecimalPlaces(places, a.D.ROUND_HALF_UP).eq(decimal(a, written))
}

const finiteDecimal = (d: bigint): boolean => {
  let rest = d
  while (rest % 2n === 0n) rest /= 2n
  while (rest % 5n === 0n) rest /= 5n
  return rest === 1n
}

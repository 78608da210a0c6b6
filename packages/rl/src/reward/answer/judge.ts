/**
 * When two readings say the same number. Rationals are compared exactly. Terms with variables are equal where they agree at
 * a few points, which no two different polynomials of small degree do (Schwartz 1980; Zippel 1979): no algebra system is
 * needed to see that `2-2p` is `2(1-p)`.
 */
import * as Q from './rational.ts'
import * as R from './real.ts'
import { type Expression, type Point, scaled } from './value.ts'
import { sameUnit } from './units.ts'

const TRIALS = 4
/** What more of them there are of terms that jump at integers: at integers of either sign. */
const INTEGER_TRIALS = 3
/** A prime, so that what a trial puts into a term cancels with nothing that is written there. */
const DENOMINATOR = 9973

/**
 * Where a trial puts a variable: between 1 and 2, so that roots and logarithms have values; between 0 and 1; below 0, so that
 * `|x|` is not `x`; and of either sign. Past `TRIALS` it is an integer. (FNV-1a of its name.)
 */
export const point =
  (trial: number): Point =>
  (name) => {
    let h = 0x811c9dc5 ^ trial
    for (const c of name) h = Math.imul(h ^ c.charCodeAt(0), 0x01000193)
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) ^ (h >>> 13)
    if (trial >= TRIALS) return { n: BigInt((h >>> 1) % 97) - 48n, d: 1n }
    const part = 1 + ((h >>> 1) % (DENOMINATOR - 2))
    const [low, negative] = [trial % 2 === 0 ? DENOMINATOR : 0, trial === 2 || (trial === 3 && (h & 1) === 1)]
    return { n: BigInt((low + part) * (negative ? -1 : 1)), d: BigInt(DENOMINATOR) }
  }

interface Sampled {
  /** Null where the term has no value there. */
  readonly value: R.Real | null
  readonly arithmetic: R.Arithmetic
}

/** A decimal fraction may stand for what it is rounded from if it has six digits that count. */
const SIX_DIGITS = 100_000n
const significant = ({ exact, places }: Expression): boolean =>
  exact !== null && places > 0 && Q.absolute(exact).n * 10n ** BigInt(places) >= SIX_DIGITS * exact.d

/** What may be asked of numbers. Values are computed once: a judge is made for one pair of answers. */
export interface Judge {
  readonly same: (x: Expression, y: Expression) => boolean
  /** The sign of x - y, of constants; null where they have no value or cannot be told apart. */
  readonly order: (x: Expression, y: Expression) => number | null
}

export const judge = (tolerance: Q.Rational): Judge => {
  const known = new Map<Expression, Map<number, Sampled | null>>()
  const budget = R.budget()

  /** Null where it took too long. */
  const sampled = (x: Expression, level: R.Level, trial: number): Sampled | null => {
    const values = known.get(x) ?? new Map<number, Sampled | null>()
    known.set(x, values)
    const key = level * (TRIALS + INTEGER_TRIALS) + trial
    const before = values.get(key)
    if (before !== undefined) return before
    const value = sample(R.arithmetic(level, budget), x, trial)
    values.set(key, value)
    return value
  }

  /** Whether the values at a trial are one; undefined where either has none; null where it cannot be told. */
  const agree = (x: Expression, y: Expression, trial: number): boolean | null | undefined => {
    for (const level of [0, 1, 2] as const) {
      const [u, v] = [sampled(x, level, trial), sampled(y, level, trial)]
      if (u === null || v === null) return null
      if (u.value === null || v.value === null) return undefined
      const both = joint(u.arithmetic, v.arithmetic)
      if (tolerance.n > 0n && R.near(both, tolerance, u.value, v.value)) return true
      const told = R.same(both, u.value, v.value)
      if (told !== null) return told
    }
    return null
  }

  const equal = (x: Expression, y: Expression): boolean => {
    if (x.exact !== null && y.exact !== null && Q.equal(x.exact, y.exact)) return true
    let agreed = false
    const trials = x.constant && y.constant ? 1 : TRIALS + (x.steps === true || y.steps === true ? INTEGER_TRIALS : 0)
    for (let trial = 0; trial < trials; trial++) {
      const told = agree(x, y, trial)
      if (told === false || told === null) return false
      agreed ||= told === true
    }
    return agreed
  }

  /** 0.333333 says 1/3. */
  const rounds = (x: Expression, y: Expression): boolean => {
    if (x.exact === null || !significant(x) || !y.constant || y.places > 0) return false
    const value = sampled(y, 0, 0)
    return value !== null && value.value !== null && R.rounds(value.arithmetic, x.exact, x.places, value.value)
  }

  const alike = (x: Expression, y: Expression): boolean => equal(x, y) || rounds(x, y) || rounds(y, x)

  const same = (x: Expression, y: Expression): boolean => {
    if (!sameUnit(x.unit, y.unit)) return false
    if (alike(x, y)) return true
    if (x.percent === y.percent) return false
    return x.percent === true ? alike(scaled(x), y) : alike(x, scaled(y))
  }

  const order = (x: Expression, y: Expression): number | null => {
    const [u, v] = [sampled(x, 0, 0), sampled(y, 0, 0)]
    if (!x.constant || !y.constant || !u?.value || !v?.value) return null
    const both = joint(u.arithmetic, v.arithmetic)
    const told = R.same(both, u.value, v.value)
    return told === null ? null : told ? 0 : R.order(both, u.value, v.value)
  }
  return { same, order }
}

const sample = (arithmetic: R.Arithmetic, x: Expression, trial: number): Sampled | null => {
  try {
    return { value: x.at(arithmetic, point(trial)), arithmetic }
  } catch (thrown) {
    if (thrown instanceof R.TooMuch) return null
    throw thrown
  }
}

/** An arithmetic that has met what two have met. */
const joint = (a: R.Arithmetic, b: R.Arithmetic): R.Arithmetic => ({
  ...a,
  high: Math.max(a.high, b.high),
  low: Math.min(a.low, b.low),
})

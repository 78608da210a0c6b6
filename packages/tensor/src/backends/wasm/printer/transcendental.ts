/**
 * Transcendental functions as sequences of instructions, once for scalars and lanes. The polynomials are those of Cephes
 * (S. Moshier, netlib.org/cephes, single precision) unless said otherwise; errors are within 2 ulp (`tanh` 6, `tan sinh cosh` 4), `pow` within 1e-6,
 * where the result is a normal number. Arguments of sin, cos and tan of any size are
 * reduced in doubles.
 */
import {
  bitsOf,
  f32,
  fromBits,
  i32,
  keepWhere,
  lower,
  narrow,
  narrowInteger,
  select,
  upper,
  type Wide,
  wide,
  wideNearest,
  widen,
} from './arithmetic.ts'
import type { Emitter, Val } from './emitter.ts'

export type Function1 = (e: Emitter, x: Val) => Val

/** Horner's rule, highest power first. */
const polynomial = (e: Emitter, x: Val, coefficients: readonly number[]): Val =>
  coefficients.slice(1).reduce((sum, c) => e.op('fadd', e.op('fmul', sum, x), f32(e, c)), f32(e, coefficients[0]!))
const times = (e: Emitter, x: Val, by: number): Val => e.op('fmul', x, f32(e, by))
const plus = (e: Emitter, x: Val, by: number): Val => e.op('fadd', x, f32(e, by))
const negative = (e: Emitter, x: Val): Val => e.op('ilts', bitsOf(e, x), i32(e, 0))
/** The magnitude of x >= 0 with the sign of y. */
const withSign = (e: Emitter, x: Val, y: Val): Val =>
  fromBits(e, e.op('ior', bitsOf(e, x), e.op('iand', bitsOf(e, y), i32(e, -0x80000000))))

/** 1.5 2^23: adding it rounds to the nearest integer, which then stands in the low bits of the mantissa. */
const ROUNDER = 12582912
const ROUNDER_BITS = 0x4b400000
/** 2^n for an integer n in [-126, 127]. */
const powerOfTwo = (e: Emitter, n: Val): Val => fromBits(e, e.op('ishl', e.op('iadd', n, i32(e, 127)), i32(e, 23)))
/** x 2^n in two steps, so that n may leave the exponent's range on the way to infinity, subnormals or zero. */
const scale = (e: Emitter, x: Val, n: Val): Val => {
  const half = e.op('ishrs', n, i32(e, 1))
  return e.op('fmul', e.op('fmul', x, powerOfTwo(e, half)), powerOfTwo(e, e.op('isub', n, half)))
}
/** exp(r) - 1 for |r| <= ln 2 / 2. */
const smallExpm1 = (e: Emitter, r: Val): Val => {
  const p = polynomial(
    e,
    r,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  )
  return e.op('fadd', e.op('fmul', e.op('fmul', r, r), p), r)
}
const LN2_HI = 0.693359375
const LN2_LO = -2.1219444e-4
/** x = n ln 2 + r, with n in the low bits of `rounded`. */
const reduceExp = (e: Emitter, x: Val): { readonly rounded: Val; readonly r: Val } => {
  const rounded = plus(e, times(e, x, Math.LOG2E), ROUNDER)
  const whole = plus(e, rounded, -ROUNDER)
  const r = e.op('fsub', e.op('fsub', x, times(e, whole, LN2_HI)), times(e, whole, LN2_LO))
  return { rounded, r }
}
const between = (e: Emitter, x: Val, lo: number, hi: number): Val => upper(e, lower(e, x, f32(e, hi)), f32(e, lo))

/**
 * y 2^n for the n in the low bits of `rounded`, added to the exponent's bits, so that no subnormal is made on the way
 * (the processor is slow on them, and masked attention scores would all be such): below `lo` the result is 0, above `hi`
 * infinity, and NaN stays.
 */
const scaleWithin = (e: Emitter, x: Val, y: Val, rounded: Val, lo: number, hi: number): Val => {
  const scaled = fromBits(e, e.op('iadd', bitsOf(e, y), e.op('ishl', bitsOf(e, rounded), i32(e, 23))))
  const flushed = keepWhere(e, e.op('fge', x, f32(e, lo)), scaled)
  return select(e, e.op('fle', x, f32(e, hi)), flushed, plus(e, x, Infinity))
}
/** Below it exp is no normal number. */
const LEAST_EXP = -87.33654
const exp: Function1 = (e, x) => {
  const { rounded, r } = reduceExp(e, x)
  return scaleWithin(e, x, plus(e, smallExpm1(e, r), 1), rounded, LEAST_EXP, 88.72283)
}
/**
 * The same, bit for bit, where x is known to be at most 0 or NaN, as a softmax's are: nothing overflows, and 2^n is a normal number, by which a
 * product keeps NaN.
 */
export const expAtMostOne: Function1 = (e, x) => {
  const { rounded, r } = reduceExp(e, x)
  const one = x.lanes ? e.splat(f32(e, 1)) : f32(e, 1)
  const power = fromBits(e, e.op('iadd', e.op('ishl', bitsOf(e, rounded), i32(e, 23)), bitsOf(e, one)))
  const y = e.op('fmul', plus(e, smallExpm1(e, r), 1), power)
  return select(e, e.op('flt', x, f32(e, LEAST_EXP)), f32(e, 0), y)
}
const exp2: Function1 = (e, x) => {
  const rounded = plus(e, x, ROUNDER)
  const r = times(e, e.op('fsub', x, plus(e, rounded, -ROUNDER)), Math.LN2)
  return scaleWithin(e, x, plus(e, smallExpm1(e, r), 1), rounded, -126, 127.99999)
}
/** exp(n ln 2 + r) - 1 = 2^n (exp(r) - 1) + (2^n - 1); where 2^n would overflow, the 1 no longer counts. */
const expm1: Function1 = (e, x) => {
  const { rounded, r } = reduceExp(e, between(e, x, -20, 88))
  const power = powerOfTwo(e, e.op('isub', bitsOf(e, rounded), i32(e, ROUNDER_BITS)))
  const small = e.op('fadd', e.op('fmul', power, smallExpm1(e, r)), plus(e, power, -1))
  return select(e, e.op('fgt', x, f32(e, 80)), exp(e, x), select(e, e.op('feq', x, f32(e, 0)), x, small))
}

/** x = 2^exponent (1 + m) with 1 + m in [sqrt 1/2, sqrt 2), for x > 0; subnormals are scaled up first. */
const splitLog = (e: Emitter, x: Val): { readonly exponent: Val; readonly m: Val } => {
  const tiny = e.op('flt', x, f32(e, 1.1754943508222875e-38))
  const bits = bitsOf(e, select(e, tiny, times(e, x, 33554432), x))
  const n = e.op('ishrs', e.op('isub', bits, i32(e, 0x3f3504f3)), i32(e, 23))
  const mantissa = fromBits(e, e.op('isub', bits, e.op('ishl', n, i32(e, 23))))
  const exponent = e.op('isub', n, select(e, tiny, i32(e, 25), i32(e, 0)))
  return { exponent: e.op('convertS', exponent), m: plus(e, mantissa, -1) }
}
/** log(1 + m) - m for 1 + m in [sqrt 1/2, sqrt 2). */
const logTail = (e: Emitter, m: Val): Val => {
  const z = e.op('fmul', m, m)
  const p = polynomial(
    e,
    m,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  )
  return e.op('fmul', e.op('fmul', m, z), p)
}
/** The value of a logarithm where x is not a positive finite number. */
const logEdges = (e: Emitter, x: Val, y: Val): Val => {
  const positive = select(e, e.op('flt', x, f32(e, Infinity)), y, x) // inf and NaN give themselves
  const zero = select(e, e.op('feq', x, f32(e, 0)), f32(e, -Infinity), positive)
  return select(e, e.op('flt', x, f32(e, 0)), f32(e, NaN), zero)
}
const log: Function1 = (e, x) => {
  const { exponent, m } = splitLog(e, x)
  const tail = e.op('fadd', logTail(e, m), times(e, exponent, LN2_LO))
  const rest = e.op('fsub', tail, times(e, e.op('fmul', m, m), 0.5))
  return logEdges(e, x, e.op('fadd', e.op('fadd', m, rest), times(e, exponent, LN2_HI)))
}
const log2: Function1 = (e, x) => {
  const { exponent, m } = splitLog(e, x)
  const rest = e.op('fsub', logTail(e, m), times(e, e.op('fmul', m, m), 0.5))
  const fraction = Math.LOG2E - 1 // log2(1 + m) = (m + rest) + fraction (m + rest), the small parts first
  const small = e.op('fadd', e.op('fadd', times(e, rest, fraction), times(e, m, fraction)), rest)
  return logEdges(e, x, e.op('fadd', e.op('fadd', small, m), exponent))
}
/** log(1 + x) = log u + (x - (u - 1)) / u for u = 1 + x rounded. */
const log1p: Function1 = (e, x) => {
  const u = plus(e, x, 1)
  const y = log(e, u)
  const lost = e.op('fdiv', e.op('fsub', x, plus(e, u, -1)), u)
  const finite = e.op('flt', e.op('fabs', y), f32(e, Infinity))
  return select(e, e.op('feq', x, f32(e, 0)), x, select(e, finite, e.op('fadd', y, lost), y))
}

/**
 * The rational minimax approximation that Eigen and XLA use: x p(x^2) / q(x^2) up to where it reaches 1, and x itself near
 * 0. Within 6 ulp (3.3e-7 relative), at a third of the cost of going through exp.
 */
const tanh: Function1 = (e, x) => {
  const bounded = between(e, x, -7.905311107635498, 7.905311107635498)
  const z = e.op('fmul', bounded, bounded)
  const p = polynomial(
    e,
    z,
    [
      -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5,
      6.37261928875436e-4, 4.89352455891786e-3,
    ],
  )
  const q = polynomial(e, z, [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3])
  const y = e.op('fdiv', e.op('fmul', bounded, p), q)
  return select(e, e.op('flt', e.op('fabs', x), f32(e, 0.0004)), x, y)
}
/** exp(|x|) / 2 = (exp(|x| / 2))^2 / 2 overflows only where its value does. */
const halfExp = (e: Emitter, x: Val): Val => {
  const root = exp(e, times(e, e.op('fabs', x), 0.5))
  return e.op('fmul', times(e, root, 0.5), root)
}
const cosh: Function1 = (e, x) => {
  const h = halfExp(e, x)
  return e.op('fadd', h, e.op('fdiv', f32(e, 0.25), h))
}
/** sinh |x| = (t + t / (t + 1)) / 2 for t = exp|x| - 1. */
const sinh: Function1 = (e, x) => {
  const size = e.op('fabs', x)
  const t = expm1(e, size)
  const small = times(e, e.op('fadd', t, e.op('fdiv', t, plus(e, t, 1))), 0.5)
  return withSign(e, select(e, e.op('fgt', size, f32(e, 20)), halfExp(e, x), small), x)
}
const sigmoid: Function1 = (e, x) => e.op('fdiv', f32(e, 1), plus(e, exp(e, e.op('fneg', x)), 1))

/** Minimax polynomials of N. Juffa (erff, below 1 ulp): x + x p(x^2) near 0, 1 - exp(q(|x|)) beyond. */
const erf: Function1 = (e, x) => {
  const t = lower(e, e.op('fabs', x), f32(e, 4))
  const near = polynomial(
    e,
    e.op('fmul', x, x),
    [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1],
  )
  const q = polynomial(
    e,
    t,
    [-1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1],
  )
  const far = e.op('fsub', f32(e, 1), exp(e, e.op('fsub', e.op('fmul', q, t), t)))
  const isFar = e.op('fgt', t, f32(e, 0.927734375))
  return select(e, isFar, withSign(e, far, x), e.op('fadd', e.op('fmul', near, x), x))
}

/** x = q pi/2 + r with |r| <= pi/4, r rounded to f32; q modulo 4 counts. */
interface Turned {
  readonly r: Val
  readonly quadrant: Val
}
/**
 * In doubles, with pi/2 in two parts (Cody and Waite; the parts are those of FreeBSD's rem_pio2f): the first has 25 bits, so
 * that its product with q < 2^28 is exact, the second the next 53.
 */
const turnedBySteps = (e: Emitter, x: Val): Turned => {
  const double = widen(e, x)
  const quarters = wideNearest(e, wide(e, 'dmul', double, 2 / Math.PI))
  const high = wide(e, 'dsub', double, wide(e, 'dmul', quarters, 1.5707963109016418))
  const r = narrow(e, wide(e, 'dsub', high, wide(e, 'dmul', quarters, 1.5893254773528196e-8)))
  return { r, quadrant: narrowInteger(e, quarters, true) }
}
/** 2/pi, 29 bits each. */
const TWO_OVER_PI = [0x145f306d, 0x19391054, 0x14fe13ab, 0x1d1f534d, 0x1b81b6c5, 0x5664f10, 0x1c820ff2].map(
  (digits, i) => digits * 2 ** (-29 * (i + 1)),
)
/**
 * x 2/pi by parts (Payne and Hanek): each product of 24 bits of x with 29 of 2/pi is exact in a double, and so is what is
 * left of it modulo 4. Their sum is kept in two doubles (Knuth), since its distance from a whole number may be as small as
 * 2^-30. 203 bits of 2/pi leave 75 below the point for the largest x.
 */
const turnedByParts = (e: Emitter, x: Val): Turned => {
  const double = widen(e, x)
  const parts = TWO_OVER_PI.map((part) => {
    const product = wide(e, 'dmul', double, part)
    return wide(e, 'dsub', product, wide(e, 'dmul', wideNearest(e, wide(e, 'dmul', product, 0.25)), 4))
  })
  let sum = parts[0]!
  let lost: Wide = sum.map(() => e.constant('f64', 0))
  for (const part of parts.slice(1)) {
    const next = wide(e, 'dadd', sum, part)
    const taken = wide(e, 'dsub', next, sum)
    const ofSum = wide(e, 'dsub', sum, wide(e, 'dsub', next, taken))
    lost = wide(e, 'dadd', lost, wide(e, 'dadd', ofSum, wide(e, 'dsub', part, taken)))
    sum = next
  }
  const quarters = wideNearest(e, sum)
  const fraction = wide(e, 'dadd', wide(e, 'dsub', sum, quarters), lost)
  return { r: narrow(e, wide(e, 'dmul', fraction, Math.PI / 2)), quadrant: narrowInteger(e, quarters, true) }
}
/** Beyond this, and for infinities, which give NaN, the reduction goes by parts. */
const MANY_TURNS = 2 ** 27

/** sin and cos of r, and the quadrant. */
const circle = (e: Emitter, x: Val): { readonly sin: Val; readonly cos: Val; readonly quadrant: Val } => {
  const usual = turnedBySteps(e, x)
  const isLarge = e.op('fgt', e.op('fabs', x), f32(e, MANY_TURNS))
  const turned = e.rarely('turn', isLarge, [x], [usual.r, usual.quadrant], ([large]) => {
    const { r, quadrant } = turnedByParts(e, large!)
    return [r, quadrant]
  })
  const [r, quadrant] = [turned[0]!, turned[1]!]
  const z = e.op('fmul', r, r)
  const s = polynomial(e, z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1])
  const c = polynomial(e, z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2])
  return {
    sin: e.op('fadd', e.op('fmul', e.op('fmul', s, z), r), r),
    cos: e.op('fadd', e.op('fsub', e.op('fmul', e.op('fmul', z, z), c), times(e, z, 0.5)), f32(e, 1)),
    quadrant,
  }
}
const bit = (e: Emitter, x: Val, mask: number): Val => e.op('ine', e.op('iand', x, i32(e, mask)), i32(e, 0))
const negateWhere = (e: Emitter, condition: Val, x: Val): Val => select(e, condition, e.op('fneg', x), x)
/** y, but a zero for itself: its sign is lost on the way. */
const orZero = (e: Emitter, x: Val, y: Val): Val => select(e, e.op('feq', x, f32(e, 0)), x, y)
const sin: Function1 = (e, x) => {
  const { sin: s, cos: c, quadrant } = circle(e, x)
  return orZero(e, x, negateWhere(e, bit(e, quadrant, 2), select(e, bit(e, quadrant, 1), c, s)))
}
const cos: Function1 = (e, x) => {
  const { sin: s, cos: c, quadrant } = circle(e, x)
  return negateWhere(e, bit(e, e.op('iadd', quadrant, i32(e, 1)), 2), select(e, bit(e, quadrant, 1), s, c))
}
/** tan r in even quadrants, -1 / tan r in odd ones. */
const tan: Function1 = (e, x) => {
  const { sin: s, cos: c, quadrant } = circle(e, x)
  const odd = bit(e, quadrant, 1)
  return orZero(e, x, e.op('fdiv', negateWhere(e, odd, select(e, odd, c, s)), select(e, odd, s, c)))
}

/**
 * log2 |x| in doubles: log(1 + m) = 2 artanh(s), s = m / (2 + m), |s| <= 0.172, by its series to s^15 (below 1e-12
 * relative), since the result is multiplied by up to 2^7 before it becomes an exponent.
 */
const wideLog2 = (e: Emitter, x: Val): Wide => {
  const { exponent, m } = splitLog(e, x)
  const double = widen(e, m)
  const s = wide(e, 'ddiv', double, wide(e, 'dadd', double, 2))
  const z = wide(e, 'dmul', s, s)
  const seed: Wide = z.map(() => e.constant('f64', 1 / 15))
  const series = [13, 11, 9, 7, 5, 3, 1].reduce((sum, n) => wide(e, 'dadd', wide(e, 'dmul', sum, z), 1 / n), seed)
  const fraction = wide(e, 'dmul', wide(e, 'dmul', series, s), 2 * Math.LOG2E)
  return wide(e, 'dadd', widen(e, exponent), fraction)
}
/** x^y = 2^(y log2 |x|), with the signs and the special values of C's pow: x^0 = 1^y = 1. */
export const pow = (e: Emitter, x: Val, y: Val): Val => {
  const size = e.op('fabs', x)
  const huge = wide(e, 'dmul', widen(e, y), wideLog2(e, size))
  const exponent = wide(e, 'dmax', wide(e, 'dmin', huge, 300), -300)
  const whole = wideNearest(e, exponent)
  const r = narrow(e, wide(e, 'dmul', wide(e, 'dsub', exponent, whole), Math.LN2))
  const n = narrowInteger(e, whole, true)
  const third = e.op('ishrs', n, i32(e, 2)) // |n| <= 300 leaves the range even of two steps
  const finite = scale(e, e.op('fmul', plus(e, smallExpm1(e, r), 1), powerOfTwo(e, third)), e.op('isub', n, third))
  const [zero, one, infinity] = [f32(e, 0), f32(e, 1), f32(e, Infinity)]
  const yAbove = e.op('fgt', y, zero)
  const ofZero = select(e, yAbove, zero, infinity)
  const ofInfinity = select(e, yAbove, infinity, zero)
  const edge = select(e, e.op('feq', size, zero), ofZero, select(e, e.op('feq', size, infinity), ofInfinity, finite))
  const ofOne = select(e, e.op('feq', size, one), one, edge)
  const magnitude = select(e, e.op('fne', y, y), y, select(e, e.op('fne', x, x), x, ofOne))
  const isWhole = e.op('feq', e.op('ffloor', y), y)
  const halfY = times(e, y, 0.5)
  const isOdd = e.op('band', isWhole, e.op('fne', e.op('ffloor', halfY), halfY))
  const signed = negateWhere(e, e.op('band', isOdd, negative(e, x)), magnitude)
  const finiteNegative = e.op('band', e.op('flt', x, zero), e.op('fgt', x, f32(e, -Infinity)))
  const outside = e.op('band', finiteNegative, e.op('fne', e.op('ffloor', y), y))
  const valid = select(e, outside, f32(e, NaN), signed)
  return select(e, e.op('bor', e.op('feq', y, zero), e.op('feq', x, one)), one, valid)
}

export const transcendental = {
  exp,
  exp2,
  expm1,
  log,
  log2,
  log1p,
  tanh,
  sinh,
  cosh,
  sigmoid,
  erf,
  sin,
  cos,
  tan,
} as const

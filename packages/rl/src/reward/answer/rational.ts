/** Rationals in BigInt, in lowest terms and of bounded size: what grows past the bound is no number here. */

/** n / d, d > 0, in lowest terms. */
export interface Rational {
  readonly n: bigint
  readonly d: bigint
}

/** The most bits of a numerator or denominator. Arithmetic on them is quadratic at worst, so the bound is one of time too. */
export const MOST_BITS = 16_384
/** The most digits of a numeral: those of `MOST_BITS` and a few more. */
const MOST_DIGITS = 4_932

export const bits = (x: bigint): number => {
  const hex = (x < 0n ? -x : x).toString(16)
  return 4 * hex.length
}

/** How large a rational is written. */
export const size = ({ n, d }: Rational): number => Math.max(bits(n), bits(d))

const gcd = (a: bigint, b: bigint): bigint => {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}

/** n / d, or null where d is 0 or the quotient is too long. */
export const rational = (n: bigint, d: bigint): Rational | null => {
  if (d === 0n || bits(n) > 2 * MOST_BITS || bits(d) > 2 * MOST_BITS) return null
  const g = (d < 0n ? -1n : 1n) * (d === 1n ? 1n : gcd(n, d))
  return lowest(n / g, d / g)
}

export const integer = (n: bigint): Rational => ({ n, d: 1n })
export const ZERO = integer(0n)
export const ONE = integer(1n)

const lowest = (n: bigint, d: bigint): Rational | null => (bits(n) > MOST_BITS || bits(d) > MOST_BITS ? null : { n, d })

/** Common factors are taken out before the product, where they are small (Knuth, The Art of Computer Programming 2, 4.5.1). */
export const multiply = (x: Rational, y: Rational): Rational | null => {
  const [g, h] = [gcd(x.n, y.d), gcd(y.n, x.d)]
  return lowest((x.n / g) * (y.n / h), (x.d / h) * (y.d / g))
}
export const add = (x: Rational, y: Rational): Rational | null => {
  const g = gcd(x.d, y.d)
  const n = x.n * (y.d / g) + y.n * (x.d / g)
  const h = g === 1n ? 1n : gcd(n, g)
  return lowest(n / h, (x.d / g) * (y.d / h))
}
export const divide = (x: Rational, y: Rational): Rational | null =>
  y.n === 0n ? null : multiply(x, y.n < 0n ? { n: -y.d, d: -y.n } : { n: y.d, d: y.n })
export const negate = ({ n, d }: Rational): Rational => ({ n: -n, d })
export const absolute = ({ n, d }: Rational): Rational => ({ n: n < 0n ? -n : n, d })
export const compare = (x: Rational, y: Rational): number => sign(x.n * y.d - y.n * x.d)
export const equal = (x: Rational, y: Rational): boolean => x.n === y.n && x.d === y.d
const sign = (x: bigint): number => (x > 0n ? 1 : x < 0n ? -1 : 0)

/** The largest integer up to x. */
export const floor = ({ n, d }: Rational): Rational => integer(n >= 0n ? n / d : -((-n + d - 1n) / d))

/** x ** k for an integer k, or null where it is none or too long. The length is known before it is computed. */
export const raise = (x: Rational, k: bigint): Rational | null => {
  if (k < 0n) return x.n === 0n ? null : raise({ n: x.n < 0n ? -x.d : x.d, d: x.n < 0n ? -x.n : x.n }, -k)
  if (k === 0n) return ONE
  if (x.d === 1n && (x.n === 0n || x.n === 1n || x.n === -1n)) return k % 2n === 0n ? absolute(x) : x
  if (k > BigInt(MOST_BITS)) return null
  // |x.n| >= 2^(bits - 4), so that what is computed is at most 5 times as long as the bound.
  if (Math.max(bits(x.n) - 4, bits(x.d) - 4, 1) * Number(k) > MOST_BITS) return null
  return rational(x.n ** k, x.d ** k)
}

/** The k-th root of a non-negative integer where it is an integer, by Newton's iteration from above. */
const integerRoot = (x: bigint, k: bigint): bigint | null => {
  if (x < 2n) return x
  let r = 1n << (BigInt(bits(x)) / k + 1n)
  for (;;) {
    const next = ((k - 1n) * r + x / r ** (k - 1n)) / k
    if (next >= r) break
    r = next
  }
  return r ** k === x ? r : null
}

/** The real k-th root of x where it is rational. */
export const rootOf = (x: Rational, k: bigint): Rational | null => {
  if (k < 1n || k > 64n) return null
  if (x.n < 0n) {
    if (k % 2n === 0n) return null
    const mirrored = rootOf(absolute(x), k)
    return mirrored === null ? null : negate(mirrored)
  }
  const [n, d] = [integerRoot(x.n, k), integerRoot(x.d, k)]
  return n === null || d === null ? null : { n, d }
}

const DECIMAL = /^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/

/**
 * The number that a decimal says (`12`, `-.5`, `1.5e-3`), with the digits that repeat after it for ever, or null: where it is
 * none, or longer than the bound (parsing a numeral is quadratic in its length).
 */
export const decimal = (text: string, repeating = ''): Rational | null => {
  if (text.length + repeating.length > MOST_DIGITS) return null
  const match = DECIMAL.exec(text)
  if (match === null) return null
  const [, minus = '', whole = '', fraction = '', exponent = '0'] = match
  if (whole + fraction + repeating === '' || Math.abs(Number(exponent)) > MOST_DIGITS) return null
  const shift = 10n ** BigInt(fraction.length)
  const fixed = rational(BigInt(`0${whole}${fraction}`), shift)
  // 0.00(142857) is 142857 / 999999 / 10^2.
  const tail = repeating === '' ? ZERO : rational(BigInt(repeating), (10n ** BigInt(repeating.length) - 1n) * shift)
  const power = raise(integer(10n), BigInt(exponent))
  if (fixed === null || tail === null || power === null) return null
  const sum = add(fixed, tail)
  const value = sum === null ? null : multiply(sum, power)
  return value === null || minus !== '-' ? value : negate(value)
}

/** Whether |x - y| <= tolerance |x|, exactly: `tolerance` is a number of the language, that is a rational. */
export const within = (tolerance: Rational, x: Rational, y: Rational): boolean => {
  const difference = add(x, negate(y))
  const bound = multiply(tolerance, absolute(x))
  return difference !== null && bound !== null && compare(absolute(difference), bound) <= 0
}

/** A finite number of the language, read from its shortest decimal. */
export const fromNumber = (x: number): Rational => {
  const read = decimal(String(x))
  if (read === null) throw new RangeError(`${x} is no finite number`)
  return read
}

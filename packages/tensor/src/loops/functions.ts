/** The scalar functions of the loop IR that JavaScript lacks or defines otherwise, in double precision. */

/** To the nearest integer, ties to even; the sign of zero stays. */
export const roundHalfEven = (x: number): number => {
  const up = Math.round(x)
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up
}

/**
 * The error function: erf x = 2/sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!! (DLMF 7.6.2), whose terms share one
 * sign, so that nothing cancels.
 */
export const erfOf = (x: number): number => {
  if (Number.isNaN(x)) return NaN
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let total = x
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    total += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total
}

/** 1 - erf x; above 2 by its continued fraction (DLMF 7.9.4), since the difference cancels. */
export const erfcOf = (x: number): number => {
  if (!(x > 2)) return 1 - erfOf(x)
  let fraction = 0
  for (let n = 80; n > 0; n--) fraction = n / 2 / (x + fraction)
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction))
}

/**
 * x - y floor(x / y), from the exact remainder: the sign of y, zero included, as in Python and NumPy. It lies in [0, y), but
 * for rounding: a tiny x of the other sign gives y itself.
 */
export const floorMod = (x: number, y: number): number => {
  const rest = x % y
  if (rest === 0) return y < 0 ? -0 : 0
  return rest < 0 !== y < 0 ? rest + y : rest
}

/** x^y with the special values of C (and of JAX): 1^y = x^0 = 1 even for NaN, and (-1)^(+-inf) = 1. */
export const powerOf = (x: number, y: number): number =>
  x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y

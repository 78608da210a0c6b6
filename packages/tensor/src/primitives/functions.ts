/** Scalar functions that JavaScript lacks, in double precision. */

/** To the nearest integer, ties to even. */
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

/** x mod y with the sign of y, as in Python. */
export const floorMod = (x: number, y: number): number => {
  const rest = x % y
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest
}

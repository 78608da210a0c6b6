/** A square root whose derivative at 0 is 0. */
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'

/**
 * The square root of v >= 0, with derivative 0 at 0, where the root has none (every direction raises a norm or a standard
 * deviation of 0 alike, and 0 is the mean of what they say). The root is taken of 1 there, so that no infinity meets a 0.
 */
export const rootOf = (v: Expr): Expr => {
  const zero = raw.fillLike(v, 0)
  const flat = raw.eq(v, zero)
  return raw.where(flat, zero, raw.sqrt(raw.where(flat, raw.fillLike(v, 1), v)))
}

/** Curves that say nothing: what varies in them is the rounding of f32. */

/** Eight steps of f32 at 1: what a sum of some terms is off by. */
export const ROUNDING = 8 * 2 ** -23

/**
 * Whether some numbers differ by rounding only: by no more than 2^-20 of the largest of them, or of `scale`, the size of the numbers
 * that they were computed of (a difference of log-probabilities is small, and as inexact as those are). Not of equal ones.
 */
export const isRounding = (values: readonly number[], scale = 0): boolean => {
  const [low, high] = values.reduce(([l, h], y) => [Math.min(l, y), Math.max(h, y)], [Infinity, -Infinity])
  const size = Math.max(scale, Math.abs(low), Math.abs(high))
  return high > low && high - low <= ROUNDING * size
}

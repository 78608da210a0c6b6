/** When two results count as equal: one table of tolerances, and a message that says where they differ. */

export interface Tolerance {
  readonly relative: number
  readonly absolute: number
}

/**
 * `exact` for integers, bool and movement; `double` between two computations in doubles; `f32` for a device against the
 * reference, elementwise and short sums; `f32Long` for sums of thousands of terms and for transcendental functions of WGSL,
 * whose specification allows a few ulp and more.
 */
export const tolerances = {
  exact: { relative: 0, absolute: 0 },
  double: { relative: 1e-9, absolute: 1e-12 },
  f32: { relative: 2e-5, absolute: 2e-6 },
  f32Long: { relative: 5e-4, absolute: 5e-5 },
} as const satisfies Readonly<Record<string, Tolerance>>

/** NaN equals NaN and infinities equal themselves; else |x - y| <= absolute + relative |y|. */
export const close = (x: number, y: number, { relative, absolute }: Tolerance): boolean =>
  Object.is(x, y) ||
  x === y ||
  (Number.isNaN(x) && Number.isNaN(y)) ||
  Math.abs(x - y) <= absolute + relative * Math.abs(y)

/** Null where all elements are close, else the first that is not. */
export const mismatch = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): string | null => {
  if (actual.length !== expected.length) return `${actual.length} elements instead of ${expected.length}`
  for (let i = 0; i < expected.length; i++)
    if (!close(actual[i]!, expected[i]!, tolerance)) return `element ${i} is ${actual[i]!} instead of ${expected[i]!}`
  return null
}

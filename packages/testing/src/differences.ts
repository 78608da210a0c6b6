/** Derivatives by central differences, the measure of derivative rules. */

/**
 * d/dt f(x + t v) at 0, by central differences at h and h/2 and Richardson's extrapolation: an error of order h^4, about
 * 1e-10 of f's scale in doubles.
 */
export const directionalDerivative = (
  f: (x: readonly Float64Array[]) => number,
  x: readonly Float64Array[],
  v: readonly Float64Array[],
  h = 1e-3,
): number => {
  const moved = (t: number): readonly Float64Array[] => x.map((a, k) => a.map((value, i) => value + t * v[k]![i]!))
  const central = (t: number): number => (f(moved(t)) - f(moved(-t))) / (2 * t)
  return (4 * central(h / 2) - central(h)) / 3
}

/** The inner product of two lists of arrays. */
export const inner = (x: readonly Float64Array[], y: readonly Float64Array[]): number =>
  x.reduce((sum, a, k) => a.reduce((s, value, i) => s + value * y[k]![i]!, sum), 0)

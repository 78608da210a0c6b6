/** Curves of several seeds as one: their mean at each step, with the lowest and the highest. */

/** A point of one seed's curve. Null: the log has the value as absent (NaN is null in JSON). */
export interface SeedPoint {
  readonly x: number
  readonly y: number | null
}

/** A point of a curve over seeds. All of y, low and high are null where no seed has a value. */
export interface SpreadPoint {
  readonly x: number
  readonly y: number | null
  readonly low: number | null
  readonly high: number | null
  /** Seeds that have a value here. */
  readonly seeds: number
}

/**
 * Mean, least and greatest over the seeds that have a value at a step; every step that any seed has, in order. Where a seed
 * has a step twice (a run that was cut and went on), its last value counts.
 */
export const acrossSeeds = (curves: readonly (readonly SeedPoint[])[]): readonly SpreadPoint[] => {
  const at = new Map<number, (number | null)[]>()
  curves.forEach((curve, seed) => {
    for (const { x, y } of curve) {
      const values = at.get(x) ?? new Array<number | null>(curves.length).fill(null)
      values[seed] = y
      at.set(x, values)
    }
  })
  return [...at]
    .sort(([a], [b]) => a - b)
    .map(([x, values]) => {
      const known = values.filter((y): y is number => y !== null)
      if (known.length === 0) return { x, y: null, low: null, high: null, seeds: 0 }
      const [low, high] = [Math.min(...known), Math.max(...known)]
      // Rounding may carry the mean of equal values past them.
      const mean = known.reduce((sum, y) => sum + y / known.length, 0)
      return { x, y: Math.min(high, Math.max(low, mean)), low, high, seeds: known.length }
    })
}

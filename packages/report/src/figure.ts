/** One number out of several seeds'. */

/** A figure over seeds. */
export interface Figure {
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly seeds: number
}

/** Mean, least and greatest of what is known; null of nothing. */
export const figureOf = (values: readonly (number | null | undefined)[]): Figure | null => {
  const known = values.filter((v): v is number => typeof v === 'number')
  if (known.length === 0) return null
  const [low, high] = [Math.min(...known), Math.max(...known)]
  const mean = known.reduce((sum, v) => sum + v / known.length, 0)
  return { mean: Math.min(high, Math.max(low, mean)), low, high, seeds: known.length }
}

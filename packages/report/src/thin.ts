/**
 * Long curves with fewer points: the largest triangle of three buckets (Steinarsson 2013, "Downsampling time series for
 * visual representation"). What is kept are points of the curve, its two ends among them, and what stands out survives.
 */
import type { SpreadPoint } from './spread.ts'

type Known = SpreadPoint & { readonly y: number }

const largestTriangles = (points: readonly Known[], limit: number): readonly Known[] => {
  const n = points.length
  if (n <= limit || limit < 3) return n <= limit ? points : [points[0]!, points[n - 1]!]
  const size = (n - 2) / (limit - 2)
  const edge = (bucket: number): number => Math.min(n - 1, 1 + Math.floor(bucket * size))
  const kept: Known[] = [points[0]!]
  for (let bucket = 0; bucket < limit - 2; bucket++) {
    const next = points.slice(edge(bucket + 1), Math.max(edge(bucket + 1) + 1, edge(bucket + 2)))
    const x = next.reduce((sum, p) => sum + p.x, 0) / next.length
    const y = next.reduce((sum, p) => sum + p.y, 0) / next.length
    const last = kept.at(-1)!
    let best = points[edge(bucket)]!
    let largest = -1
    for (const point of points.slice(edge(bucket), edge(bucket + 1))) {
      // Twice the area of the triangle of the point kept before, this one, and the mean of the bucket after.
      const area = Math.abs((last.x - x) * (point.y - last.y) - (last.x - point.x) * (y - last.y))
      if (area > largest) [best, largest] = [point, area]
    }
    kept.push(best)
  }
  return [...kept, points[n - 1]!]
}

const isKnown = (point: SpreadPoint): point is Known => point.y !== null

/** Stretches of values, cut where they are absent. */
const stretches = (points: readonly SpreadPoint[]): readonly (readonly Known[])[] => {
  const parts: Known[][] = [[]]
  for (const point of points) {
    if (isKnown(point)) parts.at(-1)!.push(point)
    else if (parts.at(-1)!.length > 0) parts.push([])
  }
  return parts.filter((part) => part.length > 0)
}

/**
 * At most about `limit` points (two for each stretch between absent values at least), in order, all of them points of the
 * curve; both ends of every stretch are kept, and one absent point between stretches. A curve of at most `limit` points is
 * itself.
 */
export const thin =
  (limit: number) =>
  (points: readonly SpreadPoint[]): readonly SpreadPoint[] => {
    if (points.length <= limit) return points
    const parts = stretches(points)
    const total = parts.reduce((sum, part) => sum + part.length, 0)
    return parts.flatMap((part, i): readonly SpreadPoint[] => {
      const kept = largestTriangles(part, Math.max(2, Math.floor((limit * part.length) / total)))
      const gap = i === 0 ? undefined : points.find((p) => !isKnown(p) && p.x > parts[i - 1]!.at(-1)!.x)
      return gap === undefined ? kept : [gap, ...kept]
    })
  }

/** The points of a chart, by their places; of too many so many as keep the shape of its curves. */

/** Values of curves by the place on the axis. What is given again for a curve at a place takes the place of what was there. */
export type Points = ReadonlyMap<number, Readonly<Record<string, number>>>

/** Points of a chart that are held before they are thinned, and after. */
export const FULL = 4000
export const THIN = 2000

/** The keys of the points that the curves need in a stretch: for each curve its lowest and its highest. */
const extremes = (stretch: readonly (readonly [number, Readonly<Record<string, number>>])[]): ReadonlySet<number> => {
  const least = new Map<string, readonly [x: number, y: number]>()
  const most = new Map<string, readonly [x: number, y: number]>()
  for (const [x, values] of stretch)
    for (const [name, y] of Object.entries(values)) {
      if (!Number.isFinite(y)) continue
      if (y < (least.get(name)?.[1] ?? Infinity)) least.set(name, [x, y])
      if (y > (most.get(name)?.[1] ?? -Infinity)) most.set(name, [x, y])
    }
  return new Set([...least.values(), ...most.values()].map(([x]) => x))
}

/**
 * At most `limit` of the points, in order of x: the first and the last, and of stretches of the axis that are equally long each curve's
 * lowest and highest. (Where there are so many curves that one stretch needs more, as many as it needs.) Thinned again after more
 * points came it is as even as if all had come at once.
 */
export const thinned = (points: Points, limit: number): Points => {
  if (points.size <= limit) return points
  const sorted = [...points].sort(([a], [b]) => a - b)
  const [first, last] = [sorted[0]!, sorted.at(-1)!]
  const curves = new Set(sorted.flatMap(([, values]) => Object.keys(values))).size
  const count = Math.max(1, Math.floor((limit - 2) / (2 * Math.max(1, curves))))
  const width = last[0] / count - first[0] / count
  const stretches = new Map<number, (readonly [number, Readonly<Record<string, number>>])[]>()
  for (const point of sorted) {
    const at = Math.min(count - 1, Math.floor((point[0] / count - first[0] / count) / (width / count)))
    const stretch = stretches.get(at)
    if (stretch === undefined) stretches.set(at, [point])
    else stretch.push(point)
  }
  const kept = new Set([first[0], last[0], ...[...stretches.values()].flatMap((stretch) => [...extremes(stretch)])])
  return new Map(sorted.filter(([x]) => kept.has(x)))
}

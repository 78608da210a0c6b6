/** Charts that are looked at together: over one stretch of the x axis, and read at one place of it. */

export interface ChartGroup {
  /** The name of what they share, for uPlot. */
  readonly key: string
  /** The stretch that is looked at now; null: all of it. */
  readonly zoom: () => readonly [number, number] | null
  readonly look: (zoom: readonly [number, number] | null) => void
  /** Tells of each other stretch; the function that it gives ends that. */
  readonly listen: (changed: () => void) => () => void
}

export const chartGroup = (key: string): ChartGroup => {
  let zoom: readonly [number, number] | null = null
  const listeners = new Set<() => void>()
  return {
    key,
    zoom: () => zoom,
    look: (to) => {
      if (zoom === to) return
      zoom = to
      for (const changed of listeners) changed()
    },
    listen: (changed) => {
      listeners.add(changed)
      return () => void listeners.delete(changed)
    },
  }
}

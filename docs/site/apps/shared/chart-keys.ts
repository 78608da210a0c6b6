/** The keys of a chart: the crosshair goes from point to point, and the stretch that is seen grows and shrinks around it. */
import type uPlot from 'uplot'

/** What is said of them to who cannot see the chart. */
export const KEYS = 'Left and right arrows read the values, plus and minus zoom, 0 shows all.'

/** Puts the crosshair of a chart, and of those that share it, at a place; null takes it away. */
export const pointAt = (plot: uPlot, x: number | null): void => {
  const { left, top, height } = plot.over.getBoundingClientRect()
  // As if the pointer came there: so it is told to the charts that share it.
  const event =
    x === null
      ? new MouseEvent('mouseleave')
      : new MouseEvent('mousemove', {
          // Pixels are cut off to whole ones: a chart that begins here would be missed by less than one.
          clientX: Math.ceil(left + plot.valToPos(x, 'x')),
          clientY: top + height / 2,
          movementX: 1,
        })
  plot.over.dispatchEvent(event)
}

/** What a key asks for. */
export type Asked =
  | { readonly type: 'read'; readonly x: number | null }
  | { readonly type: 'zoom'; readonly to: readonly [number, number] | null }

/** What is asked for by a key at a chart that is read at `now`; null where the key is not one of its own. */
export const asked = (key: string, plot: uPlot, now: number | null): Asked | null => {
  const xs = plot.data[0]
  const { min, max } = plot.scales['x']!
  const [low, high] = [min ?? 0, max ?? 1]
  const within = Array.from(xs).filter((x) => x >= low && x <= high)
  const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[key]
  if (move !== undefined) {
    if (within.length === 0) return null
    const at = now === null ? -1 : within.indexOf(now)
    const from = at >= 0 ? at : move > 0 ? -1 : within.length
    return { type: 'read', x: within[Math.max(0, Math.min(within.length - 1, from + move))]! }
  }
  switch (key) {
    case '+':
    case '=':
    case '-': {
      const middle = now ?? (low + high) / 2
      const half = ((high - low) / 2) * (key === '-' ? 2 : 0.5)
      const [first, last] = [xs[0] ?? low, xs.at(-1) ?? high]
      const to: readonly [number, number] = [Math.max(first, middle - half), Math.min(last, middle + half)]
      return { type: 'zoom', to: to[0] <= first && to[1] >= last ? null : to }
    }
    case '0':
      return { type: 'zoom', to: null }
    case 'Escape':
      return now === null ? null : { type: 'read', x: null }
    default:
      return null
  }
}

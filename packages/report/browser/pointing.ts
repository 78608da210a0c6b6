/** How a chart is pointed at, by the pointer and by keys: one crosshair for all charts that belong together, and one stretch of their x axis. */
import type uPlot from 'uplot'
import { asked } from '../src/chart-asked.ts'

/** What is said of the keys to who cannot see the chart. */
export const KEYS = 'Left and right arrows read the values, plus and minus zoom, 0 shows all.'
/** CSS pixels that a drag must be long, to be one. */
const LEAST_DRAG = 6

/** Looks at a stretch of the x axis; null: at all of it. */
export type Look = (zoom: readonly [number, number] | null) => void

/** The cursor of a chart among those of `key`: what is dragged over in one is not dragged over in all, and two clicks go back. */
export const cursorOf = (key: string, look: Look): uPlot.Cursor => ({
  drag: { x: true, y: false, setScale: false },
  sync: { key, scales: ['x', null], filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } },
  bind: {
    dblclick: () => () => {
      look(null)
      return null
    },
  },
})

/** The hook of a chart that was dragged over: it looks there, unless that is narrower than `least`; what was dragged is marked no more. */
export const dragged =
  (least: (plot: uPlot) => number, look: Look) =>
  (plot: uPlot): void => {
    const { left, width } = plot.select
    if (width === 0) return
    const to = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')] as const
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
    if (width >= LEAST_DRAG && to[1] - to[0] >= least(plot)) look(to)
  }

/** Where the crosshair of a chart is; null where there is none. */
export const crosshairOf = (plot: uPlot): number | null => {
  const i = plot.cursor.idx ?? null
  return i === null ? null : (plot.data[0][i] ?? null)
}

/** Puts the crosshair of a chart, and of those that share it, at a place; null takes it away. */
const pointAt = (plot: uPlot, x: number | null): void => {
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

/** The place nearest to `x`: of a curve that grows fewer points may be drawn. Null where there are none. */
const nearest = (places: ArrayLike<number>, x: number): number | null =>
  Array.from(places).reduce<number | null>(
    (best, each) => (best === null || Math.abs(each - x) < Math.abs(best - x) ? each : best),
    null,
  )

/** What the keys of a chart ask of it. */
export interface KeyActs {
  /** The chart as it is now; null where none is drawn. */
  readonly plot: () => uPlot | null
  readonly look: Look
  /** Whether a screen reader says what is read: where a key asks for it, and not each point of a run. */
  readonly aloud: (on: boolean) => void
}

/** Has a chart read by the keys that `place` gets. The function that it returns reads at the same place again, after other values or another stretch came. */
export const chartKeys = (place: HTMLElement, { plot, look, aloud }: KeyActs): (() => void) => {
  let held: number | null = null
  place.addEventListener('keydown', (event) => {
    const now = plot()
    if (event.target !== place || now === null || event.ctrlKey || event.metaKey || event.altKey) return
    const what = asked(event.key, now.data[0], now.scales['x'] ?? {}, held ?? crosshairOf(now))
    if (what === null) return
    event.preventDefault()
    // Escape would close a dialog, too, in which the chart is.
    event.stopPropagation()
    if (what.type === 'zoom') look(what.to)
    else {
      aloud(what.x !== null)
      held = what.x
      pointAt(now, what.x)
    }
  })
  place.addEventListener('blur', () => {
    aloud(false)
    const now = plot()
    if (now !== null && held !== null) pointAt(now, null)
    held = null
  })
  let waits = false
  return () => {
    if (held === null || waits) return
    waits = true
    // Once the chart has its axes, and those that share its place have theirs.
    requestAnimationFrame(() => {
      waits = false
      const now = plot()
      if (now === null || held === null) return
      held = nearest(now.data[0], held)
      pointAt(now, held)
    })
  }
}

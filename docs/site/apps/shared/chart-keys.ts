/** A chart that is read by keys: what is said of them, and the crosshair put at a place. */
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

/** A chart of curves that grow: uPlot, in the colours of the page. */
import uPlot from 'uplot'
import { element } from './element.ts'
import { colour, onTheme } from './theme.ts'

/** One curve of a chart. */
export interface Curve {
  readonly name: string
  /** The name of a colour of the page. */
  readonly colour: string
  /** Points without a line between them, or a dashed line. */
  readonly as?: 'points' | 'dashes'
}

export interface ChartConfig {
  readonly title: string
  readonly x: string
  readonly curves: readonly Curve[]
  /** Charts of one group read their values at one x. */
  readonly group: string
  /** Bounds of y where they are known. */
  readonly range?: readonly [number, number]
}

export interface Chart {
  readonly element: HTMLElement
  /** Values of some of the curves at one x. */
  readonly put: (x: number, values: Readonly<Record<string, number>>) => void
  /** Without points; `curves` in place of those before. */
  readonly clear: (curves?: readonly Curve[]) => void
}

const HEIGHT = 190
const shown = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 0.1 ? 4 : 3)

export const chart = ({ title, x, curves: first, group, range }: ChartConfig): Chart => {
  const place = element('div', { class: 'plot' })
  const figure = element('figure', { 'data-chart': title }, element('figcaption', {}, title), place)
  let curves: readonly Curve[] = first
  let xs: number[] = []
  let ys: (number | null)[][] = curves.map(() => [])
  let plot: uPlot | null = null
  let waits = false
  const theme = { muted: '', line: '', curves: [] as readonly string[] }

  /** Colours are asked for once a change: a canvas draws often. */
  const paint = (): void => {
    theme.muted = colour('muted')
    theme.line = colour('line')
    theme.curves = curves.map((curve) => colour(curve.colour))
  }
  const axis = {
    stroke: () => theme.muted,
    grid: { stroke: () => theme.line, width: 1 },
    ticks: { stroke: () => theme.line, width: 1, size: 4 },
    font: '11px system-ui, sans-serif',
  }
  const data = (): uPlot.AlignedData => [xs, ...ys]
  const open = (): uPlot => {
    paint()
    return new uPlot(
      {
        width: Math.max(place.clientWidth, 200),
        height: HEIGHT,
        padding: [10, 12, 0, 0],
        scales: {
          // Without points too there are axes, so that the frame of a chart does not jump when its first one comes.
          x: { time: false, range: (_: uPlot, low: number | null, high: number | null) => [low ?? 0, high ?? 1] },
          y: range === undefined ? {} : { range: [range[0], range[1]] },
        },
        cursor: { sync: { key: group }, drag: { x: true, y: false } },
        axes: [
          { ...axis, size: 30, space: 60 },
          { ...axis, size: 52 },
        ],
        series: [
          { label: x },
          ...curves.map(({ name, as }, i) => ({
            label: name,
            stroke: () => theme.curves[i] ?? '',
            width: 1.75,
            spanGaps: true,
            value: (_: uPlot, value: number | null) => (value === null ? '–' : shown(value)),
            ...(as === 'dashes' ? { dash: [6, 4] } : {}),
            ...(as === 'points'
              ? { paths: () => null, points: { show: true, size: 7, fill: () => theme.curves[i] ?? '' } }
              : { points: { show: (plot: uPlot) => plot.data[0].length < 3 } }),
          })),
        ],
      },
      data(),
      place,
    )
  }
  const draw = (): void => {
    if (waits) return
    waits = true
    requestAnimationFrame(() => {
      waits = false
      plot?.setData(data())
    })
  }

  new ResizeObserver(() => {
    if (place.clientWidth === 0) return
    if (plot === null) plot = open()
    else plot.setSize({ width: place.clientWidth, height: HEIGHT })
  }).observe(place)
  onTheme(() => {
    paint()
    plot?.redraw()
  })

  return {
    element: figure,
    put: (at, values) => {
      let i = xs.length
      while (i > 0 && xs[i - 1]! >= at) i--
      if (xs[i] !== at) {
        xs.splice(i, 0, at)
        for (const y of ys) y.splice(i, 0, null)
      }
      curves.forEach(({ name }, c) => {
        const value = values[name]
        if (value !== undefined) ys[c]![i] = Number.isFinite(value) ? value : null
      })
      draw()
    },
    clear: (next = curves) => {
      curves = next
      xs = []
      ys = curves.map(() => [])
      plot?.destroy()
      plot = place.clientWidth === 0 ? null : open()
    },
  }
}

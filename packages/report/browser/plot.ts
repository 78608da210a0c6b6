/** A chart on a canvas, by uPlot: axes, curves, bands, the crosshair that all charts of a phase share, and zooming by drag. */
import uPlot from 'uplot'
import { COUNT_STEPS, placeText, tickText, TIME_STEPS } from '../src/axis-text.ts'
import { finestWidth } from '../src/chart-asked.ts'
import type { Along } from '../src/clock.ts'
import type { CardData } from '../src/page-data.ts'
import { logRange, rangeOf } from '../src/scale.ts'
import type { ShownCard } from '../src/shown.ts'
import { strokeOf } from '../src/stroke.ts'
import { curveColour, faint, resolved } from './colours.ts'
import { crosshairOf, cursorOf, dragged } from './pointing.ts'

/** What a chart is drawn with. */
export interface PlotConfig {
  readonly card: CardData
  readonly shown: ShownCard
  readonly along: Along
  /** Title of the x axis. */
  readonly x: string
  readonly width: number
  readonly height: number
  /** The stretch of the x axis that is looked at now; null: all of it. */
  readonly zoom: () => readonly [number, number] | null
  readonly onZoom: (zoom: readonly [number, number] | null) => void
  /** Told where the crosshair is, or null where it has gone. */
  readonly onCursor: (x: number | null) => void
}

/** Curves of so few points have dots. */
const DOTTED = 16

interface Column {
  readonly values: readonly (number | null)[]
  readonly series: uPlot.Series
}

type Data = uPlot.AlignedData

/** How many points a column has. */
const seenIn = (column: ArrayLike<number | null | undefined>): number =>
  Array.from(column).filter((value) => value !== undefined).length

/** The columns of a curve: its band first, which lies behind, and the smoothed curve last, which lies before. */
const columnsOf = ({ style, y, smoothed, low, high }: ShownCard['curves'][number]): readonly Column[] => {
  const { dash } = strokeOf(style)
  const colour = curveColour(style)
  // Asked at each drawing: a curve grows.
  const dots = {
    show: (plot: uPlot, at: number) => seenIn(plot.data[at]!) <= DOTTED,
    size: 5,
  }
  const edge = { stroke: 'transparent', width: 0, points: { show: false }, show: true } as const
  const main = { stroke: () => resolved(colour), width: 1.8, dash: [...dash], points: dots }
  return [
    ...(low === null || high === null
      ? []
      : [
          { values: high, series: edge },
          { values: low, series: edge },
        ]),
    ...(smoothed === null
      ? [{ values: y, series: main }]
      : [
          { values: y, series: { stroke: () => faint(colour, 0.28), width: 1, points: { show: false } } },
          { values: smoothed, series: main },
        ]),
  ]
}

/** The columns of all curves over one axis: each place that any of them has; where another has one, a curve goes on. */
const joined = ({ curves }: ShownCard): { readonly data: Data; readonly columns: readonly Column[] } => {
  const each = curves.map(columnsOf)
  const data = uPlot.join(curves.map(({ x }, i) => [[...x], ...each[i]!.map(({ values }) => [...values])] as Data))
  return { data: curves.length === 0 ? [[]] : data, columns: each.flat() }
}

/** What of a chart uPlot is told once: where any of it is another, a chart of its own is needed. */
const fixedOf = ({ card, shown, along, x }: PlotConfig): string =>
  JSON.stringify([
    ...[card.phase, along, x, shown.logarithmic],
    shown.curves.map(({ style, low, smoothed }) => [style, low === null, smoothed === null]),
  ])

const yRange = ({ card, shown }: PlotConfig, low: number | null, high: number | null): uPlot.Range.MinMax => {
  if (low === null || high === null) return shown.logarithmic ? [0.1, 1] : [0, 1]
  return [...(shown.logarithmic ? logRange(low, high) : rangeOf(card, low, high))]
}

/** `now`: what the chart shows when it is asked, which may have grown since. */
const optionsOf = (now: () => PlotConfig, columns: readonly Column[]): uPlot.Options => {
  const { card, shown, along, x, width, height } = now()
  const muted = (): string => resolved('var(--muted)')
  const grid = { stroke: () => resolved('var(--line)'), width: 1 }
  const bands: uPlot.Band[] = []
  let at = 1
  for (const curve of shown.curves) {
    if (curve.low !== null) {
      bands.push({ series: [at, at + 1], fill: () => faint(curveColour(curve.style), 0.16) })
      at += 2
    }
    at += curve.smoothed === null ? 1 : 2
  }
  const font = '11px system-ui, sans-serif'
  return {
    width,
    height,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    bands,
    series: [{}, ...columns.map(({ series }) => series)],
    scales: {
      x: {
        time: false,
        range: (_, low, high) => {
          const zoom = now().zoom()
          if (zoom !== null) return [...zoom]
          return low === high ? [low - 1, high + 1] : [low, high]
        },
      },
      y: {
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- its const enum is not there at run time: 3 is its Log
        distr: shown.logarithmic ? 3 : 1,
        range: (_, low, high) => yRange(now(), low, high),
      },
    },
    axes: [
      {
        ...{ stroke: muted, font, labelFont: font, label: x, labelSize: 18, size: 24, gap: 3, space: 55 },
        ...{ grid: { show: false }, ticks: { ...grid, size: 4 } },
        incrs: [...(along === 'time' ? TIME_STEPS : COUNT_STEPS)],
        values: (_, splits) => splits.map((x) => placeText(x, along)),
      },
      {
        ...{ stroke: muted, font, grid, ticks: { show: false }, gap: 4, space: 30 },
        // On an axis of powers those that have no room for a label are null.
        values: (_, splits: readonly (number | null)[]) => splits.map((y) => (y === null ? '' : tickText(y))),
        // Asked once before there are any labels.
        size: (_, values: readonly string[] | null) =>
          12 + 6.4 * Math.max(3, ...(values ?? []).map((text) => text.length)),
      },
    ],
    // Charts of a phase share the place of their crosshairs, by its value.
    cursor: { y: false, points: { size: 6 }, ...cursorOf(card.phase, (zoom) => now().onZoom(zoom)) },
    hooks: {
      setSelect: [
        dragged(
          (plot) => finestWidth(plot.data[0]),
          (zoom) => now().onZoom(zoom),
        ),
      ],
      setCursor: [(plot) => now().onCursor(crosshairOf(plot))],
    },
  }
}

/** A chart on the page. */
export interface Plot {
  readonly chart: uPlot
  /** Shows other values, or the same at another size, and keeps the crosshair and what is being dragged over; false where these need a chart of their own. */
  readonly renew: (config: PlotConfig) => boolean
}

/** A chart in `place`. */
export const plotIn = (place: HTMLElement, first: PlotConfig): Plot => {
  let config = first
  const { data, columns } = joined(config.shown)
  const chart = new uPlot(
    optionsOf(() => config, columns),
    data,
    place,
  )
  return {
    chart,
    renew: (next) => {
      if (fixedOf(next) !== fixedOf(config)) return false
      config = next
      const { width, height } = config
      if (width !== chart.width || height !== chart.height) chart.setSize({ width, height })
      chart.setData(joined(config.shown).data)
      return true
    },
  }
}

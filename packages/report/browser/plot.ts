/** A chart on a canvas, by uPlot: axes, curves, bands, the crosshair that all charts of a phase share, and zooming by drag. */
import uPlot from 'uplot'
import { COUNT_STEPS, placeText, tickText, TIME_STEPS } from '../src/axis-text.ts'
import type { Along } from '../src/clock.ts'
import type { CardData } from '../src/page-data.ts'
import { logRange, rangeOf } from '../src/scale.ts'
import type { ShownCard } from '../src/shown.ts'
import { strokeOf } from '../src/stroke.ts'
import { curveColour, faint, resolved } from './colours.ts'

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
/** CSS pixels that a drag must be long, to be one. */
const LEAST_DRAG = 6

interface Column {
  readonly values: readonly (number | null)[]
  readonly series: uPlot.Series
}

type Data = uPlot.AlignedData

/** The columns of a curve: its band first, which lies behind, and the smoothed curve last, which lies before. */
const columnsOf = ({ style, y, smoothed, low, high }: ShownCard['curves'][number]): readonly Column[] => {
  const { dash } = strokeOf(style)
  const colour = curveColour(style)
  const dots = { show: y.length <= DOTTED, size: 5 }
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

const yRange = ({ card, shown }: PlotConfig, low: number | null, high: number | null): uPlot.Range.MinMax => {
  if (low === null || high === null) return shown.logarithmic ? [0.1, 1] : [0, 1]
  return [...(shown.logarithmic ? logRange(low, high) : rangeOf(card, low, high))]
}

const optionsOf = (config: PlotConfig, columns: readonly Column[]): uPlot.Options => {
  const { shown, along, width, height } = config
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
          const zoom = config.zoom()
          if (zoom !== null) return [...zoom]
          return low === high ? [low - 1, high + 1] : [low, high]
        },
      },
      y: {
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- its const enum is not there at run time: 3 is its Log
        distr: shown.logarithmic ? 3 : 1,
        range: (_, low, high) => yRange(config, low, high),
      },
    },
    axes: [
      {
        ...{ stroke: muted, font, labelFont: font, label: config.x, labelSize: 18, size: 24, gap: 3, space: 55 },
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
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
      // Charts of a phase share the place of their crosshairs, by its value; what is dragged in one is not dragged in all.
      sync: {
        key: config.card.phase,
        scales: ['x', null],
        filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
      },
      bind: {
        dblclick: () => () => {
          config.onZoom(null)
          return null
        },
      },
    },
    hooks: {
      setSelect: [
        (u) => {
          const { left, width: dragged } = u.select
          if (dragged < LEAST_DRAG) return
          const [from, to] = [u.posToVal(left, 'x'), u.posToVal(left + dragged, 'x')]
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          config.onZoom([from, to])
        },
      ],
      setCursor: [
        (u) => {
          const { idx } = u.cursor
          config.onCursor(idx === null || idx === undefined ? null : (u.data[0][idx] ?? null))
        },
      ],
    },
  }
}

/** A chart in `place`. */
export const plotIn = (place: HTMLElement, config: PlotConfig): uPlot => {
  const { data, columns } = joined(config.shown)
  return new uPlot(optionsOf(config, columns), data, place)
}

/** Puts the crosshair of a chart, and of those that share it, at a place; null takes it away. */
export const pointAt = (plot: uPlot, x: number | null): void => {
  const { left, top, height } = plot.over.getBoundingClientRect()
  // As if the pointer came there: so it is told to the charts that share it.
  const event =
    x === null
      ? new MouseEvent('mouseleave')
      : new MouseEvent('mousemove', {
          clientX: left + plot.valToPos(x, 'x'),
          clientY: top + height / 2,
          movementX: 1,
        })
  plot.over.dispatchEvent(event)
}

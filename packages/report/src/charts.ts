/** Charts as pure functions of data, in Vega-Lite's grammar, rendered to SVG text without a browser. */
import * as vega from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

/** One curve: points in order of x; a band where `low` and `high` are given. */
export interface Series {
  readonly name: string
  readonly points: readonly {
    readonly x: number
    readonly y: number
    readonly low?: number
    readonly high?: number
  }[]
}

/** A chart of curves over one axis. */
export interface Chart {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly series: readonly Series[]
  /** Bounds of y; by default those of the data. */
  readonly domain?: readonly [number, number]
}

const COLOURS = ['#2a5d9f', '#c8553d', '#4a8c5c', '#8a5ea8', '#b8892b', '#5b6770']

/** The specification of a chart of curves. */
export const lineChart = ({ title, x, y, series, domain }: Chart): TopLevelSpec => {
  const rows = series.flatMap(({ name, points }) => points.map((p) => ({ ...p, name })))
  const banded = rows.some((row) => row.low !== undefined)
  const scale = domain === undefined ? { zero: false } : { domain: [...domain] }
  const colour = {
    field: 'name',
    type: 'nominal',
    title: null,
    scale: { domain: series.map((s) => s.name), range: COLOURS.slice(0, Math.max(1, series.length)) },
    ...(series.length > 1 ? { legend: { orient: 'top' } } : { legend: null }),
  } as const
  const along = { field: 'x', type: 'quantitative', title: x } as const
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, anchor: 'start', fontSize: 14 },
    width: 440,
    height: 220,
    data: { values: rows },
    config: {
      font: 'system-ui, sans-serif',
      background: 'transparent',
      axis: { gridColor: '#e4e6ea', domainColor: '#9aa3ad', labelColor: '#47505a', titleColor: '#47505a' },
      view: { stroke: null },
    },
    layer: [
      ...(banded
        ? [
            {
              mark: { type: 'area' as const, opacity: 0.18 },
              encoding: {
                x: along,
                y: { field: 'low', type: 'quantitative' as const, title: y, scale },
                y2: { field: 'high' },
                color: colour,
              },
            },
          ]
        : []),
      {
        mark: {
          type: 'line' as const,
          strokeWidth: 2,
          point: rows.length <= 40 * Math.max(1, series.length) && { size: 22 },
        },
        encoding: {
          x: along,
          y: { field: 'y', type: 'quantitative' as const, title: y, scale },
          color: colour,
        },
      },
    ],
  }
}

/** The chart as the text of one `<svg>` element. */
export const renderSvg = async (spec: TopLevelSpec): Promise<string> => {
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none', logLevel: vega.Error })
  const svg = await view.toSVG()
  view.finalize()
  return svg
}

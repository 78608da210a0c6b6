/** Charts as pure functions of data, in Vega-Lite's grammar, rendered to SVG text without a browser. */
import * as stroke from './stroke.ts'
import type { TopLevelSpec } from 'vega-lite'

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
  /** Both axes by factors, for what grows as a power of x: a straight line there, its slope the power. Values above 0. */
  readonly logarithmic?: boolean
}

/** Colours that stay apart without red or without green, each at least 3:1 against white. */
export const COLOURS = ['#0068b4', '#c84e00', '#00805c', '#a6438c', '#8a6d00', '#4d5761'] as const
/** Colour and dashes of curve number `i`. */
export const strokeOf = (i: number): { readonly colour: string; readonly dash: readonly number[] } => {
  const { colour, dash } = stroke.strokeOf(i)
  return { colour: COLOURS[colour]!, dash }
}

/** What all charts share: the colours of the page around them are set by it (see `page.ts`). */
export const CHART_CONFIG = {
  font: 'system-ui, sans-serif',
  background: 'transparent',
  axis: {
    gridColor: '#e4e6ea',
    domainColor: '#9aa3ad',
    tickColor: '#9aa3ad',
    labelColor: '#47505a',
    titleColor: '#47505a',
    titleFontWeight: 'normal' as const,
  },
  legend: {
    labelColor: '#47505a',
    titleColor: '#47505a',
    symbolStrokeWidth: 2,
    symbolSize: 300,
    symbolType: 'stroke' as const,
    symbolOpacity: 1,
  },
  title: { color: '#1d2329' },
  view: { stroke: null },
}

/** A chart in Vega-Lite's grammar: plain data, whose types stay inside, since they ask for a browser's. */
export interface ChartSpec {
  readonly $schema: string
}

/** The specification of a chart of curves. */
export const lineChart = ({ title, x, y, series, domain, logarithmic = false }: Chart): ChartSpec => {
  const rows = series.flatMap(({ name, points }) => points.map((p) => ({ ...p, name })))
  const banded = rows.some((row) => row.low !== undefined)
  const kind = logarithmic ? { type: 'log' as const } : {}
  const scale = { ...kind, ...(domain !== undefined ? { domain: [...domain] } : logarithmic ? {} : { zero: false }) }
  const byName = <const R>(of: (i: number) => R) => ({
    field: 'name',
    type: 'nominal' as const,
    title: null,
    scale: { domain: series.map((s) => s.name), range: series.map((_, i) => of(i)) },
    legend: series.length > 1 ? { orient: 'top' as const, columns: 5 } : null,
  })
  const colour = byName((i) => strokeOf(i).colour)
  const dash = byName((i) => [...strokeOf(i).dash])
  const along = { field: 'x', type: 'quantitative' as const, title: x, ...(logarithmic ? { scale: kind } : {}) }
  const spec: TopLevelSpec & ChartSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, anchor: 'start', fontSize: 14 },
    width: 440,
    height: 220,
    data: { values: rows },
    config: CHART_CONFIG,
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
          strokeDash: dash,
        },
      },
    ],
  }
  return spec
}

/** The chart as the text of one `<svg>` element. */
export const renderSvg = async (spec: ChartSpec): Promise<string> => {
  // Loaded where a chart is drawn: Vega awaits as it loads, and what does that cannot be required by CommonJS.
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')])
  // What `lineChart` gives; Vega-Lite checks what else it is handed.
  const view = new vega.View(vega.parse(compile(spec as TopLevelSpec).spec), { renderer: 'none', logLevel: vega.Error })
  const svg = await view.toSVG()
  view.finalize()
  return svg
}

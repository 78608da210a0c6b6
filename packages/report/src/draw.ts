/** A panel as SVG without title or legend, which stand in the page beside it, and where its plot lies within. */
import * as vega from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { CHART_CONFIG, strokeOf } from './charts.ts'
import type { Plot } from './page-data.ts'
import type { Panel } from './panels.ts'

/** A drawn panel. `plot` is null where there is nothing to point at. */
export interface Drawing {
  readonly svg: string
  readonly plot: Plot | null
}

const WIDTH = 330
const HEIGHT = 170
/** Curves of so few points have dots. */
const DOTTED = 16

/** Digits of labels: powers of ten for what is tiny or huge. */
const formatOf = (values: readonly number[]): string | undefined => {
  const largest = Math.max(...values.map(Math.abs))
  return largest > 0 && (largest < 1e-3 || largest >= 1e6) ? '~e' : undefined
}

/** Of a bounded metric that stays in a corner of its bounds (0.2 % of clipped tokens), the corner is shown. */
const CORNER = 0.15

const scaleOf = ({ domain, ceiling }: Panel, values: readonly number[]): { zero?: boolean; domain?: number[] } => {
  if (ceiling !== null) return { domain: [0, ceiling] }
  if (domain === null || values.some((v) => v < domain[0] || v > domain[1])) return { zero: false }
  return Math.max(...values) < domain[0] + CORNER * (domain[1] - domain[0]) ? { zero: true } : { domain: [...domain] }
}

const specOf = (panel: Panel, x: string): TopLevelSpec => {
  const { curves } = panel
  const rows = curves.flatMap(({ style, points }) => points.map((p) => ({ ...p, style })))
  const values = rows.flatMap(({ y, low, high }) => [y, low, high]).filter((v): v is number => v !== null)
  const format = formatOf(values)
  const styles = curves.map(({ style }) => style)
  const by = <const R>(of: (i: number) => R) => ({
    field: 'style',
    type: 'nominal' as const,
    legend: null,
    scale: { domain: styles, range: styles.map(of) },
  })
  const along = {
    field: 'x',
    type: 'quantitative' as const,
    title: x,
    axis: { tickMinStep: 1, tickCount: 6, grid: false },
    scale: { nice: false, zero: false },
  }
  const up = (field: string) => ({
    field,
    type: 'quantitative' as const,
    title: null,
    axis: { tickCount: 5, domain: false, ticks: false, ...(format === undefined ? {} : { format }) },
    scale: scaleOf(panel, values),
  })
  const banded = rows.some(({ low, high }) => low !== high)
  const dotted = curves.every(({ points }) => points.length <= DOTTED)
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    width: WIDTH,
    height: HEIGHT,
    padding: 2,
    data: { values: rows },
    config: CHART_CONFIG,
    layer: [
      ...(banded
        ? [
            {
              mark: { type: 'area' as const, clip: true, opacity: 0.16, strokeWidth: 0 },
              encoding: { x: along, y: up('low'), y2: { field: 'high' }, color: by((i) => strokeOf(i).colour) },
            },
          ]
        : []),
      {
        mark: { type: 'line' as const, strokeWidth: 1.8, strokeJoin: 'round' as const, clip: true },
        encoding: {
          x: along,
          y: up('y'),
          color: by((i) => strokeOf(i).colour),
          strokeDash: by((i) => [...strokeOf(i).dash]),
        },
      },
      ...(dotted
        ? [
            {
              mark: { type: 'point' as const, filled: true, size: 26, opacity: 1 },
              encoding: { x: along, y: up('y'), color: by((i) => strokeOf(i).colour) },
            },
          ]
        : []),
    ],
  }
}

const extentOf = (view: vega.View, name: string): readonly [number, number] | null => {
  // Vega types a scale as unknown: its domain is asked for, and checked.
  const scale = view.scale(name) as { readonly domain?: () => readonly unknown[] } | undefined
  const [low, high] = scale?.domain?.() ?? []
  return typeof low === 'number' && typeof high === 'number' && low < high ? [low, high] : null
}

/** Draws a panel; `x` is the title of the axis. */
export const draw = async (panel: Panel, x: string): Promise<Drawing> => {
  const view = new vega.View(vega.parse(compile(specOf(panel, x)).spec), { renderer: 'none', logLevel: vega.Error })
  const svg = await view.toSVG()
  const place = /<g [^>]*transform="translate\(([\d.]+),([\d.]+)\)"/.exec(svg)
  const [xs, ys] = [extentOf(view, 'x'), extentOf(view, 'y')]
  view.finalize()
  return {
    // It is named by its figure; to a screen reader the drawing itself says nothing.
    svg: svg.replace('<svg ', '<svg aria-hidden="true" focusable="false" '),
    plot:
      place === null || xs === null || ys === null
        ? null
        : { left: Number(place[1]), top: Number(place[2]), width: WIDTH, height: HEIGHT, x: xs, y: ys },
  }
}

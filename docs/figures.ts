// The figures of the tutorials, as pure functions of what their pages print or compute.
import { type ChartSpec, lineChart } from '@adjoint/report'

/** A light plate behind a chart, on which its colours read on a dark page too. */
const PLATE = { background: '#ffffff', padding: 12 } as const
/** The colours of the first two curves of a chart. */
const [FIRST, SECOND] = ['#0068b4', '#c84e00'] as const
const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json'
const CONFIG = {
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: { gridColor: '#e4e6ea', labelColor: '#47505a', titleColor: '#47505a', titleFontWeight: 'normal' },
} as const

/** A number for a step, out of a line such as `step 20  loss 0.0107`. */
export interface Printed {
  readonly x: number
  readonly y: number
}

/** What a page prints of `name` over its steps. Throws where it prints nothing of it. */
export const printed = (text: string, name: string): readonly Printed[] => {
  const points = [...text.matchAll(/^step (\d+) .*$/gm)].flatMap(([line, step]) => {
    const value = new RegExp(` ${name} (-?[\\d.]+)`).exec(line)?.[1]
    return value === undefined ? [] : [{ x: Number(step), y: Number(value) }]
  })
  if (points.length === 0) throw new Error(`printed: no line has a step and '${name}'. Look at what the page prints.`)
  return points
}

/** What one curve over steps is called. */
export interface CurveTexts {
  readonly title: string
  readonly y: string
  readonly domain?: readonly [number, number]
}

/** One curve over the steps. */
export const curveOf = (points: readonly Printed[], texts: CurveTexts): ChartSpec => ({
  ...lineChart({ ...texts, x: 'step', series: [{ name: texts.y, points }] }),
  ...PLATE,
})

const POWERS = [0.001, 0.01, 0.1, 1, 10, 100, 1000]

/** One curve that falls by powers of ten. */
export const fallOf = (points: readonly Printed[], { title, y }: CurveTexts): ChartSpec => {
  const spec = {
    $schema: SCHEMA,
    title: { text: title, anchor: 'start', fontSize: 14 },
    width: 440,
    height: 220,
    config: CONFIG,
    data: { values: points },
    mark: { type: 'line', point: true, color: FIRST },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: 'step' },
      y: { field: 'y', type: 'quantitative', title: y, scale: { type: 'log' }, axis: { values: POWERS } },
    },
    ...PLATE,
  }
  return spec
}

/** A place of the plane, and the chance of the second class there; or a point, and its class. */
export interface Place {
  readonly x: number
  readonly y: number
  readonly of: number
}

/** Shades for what a classifier says of a grid of places `side` apart, and points of two classes on them. */
export const regionsOf = (title: string, grid: readonly Place[], side: number, points: readonly Place[]): ChartSpec => {
  const along = (field: string) => ({ field, type: 'quantitative', title: null, scale: { zero: false, nice: false } })
  const spec = {
    $schema: SCHEMA,
    title: { text: title, anchor: 'start', fontSize: 14 },
    width: 360,
    height: 360,
    config: CONFIG,
    layer: [
      {
        data: { values: grid.map(({ x, y, of }) => ({ x, y, x2: x + side, y2: y + side, of })) },
        mark: { type: 'rect', strokeWidth: 0 },
        encoding: {
          ...{ x: along('x'), y: along('y'), x2: { field: 'x2' }, y2: { field: 'y2' } },
          color: {
            ...{ field: 'of', type: 'quantitative', legend: null },
            scale: { domain: [0, 0.5, 1], range: ['#a9cdea', '#ffffff', '#f3c4a5'] },
          },
        },
      },
      ...[FIRST, SECOND].map((colour, label) => ({
        data: { values: points.filter(({ of }) => of === label) },
        mark: { type: 'point', filled: true, size: 14, color: colour, shape: label === 0 ? 'circle' : 'square' },
        encoding: { x: along('x'), y: along('y') },
      })),
    ],
    ...PLATE,
  }
  return spec
}

const GREYS = ['#f4f4f4', '#c8c8c8', '#999999', '#666666', '#3a3a3a', '#111111'] as const
const PIXEL = 4
const GAP = 2

/** Grey images side by side on one row, as the text of one `<svg>`: row-major pixels of side * side each, 0 white and 1 black. */
export const imagesOf = (pixels: readonly number[], side: number, title: string): string => {
  const each = side * side
  const levels = pixels.map((value) => Math.round(Math.min(1, Math.max(0, value)) * (GREYS.length - 1)))
  const paths = GREYS.map((grey, level) => {
    const dots = levels.flatMap((of, i) => {
      const [image, at] = [Math.floor(i / each), i % each]
      const x = GAP + image * (side + GAP) + (at % side)
      return of === level ? [`M${x} ${GAP + Math.floor(at / side)}h1v1h-1z`] : []
    })
    return `<path fill="${grey}" d="${dots.join('')}"/>`
  })
  const [width, height] = [GAP + (pixels.length / each) * (side + GAP), side + 2 * GAP]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${PIXEL * width}" height="${PIXEL * height}" viewBox="0 0 ${width} ${height}" shape-rendering="crispEdges">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...paths,
    '</svg>',
  ].join('\n')
}

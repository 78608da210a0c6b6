/** A chart of curves that grow: uPlot, in the colours of the page; read and zoomed by the pointer and by keys. */
import uPlot from 'uplot'
import {
  chartKeys,
  chartText,
  crosshairOf,
  cursorOf,
  dragged,
  element,
  finestWidth,
  KEYS,
  write,
} from '../../../../packages/report/browser/index.ts'
import type { ChartGroup } from './chart-group.ts'
import { type Curve, legend } from './legend.ts'
import { colour, onTheme } from './theme.ts'

export interface ChartConfig {
  readonly title: string
  readonly x: string
  /** Whether its places are whole numbers, as steps are. */
  readonly whole?: boolean
  readonly curves: readonly Curve[]
  readonly group: ChartGroup
  /** Bounds of y where they are known. */
  readonly range?: readonly [number, number]
}

export interface Chart {
  readonly element: HTMLElement
  /** Values of some of the curves at one x. */
  readonly put: (x: number, values: Readonly<Record<string, number>>) => void
  /** Without points; `curves` in place of those before. */
  readonly clear: (curves?: readonly Curve[]) => void
  /** Off the page, and out of its group. */
  readonly close: () => void
}

const HEIGHT = 190
/** Between the ticks of an axis of whole numbers: 1, 2, 5, 10, ... */
const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat()

export const chart = ({ title, x, whole = false, curves: first, group, range }: ChartConfig): Chart => {
  const place = element('div', { class: 'plot', tabindex: '0', role: 'group' })
  const at = element('span', { class: 'at' })
  const keys = legend((curve, on) => plot?.setSeries(curve + 1, { show: on }))
  const figure = element(
    'figure',
    { 'data-chart': title, 'aria-label': title },
    element('figcaption', {}, title, at),
    keys.element,
    place,
  )
  let curves: readonly Curve[] = first
  let xs: number[] = []
  /** Undefined where a curve has no point: its line goes on; null where its value is no number: there it is cut. */
  let ys: (number | null | undefined)[][] = curves.map(() => [])
  let plot: uPlot | null = null
  let waits = false
  const theme = { muted: '', line: '', curves: [] as readonly string[] }

  /** Colours are asked for once a change: a canvas draws often. */
  const paint = (): void => {
    theme.muted = colour('muted')
    theme.line = colour('line')
    theme.curves = curves.map((curve) => colour(curve.colour))
  }
  /** What the chart shows, for who does not see it; not while it is read, when another name would be said at each point. */
  const tell = (): void => {
    if (document.activeElement === place) return
    const told = curves.map(({ name }, i) => ({ name, y: ys[i]!.map((value) => value ?? null) }))
    place.setAttribute('aria-label', `${chartText(title, x, told)} ${KEYS}`)
  }
  const say = (): void => {
    const now = plot === null ? null : crosshairOf(plot)
    write(at, now === null ? '' : `${x} ${now}`)
    const i = plot?.cursor.idx ?? null
    keys.say(ys.map((y) => (i === null ? (y.findLast((value) => typeof value === 'number') ?? null) : (y[i] ?? null))))
  }
  const axis = {
    stroke: () => theme.muted,
    grid: { stroke: () => theme.line, width: 1 },
    ticks: { stroke: () => theme.line, width: 1, size: 4 },
    font: '11px system-ui, sans-serif',
  }
  const data = (): uPlot.AlignedData => [xs, ...ys]
  // Without points too there are axes, so that the frame of a chart does not jump when its first one comes.
  const rangeOfX = (_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax => {
    const zoom = group.zoom()
    if (zoom !== null) return [...zoom]
    return low !== null && low === high ? [low, low + 1] : [low ?? 0, high ?? 1]
  }
  const rangeOfY = (_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax => {
    if (range !== undefined) return [...range]
    if (low === null || high === null) return [0, 1]
    // Of a curve that is flat, uPlot's own would reach from 0 to 100.
    return low === high ? [low - 0.5, high + 0.5] : uPlot.rangeNum(low, high, 0.1, true)
  }
  const open = (): uPlot => {
    paint()
    return new uPlot(
      {
        width: Math.max(place.clientWidth, 200),
        height: HEIGHT,
        padding: [10, 12, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: false, range: rangeOfX },
          y: { range: rangeOfY },
        },
        cursor: cursorOf(group.key, group.look),
        axes: [
          { ...axis, size: 30, space: 60, ...(whole ? { incrs: WHOLE } : {}) },
          { ...axis, size: 52 },
        ],
        series: [
          {},
          ...curves.map(({ as }, i) => ({
            stroke: () => theme.curves[i] ?? '',
            width: 1.75,
            ...(as === 'dashes' ? { dash: [6, 4] } : {}),
            ...(as === 'points'
              ? { paths: () => null, points: { show: true, size: 7, fill: () => theme.curves[i] ?? '' } }
              : { points: { show: (plot: uPlot) => plot.data[0].length < 3 } }),
          })),
        ],
        hooks: {
          setCursor: [say],
          setSelect: [dragged(() => Math.max(whole ? 1 : 0, finestWidth(xs)), group.look)],
        },
      },
      data(),
      place,
    )
  }
  const render = (): void => {
    plot?.setData(data())
    readAgain()
    say()
    tell()
  }
  const draw = (): void => {
    if (waits) return
    waits = true
    requestAnimationFrame(() => {
      waits = false
      render()
    })
  }

  const readAgain = chartKeys(place, { plot: () => plot, look: group.look, aloud: keys.aloud })
  place.addEventListener('blur', tell)
  const sized = new ResizeObserver(() => {
    if (place.clientWidth === 0) return
    if (plot === null) plot = open()
    else plot.setSize({ width: place.clientWidth, height: HEIGHT })
  })
  sized.observe(place)
  const deaf = [
    group.listen(render),
    onTheme(() => {
      paint()
      plot?.redraw()
    }),
  ]
  keys.name(curves)
  say()
  tell()

  return {
    element: figure,
    put: (at, values) => {
      let i = xs.length
      while (i > 0 && xs[i - 1]! >= at) i--
      if (xs[i] !== at) {
        xs.splice(i, 0, at)
        for (const y of ys) y.splice(i, 0, undefined)
      }
      curves.forEach(({ name }, c) => {
        const value = values[name]
        if (value !== undefined) ys[c]![i] = Number.isFinite(value) ? value : null
      })
      draw()
    },
    clear: (next = curves) => {
      curves = next
      keys.name(curves)
      xs = []
      ys = curves.map(() => [])
      group.look(null)
      plot?.destroy()
      plot = place.clientWidth === 0 ? null : open()
      readAgain()
      say()
      tell()
    },
    close: () => {
      for (const stop of deaf) stop()
      sized.disconnect()
      plot?.destroy()
      plot = null
      figure.remove()
    },
  }
}

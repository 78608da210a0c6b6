/** A chart of curves that grow: uPlot, in the colours of the page; read and zoomed by the pointer and by keys. */
import uPlot from 'uplot'
import { asked, finestWidth } from './chart-asked.ts'
import type { ChartGroup } from './chart-group.ts'
import { KEYS, pointAt } from './chart-keys.ts'
import { element } from './element.ts'
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
/** CSS pixels that a drag must be long, to be one. */
const LEAST_DRAG = 6
/** Between the ticks of an axis of whole numbers: 1, 2, 5, 10, ... */
const WHOLE = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat()

export const chart = ({ title, x, whole = false, curves: first, group, range }: ChartConfig): Chart => {
  const place = element('div', { class: 'plot', tabindex: '0', role: 'group', 'aria-label': `${title}. ${KEYS}` })
  const at = element('span', { class: 'at' })
  const keys = legend((curve, on) => plot?.setSeries(curve + 1, { show: on }))
  const figure = element('figure', { 'data-chart': title }, element('figcaption', {}, title, at), keys.element, place)
  let curves: readonly Curve[] = first
  let xs: number[] = []
  let ys: (number | null)[][] = curves.map(() => [])
  let plot: uPlot | null = null
  let waits = false
  /** Where it is read by keys: it stays there while the chart grows. */
  let held: number | null = null
  const theme = { muted: '', line: '', curves: [] as readonly string[] }

  /** Colours are asked for once a change: a canvas draws often. */
  const paint = (): void => {
    theme.muted = colour('muted')
    theme.line = colour('line')
    theme.curves = curves.map((curve) => colour(curve.colour))
  }
  const say = (): void => {
    const i = plot?.cursor.idx ?? null
    const place = i === null || xs[i] === undefined ? '' : `${x} ${xs[i]}`
    if (at.textContent !== place) at.textContent = place
    keys.say(ys.map((y) => (i === null ? (y.findLast((value) => value !== null) ?? null) : (y[i] ?? null))))
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
        cursor: {
          drag: { x: true, y: false, setScale: false },
          // What is dragged over in one is looked at in all, by the group.
          sync: {
            key: group.key,
            scales: ['x', null],
            filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
          },
          bind: {
            dblclick: () => () => {
              group.look(null)
              return null
            },
          },
        },
        axes: [
          { ...axis, size: 30, space: 60, ...(whole ? { incrs: WHOLE } : {}) },
          { ...axis, size: 52 },
        ],
        series: [
          {},
          ...curves.map(({ as }, i) => ({
            stroke: () => theme.curves[i] ?? '',
            width: 1.75,
            spanGaps: true,
            ...(as === 'dashes' ? { dash: [6, 4] } : {}),
            ...(as === 'points'
              ? { paths: () => null, points: { show: true, size: 7, fill: () => theme.curves[i] ?? '' } }
              : { points: { show: (plot: uPlot) => plot.data[0].length < 3 } }),
          })),
        ],
        hooks: {
          setCursor: [say],
          setSelect: [
            (u) => {
              const { left, width } = u.select
              if (width < LEAST_DRAG) return
              const to = [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')] as const
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
              if (to[1] - to[0] >= Math.max(whole ? 1 : 0, finestWidth(xs))) group.look(to)
            },
          ],
        },
      },
      data(),
      place,
    )
  }
  const render = (): void => {
    plot?.setData(data())
    if (plot !== null && held !== null) pointAt(plot, held)
    say()
  }
  const draw = (): void => {
    if (waits) return
    waits = true
    requestAnimationFrame(() => {
      waits = false
      render()
    })
  }

  place.addEventListener('keydown', (event) => {
    if (plot === null || event.ctrlKey || event.metaKey || event.altKey) return
    const i = plot.cursor.idx ?? null
    const what = asked(event.key, plot.data[0], plot.scales['x'] ?? {}, i === null ? null : (xs[i] ?? null))
    if (what === null) return
    event.preventDefault()
    if (what.type === 'zoom') group.look(what.to)
    else {
      keys.aloud(what.x !== null)
      held = what.x
      pointAt(plot, what.x)
    }
  })
  place.addEventListener('blur', () => {
    keys.aloud(false)
    if (plot !== null && held !== null) pointAt(plot, null)
    held = null
  })
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
      keys.name(curves)
      xs = []
      ys = curves.map(() => [])
      held = null
      group.look(null)
      plot?.destroy()
      plot = place.clientWidth === 0 ? null : open()
      say()
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

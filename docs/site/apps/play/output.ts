/** What a program prints and plots, as it comes, and how much of that is left out. */
import { chart, type Chart } from '../shared/chart.ts'
import { chartGroup } from '../shared/chart-group.ts'
import { write } from '../../../../packages/report/browser/index.ts'
import type { Curve } from '../shared/legend.ts'
import { lines as linesOf } from './lines.ts'
import type { Parcel, Plotted } from './messages.ts'
import { FULL, THIN, thinned } from './points.ts'

const COLOURS = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5']

export interface Output {
  readonly add: (parcel: Parcel) => void
  /** What the program ended with. */
  readonly fail: (text: string) => void
  readonly clear: () => void
}

/** Where its parts go. */
export interface Places {
  readonly charts: HTMLElement
  readonly lines: HTMLElement
  /** One sentence on what is left out. */
  readonly left: HTMLElement
}

interface Drawn {
  readonly chart: Chart
  points: Map<number, Plotted['curves']>
  readonly curves: Set<string>
}

const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`

export const output = (places: Places): Output => {
  let drawn = new Map<string, Drawn>()
  /** Points that are left out. */
  let fewer = 0
  const group = chartGroup('play')
  const lines = linesOf(places.lines)

  const curvesOf = (names: Iterable<string>): readonly Curve[] =>
    [...names].map((name, i) => ({ name, colour: COLOURS[i % COLOURS.length]! }))
  const opened = (name: string): Drawn => {
    const known = drawn.get(name)
    if (known !== undefined) return known
    const made: Drawn = {
      chart: chart({ title: name, x: 'x', curves: [], group }),
      points: new Map(),
      curves: new Set(),
    }
    drawn.set(name, made)
    places.charts.append(made.chart.element)
    return made
  }
  const again = ({ chart: on, points, curves }: Drawn): void => {
    on.clear(curvesOf(curves))
    for (const [at, given] of points) on.put(at, given)
  }
  const plot = ({ chart: name, x, curves: values }: Plotted): void => {
    const on = opened(name)
    on.points.set(x, { ...on.points.get(x), ...values })
    const fresh = Object.keys(values).filter((curve) => !on.curves.has(curve))
    for (const curve of fresh) on.curves.add(curve)
    const full = on.points.size > FULL
    if (full) {
      const kept = new Map(thinned(on.points, THIN))
      fewer += on.points.size - kept.size
      on.points = kept
    }
    if (full || fresh.length > 0) again(on)
    else on.chart.put(x, values)
  }
  const tell = (): void => {
    const parts = [
      ...(lines.lost() > 0 ? [`${counted(lines.lost(), 'line')} between the first and the last`] : []),
      ...(fewer > 0 ? [`${counted(fewer, 'point')} between those that are drawn`] : []),
    ]
    places.left.hidden = parts.length === 0
    write(places.left, parts.length === 0 ? '' : `Left out: ${parts.join('; ')}.`)
  }

  return {
    add: (parcel) => {
      lines.add(parcel)
      parcel.points.forEach(plot)
      fewer += parcel.thinned
      tell()
    },
    fail: (text) => lines.add({ first: [], lost: 0, last: [{ level: 'error', text }] }),
    clear: () => {
      for (const { chart } of drawn.values()) chart.close()
      drawn = new Map()
      fewer = 0
      lines.clear()
      tell()
    },
  }
}

/** What a program prints and plots, as it comes. */
import { chart, type Chart } from '../shared/chart.ts'
import { chartGroup } from '../shared/chart-group.ts'
import { element } from '../../../../packages/report/browser/index.ts'
import type { Curve } from '../shared/legend.ts'
import type { Level } from './messages.ts'

/** Lines that are kept. */
const KEPT = 1000
const COLOURS = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5']

export interface Output {
  readonly print: (level: Level | 'note', text: string) => void
  readonly plot: (name: string, x: number, values: Readonly<Record<string, number>>) => void
  readonly clear: () => void
}

interface Drawn {
  readonly chart: Chart
  readonly points: (readonly [x: number, values: Readonly<Record<string, number>>])[]
  readonly curves: Set<string>
}

export const output = (charts: HTMLElement, lines: HTMLElement): Output => {
  let drawn = new Map<string, Drawn>()
  let waiting: HTMLElement[] = []
  const group = chartGroup('play')

  const flush = (): void => {
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40
    // A program may print more in a frame than is ever kept.
    lines.append(...waiting.slice(-KEPT))
    waiting = []
    while (lines.childElementCount > KEPT) lines.firstElementChild?.remove()
    if (atEnd) lines.scrollTop = lines.scrollHeight
  }
  const curvesOf = (names: Iterable<string>): readonly Curve[] =>
    [...names].map((name, i) => ({ name, colour: COLOURS[i % COLOURS.length]! }))
  const opened = (name: string): Drawn => {
    const known = drawn.get(name)
    if (known !== undefined) return known
    const made: Drawn = {
      chart: chart({ title: name, x: 'x', curves: [], group }),
      points: [],
      curves: new Set(),
    }
    drawn.set(name, made)
    charts.append(made.chart.element)
    return made
  }

  return {
    print: (level, text) => {
      if (waiting.length === 0) requestAnimationFrame(flush)
      waiting.push(element('div', { class: level }, text))
    },
    plot: (name, x, values) => {
      const { chart: on, points, curves } = opened(name)
      points.push([x, values])
      const fresh = Object.keys(values).filter((curve) => !curves.has(curve))
      if (fresh.length === 0) {
        on.put(x, values)
        return
      }
      for (const curve of fresh) curves.add(curve)
      on.clear(curvesOf(curves))
      for (const [at, given] of points) on.put(at, given)
    },
    clear: () => {
      for (const { chart } of drawn.values()) chart.close()
      drawn = new Map()
      waiting = []
      lines.replaceChildren()
    },
  }
}

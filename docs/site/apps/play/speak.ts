/**
 * What a program says to the page, in parcels: the first at once, then ten a second, whatever it prints meanwhile, so that a loop that
 * prints without end does not drown the page. It never returns to its event loop, so that the clock is asked and no timer.
 */
import { cut, FIRST, fitting, LAST, PARCEL, weightOf } from './kept.ts'
import type { FromProgram, Level, Line, Plotted } from './messages.ts'
import { FULL, THIN, thinned } from './points.ts'

/** Milliseconds between two parcels. */
const APART = 100

/** Room for lines that are the program's first. */
let room = FIRST
let first: Line[] = []
/** The lines after those that wait, what they weigh, and how many before them are left out. */
const last: Line[] = []
let weight = 0
let lost = 0
/** Points that wait, by the names of their charts, and how many are left out between them. */
let points = new Map<string, Map<number, Plotted['curves']>>()
let left = 0
let sent = -Infinity
let timer: ReturnType<typeof setTimeout> | null = null

const post = (message: FromProgram): void => self.postMessage(message)
const weigh = (lines: readonly Line[]): number => lines.reduce((sum, line) => sum + weightOf(line), 0)

/** Hands on what waits: of the lines so many as a parcel holds, or all. */
const flush = (all: boolean): void => {
  if (timer !== null) clearTimeout(timer)
  timer = null
  sent = performance.now()
  const now = last.splice(0, all ? last.length : fitting(last, PARCEL))
  const plotted = [...points].flatMap(([chart, at]) => [...at].map(([x, curves]) => ({ chart, x, curves })))
  if (first.length + lost + now.length + plotted.length > 0)
    post({ type: 'said', parcel: { first, lost, last: now, points: plotted, thinned: left } })
  weight -= weigh(now)
  first = []
  lost = 0
  points = new Map()
  left = 0
  if (last.length > 0) later()
}
const later = (): void => {
  timer ??= setTimeout(() => flush(false), APART)
}
const hand = (): void => {
  if (performance.now() - sent >= APART) flush(false)
  else later()
}

export const print = (level: Level, whole: string): void => {
  const line = { level, text: cut(whole) }
  const own = weightOf(line)
  // Once one did not fit, no later one is among the first.
  room = own <= room ? room - own : 0
  if (room > 0) first.push(line)
  else {
    last.push(line)
    weight += own
  }
  if (weight > 2 * LAST) {
    const over = last.splice(0, fitting(last, weight - LAST))
    weight -= weigh(over)
    lost += over.length
  }
  hand()
}

export const point = ({ chart, x, curves }: Plotted): void => {
  const held = points.get(chart) ?? new Map<number, Plotted['curves']>()
  held.set(x, { ...held.get(x), ...curves })
  points.set(chart, held)
  if (held.size > FULL) {
    const fewer = new Map(thinned(held, THIN))
    left += held.size - fewer.size
    points.set(chart, fewer)
  }
  hand()
}

/** The end of the program, after all that it said. */
export const finish = (message: FromProgram): void => {
  flush(true)
  post(message)
}

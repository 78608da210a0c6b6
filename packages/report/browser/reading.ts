/** Values under the pointer, or under the arrow keys: the legend of a chart says what its curves are at that step. */
import type { ChartData } from '../src/page-data.ts'
import { ranged, short } from '../src/format.ts'

type Point = ChartData['curves'][number]['points'][number]

const dataOf = (figure: HTMLElement): ChartData | null =>
  figure.dataset['chart'] === undefined ? null : (JSON.parse(figure.dataset['chart']) as ChartData)

/** What the legend says where nothing is pointed at. */
const resting = new WeakMap<HTMLElement, readonly string[]>()
const pointed = new WeakMap<HTMLElement, number>()

const outputs = (figure: HTMLElement): readonly HTMLOutputElement[] => [
  ...figure.querySelectorAll<HTMLOutputElement>('.keys output'),
]

const stepsOf = ({ curves }: ChartData): readonly number[] =>
  [...new Set(curves.flatMap(({ points }) => points.map(([x]) => x ?? 0)))].sort((a, b) => a - b)

/** The point of a curve at a step, or the last before it: a curve that has been thinned lacks most steps. */
const pointAt = (points: readonly Point[], x: number): Point | undefined =>
  points.findLast((point) => (point[0] ?? 0) <= x)

const valueAt = (points: readonly Point[], x: number, brief: boolean): string => {
  const point = pointAt(points, x)
  if (point === undefined || x > (points.at(-1)?.[0] ?? 0)) return '–'
  const [at, y = null, low = y, high = y] = point
  return brief ? short(y) : `${ranged(y, low, high)}${at === x ? '' : ` at ${at}`}`
}

const rest = (figure: HTMLElement): void => {
  const texts = resting.get(figure)
  if (texts === undefined) return
  outputs(figure).forEach((output, i) => (output.textContent = texts[i] ?? ''))
  resting.delete(figure)
  pointed.delete(figure)
  figure.querySelector('.at')!.textContent = ''
  figure.querySelector<HTMLElement>('.plot i')!.style.display = 'none'
}

const point = (figure: HTMLElement, data: ChartData, x: number): void => {
  const { plot, curves } = data
  const svg = figure.querySelector<SVGSVGElement>('.plot svg')
  if (plot === null || svg === null) return
  const brief = figure.querySelector('.keys.many') !== null
  const texts = outputs(figure)
  if (!resting.has(figure))
    resting.set(
      figure,
      texts.map((output) => output.textContent),
    )
  pointed.set(figure, x)
  curves.forEach(({ points }, i) => {
    if (texts[i] !== undefined) texts[i].textContent = valueAt(points, x, brief)
  })
  figure.querySelector('.at')!.textContent = `step ${x}`
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width
  const line = figure.querySelector<HTMLElement>('.plot i')!
  const along = (x - plot.x[0]) / (plot.x[1] - plot.x[0])
  Object.assign(line.style, {
    display: 'block',
    left: `${(plot.left + along * plot.width) * scale}px`,
    top: `${plot.top * scale}px`,
    height: `${plot.height * scale}px`,
  })
}

const nearest = (steps: readonly number[], x: number): number =>
  steps.reduce((best, step) => (Math.abs(step - x) < Math.abs(best - x) ? step : best), steps[0] ?? 0)

const figureOf = (event: Event): HTMLElement | null =>
  event.target instanceof Element ? event.target.closest<HTMLElement>('figure[data-chart]') : null

const onPointer = (event: PointerEvent): void => {
  const figure = figureOf(event)
  if (figure === null) return
  const svg = figure.querySelector<SVGSVGElement>('.plot svg')
  const data = dataOf(figure)
  if (svg === null || data === null || data.plot === null) return
  const { left, width } = svg.getBoundingClientRect()
  const at = ((event.clientX - left) * svg.viewBox.baseVal.width) / width - data.plot.left
  const x = data.plot.x[0] + (at / data.plot.width) * (data.plot.x[1] - data.plot.x[0])
  point(figure, data, nearest(stepsOf(data), x))
}

const onKey = (event: KeyboardEvent): void => {
  const figure = event.target instanceof HTMLElement && event.target.matches('figure[data-chart]') ? event.target : null
  const data = figure === null ? null : dataOf(figure)
  if (figure === null || data === null) return
  if (event.key === 'Escape') rest(figure)
  const move = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0
  if (move === 0) return
  event.preventDefault()
  const steps = stepsOf(data)
  const now = pointed.get(figure)
  const at = now === undefined ? (move > 0 ? -1 : steps.length) : steps.indexOf(now)
  const x = steps[Math.max(0, Math.min(steps.length - 1, at + move))]
  if (x === undefined) return
  point(figure, data, x)
  figure.querySelector('.keys')?.setAttribute('aria-live', 'polite')
}

/** Listens on the whole page: charts may come and go. */
export const readCharts = (): void => {
  document.addEventListener('pointermove', onPointer)
  document.addEventListener('pointerdown', onPointer)
  document.addEventListener('keydown', onKey)
  const leave = (event: Event): void => {
    const figure = figureOf(event)
    const to = event instanceof PointerEvent || event instanceof FocusEvent ? event.relatedTarget : null
    if (figure !== null && !(to instanceof Node && figure.contains(to))) rest(figure)
  }
  document.addEventListener('pointerout', leave)
  document.addEventListener('focusout', leave)
}

/** Before charts are exchanged: all legends say what they say at rest. */
export const restAll = (): void => document.querySelectorAll<HTMLElement>('figure[data-chart]').forEach(rest)

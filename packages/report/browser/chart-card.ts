/** The card of a chart: its names, a legend that says values, the chart, and what can be done with it. */
import type uPlot from 'uplot'
import { placeText } from '../src/axis-text.ts'
import { csvOf } from '../src/csv.ts'
import { ranged, short } from '../src/format.ts'
import type { CardData, PhaseData } from '../src/page-data.ts'
import { axisTitle, shownCard, type ShownCard, type ShownCurve, tableOf } from '../src/shown.ts'
import { svgOf } from '../src/svg.ts'
import { COLOUR_COUNT } from '../src/stroke.ts'
import type { View } from '../src/view.ts'
import { resolved } from './colours.ts'
import { download, fileName } from './download.ts'
import { element } from './element.ts'
import { plotIn, pointAt } from './plot.ts'
import { swatch } from './swatch.ts'

/** What a card asks of the page. */
export interface CardActs {
  readonly zoom: (zoom: readonly [number, number] | null) => void
  readonly pin: () => void
  readonly enlarge: () => void
}

/** A card on the page. */
export interface Card {
  readonly root: HTMLElement
  /** Draws it anew: other data, another view, another width. */
  readonly draw: (card: CardData, phase: PhaseData | undefined, view: View) => void
  /** Shows another stretch of the axis. */
  readonly view: (view: View) => void
  /** Draws what it shows again, in other colours. */
  readonly redraw: () => void
  readonly close: () => void
}

/** So many curves have a narrower legend. */
const MANY = 5
const HEIGHT = 200

const lastOf = ({ y }: ShownCurve): number => y.findLastIndex((value) => value !== null)

/** What the legend says of a curve: at a place (the last before it, where a curve that was thinned has none there), or at its end. */
const valueAt = (curve: ShownCurve, x: number | null, brief: boolean): string => {
  if (x !== null && x > (curve.x.at(-1) ?? -Infinity)) return '–'
  const i = x === null ? lastOf(curve) : curve.x.findLastIndex((each) => each <= x)
  if (i < 0) return x === null ? 'absent' : '–'
  const y = curve.y[i] ?? null
  const smoothed = curve.smoothed?.[i] ?? null
  const text = brief ? short(y) : ranged(y, curve.low?.[i] ?? y, curve.high?.[i] ?? y)
  return smoothed === null || brief ? text : `${text}, smooth ${short(smoothed)}`
}

const summary = (card: CardData, { curves }: ShownCard, x: string): string =>
  `${card.title} over ${x}: ${curves
    .map((curve) => {
      const known = curve.y.filter((y) => y !== null)
      return known.length === 0
        ? `${curve.name} has no values`
        : `${curve.name} from ${short(known[0]!)} to ${short(known.at(-1)!)}`
    })
    .join('; ')}. Left and right arrows read the values, plus and minus zoom, 0 shows all.`

const button = (text: string, label: string, act: () => void): HTMLButtonElement => {
  const made = element('button', { type: 'button', 'aria-label': label, title: label }, text)
  made.addEventListener('click', act)
  return made
}

/** The keys of a chart: the crosshair goes from point to point, and the stretch grows and shrinks around it. */
const onKey = (event: KeyboardEvent, plot: uPlot | null, acts: CardActs): void => {
  if (plot === null || event.ctrlKey || event.metaKey || event.altKey) return
  const xs = plot.data[0]
  const { min, max } = plot.scales['x']!
  const [low, high] = [min ?? 0, max ?? 1]
  const within = Array.from(xs).filter((x) => x >= low && x <= high)
  const now = plot.cursor.idx ?? null
  const at = now === null ? null : within.indexOf(xs[now]!)
  const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key]
  if (move !== undefined && within.length > 0) {
    const from = at ?? (move > 0 ? -1 : within.length)
    pointAt(plot, within[Math.max(0, Math.min(within.length - 1, from + move))]!)
  } else if (event.key === '+' || event.key === '-' || event.key === '=') {
    const middle = now === null ? (low + high) / 2 : xs[now]!
    const half = ((high - low) / 2) * (event.key === '-' ? 2 : 0.5)
    const [first, last] = [xs[0] ?? low, xs.at(-1) ?? high]
    const to: readonly [number, number] = [Math.max(first, middle - half), Math.min(last, middle + half)]
    if (to[0] < to[1]) acts.zoom(to[0] <= first && to[1] >= last ? null : to)
  } else if (event.key === '0') acts.zoom(null)
  else if (event.key === 'Escape' && now !== null) pointAt(plot, null)
  else return
  event.preventDefault()
  // Escape would close the dialog, too, where the chart is large.
  event.stopPropagation()
}

/** A card, empty until it is drawn. `large`: it is alone in a dialog, and has no buttons of its own for that. */
export const chartCard = (id: string, acts: CardActs, large = false): Card => {
  const at = element('span', { class: 'at' })
  const group = element('span')
  const title = element('h3')
  const unit = element('span', { class: 'unit' })
  const keys = element('ul', { class: 'keys' })
  const place = element('div', { class: 'plot' })
  const note = element('p', { class: 'chartnote' })
  const pin = button('Pin', 'Pin this chart to the top', acts.pin)
  const csv = button('CSV', 'Save the values of this chart as CSV', () => save('csv'))
  const svg = button('SVG', 'Save this chart as SVG', () => save('svg'))
  const actions = element(
    'div',
    { class: 'actions' },
    ...(large ? [] : [pin, button('Enlarge', 'Show this chart large', acts.enlarge)]),
    csv,
    svg,
  )
  const caption = element('figcaption', {}, element('span', { class: 'group' }, group, at), title, unit)
  const root = element('figure', { id, tabindex: '0', 'data-card': '' }, caption, keys, place, note, actions)

  let plot: uPlot | null = null
  let now: { card: CardData; phase: PhaseData | undefined; view: View; shown: ShownCard } | null = null
  let width = 0
  /** Where it is read by keys: it stays there while a run goes on. */
  let held: number | null = null

  const zoomOf = (): readonly [number, number] | null => now?.view.zoom[now.card.phase] ?? null
  const say = (x: number | null): void => {
    if (now === null) return
    const { shown, view } = now
    const many = shown.curves.length > MANY
    const outputs = keys.querySelectorAll('output')
    shown.curves.forEach((curve, i) => (outputs[i]!.textContent = valueAt(curve, x, many)))
    at.textContent = x === null ? '' : view.along === 'step' ? `step ${short(x)}` : placeText(x, view.along)
  }
  const titleOfAxis = (): string => (now === null ? '' : axisTitle(now.phase?.title ?? 'run', now.view.along))
  const save = (kind: 'csv' | 'svg'): void => {
    if (now === null) return
    const { card, phase, shown, view } = now
    if (kind === 'csv') {
      download(fileName(card.title, 'csv'), 'text/csv', csvOf(tableOf(card, phase)))
      return
    }
    const colours = Array.from({ length: COLOUR_COUNT }, (_, i) => resolved(`var(--c${i})`))
    const [ink, muted, line, page] = ['ink', 'muted', 'line', 'card'].map((name) => resolved(`var(--${name})`))
    const drawn = { card, shown, along: view.along, x: titleOfAxis(), zoom: zoomOf(), colours }
    const text = svgOf({ ...drawn, ink: ink!, muted: muted!, line: line!, page: page! })
    download(fileName(card.title, 'svg'), 'image/svg+xml', text)
  }
  const build = (): void => {
    plot?.destroy()
    plot = null
    width = place.clientWidth
    // Within what is folded away nothing has a width: it is drawn when it is unfolded.
    if (now === null || width === 0) return
    const { card, shown, view } = now
    plot = plotIn(place, {
      ...{ card, shown, width, height: large ? Math.max(260, Math.min(560, innerHeight - 260)) : HEIGHT },
      ...{ along: view.along, x: titleOfAxis(), zoom: zoomOf, onZoom: acts.zoom, onCursor: say },
    })
  }
  const sized = new ResizeObserver(() => {
    if (place.clientWidth !== width) build()
  })
  sized.observe(place)
  root.addEventListener('keydown', (event) => {
    if (event.target !== root) return
    keys.setAttribute('aria-live', 'polite')
    onKey(event, plot, acts)
    const i = plot?.cursor.idx ?? null
    held = i === null ? null : (plot?.data[0][i] ?? null)
  })
  root.addEventListener('focusout', () => {
    held = null
    // What a live run brings is not said without end.
    keys.removeAttribute('aria-live')
    if (plot !== null && plot.cursor.idx !== null && plot.cursor.idx !== undefined) pointAt(plot, null)
  })

  return {
    root,
    draw: (card, phase, view) => {
      const shown = shownCard(card, phase, view)
      now = { card, phase, view, shown }
      // Only what a key asks for is said.
      keys.removeAttribute('aria-live')
      group.textContent = card.group
      title.textContent = card.title
      const cutOff = card.ceiling === null ? '' : `cut off above ${short(card.ceiling)}`
      unit.replaceChildren(
        [card.unit, cutOff].filter((text) => text !== '').join(', '),
        ...(card.metric === null ? [] : [' ', element('code', {}, card.metric)]),
      )
      pin.setAttribute('aria-pressed', String(view.pins.includes(card.id)))
      keys.className = shown.curves.length > MANY ? 'keys many' : 'keys'
      const named = shown.curves.length > 1 || card.curves.length > 1
      keys.replaceChildren(
        ...shown.curves.map(({ name, style }) =>
          element(
            'li',
            { 'data-style': String(style) },
            swatch(style),
            named ? element('span', {}, name) : null,
            element('output'),
          ),
        ),
      )
      note.textContent = shown.note ?? ''
      note.hidden = shown.note === null
      root.setAttribute('aria-label', summary(card, shown, titleOfAxis()))
      say(null)
      build()
      // Once it has its axes, and those that share its place have theirs.
      if (held !== null)
        requestAnimationFrame(() => {
          if (plot !== null && held !== null) pointAt(plot, held)
        })
    },
    view: (view) => {
      if (now === null) return
      now = { ...now, view }
      // The range of x asks for the zoom of now; that of y follows what is then seen.
      plot?.setData(plot.data)
    },
    redraw: () => plot?.redraw(),
    close: () => {
      sized.disconnect()
      plot?.destroy()
      root.remove()
    },
  }
}

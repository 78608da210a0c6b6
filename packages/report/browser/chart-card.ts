/** The card of a chart: its names, a legend that says values, the chart, and what can be done with it. */
import { placeText } from '../src/axis-text.ts'
import { csvOf } from '../src/csv.ts'
import { chartText } from '../src/chart-text.ts'
import { short } from '../src/format.ts'
import type { CardData, PhaseData } from '../src/page-data.ts'
import { axisTitle, type Looking, shownCard, type ShownCard, tableOf } from '../src/shown.ts'
import { svgOf } from '../src/svg.ts'
import { COLOUR_COUNT } from '../src/stroke.ts'
import type { View } from '../src/view.ts'
import { resolved } from './colours.ts'
import { download, fileName } from './download.ts'
import { element, write } from './element.ts'
import { legend } from './legend.ts'
import { type Plot, plotIn } from './plot.ts'
import { chartKeys, crosshairOf, KEYS, type Look } from './pointing.ts'

/** What a card asks of the page. */
export interface CardActs {
  readonly zoom: Look
  readonly pin: () => void
  readonly enlarge: () => void
}

/** How a card is looked at. */
export type CardView = Looking & Pick<View, 'zoom' | 'pins'>

/** A card on the page. */
export interface Card {
  readonly root: HTMLElement
  /** Draws it anew: other data, another view, another width. */
  readonly draw: (card: CardData, phase: PhaseData | undefined, view: CardView) => void
  /** Shows another stretch of the axis. */
  readonly view: (view: CardView) => void
  /** Draws what it shows again, in other colours. */
  readonly redraw: () => void
  readonly close: () => void
}

const HEIGHT = 200

const button = (text: string, label: string, act: () => void): HTMLButtonElement => {
  const made = element('button', { type: 'button', 'aria-label': label, title: label }, text)
  made.addEventListener('click', act)
  return made
}

/** A card, empty until it is drawn. `large`: it is alone in a dialog, and has no buttons of its own for that. */
export const chartCard = (id: string, acts: CardActs, large = false): Card => {
  const at = element('span', { class: 'at' })
  const group = element('span')
  const title = element('h3')
  const words = element('span')
  const metric = element('code')
  const unit = element('span', { class: 'unit' }, words, ' ', metric)
  const keys = legend()
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
  const root = element('figure', { id, tabindex: '0', 'data-card': '' }, caption, keys.element, place, note, actions)

  let plot: Plot | null = null
  let now: { card: CardData; phase: PhaseData | undefined; view: CardView; shown: ShownCard } | null = null
  let width = 0

  const zoomOf = (): readonly [number, number] | null => now?.view.zoom[now.card.phase] ?? null
  const say = (): void => {
    if (now === null) return
    const x = plot === null ? null : crosshairOf(plot.chart)
    keys.say(x)
    const { along } = now.view
    write(at, x === null ? '' : along === 'step' ? `step ${short(x)}` : placeText(x, along))
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
    width = place.clientWidth
    // Within what is folded away nothing has a width: it is drawn when it is unfolded.
    if (now !== null && width > 0) {
      const { card, shown, view } = now
      const config = {
        ...{ card, shown, width, height: large ? Math.max(260, Math.min(560, innerHeight - 260)) : HEIGHT },
        ...{ along: view.along, x: titleOfAxis(), zoom: zoomOf, onZoom: acts.zoom, onCursor: say },
      }
      if (plot?.renew(config) === true) return
      plot?.chart.destroy()
      plot = plotIn(place, config)
    } else {
      plot?.chart.destroy()
      plot = null
    }
  }
  const sized = new ResizeObserver(() => {
    if (place.clientWidth !== width) build()
  })
  sized.observe(place)
  const readAgain = chartKeys(root, { plot: () => plot?.chart ?? null, look: acts.zoom, aloud: keys.aloud })
  const tell = (): void => {
    // A name that becomes another is said again where the focus is: there the values are read.
    if (now !== null && (document.activeElement !== root || !root.hasAttribute('aria-label')))
      root.setAttribute('aria-label', `${chartText(now.card.title, titleOfAxis(), now.shown.curves)} ${KEYS}`)
  }
  root.addEventListener('blur', tell)

  return {
    root,
    draw: (card, phase, view) => {
      const shown = shownCard(card, phase, view)
      now = { card, phase, view, shown }
      // Only what a key asks for is said.
      keys.aloud(false)
      write(group, card.group)
      write(title, card.title)
      const cutOff = card.ceiling === null ? '' : `cut off above ${short(card.ceiling)}`
      write(words, [card.unit, cutOff].filter((text) => text !== '').join(', '))
      write(metric, card.metric ?? '')
      pin.setAttribute('aria-pressed', String(view.pins.includes(card.id)))
      keys.put(shown.curves, shown.curves.length > 1 || card.curves.length > 1)
      write(note, shown.note ?? '')
      note.hidden = shown.note === null
      tell()
      build()
      say()
      readAgain()
    },
    view: (view) => {
      if (now === null) return
      now = { ...now, view }
      // The range of x asks for the zoom of now; that of y follows what is then seen.
      plot?.chart.setData(plot.chart.data)
      readAgain()
    },
    redraw: () => plot?.chart.redraw(),
    close: () => {
      sized.disconnect()
      plot?.chart.destroy()
      root.remove()
    },
  }
}

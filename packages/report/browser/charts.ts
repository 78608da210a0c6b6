/** All charts of the page: the cards of each phase, the pinned ones above them, the large one; each drawn as the reader looks. */
import type { CardData, Charts, PhaseData } from '../src/page-data.ts'
import { hiddenAmong } from '../src/hidden.ts'
import { wordsOf } from '../src/segments.ts'
import type { View } from '../src/view.ts'
import { type Card, type CardActs, type CardView, chartCard } from './chart-card.ts'
import { onTheme } from './colours.ts'
import { byId, element } from './element.ts'
import { putInOrder } from './in-order.ts'
import type { Store } from './store.ts'

const isWanted = (card: CardData, words: readonly string[]): boolean => {
  const names = `${card.group} ${card.title} ${card.metric ?? ''} ${card.curves.map(({ name }) => name).join(' ')}`
  return words.every((word) => names.toLowerCase().includes(word))
}

/** What of a view changes how a chart is drawn. */
const looksOf = ({ along, smooth, logarithmic, hidden, pins }: View): string =>
  JSON.stringify([along, smooth, logarithmic, hidden, pins])

/** Cards by id, in a place: those that are there are kept, others are made, and what is no more is taken away. */
const shelf = (actsOf: (card: CardData) => CardActs, idOf: (card: CardData) => string) => {
  const cards = new Map<string, Card>()
  return {
    cards,
    put: (wanted: readonly { readonly card: CardData; readonly place: HTMLElement }[]): void => {
      const ids = new Set(wanted.map(({ card }) => card.id))
      for (const [id, card] of cards) {
        if (ids.has(id)) continue
        card.close()
        cards.delete(id)
      }
      const roots = new Map<HTMLElement, HTMLElement[]>()
      for (const { card, place } of wanted) {
        const there = cards.get(card.id) ?? chartCard(idOf(card), actsOf(card))
        cards.set(card.id, there)
        roots.set(place, [...(roots.get(place) ?? []), there.root])
      }
      for (const [place, of] of roots) putInOrder(place, of)
    },
  }
}

/** Shows charts, and those that it is given later. */
export const showCharts = (store: Store): ((charts: Charts) => void) => {
  let charts: Charts = { settings: [], phases: [], cards: [] }
  const seen = (view: View): CardView => ({ ...view, hidden: hiddenAmong(charts.settings, view.hidden) })
  const phaseOf = ({ phase }: CardData): PhaseData | undefined => charts.phases.find(({ id }) => id === phase)

  const zoom = (card: CardData, to: readonly [number, number] | null): void => {
    const { [card.phase]: _, ...others } = store.view().zoom
    store.set({ zoom: to === null ? others : { ...others, [card.phase]: to } })
  }
  const pin = ({ id }: CardData): void => {
    const { pins } = store.view()
    const at = document.activeElement
    const index = pins.filter((each) => pinned.cards.has(each)).indexOf(id)
    store.set({ pins: pins.includes(id) ? pins.filter((each) => each !== id) : [...pins, id] })
    if (at?.isConnected !== false) return
    // The button went with its card: the next pinned one has the focus, or that of the chart itself, or what hides that.
    const left = store.view().pins.flatMap((each) => pinned.cards.get(each) ?? [])
    const next = [left[index], left.at(-1), all.cards.get(id)].find((card) => card?.root.checkVisibility() === true)
    const to = next?.root.querySelector<HTMLElement>('button[aria-pressed]')
    ;(to ?? document.querySelector<HTMLElement>('[name=find]'))?.focus()
  }
  const actsOf = (card: CardData): CardActs => ({
    zoom: (to) => zoom(card, to),
    pin: () => pin(card),
    enlarge: () => store.set({ large: card.id }),
  })
  const all = shelf(actsOf, ({ id }) => id)
  const pinned = shelf(actsOf, ({ id }) => `pinned-${id}`)

  const close = element('button', { type: 'button' }, 'Close')
  const dialog = element('dialog', { class: 'large', 'aria-label': 'One chart, large', 'data-client': 'large' }, close)
  document.body.append(dialog)
  close.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => store.set({ large: null }))
  let large: { readonly id: string; readonly card: Card } | null = null

  const enlarge = (view: View): void => {
    const card = charts.cards.find(({ id }) => id === view.large)
    if (large !== null && large.id !== card?.id) {
      large.card.close()
      large = null
    }
    if (card === undefined) {
      if (dialog.open) dialog.close()
      return
    }
    if (!dialog.open) dialog.showModal()
    if (large === null) {
      const made = chartCard(`large-${card.id}`, actsOf(card), true)
      dialog.prepend(made.root)
      dialog.setAttribute('aria-label', `${card.title}, large`)
      // Its keys are at hand at once.
      made.root.focus()
      large = { id: card.id, card: made }
    }
    large.card.draw(card, phaseOf(card), seen(view))
  }

  const drawAll = (view: View): void => {
    const how = seen(view)
    for (const card of charts.cards) {
      const phase = phaseOf(card)
      all.cards.get(card.id)?.draw(card, phase, how)
      pinned.cards.get(card.id)?.draw(card, phase, how)
    }
  }

  const filter = (view: View): void => {
    const words = wordsOf(view.find)
    for (const card of charts.cards) all.cards.get(card.id)!.root.hidden = !isWanted(card, words)
    for (const { id } of charts.phases) {
      const place = document.querySelector(`[data-phase="${CSS.escape(id)}"]`)
      byId(id, HTMLElement).hidden = words.length > 0 && place?.querySelector('figure:not([hidden])') === null
    }
  }

  const putPins = (view: View): void => {
    const place = byId('pinned', HTMLElement)
    const cards = view.pins.flatMap((id) => charts.cards.find((card) => card.id === id) ?? [])
    let grid = place.querySelector<HTMLElement>('.charts')
    if (grid === null) {
      grid = element('div', { class: 'charts' })
      place.append(element('h2', {}, 'Pinned'), grid)
    }
    place.hidden = cards.length === 0
    pinned.put(cards.map((card) => ({ card, place: grid })))
  }

  store.listen((now, before) => {
    if (now.pins !== before.pins) putPins(now)
    if (now.find !== before.find) filter(now)
    if (looksOf(now) !== looksOf(before)) drawAll(now)
    if (now.large !== before.large || (large !== null && looksOf(now) !== looksOf(before))) enlarge(now)
    if (now.zoom !== before.zoom) {
      const how = seen(now)
      for (const card of charts.cards) {
        if (now.zoom[card.phase] === before.zoom[card.phase]) continue
        for (const { cards } of [all, pinned]) cards.get(card.id)?.view(how)
        if (large?.id === card.id) large.card.view(how)
      }
    }
  })
  onTheme(() => {
    for (const { cards } of [all, pinned]) for (const card of cards.values()) card.redraw()
    large?.card.redraw()
  })

  return (given) => {
    charts = given
    const view = store.view()
    all.put(
      charts.cards.flatMap((card) => {
        const place = document.querySelector<HTMLElement>(`[data-phase="${CSS.escape(card.phase)}"]`)
        return place === null ? [] : [{ card, place }]
      }),
    )
    if (document.getElementById('pinned') !== null) putPins(view)
    filter(view)
    drawAll(view)
    enlarge(view)
  }
}

/** The groups of a page of samples as a list of cards: a card is kept as long as its group is shown, or the reader is at it, and renewed in place. */
import type { FoundGroup } from '../src/filter.ts'
import { leftOutOf, type Place, placing } from '../src/left-out.ts'
import type { Samples } from '../src/page-data.ts'
import { putBack } from '../src/put-back.ts'
import { element } from './element.ts'
import { isHeld } from './held.ts'
import { putInOrder } from './in-order.ts'
import { renew } from './renew.ts'

/** Makes the card of a group; `unfolded`: with what is behind its fold. */
export type MakeCard = (found: FoundGroup, unfolded: boolean) => HTMLElement

/** What is to be shown. */
export interface Shown {
  readonly samples: Samples
  /** All groups that were asked for, in order. */
  readonly found: readonly FoundGroup[]
  /** The first of them on this page, and the one behind the last. */
  readonly page: readonly [first: number, end: number]
  /** Names how cards look: another name, another look. */
  readonly looks: string
  readonly make: MakeCard
  /** Whether it is a run that brought more: then what the reader is at stays. */
  readonly isNews: boolean
}

interface Card {
  readonly root: HTMLElement
  readonly place: Place
  readonly draw: (found: FoundGroup, looks: string, make: MakeCard) => void
}

const cardOf = (place: Place, first: FoundGroup, firstLooks: string, firstMake: MakeCard): Card => {
  const state = { found: first, looks: firstLooks, make: firstMake, unfolded: false }
  const root = firstMake(first, false)
  // What is behind a fold is made when it is unfolded. The event does not bubble.
  root.addEventListener(
    'toggle',
    ({ target }) => {
      if (state.unfolded || !(target instanceof HTMLDetailsElement) || !target.open) return
      state.unfolded = true
      renew(root, state.make(state.found, true))
    },
    true,
  )
  return {
    ...{ root, place },
    draw: (found, looks, make) => {
      const same = looks === state.looks && JSON.stringify(found) === JSON.stringify(state.found)
      Object.assign(state, { found, looks, make })
      if (!same) renew(root, make(found, state.unfolded))
    },
  }
}

/** Shows groups; how many more than were asked for stay, since the reader is at them. */
export type ShowGroups = (shown: Shown) => number

export const groupList = (): { readonly element: HTMLElement; readonly show: ShowGroups } => {
  const list = element('div', { class: 'groups' })
  /** By key, in the order in which they stand there. */
  let cards: ReadonlyMap<string, Card> = new Map()

  /** Who has scrolled into the list reads what is seen of it. */
  const isRead = ({ root }: Card): boolean => {
    if (isHeld(root)) return true
    const { top, bottom } = root.getBoundingClientRect()
    return list.getBoundingClientRect().top < 0 && bottom > 0 && top < innerHeight
  }
  return {
    element: list,
    show: ({ samples, found, page: [first, end], looks, make, isNews }) => {
      const held = new Set(isNews ? [...cards].flatMap(([key, card]) => (isRead(card) ? [key] : [])) : [])
      const isLeftOut = leftOutOf(samples)
      const next = new Map<string, Card>()
      const placeOf = placing(samples)
      found.forEach((each, i) => {
        const place = placeOf(each.group)
        const { key } = place
        const onPage = i >= first && i < end
        if (!onPage && !held.has(key)) return
        const card = cards.get(key) ?? cardOf(place, each, looks, make)
        card.draw(each, looks, make)
        next.set(key, card)
      })
      // The data hold some of the completions of a long run only, and not the same ones as before: what of them is read stays where
      // it is. What is in no log any more goes.
      const stay = new Set([...held].filter((key) => isLeftOut(cards.get(key)!.place)))
      const order = putBack([...next.keys()], [...cards.keys()], stay)
      cards = new Map(order.map((key) => [key, next.get(key) ?? cards.get(key)!]))
      putInOrder(
        list,
        [...cards.values()].map(({ root }) => root),
      )
      return cards.size - (end - first)
    },
  }
}

/** The groups of a page of samples as a list of cards: a card is kept as long as its group is shown, or the reader is at it, and renewed in place. */
import type { FoundGroup } from '../src/filter.ts'
import type { Samples, ShownGroup } from '../src/page-data.ts'
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
  readonly draw: (found: FoundGroup, looks: string, make: MakeCard) => void
}

const cardOf = (first: FoundGroup, firstLooks: string, firstMake: MakeCard): Card => {
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
    root,
    draw: (found, looks, make) => {
      const same = looks === state.looks && JSON.stringify(found) === JSON.stringify(state.found)
      Object.assign(state, { found, looks, make })
      if (!same) renew(root, make(found, state.unfolded))
    },
  }
}

/** Gives groups that are asked for in order a key each, by which one is known as the same among other data. */
const keysOf = ({ runs, phases }: Samples): ((group: ShownGroup) => string) => {
  const times = new Map<string, number>()
  return ({ run, phase, step, id, prompt }) => {
    const key = JSON.stringify([runs[run], phases[phase], step, id ?? prompt])
    const before = times.get(key) ?? 0
    times.set(key, before + 1)
    return before === 0 ? key : `${key} ${before}`
  }
}

/** Shows groups; how many more than were asked for stay, since the reader is at them. */
export type ShowGroups = (shown: Shown) => number

export const groupList = (): { readonly element: HTMLElement; readonly show: ShowGroups } => {
  const list = element('div', { class: 'groups' })
  let cards = new Map<string, Card>()

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
      const next = new Map<string, Card>()
      const keyOf = keysOf(samples)
      let more = 0
      found.forEach((each, i) => {
        const key = keyOf(each.group)
        const onPage = i >= first && i < end
        if (!onPage && !held.has(key)) return
        const card = cards.get(key) ?? cardOf(each, looks, make)
        card.draw(each, looks, make)
        next.set(key, card)
        if (!onPage) more++
      })
      // The page holds some of the completions of a long run only, and not the same ones as before.
      for (const key of held) {
        const card = cards.get(key)
        if (card === undefined || next.has(key)) continue
        next.set(key, card)
        more++
      }
      cards = next
      putInOrder(
        list,
        [...cards.values()].map(({ root }) => root),
      )
      return more
    },
  }
}

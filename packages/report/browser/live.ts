/** A page with a server behind it: on each change it takes the new page's parts, and keeps what the reader has set. */
import { Idiomorph } from 'idiomorph'
import { byId } from './element.ts'

/** What the script has made or the reader has set, which the server's page knows nothing of. */
const isTheReaders = (node: Node): boolean => node instanceof Element && node.hasAttribute('data-client')

const take = async (id: string, fresh: Document): Promise<void> => {
  const next = fresh.getElementById(id)
  if (next === null) return
  await Idiomorph.morph(byId(id), next, {
    restoreFocus: true,
    callbacks: {
      beforeNodeMorphed: (node: Node) => !isTheReaders(node),
      beforeAttributeUpdated: (name: string, node: Element, kind: 'update' | 'remove') =>
        // A section that was gone to keeps the focus.
        !(name === 'tabindex' && kind === 'remove') &&
        // What is folded or unfolded, ticked or not, stays so.
        !(name === 'open' && node.tagName === 'DETAILS') &&
        !(name === 'checked' && node.tagName === 'INPUT'),
    },
  })
}

const say = (state: 'live' | 'lost', text: string): void => {
  const place = document.querySelector<HTMLElement>('[data-client=live]')
  if (place === null) return
  place.dataset['state'] = state
  place.textContent = text
}

/** Follows the server; `renew` is told when the data of the page are others. */
export const follow = (renew: () => void): void => {
  let version: string | null = null
  let busy = false
  let again = false

  const update = async (): Promise<void> => {
    if (busy) {
      again = true
      return
    }
    busy = true
    try {
      const answer = await fetch(location.pathname, { cache: 'no-store' })
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
        document.title = fresh.title
        for (const id of ['header', 'nav', 'main']) await take(id, fresh)
        for (const id of ['charts-data', 'samples-data'])
          byId(id).textContent = fresh.getElementById(id)?.textContent ?? ''
        document.head.querySelector('style')!.textContent = fresh.head.querySelector('style')?.textContent ?? ''
        renew()
      }
    } catch {
      // The server has gone in between: the stream of events says so.
    }
    busy = false
    if (again) {
      again = false
      await update()
    }
  }

  const events = new EventSource('events')
  events.addEventListener('version', (event: MessageEvent<string>) => {
    say('live', 'live')
    if (version !== event.data && (version !== null || document.body.dataset['live'] !== event.data)) void update()
    version = event.data
  })
  events.addEventListener('error', () => say('lost', 'the server has stopped; this is what it showed last'))
}
